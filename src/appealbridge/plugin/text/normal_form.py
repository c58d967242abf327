"""Turns texts into Unicode's composed form (NFC), in which a word has one spelling however its accents were typed."""

from __future__ import annotations

import unicodedata

import regex

_LONG_RUN = regex.compile(r"\p{M}{31}")
"""More marks in a row than any language has. The time to sort them grows with the square of their number."""


def composed(text: str) -> str:
    """Return a text in its composed form. A text with too many marks in a row is returned as it is."""
    if text.isascii() or _LONG_RUN.search(text):
        return text
    return unicodedata.normalize("NFC", text)
