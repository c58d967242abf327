"""
Reads a platform's rate limit from the headers of an answer.

Most platforms say how many requests are left. Meta says what percentage is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from multidict import istr

from appealbridge.model.value import value
from appealbridge.plugin.http.reply import RATE_HEADERS, Reply

_USED = tuple(map(istr, ("x-app-usage", "x-page-usage", "x-business-use-case-usage")))
_WHOLE = 100
_USED_UP_SECONDS = 900.0


@value
class Allowance:
    """How many requests are left, and in how many seconds after the answer there will be more."""

    left: int
    seconds: float


def allowance(reply: Reply) -> Allowance | None:
    """
    Return the rate limit in the usual headers; `None` if there is none.

    These are `x-rate-limit-*`, `X-RateLimit-*` and `RateLimit-*`, and Meta's `X-*-Usage`.
    """
    headers = reply.headers
    for remaining, reset in RATE_HEADERS:
        left = headers.get(remaining)
        if left is not None:
            return _read(reply, left, headers, reset)
    used = [value for name in _USED if (value := headers.get(name)) is not None]
    return _used_up(used) if used else None


def _read(reply: Reply, left: str, headers: Mapping[str, str], reset: str) -> Allowance | None:
    if not left.isdecimal() or len(left) > 9:
        return None
    seconds = reply.seconds_until_reset(headers.get(reset, ""))
    return None if seconds is None else Allowance(int(left), seconds)


def _used_up(headers: list[str]) -> Allowance | None:
    """Return that nothing is left if one of Meta's percentages has reached 100."""
    shares: list[float] = []
    minutes = [0.0]
    for text in headers:
        try:
            _collect(orjson.loads(text), shares, minutes)
        except orjson.JSONDecodeError:
            continue
    if max(shares, default=0.0) < _WHOLE:
        return None
    return Allowance(0, max(minutes) * 60 or _USED_UP_SECONDS)


def _collect(value: Any, shares: list[float], minutes: list[float]) -> None:
    """Collect the percentages and the waiting times, in minutes, from all levels of a header."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return
    for name, entry in value.items():
        if isinstance(entry, dict | list):
            _collect(entry, shares, minutes)
        elif isinstance(entry, int | float):
            (minutes if name == "estimated_time_to_regain_access" else shares).append(entry)
