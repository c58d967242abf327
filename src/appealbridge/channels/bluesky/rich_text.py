"""Bluesky's rules for texts: how long one is, and which parts of it are links, mentions and hashtags. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import regex

from appealbridge.plugin import text as texts

LIMIT = 300
"""The longest text, in characters as a reader sees them."""

BYTES_EACH = 10
"""A text has at most so many bytes for each character that is allowed: 3,000."""

MOST_MENTIONS = 10
"""How many accounts a post mentions; each has to be looked up. Further names are plain text."""

_TAG_LIMIT = 64
_TAG_BYTES = 640
_FACET = "app.bsky.richtext.facet"

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
HANDLE = rf"(?:{_LABEL}\.){{1,8}}[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?"
"""The name of an account, which is a host name of at least two parts."""

_MENTION = regex.compile(rf"(?:^|(?<=[\s(]))@({HANDLE})(?![\w@-]|\.\w)")
_UNSEEN = r"\u00ad\u2060\u200a\u200b\u200c\u200d\u20e2"
_TAG = regex.compile(rf"(?:^|(?<=\s))[#＃](?!\ufe0f)([^\s{_UNSEEN}]+)")
_TRAILING = regex.compile(r"\p{P}+$")
_IN_TAG = regex.compile(rf"[^\d\s\p{{P}}{_UNSEEN}]")


def length(text: str) -> int:
    """
    Return how much of Bluesky's limit a text takes.

    It counts characters as a reader sees them, and besides allows ten bytes for each; what is more, counts.
    """
    text = text.replace("\r\n", "\n")
    size = len(text.encode("utf-8", "replace"))
    return max(texts.plain_length(text), -(-size // BYTES_EACH))


def mentions(text: str) -> list[str]:
    """Return the accounts that a text mentions, each once, in lower case; they may not exist."""
    names = dict.fromkeys(name.lower() for _, _, name in _mentions(text))
    return [*names][:MOST_MENTIONS]


def facets(text: str, accounts: Mapping[str, str]) -> list[dict[str, Any]]:
    """
    Return the links, mentions and hashtags of a text, by the bytes of its UTF-8 form; none overlaps another.

    `accounts` are the ids (DIDs) of mentioned accounts by name. A name that is not among them is plain text.
    """
    parts = [
        (begin, end, {"$type": f"{_FACET}#link", "uri": _address(text[begin:end])})
        for begin, end in texts.links(text)
    ]
    parts += [
        (begin, end, {"$type": f"{_FACET}#mention", "did": accounts[name.lower()]})
        for begin, end, name in _mentions(text)
        if name.lower() in accounts
    ]
    parts += [
        (begin, end, {"$type": f"{_FACET}#tag", "tag": tag}) for begin, end, tag in _tags(text)
    ]
    facets: list[dict[str, Any]] = []
    done = 0
    for begin, end, feature in sorted(parts, key=lambda part: part[:2]):
        if begin >= done:
            index = {"byteStart": _bytes(text[:begin]), "byteEnd": _bytes(text[:end])}
            facets.append({"index": index, "features": [feature]})
            done = end
    return facets


def _mentions(text: str) -> list[tuple[int, int, str]]:
    return [(*match.span(), match[1]) for match in _MENTION.finditer(text)]


def _tags(text: str) -> list[tuple[int, int, str]]:
    """Return begin, end and name of every hashtag: it has a letter or a sign, and no punctuation at its end."""
    tags = []
    for match in _TAG.finditer(text):
        tag = _TRAILING.sub("", match[1])
        fits = texts.plain_length(tag) <= _TAG_LIMIT and _bytes(tag) <= _TAG_BYTES
        if fits and _IN_TAG.search(tag):
            tags.append((match.start(), match.start(1) + len(tag), tag))
    return tags


def _address(link: str) -> str:
    return (
        link
        if link[:7].lower() == "http://" or link[:8].lower() == "https://"
        else f"https://{link}"
    )


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
