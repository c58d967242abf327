"""Counts texts as platforms do, and cuts texts that are too long."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import regex

from appealbridge.plugin.text.links import links
from appealbridge.plugin.text.normal_form import composed
from appealbridge.plugin.text.unbroken import outside, phone_numbers, unbroken

X_LIMIT = 280
MASTODON_LIMIT = 500
FACEBOOK_LIMIT = 63_206
LINK_LENGTH = 23
"""The length of every link as X and Mastodon count."""

COUNTED = 10_000
"""In longer texts every character counts as one. No platform accepts such texts."""

ELLIPSIS = "…"

_SPREAD = 8
"""How many times longer than the limit a text that fits may be, because links count less than their length."""

LONGEST_LINK = 2000
"""The longest link, in characters, that is kept whole when a text is cut."""

_PICTURE = (
    r"(?![©®]) [\p{Extended_Pictographic}\p{Emoji_Presentation}] (?: \ufe0f | \p{Emoji_Modifier} )?"
)
_EMOJI = regex.compile(
    rf"""
    # X takes these two signs for emoji only if they are to be shown as such.
    [©®] \ufe0f |
    \p{{Regional_Indicator}}{{2}}
    | [0-9#*] \ufe0f? \u20e3
    | {_PICTURE} (?: [\U000e0020-\U000e007e]+ \U000e007f )? (?: \u200d {_PICTURE} )*
    """,
    regex.VERBOSE,
)
_HEAVY = regex.compile(r"[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
_REMOTE_MENTION = regex.compile(r"(?<![/\w])(@[a-z0-9_]+)@[a-z0-9.-]*[a-z0-9]", regex.IGNORECASE)
# At a flag, `\X` alone looks back at all flags before it, so its time grows with the square of their number.
GRAPHEME = regex.compile(
    r"\p{RI}{2} [\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]* | \X", regex.VERBOSE
)
# A mark after a space is on the space, which is one character to a reader.
GAP = regex.compile(
    r"(?<! \p{GCB=Prepend} ) \s+ (?! [\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}] )",
    regex.VERBOSE,
)
_LOOSE_END = " \t\r\n,;:–—-"


def x_length(text: str) -> int:
    """
    Return how X counts a text: most non-Latin letters count as two, an emoji as two, a link as 23.

    These are version 3 of its published rules, for the text in Unicode's composed form.
    """
    if len(text) > COUNTED:
        return len(text)
    text = composed(text).replace("\r\n", "\n")
    if text.isascii() and "." not in text:
        return len(text)
    length = 0
    for part, is_link in _parts(text, links(text)):
        length += LINK_LENGTH if is_link else _weighted(part)
    return length


def _weighted(text: str) -> int:
    if text.isascii():
        return len(text)
    rest, emoji = _EMOJI.subn("", text)
    return 2 * emoji + len(rest) + len(_HEAVY.findall(rest))


def mastodon_length(text: str, link_length: int = LINK_LENGTH) -> int:
    """Return how Mastodon counts a text: a link with `https://` as 23 as a rule, `@user@server` as its `@user`."""
    if len(text) > COUNTED or (text.isascii() and "@" not in text and "://" not in text):
        return len(text)
    length = 0
    for part, is_link in _parts(text, links(text, scheme=True)):
        length += link_length if is_link else plain_length(_REMOTE_MENTION.sub(r"\1", part))
    return length


def plain_length(text: str) -> int:
    """Return how many characters a reader sees."""
    return len(text) if text.isascii() or len(text) > COUNTED else len(GRAPHEME.findall(text))


def characters(text: str) -> int:
    """Return the number of Unicode code points."""
    return len(text)


def cut(text: str, limit: int, count: Callable[[str], int] = characters) -> str:
    """
    Return the text, or as much of it as fits into `limit` by `count`, with an ellipsis.

    It is cut after a word if possible, otherwise between two characters as a reader sees them, and never inside a link,
    hashtag, mention or phone number.
    If not even the ellipsis fits, the text is empty.
    """
    text = text[: COUNTED + limit + 1]
    return text if count(text) <= limit else cut_long(text, limit, count)


def cut_long(text: str, limit: int, count: Callable[[str], int]) -> str:
    """Return what `cut` returns for a text that does not fit."""
    # If the limit is that long, every character counts as one.
    text = text[: limit + max(_SPREAD * limit if limit <= COUNTED else 0, LONGEST_LINK)]

    def length(place: int) -> int:
        return count(_head(text, place))

    head = _head(text, last_fitting(gaps(text), 0, limit, length))
    if head == ELLIPSIS:
        window = text[: limit + LONGEST_LINK]
        near = 0
        if limit > COUNTED:  # every character counts as one, so only those near the limit matter
            last = last_fitting(range(1, len(text) + 1), 0, limit, length)
            near = max(0, last - LONGEST_LINK)
            window = text[near : last + LONGEST_LINK]
        head = _head(text, last_fitting(whole_characters(window, near), 0, limit, length))
    return head if head != ELLIPSIS or count(ELLIPSIS) <= limit else ""


def _head(text: str, place: int) -> str:
    head = text[:place].rstrip(_LOOSE_END)
    rest = text[len(head) : place]
    head += rest[: len(rest) - len(rest.lstrip("-"))]  # a link may end with hyphens
    # Mastodon takes an ellipsis at the end of a link for a part of it.
    linked = "://" in head[-LONGEST_LINK:].rpartition(" ")[2]
    return f"{head} {ELLIPSIS}" if linked else head + ELLIPSIS


def gaps(text: str) -> list[int]:
    """Return where the white space in a text begins, except that in phone numbers."""
    return outside((gap.start() for gap in GAP.finditer(text)), phone_numbers(text))


def last_fitting(
    places: Sequence[int], begin: int, limit: int, length: Callable[[int], int]
) -> int:
    """
    Return the last of these places for which `length` is at most `limit`, or `begin` if there is none.

    `places` are sorted and come after `begin`; `length` mostly grows with them. It is slow, so it is called only a few
    times, with places near the result: the first is right if each character counts as one.
    """
    low, high = -1, len(places)
    middle, step = bisect_right(places, begin + limit) - 1, 0
    while high - low > 1:
        middle = min(max(middle, low + 1), high - 1)
        counted = length(places[middle])
        if counted <= limit:
            low = middle
        else:
            high = middle
        if step == 0:
            likely = begin + (places[middle] - begin) * limit // max(counted, 1)
            middle = bisect_right(places, likely) - 1
        elif low >= 0 and high < len(places):
            middle = (low + high) // 2
        else:
            middle = low + step if counted <= limit else high - step
        step = max(1, 2 * step)
    return begin if low < 0 else places[low]


def whole_characters(text: str, first: int = 0) -> list[int]:
    """
    Return where a text can be cut: between two characters as a reader sees them, but in nothing that is `unbroken`.

    `first` is where the text begins in a longer one.
    """
    places = (character.start() for character in GRAPHEME.finditer(text) if character.start())
    return [first + place for place in outside(places, unbroken(text))]


def _parts(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text in order, each with whether it is a link."""
    done = 0
    for begin, end in spans:
        yield text[done:begin], False
        yield text[begin:end], True
        done = end
    yield text[done:], False
