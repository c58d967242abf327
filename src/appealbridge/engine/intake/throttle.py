"""
Limits how often one sender may send: as often as its webhook's `rate` allows, at once or spread over time. Pure.

Times are seconds of a clock that never jumps.
"""

from __future__ import annotations

from appealbridge.model.rate import Rate


class Throttle:
    """
    Allows `rate.count` requests at once, and as many again, evenly, in `rate.seconds`.

    `turned_away` is how many requests in a row were not allowed.
    """

    __slots__ = ("_free_at", "rate", "turned_away")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.turned_away = 0
        self._free_at = 0.0  # when the full number would be allowed at once again

    def wait(self, now: float) -> float:
        """Count a request at `now` and return 0.0, or return in how many seconds it will be allowed."""
        interval = self.rate.seconds / self.rate.count
        free_at = max(self._free_at, now) + interval
        over = free_at - now - self.rate.seconds
        if over > interval * 1e-6:  # more than a rounding error
            self.turned_away += 1
            return over
        self._free_at = free_at
        self.turned_away = 0
        return 0.0
