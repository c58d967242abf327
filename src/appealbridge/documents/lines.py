"""Splits a text into lines as the YAML parser does, so that line numbers agree."""

from __future__ import annotations

import re

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def lines_of(text: str) -> list[str]:
    """Return the lines without their ends; at least one, and no empty one after the last end."""
    lines = _BREAK.split(text.removeprefix("\ufeff"))
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return lines
