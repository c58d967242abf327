"""A rate as people write it: `30 per 15m`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from appealbridge.model.duration import seconds
from appealbridge.model.value import value

FORM = r"^\d{1,9} per (\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
_CURE = "write it as 30 per 15m, or 300 per 3h"


@value
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        """Return the rate as people read it."""
        return f"{self.count} per {self.seconds:g} seconds"


def rate(text: str) -> Rate:
    """Return the rate `30 per 15m`; raise `ValueError` for anything else, and for a count of 0."""
    if re.match(FORM, text.strip()) is None:
        raise ValueError(f"{text!r} is not a rate; {_CURE}")
    count, _, span = text.strip().partition(" per ")
    parsed = Rate(int(count), seconds(span))
    if parsed.count < 1 or parsed.seconds <= 0:
        raise ValueError(f"{text!r} allows nothing; {_CURE}")
    return parsed


def _validate(value: Any) -> Rate:
    if isinstance(value, Rate):
        return value
    try:
        return rate(value if isinstance(value, str) else "")
    except ValueError:
        raise PydanticCustomError("rate", "is not a rate", {"cure": _CURE}) from None


RateText = Annotated[
    Rate, BeforeValidator(_validate), WithJsonSchema({"type": "string", "pattern": FORM})
]
"""A `Rate`, written as `30 per 15m`."""
