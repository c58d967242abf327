"""A text in Unicode's composed form (NFC), so that the same word is the same however its accents are written."""

from __future__ import annotations

import unicodedata

import regex

_LONG_RUN = regex.compile(r"\p{M}{31}")
"""More marks in a row than any language has; putting them in order takes time as their square."""


def composed(text: str) -> str:
    """Return a text in its composed form; one that no language writes is returned as it is."""
    if text.isascii() or _LONG_RUN.search(text):
        return text
    return unicodedata.normalize("NFC", text)
