"""Cuts a text to a post's limit, or splits it into several posts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property

import regex

from appealbridge.plugin.text.counting import (
    COUNTED,
    ELLIPSIS,
    GAP,
    LONGEST_LINK,
    cut,
    cut_long,
    gaps,
    last_fitting,
    whole_characters,
)
from appealbridge.plugin.text.links import links
from appealbridge.plugin.text.unbroken import outside, phone_numbers

MOST_POSTS = 25
"""The largest number of posts in a thread."""

_PARAGRAPH = regex.compile(r"\n\s*\n")
_SENTENCE = regex.compile(r"""[.!?…]["'”’)\]]*(?=\s)""")

_LONGEST_NAME = 300
"""The longest beginning of a link, in characters, that does not count as a link yet."""

Count = Callable[[str], int]


def shortened(text: str, limit: int, count: Count) -> str:
    """
    Return the text, or as much of it as fits, with an ellipsis.

    Links at its end are kept, as long as some words before them are kept as well.
    """
    if len(text) > COUNTED + limit:
        return cut(text, limit, count)
    if count(text) <= limit:
        return text
    beginning = text[: _end_links(text)].rstrip()
    end = text[len(beginning) :]
    if beginning and end.strip():
        cut_beginning = cut_long(beginning, limit, lambda head: count(head + end))
        if cut_beginning and cut_beginning != ELLIPSIS:
            return cut_beginning + end
    return cut_long(text, limit, count)


def split(text: str, limit: int, count: Count) -> list[str]:
    """
    Return the posts that a text becomes; if there are several, each ends with its number (`2/3`).

    The text is cut between paragraphs, sentences or words, and never inside a link, hashtag, mention or phone number.
    Raise `ValueError` if that is not possible, or needs too many posts.
    """
    whole = count(text)
    if whole <= limit:
        return [text]
    if len(text) > COUNTED:
        raise ValueError(f"it has more than {COUNTED} characters; shorten it")
    for most in (9, MOST_POSTS):
        splitter = _Splitter(text.strip(), limit, count, f" ({most}/{most})")
        posts = splitter.all(most) if whole <= most * limit else None
        if posts is not None:
            return [f"{post} ({n}/{len(posts)})" for n, post in enumerate(posts, start=1)]
    raise ValueError(f"it needs more than {MOST_POSTS} posts; shorten it")


def _end_links(text: str) -> int:
    """Return where the links at the end of a text begin; its length if it does not end with a link."""
    first = max(0, len(text) - 2 * LONGEST_LINK)
    begin = len(text)
    for start, end in reversed(links(text[first:])):
        if text[first + end : begin].strip() or first + start < len(text) - LONGEST_LINK:
            break
        begin = first + start
    return begin


class _Splitter:
    """Splits one text into posts. Each post must have room for `number` at its end."""

    def __init__(self, text: str, limit: int, count: Count, number: str) -> None:
        self._text = text
        self._limit = limit
        self._count = count
        self._number = number
        self._gaps = [*gaps(text), len(text)]
        sentences = [end.end() for end in _SENTENCE.finditer(text)]
        self._better = (
            [gap.start() for gap in _PARAGRAPH.finditer(text)],
            # "ext. 12" is no end of a sentence.
            outside(sentences, phone_numbers(text)),
        )

    @cached_property
    def _characters(self) -> list[int]:
        return whole_characters(self._text)

    def all(self, most: int) -> list[str] | None:
        """Return the posts, `None` if there are more than `most`."""
        posts: list[str] = []
        begin = 0
        while begin < len(self._text):
            if len(posts) == most:
                return None
            end = self._end(begin)
            posts.append(self._text[begin:end].rstrip())
            gap = GAP.match(self._text, end)
            begin = end if gap is None else gap.end()
        return posts

    def _end(self, begin: int) -> int:
        """Return where the post that begins here ends."""

        def length(end: int) -> int:
            return self._count(self._text[begin:end].rstrip() + self._number)

        most = last_fitting(self._gaps_near(begin, length), begin, self._limit, length)
        if most == begin:
            places = self._characters[bisect_right(self._characters, begin) :]
            most = last_fitting(places, begin, self._limit, length)
        if most == begin:
            raise ValueError("a link or name in it is longer than a post")
        if most < len(self._text):
            for places in self._better:
                end = places[bisect_right(places, most) - 1] if places else begin
                if end - begin >= (most - begin) / 2 and length(end) <= self._limit:
                    return end
        return most

    def _gaps_near(self, begin: int, length: Callable[[int], int]) -> list[int]:
        """Return the gaps after a place; none if the first one is clearly too far away for a post."""
        gaps = self._gaps[bisect_right(self._gaps, begin) :]
        far = begin + self._limit + _LONGEST_NAME + 100
        return [] if gaps[0] > far and length(far) > self._limit + _LONGEST_NAME else gaps
