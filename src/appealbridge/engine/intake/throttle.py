"""
How often one sender may come: as often as its webhook's `rate` says, at once or one after another. Pure.

Times are seconds of a clock that never goes back.
"""

from __future__ import annotations

from appealbridge.model.rate import Rate


class Throttle:
    """
    Lets `rate.count` requests through at once, and as many again, evenly, in `rate.seconds`.

    `turned_away` is how many in a row were not let through.
    """

    __slots__ = ("_free_at", "rate", "turned_away")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.turned_away = 0
        self._free_at = 0.0  # when all of its room would be free again

    def wait(self, now: float) -> float:
        """Count a request at `now` and return 0.0; where there is no room, return in how many seconds there will be."""
        one = self.rate.seconds / self.rate.count
        free_at = max(self._free_at, now) + one
        over = free_at - now - self.rate.seconds
        if over > one * 1e-6:  # a hair's breadth of rounding is no request too many
            self.turned_away += 1
            return over
        self._free_at = free_at
        self.turned_away = 0
        return 0.0
