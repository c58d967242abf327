"""
Where in a text the links are, as the platforms see them.

X makes a link of `example.com` without any scheme, Mastodon only of `https://example.com`; both
only where the name ends in a top-level domain that exists. What is a link is counted as one, and
never cut in two.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import regex

_LATIN = "a-z0-9À-ÖØ-öø-ɏɓɔɖɗəɛɣɨɯɲʉʻ\u0300-\u036fḀ-ỿ"
_ANY = (
    r"[^!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$\s\u180e\ufffe\ufeff\uffff"
    r"\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069]"
)
_IN_PATH = rf"[{_LATIN}Ѐ-ӿ!*';:=+,.$/%#\[\]\-–_~@|&]"
_IN_QUERY = r"[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]"

# A name has at most 253 letters, a part of it 63. Without these bounds a long row of dots took half a second.
_LABEL = "{0,61}"
_LABELS = "{0,125}"
_SOME_LABELS = "{1,126}"

_PATTERN = rf"""
    (?<! [A-Za-z0-9@＠$#＃\ufffe\ufeff\uffff] )
    (?:
        https?://t\.co/ [a-z0-9]{{1,40}} (?: \? {_IN_QUERY}* [a-z0-9\-_&=#/] )?
      |
        (?: (?P<scheme> https?:// ) (?: {_ANY} (?: (?: {_ANY} | [_-] ){_LABEL} {_ANY} )? \. ){_LABELS}
                                        {_ANY} (?: (?: {_ANY} | - ){_LABEL} {_ANY} )? \.
          | (?: (?<! [-_./{_LATIN}] ) | (?<= [^\x00-\x7f{_LATIN}] \. ) )
            (?: [{_LATIN}] (?: [{_LATIN}-]{_LABEL} [{_LATIN}] )? \. ){_SOME_LABELS} )
        (?: \L<tlds> (?= [^0-9a-zA-Z@+-] | $ ) | xn--[-0-9a-z]+ )
        (?: : [0-9]+ )?
        (?P<path> / (?: {_IN_PATH}* (?: (?&parens) {_IN_PATH}* )*
                          (?: [{_LATIN}Ѐ-ӿ+\-=_\#/] | (?&parens) )
                      | @ {_IN_PATH}+ / )* )?
        (?P<query> \? {_IN_QUERY}* [a-z0-9\-_&=#/] )?
    )
    (?(DEFINE) (?P<parens> \( (?: {_IN_PATH}+ | {_IN_PATH}* \( {_IN_PATH}+ \) {_IN_PATH}* ) \) ) )
"""


@cache
def _link() -> regex.Pattern[str]:
    listed = files(__package__).joinpath("top_level_domains.txt").read_text("utf-8")
    names = [name for line in listed.splitlines() if line[:1] != "#" for name in line.split()]
    return regex.compile(_PATTERN, regex.IGNORECASE | regex.VERBOSE, tlds=names)


def links(text: str, *, scheme: bool = False) -> list[tuple[int, int]]:
    """Return begin and end of every link in the text; with `scheme` only of those that begin `http`."""
    if "." not in text or (scheme and "://" not in text):
        return []
    return [
        found.span()
        for found in _link().finditer(text)
        if not scheme or found[0][:4].lower() == "http"
    ]
