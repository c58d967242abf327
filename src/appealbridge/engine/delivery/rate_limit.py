"""How fast a lane may send: by the platform's pauses and rate limit, and by the account's own `rate`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from appealbridge.model.rate import Rate
from appealbridge.plugin.http.rate_headers import Allowance

_MANY = 1_000_000_000


class RateLimit:
    """
    Counts the attempts that begin. Times are Unix seconds and handed in.

    `until` is the end of a pause that the platform asked for. The rate limit in a platform's reply counts until it
    is reset. `rate` is the one in the account's options, and holds in any period of its length.
    """

    __slots__ = ("_left", "_recent", "_resets_at", "rate", "until")

    def __init__(self, rate: Rate | None = None) -> None:
        self.rate = rate
        self.until = 0.0
        self._left = _MANY
        self._resets_at = 0.0
        self._recent: deque[float] = deque()

    def free(self, now: float) -> int:
        """Return how many attempts may begin now."""
        if now < self.until:
            return 0
        free = self._left if now < self._resets_at else _MANY
        if self.rate is not None:
            self._forget(now, self.rate)
            free = min(free, self.rate.count - len(self._recent))
        return max(0, free)

    def opens_at(self, now: float) -> float:
        """Return when another attempt may begin; `now` if one may begin now."""
        opens = max(now, self.until)
        if self._left <= 0:
            opens = max(opens, self._resets_at)
        if self.rate is not None:
            self._forget(now, self.rate)
            if len(self._recent) >= self.rate.count:
                opens = max(opens, self._recent[-self.rate.count] + self.rate.seconds)
        return opens

    def begun(self, now: float, count: int = 1) -> None:
        """Count attempts that begin."""
        self._left -= count
        if self.rate is not None:
            self._recent.extend([now] * count)

    def give_back(self) -> None:
        """Count one attempt less: it was no post after all."""
        self._left += 1
        if self.rate is not None and self._recent:
            self._recent.pop()

    def begun_before(self, moments: Iterable[float]) -> None:
        """Count attempts that an earlier process made, in order."""
        if self.rate is not None:
            self._recent.extendleft(reversed(list(moments)))

    def on_allowance(
        self, allowance: Allowance, now: float, *, others: int, longest: float
    ) -> None:
        """
        Use the rate limit that a platform stated in its reply.

        `others` is how many attempts are under way that the reply may not include; `longest` is for how many
        seconds the statement is believed at most.
        """
        self._left = allowance.left - others
        self._resets_at = now + min(allowance.seconds, longest)

    def pause(self, until: float) -> None:
        """Begin nothing until a moment."""
        self.until = max(self.until, until)

    def _forget(self, now: float, rate: Rate) -> None:
        recent = self._recent
        # A moment in the future was recorded before the clock was set back.
        while recent and not now - rate.seconds < recent[0] <= now:
            recent.popleft()
