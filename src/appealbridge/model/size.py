"""An amount of data as people write it: `64MB`, `1.5GB`, or a number of bytes."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FORM = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?(B|KB|MB|GB|TB)")
_PATTERN = r"^[0-9]+([.][0-9]+)? ?(B|KB|MB|GB|TB)$"


def size(text: str) -> int:
    """Return how many bytes `64MB` or `1.5GB` are, a kB being 1000; raise `ValueError` for anything else."""
    match = _FORM.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(f"{text!r} is not an amount of data; write it as 500KB, 64MB or 1.5GB")
    return round(float(match[1]) * _UNITS[match[2]])


def size_text(count: float) -> str:
    """Return a number of bytes for people, with at most three significant digits: `64 MB`."""
    unit = next(name for name, size in reversed(_UNITS.items()) if count >= size or size == 1)
    return f"{count / _UNITS[unit]:.3g} {unit}"


def _validate(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        try:
            return size(value)
        except ValueError:
            pass
    raise PydanticCustomError(
        "size", "is not an amount of data", {"cure": "write it as 500KB, 64MB or 1.5GB"}
    )


Size = Annotated[
    int,
    BeforeValidator(_validate),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PATTERN}]}
    ),
]
"""Bytes, written as `64MB` or as a number."""
