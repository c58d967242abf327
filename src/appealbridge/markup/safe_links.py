"""
Makes links in HTML safe: only addresses of pages, mail and telephones stay.

Values of events stand in it, so an address in it may be a stranger's: `javascript:`, `data:`, `vbscript:`.
"""

from __future__ import annotations

import re

from appealbridge.markup.text import unescaped

_LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp)[;,]", re.IGNORECASE)

_ADDRESS = re.compile(
    r"""(?P<name> href | src | action | formaction | background | poster ) (?P<is> [\s\0]*+ = [\s\0]*+ )
        (?P<value> "[^"]*+"?+ | '[^']*+'?+ | [^\s"'>][^\s>]*+ )""",
    re.IGNORECASE | re.VERBOSE,
)
"""
The values of attributes that contain an address.

It is looked for everywhere and not only in tags, since each reader of mail has its own idea of where a broken tag ends.
"""
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")
_SCHEME = re.compile(r"[^/?#:]*+:")


def safe_links(html: str) -> str:
    """Return HTML in which each address with another scheme than http, https, mailto or tel is `#`."""
    return _ADDRESS.sub(_safe, html) if ":" in html or "&" in html else html


def _safe(found: re.Match[str]) -> str:
    value = found["value"]
    address = _IGNORED.sub("", unescaped(value.strip("\"'")))
    scheme = _SCHEME.match(address)
    if scheme is None or scheme[0][:-1].lower() in _LINK_SCHEMES:
        return found[0]
    if found["name"].lower() in ("src", "background") and _PICTURE.match(address):
        return found[0]
    return f'{found["name"]}{found["is"]}"#"'
