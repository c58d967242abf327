"""What a platform says of its own rate limit in the headers of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from appealbridge.model.value import value
from appealbridge.plugin.reply import Reply

_LARGEST_SPAN = 10_000_000.0
"""A larger number is a moment in Unix seconds, a smaller one a span from now; both are in use."""

_NAMES = tuple(
    (f"{prefix}-remaining", f"{prefix}-reset")
    for prefix in ("x-rate-limit", "x-ratelimit", "ratelimit")
)


@value
class Allowance:
    """How many requests are left, and in how many seconds from the answer there will be more."""

    left: int
    seconds: float


def allowance(reply: Reply) -> Allowance | None:
    """Return what the usual headers say (`x-rate-limit-*`, `X-RateLimit-*`, `RateLimit-*`); `None` where nothing."""
    headers = reply.headers
    for remaining, reset in _NAMES:
        left = headers.get(remaining)
        if left is not None:
            return _read(reply, left, headers, reset)
    return None


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
