"""Finds links, and counts texts as X and Mastodon do: each link as 23."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import regex

LINK_LENGTH = 23
"""What a link counts on both platforms."""

_ENDS = ("com", "org", "net", "uk", "info", "eu", "io", "co", "police")
_SCHEME = r"https?://[^\s<>\"]+"
_BARE = rf"(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:{'|'.join(_ENDS)})\b(?:/[^\s<>\"]*)?"
_WITH_SCHEME = re.compile(_SCHEME, re.IGNORECASE)
_WITH_BARE = re.compile(f"{_SCHEME}|{_BARE}", re.IGNORECASE)
_TRAILING = ".,;:!?'\"…»”’"

_LIGHT = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20E3")


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a text, by its code points from `start` to before `end`."""

    start: int
    end: int
    text: str


def links(text: str, *, bare: bool = False) -> list[Link]:
    """Return a text's links; `bare` also finds `example.com/page`, as X does."""
    results = []
    for match in (_WITH_BARE if bare else _WITH_SCHEME).finditer(text):
        word = _without_trailing(match[0])
        results.append(Link(match.start(), match.start() + len(word), word))
    return results


def short_link(address: str) -> str:
    """Return the t.co address that X puts in an address's place, always the same one."""
    return f"https://t.co/{hashlib.sha256(address.encode()).hexdigest()[:10]}"


def weight(text: str) -> int:
    """Return X's weighted length: links 23, emoji and most non-Latin characters 2, others 1."""
    total, at = 0, 0
    for link in links(text, bare=True):
        total += _weight(text[at : link.start]) + LINK_LENGTH
        at = link.end
    return total + _weight(text[at:])


def length(text: str) -> int:
    """Return Mastodon's length: links 23, everything else by what a reader sees as one character."""
    total, at = 0, 0
    for link in links(text):
        total += _characters(text[at : link.start]) + LINK_LENGTH
        at = link.end
    return total + _characters(text[at:])


def _without_trailing(word: str) -> str:
    word = word.rstrip(_TRAILING)
    while word.endswith(")") and word.count(")") > word.count("("):
        word = word[:-1].rstrip(_TRAILING)
    return word


def _characters(text: str) -> int:
    return len(regex.findall(r"\X", text))


def _weight(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_weight_of(cluster) for cluster in regex.findall(r"\X", text))


def _weight_of(cluster: str) -> int:
    if _EMOJI.search(cluster) and not cluster.isascii():
        return 2
    return sum(1 if _is_light(ord(character)) else 2 for character in cluster)


def _is_light(code: int) -> bool:
    return any(first <= code <= last for first, last in _LIGHT)
