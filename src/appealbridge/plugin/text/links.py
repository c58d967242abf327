"""
Finds the links in a text as the platforms do.

X makes a link of `example.com`, Mastodon only of `https://example.com`, and both only if the name ends in an existing
top-level domain. The length of a link is counted differently, and it must not be cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import regex

from appealbridge.plugin.text.host_names import can_exist

_LATIN = "a-z0-9À-ÖØ-öø-ɏɓɔɖɗəɛɣɨɯɲʉʻ\u0300-\u036fḀ-ỿ"
_ANY = (
    r"[^!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$\s\u180e\ufffe\ufeff\uffff"
    r"\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069]"
)
_IN_PATH = rf"[{_LATIN}Ѐ-ӿ!*';:=+,.$/%#\[\]\-–_~@|&]"
_PARENS = rf"\( (?: {_IN_PATH}++ | {_IN_PATH}*+ \( {_IN_PATH}++ \) {_IN_PATH}*+ ) \)"
_IN_QUERY = r"[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]"

# A name has at most 253 letters, each part 63. Without these limits a long row of dots took half a second.
_LABEL = "{0,61}"
_LABELS = "{0,125}"
_SOME_LABELS = "{1,126}"

_LONGEST_SHORT = 40

_PATTERN = rf"""
    (?<! [A-Za-z0-9@＠$#＃\ufffe\ufeff\uffff] )
    (?:
        https?://t\.co/ (?P<short> [a-z0-9]++ ) (?: \? {_IN_QUERY}* [a-z0-9\-_&=#/] )?
      |
        (?: https?:// (?P<name> (?: {_ANY} (?: (?: {_ANY} | [_-] ){_LABEL} {_ANY} )? \. ){_LABELS}
                                        {_ANY} (?: (?: {_ANY} | - ){_LABEL} {_ANY} )? ) \.
          | (?: (?<! [-_./{_LATIN}] ) | (?<= [^\x00-\x7f{_LATIN}] \. ) )
            (?P<name> (?: [{_LATIN}] (?: [{_LATIN}-]{_LABEL} [{_LATIN}] )? \. ){_SOME_LABELS} ) )
        (?: TLDS (?= [^0-9a-zA-Z@+-] | $ ) | xn--[-0-9a-z]+ )
        (?: : [0-9]+ )?
        (?: / (?: {_IN_PATH}* (?: {_PARENS} {_IN_PATH}* )*
                          (?: [{_LATIN}Ѐ-ӿ+\-=_\#/] | {_PARENS} )
                      | @ {_IN_PATH}+ / )* )?
        (?: \? {_IN_QUERY}* [a-z0-9\-_&=#/] )?
    )
"""


@cache
def _link() -> regex.Pattern[str]:
    listed = files(__package__).joinpath("top_level_domains.txt").read_text("utf-8")
    names = [name for line in listed.splitlines() if line[:1] != "#" for name in line.split()]
    return regex.compile(_PATTERN.replace("TLDS", _one_of(names)), regex.IGNORECASE | regex.VERBOSE)


def _one_of(names: Iterable[str]) -> str:
    """Return a pattern for these names that prefers the longest. As a tree it is ten times faster than as a list."""
    rests: dict[str, list[str]] = {}
    for name in names:
        rests.setdefault(name[:1], []).append(name[1:])
    ends = rests.pop("", None) is not None
    branches = "|".join(regex.escape(letter) + _one_of(rest) for letter, rest in rests.items())
    return f"(?:{branches}){'?' if ends else ''}" if branches else ""


def links(text: str, *, scheme: bool = False) -> list[tuple[int, int]]:
    """
    Return the beginning and end of every link in the text; with `scheme` only of those with `http`.

    A link contains no white space. The time is proportional to the length of the text.
    """
    if "." not in text or (scheme and "://" not in text):
        return []
    return [
        link.span()
        for link in _link().finditer(text)
        if (not scheme or link[0][:4].lower() == "http") and _can_be_followed(link)
    ]


def _can_be_followed(link: regex.Match[str]) -> bool:
    """Return whether X makes a link of this: its host can exist, and what X has shortened is as short as X makes it."""
    if link["short"]:
        return len(link["short"]) <= _LONGEST_SHORT
    return can_exist(link["name"])
