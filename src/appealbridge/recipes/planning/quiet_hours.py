"""Quiet hours: times of day at which nothing is published, except what is marked as a threat to life. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from appealbridge.model.moment import instants
from appealbridge.model.value import value

THREAT_TO_LIFE = "threat_to_life"
"""What quiet hours may except: recipes with this mark."""

REASON = "quiet hours"
"""How the reason of a delivery begins that waits for their end."""

_A_DAY = timedelta(days=1)


@value
class QuietHours:
    """One period of each day, by the clock of the zone in force; `excepts` are the marks to which it does not apply."""

    begins: time
    ends: time
    excepts: frozenset[str] = frozenset()


def quiet_until(
    periods: Sequence[QuietHours], now: float, zone: tzinfo, marks: frozenset[str] = frozenset()
) -> float | None:
    """Return when a time (Unix seconds) at which nothing is published ends, `None` if `now` is no such time."""
    applying = [each for each in periods if not each.excepts & marks]
    at = now
    # One period may begin when another one ends; periods that follow each other all day have no end.
    for _ in range(2 * len(applying)):
        later = [end for each in applying if (end := _end_of(each, at, zone)) is not None]
        if not later:
            break
        at = max(later)
    return at if at > now else None


def _end_of(period: QuietHours, now: float, zone: tzinfo) -> float | None:
    today = datetime.fromtimestamp(now, zone).date()
    for day in (today - _A_DAY, today):
        begins = _moments(day, period.begins, zone)[0]
        last = day if period.begins < period.ends else day + _A_DAY
        ends = _moments(last, period.ends, zone)[-1]
        if begins <= now < ends:
            return ends
    return None


@lru_cache(maxsize=64)
def _moments(day: date, at: time, zone: tzinfo) -> Sequence[float]:
    # Each attempt asks for the same few days.
    return tuple(instants(datetime.combine(day, at), zone))
