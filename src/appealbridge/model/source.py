"""Names of sources for people, without secrets."""

from __future__ import annotations

import hashlib
from functools import lru_cache

RENEWED = (
    "its address, folder or identity has changed; the first poll only learns what is listed, and "
    "publishes nothing"
)
"""What is said about a source that is not the one with this name before."""


@lru_cache(maxsize=4096)
def source_label(source: str) -> str:
    """
    Return a source's name without parts that may be a secret.

    A source that a recipe describes is named after its address, and feeds have keys in their
    addresses: what stands before its host and behind its path is left out, and a few letters of a
    hash tell it from another with the same path.
    """
    trigger, scheme, rest = source.partition("://")
    if not scheme:
        return source
    place = rest.partition("#")[0].partition("?")[0]
    host, slash, path = place.partition("/")
    shown = host.rpartition("@")[2] + slash + path
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else "?" for c in shown)
    if shown == rest:
        return source
    return f"{trigger}://{shown}#{hashlib.sha256(source.encode(errors='replace')).hexdigest()[:6]}"
