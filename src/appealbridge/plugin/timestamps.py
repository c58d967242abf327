"""Reads times as platforms and monitoring systems write them in JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_EARLIEST, _LATEST = 1e9, 4e9
"""From 2001 to 2096. Smaller numbers may be hours or dates such as 20261127, larger ones milliseconds."""

_FAR_FUTURE = 253_402_300_800.0  # the year 10000, which Python cannot print


def moment(value: Any) -> float | None:
    """
    Return Unix seconds UTC from an ISO 8601 text (UTC unless it says otherwise) or from such a number.

    `None` for everything else, also for a date written as one number.
    """
    try:
        if isinstance(value, str):
            if value[4:5] != "-" or value[7:8] != "-":
                return None
            time = datetime.fromisoformat(value)
            stamp = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        elif isinstance(value, int | float) and not isinstance(value, bool):
            stamp = float(value)
            return stamp if _EARLIEST <= stamp < _LATEST else None
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return stamp if 0 <= stamp < _FAR_FUTURE else None
