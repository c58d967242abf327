"""How long data is kept: `30d after closure`, `7y`."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

FORM = re.compile(r"(\d{1,5})([hdwmy])( after closure)?")
_SECONDS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_MONTHS = {"m": 1, "y": 12}


@dataclass(frozen=True, slots=True)
class Span:
    """
    A number of hours, days, weeks, months or years (`h`, `d`, `w`, `m`, `y`).

    `after_closure` has it count from the closing of the appeal that something is about.
    """

    count: int
    unit: str
    after_closure: bool = False

    def __str__(self) -> str:
        return f"{self.count}{self.unit}{' after closure' if self.after_closure else ''}"

    def before(self, now: float) -> float:
        """Return the moment that lies this long before `now`; months and years by the calendar, in UTC."""
        if self.unit in _SECONDS:
            return now - self.count * _SECONDS[self.unit]
        moment = datetime.fromtimestamp(now, UTC)
        year, month = divmod(
            moment.year * 12 + moment.month - 1 - self.count * _MONTHS[self.unit], 12
        )
        if year < 1:
            return -inf
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day).timestamp()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long to keep personal content, the record of decisions, and skipped runs. `None` keeps for good."""

    personal: Span | None = None
    decisions: Span | None = None
    skipped: Span | None = None


def span(text: str) -> Span:
    """Return what `30d after closure` means; raise `ValueError` for anything else."""
    match = FORM.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a time for keeping data; write 30d, 6m, 7y, or 30d after closure"
        )
    count, unit, closure = match.groups()
    return Span(int(count), unit, bool(closure))
