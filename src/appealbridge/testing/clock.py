"""A clock that stands still until a test says how much time passes."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from appealbridge.clock import SystemClock
from appealbridge.testing.at_rest import Work

PATIENCE = 30.0
"""How many real seconds `until` waits at the most."""


_REAL = SystemClock()


@dataclass(order=True)
class _Timer:
    due: float
    number: int
    ring: Callable[[], None] = field(compare=False)


class FakeClock:
    """
    A `Clock` whose time passes by `await clock.passes(minutes=5)` and not otherwise.

    Sleepers wake in the order of their due times, each at its own moment, so a day passes in a
    millisecond and always in the same way. Before each step of time the clock waits until nothing is
    under way: no callback is ready, no thread of the event loop works, no byte is on its way between
    sockets, and nothing that was named by `watch` is busy.
    """

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self._now = now
        self._passed = 0.0
        self._timers: list[_Timer] = []
        self._count = 0
        self._work = Work()
        self.regardless = False
        """Whether time passes although something is under way: for a store or a thread that stands still."""

    def watch(self, busy: Callable[[], bool]) -> None:
        """Let no time pass while `busy()` is true, on top of what the clock sees by itself."""
        self._work.watch(busy)

    async def rests(self) -> None:
        """Wait, in real time, until nothing is under way; no time of this clock passes."""
        await self._work.rests(regardless=self.regardless)

    def now(self) -> float:
        """Return Unix seconds UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    def work(self) -> float:
        """Return 0.0: with this clock no work takes any time."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed; zero or less gives others their turn."""
        if seconds <= 0:
            await _REAL.sleep(0)
            return
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        """Wait until `signal` is set or `seconds` passed; return whether it was set."""
        self._work.follow(asyncio.get_running_loop())
        if seconds is None:
            return await signal.wait()
        bound = asyncio.timeout(None if seconds > 0 else 0)
        timer = self._timer(seconds, lambda: bound.reschedule(0))
        try:
            async with bound:
                return await signal.wait()
        except TimeoutError:
            return False
        finally:
            if timer in self._timers:
                self._timers.remove(timer)
                heapq.heapify(self._timers)

    async def passes(
        self,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        step: float = 0,
    ) -> None:
        """
        Let time pass, waking each sleeper at its own moment and letting it run.

        With `step`, sleepers wake up to so many seconds late, all that are due at the same moment, as on a machine
        that was suspended: for days in which only loops wake up.
        """
        end = self._passed + ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        await self.rests()
        while self._timers and self._timers[0].due <= end:
            moment = max(self._timers[0].due, min(end, self._passed + step))
            self._advance(moment - self._passed)
            heapq.heappop(self._timers).ring()
            while step and self._timers and self._timers[0].due <= moment:
                heapq.heappop(self._timers).ring()
            await self.rests()
        self._advance(end - self._passed)
        await self.rests()

    def jumps(self, seconds: float) -> None:
        """Set the time of day, forwards or back; no time passes and nobody wakes."""
        self._now += seconds

    async def until(self, happened: Callable[[], object], *, passing: float = 0.0) -> None:
        """Wait in real time until `happened()`, while `passing` seconds of this clock go by every millisecond."""
        async with asyncio.timeout(PATIENCE):
            while not happened():
                await self.passes(seconds=passing)
                await _REAL.sleep(0.001)

    @property
    def sleepers(self) -> int:
        """How many wait for a moment."""
        return len(self._timers)

    def _advance(self, seconds: float) -> None:
        if seconds > 0:
            self._now += seconds
            self._passed += seconds

    def _timer(self, seconds: float, ring: Callable[[], None]) -> _Timer:
        self._count += 1
        timer = _Timer(self._passed + seconds, self._count, ring)
        heapq.heappush(self._timers, timer)
        return timer
