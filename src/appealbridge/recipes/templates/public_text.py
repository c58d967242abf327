"""
Makes text from an event fit for publication: removes invisible characters and breaks up mentions.

A mention is an `@name` that a platform turns into a link, and about which it notifies the account's owner.
What the recipe's author writes is not changed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

import regex

from appealbridge.plugin.text.counting import COUNTED
from appealbridge.plugin.text.links import links

HAIR_SPACE = "\u200a"
"""
Breaks up a mention: `@ name` reads almost the same, and no platform links it.

It is slightly visible, so it is not one of the characters removed here. X counts it as one
character.
"""

_MANY = 1000
"""If a text has more @ than this, all of them are broken up, even those in addresses of pages."""

# The scripts in which ZWJ and ZWNJ decide whether a letter joins the next one.
_JOINS = (
    r"\p{Arabic}\p{Syriac}\p{Mandaic}\p{Nko}\p{Mongolian}\p{Phags_Pa}\p{Adlam}\p{Hanifi_Rohingya}\p{Thaana}"
    r"\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}"
    r"\p{Sinhala}\p{Tibetan}\p{Myanmar}\p{Khmer}\p{Balinese}\p{Javanese}\p{Sundanese}\p{Chakma}"
    r"\p{Meetei_Mayek}\p{Tai_Tham}\p{Newa}"
)
_PICTURE = r"\p{Extended_Pictographic}"
_UNSEEN = regex.compile(
    rf"""
      # Flags such as England's contain tags; tags anywhere else are removed.
      (?P<flag> \U0001f3f4 [\U000e0030-\U000e0039\U000e0061-\U000e007a]{{3,6}} \U000e007f )
    | (?= [\u200c\u200d] ) (?<! [{_JOINS}] \p{{M}}{{0,9}} )
      (?: \u200c | (?<! {_PICTURE} [\ufe0f\U0001f3fb-\U0001f3ff]? ) \u200d | \u200d (?! {_PICTURE} ) )
    | [\u115f\u1160\u17b4\u17b5\u3164\uffa0]
    | [\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff]
    | [\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]
    """,
    regex.VERBOSE,
)
_PERHAPS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
"""Finds quickly whether there is anything to remove."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WITHOUT_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)]) | dict.fromkeys(
    map(ord, "\x0b\x0c\x1c\x1d\x1e\x1f\x85"), " "
)
for _kept in "\t\n\r":
    del _WITHOUT_CONTROLS[ord(_kept)]

_MENTION = regex.compile(
    # X links a mention after anything but a Latin letter, a digit or _, and after RT; Mastodon links fewer.
    r"(?: (?<! [A-Za-z0-9_] ) | (?<= (?<! [A-Za-z0-9_+~.-] ) [Rr][Tt] ) ) [@＠]"
    # Bluesky's names have dots: who means @force.police.uk does not mean @force.example.org.
    r" (?= ([\w-]{1,100} (?: \. [\w-]{1,63} ){0,8}) | \[ | \Z )",
    regex.VERBOSE,
)
_IN_ADDRESS = ("/", "=")
"""After one of these in the address of a page, no platform takes an @ for a mention."""

_WORD = regex.compile(r"\S+")
_OPENING = "\"'([<«“‘"
"""What may be directly before a link."""


def without_invisible(text: str) -> str:
    """
    Return a text without invisible characters: those that change its direction or have no width, and controls.

    ZWJ, ZWNJ and variation selectors stay where a script or an emoji needs them, and so do line ends and tabs.
    """
    if text.isascii() and text.isprintable():
        return text
    if _CONTROL.search(text):
        text = text.translate(_WITHOUT_CONTROLS)
    return _UNSEEN.sub(r"\g<flag>", text) if _PERHAPS.search(text) else text


def without_mentions(text: str, is_meant: Callable[[str], bool]) -> str:
    """
    Return a text in which every mention is broken up, except those that are meant.

    `is_meant` gets each mention in lower case. An `@` at the end of the text is broken up too, because a name may
    follow. E-mail addresses and addresses of pages stay as they are.
    """
    count = text.count("@") + text.count("＠")
    if not count:
        return text
    if count > _MANY:
        return _MENTION.sub(rf"\g<0>{HAIR_SPACE}", text)
    matches = [
        match
        for match in _MENTION.finditer(text)
        if not (match[1] and is_meant(f"@{match[1]}".lower()))
    ]
    if any(match.start() and text[match.start() - 1] in _IN_ADDRESS for match in matches):
        matches = _outside_addresses(matches, text)
    parts: list[str] = []
    done = 0
    for match in matches:
        parts += (text[done : match.end()], HAIR_SPACE)
        done = match.end()
    return "".join((*parts, text[done:]))


def _outside_addresses(matches: list[regex.Match[str]], text: str) -> list[regex.Match[str]]:
    """
    Leave out the matches that belong to the address of a page.

    An address in which one has to be broken up is no longer what it was, so that all in it are broken up.
    """
    spans = list(_addresses(text))
    begins = [begin for begin, _ in spans]
    broken: set[int] = set()
    inside: dict[int, int] = {}
    for match in matches:
        place = match.start()
        address = bisect_left(begins, place) - 1
        if address < 0 or place >= spans[address][1]:
            continue
        if text[place - 1] in _IN_ADDRESS:
            inside[place] = address
        else:
            broken.add(address)
    return [match for match in matches if inside.get(match.start(), -1) in {-1, *broken}]


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """
    Yield the start and end of links that contain an @.

    A link that other words or another link run into is left out: platforms do not agree where it begins and ends.
    """
    matches = [word for word in _WORD.finditer(text) if "/" in word[0] and _MENTION.search(word[0])]
    if sum(len(word[0]) for word in matches) > COUNTED:
        return
    for word in matches:
        begin, end = next(iter(links(word[0])), (0, 0))
        if not word[0][:begin].strip(_OPENING) and word[0].count("://") <= 1:
            yield word.start() + begin, word.start() + end


def mentions_in(*texts: str) -> frozenset[str]:
    """Return the mentions in these texts, in lower case."""
    names = (match[1] for text in texts for match in _MENTION.finditer(text))
    return frozenset(f"@{name.lower()}" for name in names if name)
