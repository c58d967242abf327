"""
Reads a platform's rate limit from the headers of an answer.

Most count down what is left. Meta says in percent what is used up, and near nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from multidict import istr

from appealbridge.model.value import value
from appealbridge.plugin.http.reply import Reply

_LARGEST_SPAN = 10_000_000.0
"""A larger number is a moment in Unix seconds, a smaller one a span from now; both are in use."""

# Every answer is asked for all of these names; as `istr` they are lowered once.
_NAMES = tuple(
    (istr(f"{prefix}-remaining"), istr(f"{prefix}-reset"))
    for prefix in ("x-rate-limit", "x-ratelimit", "ratelimit")
)
_USED = tuple(map(istr, ("x-app-usage", "x-page-usage", "x-business-use-case-usage")))
_WHOLE = 100
_USED_UP_SECONDS = 900.0


@value
class Allowance:
    """How many requests are left, and in how many seconds from the answer there will be more."""

    left: int
    seconds: float


def allowance(reply: Reply) -> Allowance | None:
    """
    Return what the usual headers say; `None` where they say nothing.

    Read are `x-rate-limit-*`, `X-RateLimit-*` and `RateLimit-*`, and Meta's `X-*-Usage`.
    """
    headers = reply.headers
    for remaining, reset in _NAMES:
        left = headers.get(remaining)
        if left is not None:
            return _read(reply, left, headers, reset)
    used = [said for name in _USED if (said := headers.get(name)) is not None]
    return _used_up(used) if used else None


def _read(reply: Reply, left: str, headers: Mapping[str, str], reset: str) -> Allowance | None:
    if not left.isdecimal() or len(left) > 9:
        return None
    seconds = _seconds(reply, headers.get(reset, ""))
    return None if seconds is None else Allowance(int(left), seconds)


def _seconds(reply: Reply, reset: str) -> float | None:
    try:
        number = float(reset)
    except ValueError:
        moment = _moment(reset)
        return None if moment is None else reply.seconds_until(moment)
    if not 0 <= number < float("inf"):
        return None
    return number if number < _LARGEST_SPAN else reply.seconds_until(number)


def _moment(text: str) -> float | None:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC).timestamp()


def _used_up(said: list[str]) -> Allowance | None:
    """Return that nothing is left where a share of what Meta counts has reached its whole."""
    shares: list[float] = []
    minutes = [0.0]
    for text in said:
        try:
            _collect(orjson.loads(text), shares, minutes)
        except orjson.JSONDecodeError:
            continue
    if max(shares, default=0.0) < _WHOLE:
        return None
    return Allowance(0, max(minutes) * 60 or _USED_UP_SECONDS)


def _collect(told: Any, shares: list[float], minutes: list[float]) -> None:
    """Gather the percentages and the waiting times, in minutes, out of a header's few levels."""
    if isinstance(told, list):
        told = dict(enumerate(told))
    if not isinstance(told, dict):
        return
    for name, entry in told.items():
        if isinstance(entry, dict | list):
            _collect(entry, shares, minutes)
        elif isinstance(entry, int | float):
            (minutes if name == "estimated_time_to_regain_access" else shares).append(entry)
