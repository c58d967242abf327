"""From what a recipe says about time to a moment: `2h` from now, `07:00`, `2026-05-01T09:00`. Pure."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appealbridge.model.duration import seconds

LONGEST = 3660 * 86400.0
"""No wait is longer than ten years, in seconds."""


class NoTime(ValueError):
    """What is wrong with a time; `cure` is what would mend it."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.cure = cure


def after(written: Any, at: float, zone: ZoneInfo) -> float:
    """Return the moment that lies a length of time (`2h`, or seconds) after `at`; raise `NoTime`."""
    del zone
    try:
        length = seconds(written) if isinstance(written, str) else float(written)
        fits = 0 <= length <= LONGEST
    except (TypeError, ValueError):
        fits = False
    if not fits or isinstance(written, bool):
        cure = "write it as 30s, 5m, 2h, 1h30m or 7d, up to ten years"
        raise NoTime(f'"{written}" is no length of time', cure)
    return at + length


def moment(written: Any, at: float, zone: ZoneInfo) -> float:
    """
    Return the moment meant: a date, a date and time, Unix seconds, or the next time it is so late by the clock.

    Without a zone of its own it is local time in `zone`. Raise `NoTime`.
    """
    found = None
    with suppress(ValueError, OverflowError, OSError):
        found = _number(written) if not isinstance(written, str) else _text(written, at, zone)
    if found is None or found > at + LONGEST:
        cure = 'for example "07:00", 2026-05-01T09:00, or a template that comes to one'
        raise NoTime(f'"{written}" is no time to wait for', cure)
    return found


def _number(written: Any) -> float | None:
    known = isinstance(written, (int, float)) and not isinstance(written, bool) and written > 0
    return float(written) if known else None


def _text(written: str, at: float, zone: ZoneInfo) -> float:
    text = written.strip()
    if ":" in text and "-" not in text.partition("T")[0]:
        return _next(time.fromisoformat(text), at, zone)
    there = datetime.fromisoformat(text)
    return (there if there.tzinfo else there.replace(tzinfo=zone)).timestamp()


def _next(clock: time, at: float, zone: ZoneInfo) -> float:
    today = datetime.combine(datetime.fromtimestamp(at, zone).date(), clock, clock.tzinfo or zone)
    found = today.timestamp()
    return found if found >= at else (today + timedelta(days=1)).timestamp()
