"""How long a text is on its platform, and how to cut one that is too long: a word to a rule."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import regex

from appealbridge.plugin.links import links

X_LIMIT = 280
MASTODON_LIMIT = 500
FACEBOOK_LIMIT = 63_206
LINK_LENGTH = 23
"""What X and Mastodon count for a link, however long it is."""

COUNTED = 10_000
"""
How many characters of a text are counted as a platform counts them.

None has room for more, and what a stranger writes to be slow to count takes time as its square.
"""

ELLIPSIS = "…"

_SPREAD = 8
"""By how much a text that fits may have more letters than its limit, since links count less than they are long."""

_LONGEST_LINK = 2000

_PICTURE = r"[\p{Extended_Pictographic}\p{Emoji_Presentation}] (?: \ufe0f | \p{Emoji_Modifier} )?"
_EMOJI = regex.compile(
    rf"""
    \p{{Regional_Indicator}}{{2}}
    | [0-9#*] \ufe0f? \u20e3
    | {_PICTURE} (?: [\U000e0020-\U000e007e]+ \U000e007f )? (?: \u200d {_PICTURE} )*
    """,
    regex.VERBOSE,
)
_HEAVY = regex.compile(r"[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
_REMOTE_MENTION = regex.compile(r"(?<![/\w])(@[a-z0-9_]+)@[a-z0-9.-]*[a-z0-9]", regex.IGNORECASE)
_GRAPHEME = regex.compile(r"\X")
_GAP = regex.compile(r"\s+")
_LOOSE_END = " \t\r\n,;:–—-"


def x_length(text: str) -> int:
    """
    Return how X counts a text: most of the world's letters count two, a link 23, an emoji two.

    The rules are those of its published counting, version 3, on the text in Unicode's composed form.
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    if len(text) > COUNTED or (text.isascii() and "." not in text):
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


def mastodon_length(text: str) -> int:
    """Return how Mastodon counts a text: a link with scheme 23, `@user@server` only its `@user`."""
    if len(text) > COUNTED or (text.isascii() and "@" not in text and "://" not in text):
        return len(text)
    length = 0
    for part, is_link in _parts(text, links(text, scheme=True)):
        length += LINK_LENGTH if is_link else plain_length(_REMOTE_MENTION.sub(r"\1", part))
    return length


def plain_length(text: str) -> int:
    """Return how many characters a reader sees: what is drawn as one counts one."""
    return len(text) if text.isascii() or len(text) > COUNTED else len(_GRAPHEME.findall(text))


def characters(text: str) -> int:
    """Return the number of Unicode code points."""
    return len(text)


def cut(text: str, limit: int, count: Callable[[str], int] = characters) -> str:
    """
    Return the text, or as much of it as `count` lets into `limit`, with an ellipsis.

    It is cut at a word where there is one to cut at, else between two characters as a reader sees
    them, and never inside a link. Where not even the ellipsis fits, nothing is left.
    """
    text = text[: COUNTED + limit + 1]
    if count(text) <= limit:
        return text
    text = text[: limit + max(_SPREAD * limit, _LONGEST_LINK)]
    spans = links(text)
    for places in (
        [gap.start() for gap in _GAP.finditer(text)],
        [character.start() for character in _GRAPHEME.finditer(text)],
    ):
        whole = [place for place in places if not any(a < place < b for a, b in spans)]
        head = _longest(text, whole, limit, count)
        if head:
            return head
    return ELLIPSIS if count(ELLIPSIS) <= limit else ""


def _longest(text: str, places: Sequence[int], limit: int, count: Callable[[str], int]) -> str:
    """Return the longest beginning that ends at one of `places` and fits with its ellipsis, else nothing."""

    def shortened(place: int) -> str:
        return text[:place].rstrip(_LOOSE_END) + ELLIPSIS

    fitting = bisect_right(places, limit, key=lambda place: count(shortened(place)))
    for place in reversed(places[:fitting]):
        head = shortened(place)
        if head != ELLIPSIS and count(head) <= limit:
            return head
    return ""


def _parts(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text in order, each with whether it is a link."""
    done = 0
    for begin, end in spans:
        yield text[done:begin], False
        yield text[begin:end], True
        done = end
    yield text[done:], False
