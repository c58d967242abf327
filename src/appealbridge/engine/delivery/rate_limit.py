"""How quickly a lane may go: as its platform wishes, as its rate limit allows, as its owner says."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from appealbridge.model.rate import Rate
from appealbridge.plugin.http.rate_headers import Allowance

_MANY = 1_000_000_000


class RateLimit:
    """
    Counts what begins. Times are Unix seconds and handed in.

    `until`: the platform wants to be left alone till then. What an answer told of the rate limit
    counts until it is reset; nothing is known of the time after. `rate` is the owner's own word, kept
    in any window of its length.
    """

    __slots__ = ("_left", "_recent", "_resets_at", "rate", "until")

    def __init__(self, rate: Rate | None = None) -> None:
        self.rate = rate
        self.until = 0.0
        self._left = _MANY
        self._resets_at = 0.0
        self._recent: deque[float] = deque()

    def room(self, now: float) -> int:
        """Return how many attempts may begin now."""
        if now < self.until:
            return 0
        room = self._left if now < self._resets_at else _MANY
        if self.rate is not None:
            self._forget(now, self.rate)
            room = min(room, self.rate.count - len(self._recent))
        return max(0, room)

    def opens_at(self, now: float) -> float:
        """Return when there will be room again; `now` where there is some."""
        opens = max(now, self.until)
        if self._left <= 0:
            opens = max(opens, self._resets_at)
        if self.rate is not None:
            self._forget(now, self.rate)
            if len(self._recent) >= self.rate.count:
                opens = max(opens, self._recent[-self.rate.count] + self.rate.seconds)
        return opens

    def begun(self, now: float, count: int = 1) -> None:
        """Take note that attempts begin."""
        self._left -= count
        if self.rate is not None:
            self._recent.extend([now] * count)

    def begun_before(self, moments: Iterable[float]) -> None:
        """Take note of attempts that an earlier process made, in order."""
        if self.rate is not None:
            self._recent.extendleft(reversed(list(moments)))

    def told(self, allowance: Allowance, now: float, *, others: int, longest: float) -> None:
        """
        Take the platform's word on its rate limit.

        `others` are attempts under way that its answer may not have counted yet; `longest` bounds in
        seconds how long its word is believed.
        """
        self._left = allowance.left - others
        self._resets_at = now + min(allowance.seconds, longest)

    def pause(self, until: float) -> None:
        """Leave the platform alone until a moment."""
        self.until = max(self.until, until)

    def _forget(self, now: float, rate: Rate) -> None:
        recent = self._recent
        # A moment after now is from before the clock was set back, and says nothing.
        while recent and not now - rate.seconds < recent[0] <= now:
            recent.popleft()
