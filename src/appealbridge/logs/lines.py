"""Formats log lines: JSON for programs, colours for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import orjson

from appealbridge.logs.events import Level, LogEvent
from appealbridge.terminal import harmless_json, visible

Fields: TypeAlias = Mapping[str, str | int | float | None]
"""The fields of a line."""

_NAMES = {level: level.name.lower() for level in Level}
_COLOURS = {
    Level.DEBUG: "\x1b[2m",
    Level.INFO: "\x1b[32m",
    Level.WARNING: "\x1b[33m",
    Level.ERROR: "\x1b[31m",
}


def for_a_machine(ts: str, level: Level, event: LogEvent, fields: Fields) -> bytes:
    """Return one JSON object and a newline; `ts` is ISO 8601."""
    line = {"ts": ts, "level": _NAMES[level], "event": str(event), **fields}
    try:
        encoded = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        # JSON has escapes for the control characters of ASCII alone, and people read it on terminals.
        return (
            encoded
            if encoded.isascii() and b"\x7f" not in encoded
            else harmless_json(encoded.decode()).encode()
        )
    except orjson.JSONEncodeError:  # a lone surrogate out of undecodable bytes, or a huge number
        spelt = {
            name: ascii(value)[:1000] if isinstance(value, (str, int)) else value
            for name, value in line.items()
        }
        return orjson.dumps(spelt, option=orjson.OPT_APPEND_NEWLINE)


def for_a_person(ts: str, level: Level, event: LogEvent, fields: Fields) -> bytes:
    """Return one coloured line, followed by values of several lines, such as a traceback."""
    parts = [f"\x1b[2m{ts[11:]}\x1b[0m {_COLOURS[level]}{event:<12}\x1b[0m"]
    below = []
    for name, value in fields.items():
        if isinstance(value, str) and "\n" in value:
            below += [f"    {line}" for line in visible(value, lines=True).split("\n")]
        else:
            parts.append(f"\x1b[2m{name}=\x1b[0m{visible(str(value))}")
    return ("\n".join([" ".join(parts), *below]) + "\n").encode()
