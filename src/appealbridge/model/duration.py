"""A length of time as people write it: `2h`, `1h30m`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WORDS = ("d(?:ays?)?", "h(?:(?:ou)?rs?)?", "m(?:in(?:ute)?s?)?", "s(?:ec(?:ond)?s?)?")
PATTERN = (
    "^(?=[0-9])"
    + "".join(f"(?:[0-9]+ ?{word} ?)?" for word in _WORDS)
    + "$|^[0-9]{2}:[0-5][0-9]:[0-5][0-9]$"
)
"""The same for a JSON Schema."""

_FORM = re.compile("".join(rf"(?:([0-9]{{1,9}}) ?{word}(?![a-z]) ?)?" for word in _WORDS))
_LONGEST = 100
_CLOCK = re.compile(r"([0-9]{2}):([0-5][0-9]):([0-5][0-9])")


def seconds(text: str) -> float:
    """
    Return how many seconds `2h`, `1h30m`, `30 minutes` or `00:05:00` are; raise `ValueError`.

    `00:30` is refused: some tools mean half an hour by it, and others half a minute.
    """
    short = text.strip() if len(text) <= _LONGEST else ""
    by_clock = _CLOCK.fullmatch(short)
    if by_clock is not None:
        hours, minutes, rest = map(int, by_clock.groups())
        return float(hours * 3600 + minutes * 60 + rest)
    match = _FORM.fullmatch(short)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not a length of time; write it as 30s, 5m, 2h, 1h30m or 7d")
    return float(
        sum(int(n or 0) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True))
    )


def written(length: float) -> str:
    """Return a number of seconds as a person writes it: `600` is `10m`, `5400` is `1h30m`."""
    whole, text = int(length), ""
    for unit, size in _UNITS.items():
        count, whole = divmod(whole, size)
        text += f"{count}{unit}" if count else ""
    return text or f"{length:g}s"


WRITTEN = "written"
"""The key in a validation's context which says that a person wrote the value."""


def _validate(value: Any, info: ValidationInfo) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if WRITTEN not in (info.context or {}):
            return float(value)
        cure = "write 30m for minutes, 30s for seconds"
        raise PydanticCustomError(
            "bare_number", "is a bare number, without its unit", {"cure": cure}
        )
    if isinstance(value, str):
        try:
            return seconds(value)
        except ValueError:
            pass
    raise PydanticCustomError(
        "duration", "is not a length of time", {"cure": "write it as 30s, 5m, 2h, 1h30m or 7d"}
    )


Duration = Annotated[
    float, BeforeValidator(_validate), WithJsonSchema({"type": "string", "pattern": PATTERN})
]
"""Seconds as a float, written such as `2h`. A bare number in a file is refused, because its unit is not clear."""
