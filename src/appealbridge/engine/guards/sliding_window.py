"""
Limits how much may go out unseen within a sliding period of time. Pure.

Times are seconds of a clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable

PARTS = 64
"""In how many parts a window is counted, so that it needs no more memory in a flood."""


class Window:
    """
    Counts arrivals of the last `within` seconds, whether or not they went out.

    `most` may go out in any such period. A flood lasts until no more than half as many came within the window;
    otherwise it would end and begin again with each arrival. Arrivals are counted in parts, and a part leaves the
    window together with its last arrival.
    """

    __slots__ = ("_parts", "_total", "flooded", "most", "within")

    def __init__(self, most: int, within: float) -> None:
        self.most = most
        self.within = within
        self.flooded = False
        self._parts: list[_Part] = []
        self._total = 0

    def take(self, count: int, now: float) -> bool:
        """Count arrivals at `now`; return whether they may go out unseen. If they do not all fit, none may."""
        self._leave_behind(now)
        if self._parts and now - self._parts[-1].begun < self.within / PARTS:
            part = self._parts[-1]
        else:
            part = _Part(now)
            self._parts.append(part)
        part.last = now
        part.count += count
        self._total += count
        if self._total <= max(1, self.most // 2):
            self.flooded = False
        return not self.flooded and self._total <= self.most

    def give_back(self, count: int, at: float) -> None:
        """Forget so many arrivals of a moment, because they were repeats or were not stored."""
        for part in reversed(self._parts):
            if part.begun <= at:
                removed = min(count, part.count)
                part.count -= removed
                self._total -= removed
                return

    def recall(self, times: Iterable[float]) -> None:
        """Count arrivals from before this window existed, oldest first."""
        for at in times:
            self.flooded = not self.take(1, at)

    def _leave_behind(self, now: float) -> None:
        removed = 0
        for part in self._parts:
            if part.last > now - self.within:
                break
            self._total -= part.count
            removed += 1
        del self._parts[:removed]


class _Part:
    __slots__ = ("begun", "count", "last")

    def __init__(self, begun: float) -> None:
        self.begun = self.last = begun
        self.count = 0


class Windows:
    """The windows of all sources, or of all recipes, that have a limit; by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Window] = {}
        self.get = self._by_name.get
        """Return the window of a name, `None` if it has no limit."""

    def reconfigure(self, bounds: Iterable[tuple[str, int, float]]) -> None:
        """Use these limits (name, how many, within seconds) from now on; what was counted stays counted."""
        before = dict(self._by_name)
        self._by_name.clear()
        for name, most, within in bounds:
            window = before.get(name) or Window(most, within)
            window.most, window.within = most, within
            self._by_name[name] = window

    def recall(self, arrivals: Iterable[tuple[str, float]]) -> None:
        """Count earlier arrivals (name, time), oldest first."""
        for name, at in arrivals:
            window = self._by_name.get(name)
            if window is not None:
                window.recall([at])

    @property
    def longest(self) -> float:
        """The length of the longest window in seconds; 0 if there is none."""
        return max((window.within for window in self._by_name.values()), default=0.0)
