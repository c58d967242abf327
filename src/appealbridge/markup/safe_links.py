"""
Makes links in HTML safe: only addresses of pages, mail and telephones are kept.

The HTML contains values of events, so its addresses may come from strangers: `javascript:`, `data:`, `vbscript:`.
"""

from __future__ import annotations

import re

from appealbridge.markup.text import unescaped

_LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp)[;,]|cid:image[0-9]{1,2}\Z", re.IGNORECASE)

_ADDRESS = re.compile(
    r"""(?P<name> href | src | action | formaction | background | poster ) (?P<is> [\s\0]*+ = [\s\0]*+ )
        (?P<value> "[^"]*+"?+ | '[^']*+'?+ | [^\s"'>][^\s>]*+ )""",
    re.IGNORECASE | re.VERBOSE,
)
"""
An attribute whose value is an address.

It is found everywhere and not only in tags, because mail programs differ in where they let a broken tag end.
"""
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")
_SCHEME = re.compile(r"[^/?#:]*+:")


def safe_links(html: str) -> str:
    """Return HTML in which each address with another scheme than http, https, mailto or tel is `#`."""
    return _ADDRESS.sub(_safe, html) if ":" in html or "&" in html else html


def _safe(attribute: re.Match[str]) -> str:
    value = attribute["value"]
    address = _IGNORED.sub("", unescaped(value.strip("\"'")))
    scheme = _SCHEME.match(address)
    if scheme is None or scheme[0][:-1].lower() in _LINK_SCHEMES:
        return attribute[0]
    if attribute["name"].lower() in ("src", "background") and _PICTURE.match(address):
        return attribute[0]
    return f'{attribute["name"]}{attribute["is"]}"#"'
