"""A text that is too long for one post: cut to its limit, or taken apart into several."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import regex

from appealbridge.plugin.links import links
from appealbridge.plugin.text import COUNTED, ELLIPSIS, cut

MOST_POSTS = 25
"""How many posts a thread may have."""

_SPREADS = (2, 8)
"""How many letters are looked at for one post, as multiples of its limit: links count less than they are long."""

_LONGEST_LINK = 2000

_PARAGRAPH = regex.compile(r"\n\s*\n")
_SENTENCE = regex.compile(r"""[.!?…]["'”’)\]]*(?=\s)""")
_GAP = regex.compile(r"\s+")
_GRAPHEME = regex.compile(r"\X")

Count = Callable[[str], int]


def shortened(text: str, limit: int, count: Count) -> str:
    """
    Return the text, or as much of it as fits, with an ellipsis.

    The links that it ends with stay, as long as some words stay before them.
    """
    if len(text) > COUNTED or count(text) <= limit:
        return cut(text, limit, count)
    begin = _end_links(text)
    words = text[:begin].rstrip()
    end = text[len(words) :]
    if words and end.strip() and len(end) < _LONGEST_LINK:
        kept = cut(words, limit, lambda head: count(head + end))
        if kept and kept != ELLIPSIS:
            return kept + end
    return cut(text, limit, count)


def split(text: str, limit: int, count: Count) -> list[str]:
    """
    Return the posts that a text becomes, each with its number (`2/3`) at its end if there are several.

    It is cut between paragraphs, sentences or words, and never inside a link. Raise `ValueError`
    where that is not possible, or takes too many posts.
    """
    whole = count(text)
    if whole <= limit:
        return [text]
    if len(text) <= COUNTED:
        for most in (9, MOST_POSTS):
            posts = _Posts(text.strip(), limit, count, f" ({most}/{most})")
            found = posts.all(most) if whole <= most * limit else None
            if found is not None:
                return [f"{post} ({n}/{len(found)})" for n, post in enumerate(found, start=1)]
    raise ValueError(f"it takes more than {MOST_POSTS} posts; make it shorter")


def _end_links(text: str) -> int:
    """Return where the links begin that a text ends with; its length where it does with words."""
    begin = len(text)
    for first, last in reversed(links(text)):
        if text[last:begin].strip():
            break
        begin = first
    return begin


class _Posts:
    """Takes one text apart; every post has to have room for `number` behind it."""

    def __init__(self, text: str, limit: int, count: Count, number: str) -> None:
        self._text = text
        self._limit = limit
        self._count = count
        self._number = number
        self._links = links(text)

    def all(self, most: int) -> list[str] | None:
        """Return the posts, `None` where they are more than `most`."""
        posts: list[str] = []
        begin = 0
        while begin < len(self._text):
            if len(posts) == most:
                return None
            end = self._end(begin)
            posts.append(self._text[begin:end].rstrip())
            begin = end + len(self._text[end:]) - len(self._text[end:].lstrip())
        return posts

    def _end(self, begin: int) -> int:
        """Return where the post ends that begins here."""
        for spread in _SPREADS:
            window = self._window(begin, spread)
            if not self._fits(begin, window):
                break
            if window == len(self._text):
                return window
        least = begin
        for places in (self._places(_GAP, begin, window), self._places(_GRAPHEME, begin, window)):
            least = self._last_fitting(begin, places)
            if least > begin:
                break
        else:
            raise ValueError("a link in it is longer than a post")
        for pattern in (_PARAGRAPH, _SENTENCE):
            end = self._last_fitting(begin, self._places(pattern, begin, window))
            if end - begin >= (least - begin) / 2:
                return end
        return least

    def _window(self, begin: int, spread: int) -> int:
        """Return up to where it is worth looking for an end, which is inside no link."""
        window = min(len(self._text), begin + spread * self._limit)
        first, last = next(
            ((first, last) for first, last in self._links if first < window < last),
            (window, window),
        )
        if first > begin:
            return first
        if last - first > _LONGEST_LINK:
            raise ValueError("a link in it is longer than a post")
        return last

    def _places(self, pattern: regex.Pattern[str], begin: int, window: int) -> Sequence[int]:
        return [*self._outside_links(pattern, begin, window)]

    def _outside_links(self, pattern: regex.Pattern[str], begin: int, window: int) -> Iterator[int]:
        for found in pattern.finditer(self._text, begin, window):
            place = found.end() if pattern is _SENTENCE else found.start()
            if place > begin and not any(first < place < last for first, last in self._links):
                yield place

    def _last_fitting(self, begin: int, places: Sequence[int]) -> int:
        """Return the last of these places at which a post can end, its beginning where it can at none."""
        near = bisect_right(places, self._limit, key=lambda end: self._length(begin, end))
        return next((end for end in reversed(places[:near]) if self._fits(begin, end)), begin)

    def _fits(self, begin: int, end: int) -> bool:
        return self._length(begin, end) <= self._limit

    def _length(self, begin: int, end: int) -> int:
        return self._count(self._text[begin:end].rstrip() + self._number)
