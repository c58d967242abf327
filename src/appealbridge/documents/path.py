"""Paths into a document: how code names a place, and how a person reads it."""

from __future__ import annotations

Path = tuple[str | int, ...]
"""The keys and list positions from the top of a document down to one value."""


def path_text(path: Path) -> str:
    """Return a path as a person writes it: `actions[2].text`; empty for the document itself."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
