"""Reads lengths of time and times in recipes: `2h`, `07:00`, `2026-05-01T09:00`. Pure."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from appealbridge.model.duration import seconds
from appealbridge.model.moment import NoTime, cure_of, quoted, read, shown

LONGEST = 3660 * 86400.0
"""No wait is longer than ten years, in seconds."""

LENGTHS = "write it as 30s, 5m, 2h, 1h30m or 7d, up to ten years"
UNITS = "write 30m for minutes, 30s for seconds"


def length(written: Any) -> float:
    """Return a length of time such as `2h` in seconds; raise `NoTime`."""
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        raise NoTime(f"{written} is a bare number, not a length of time", UNITS)
    try:
        duration = seconds(written) if isinstance(written, str) else -1.0
    except ValueError:
        duration = -1.0
    if not 0 <= duration <= LONGEST:
        raise NoTime(f"{quoted(written)} is not a length of time", LENGTHS)
    return duration


def is_length(written: Any) -> bool:
    """Return whether this is a length of time, such as `3d`, and not a time, such as `06:30`."""
    try:
        length(written)
    except NoTime:
        return False
    return True


def moment(written: Any, arrived_at: float, zone: tzinfo, since: float | None = None) -> float:
    """
    Return the moment meant, in Unix seconds; raise `NoTime`.

    `written` is a date, a date and time, or a time of day, which means the next one after `since`
    (`arrived_at` if left out). Everything else counts from when the event came (`arrived_at`). Without its own zone it
    is local time in `zone`. `NoTime` is also raised for a time before the event came, and for one
    more than ten years ahead.
    """
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        raise NoTime(f"{written} is a bare number, not a time", cure_of(str(written)))
    if not isinstance(written, str):
        raise NoTime(f"{quoted(written)} is not a time that AppealBridge understands")
    moment_ = read(written, zone)
    base = arrived_at if since is None or moment_.day is not None else since
    at = moment_.at(base, zone)
    if at < base:
        message = f"{shown(at, zone)} had already passed when the event came"
        raise NoTime(message, "write a later time")
    if at > base + LONGEST:
        raise NoTime(f"{shown(at, zone)} is more than ten years ahead")
    return at
