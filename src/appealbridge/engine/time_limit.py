"""Limits the time of plug-ins, even of one that does not let itself be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from math import inf
from typing import Any, TypeVar

from appealbridge.clock import Clock

T = TypeVar("T")

Over = asyncio.Future[str]
"""Set to end a call early, with the reason, and by the call itself when it has ended."""

_LEFT_BEHIND: set[asyncio.Task[Any]] = set()
"""Abandoned calls that have not ended yet. Without a reference they could be garbage-collected while they run."""


class GaveUp(Exception):
    """The call did not end in time, or was cancelled before its end. The message says which."""


class TimeLimits:
    """
    The time limits of all calls that are being made.

    One loop watches them all, because a timer for each call would cost more than the call of many a plug-in.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[Over, tuple[float, float]] = {}
        self._next = inf
        self._earlier = asyncio.Event()

    async def run(self) -> None:
        """End calls that take too long, until cancelled."""
        while True:
            self._earlier.clear()
            now, self._next = self._clock.monotonic(), inf
            for over, (deadline, seconds) in self._calls.items():
                if over.done():
                    continue
                if deadline <= now:
                    over.set_result(f"it did not end within {seconds:g} seconds")
                else:
                    self._next = min(self._next, deadline)
            pause = None if self._next == inf else self._next - now
            await self._clock.wait(self._earlier, pause)

    async def within(
        self, seconds: float, call: Coroutine[Any, Any, T], over: Over | None = None
    ) -> T:
        """
        Return what `call` returns, or raise `GaveUp` after so many seconds or once `over` is set.

        An abandoned call is cancelled, but not waited for.
        """
        loop = asyncio.get_running_loop()
        ended = loop.create_future() if over is None else over
        task = loop.create_task(call)
        task.add_done_callback(lambda _: None if ended.done() else ended.set_result(""))
        deadline = self._clock.monotonic() + seconds
        self._calls[ended] = deadline, seconds
        if deadline < self._next:
            self._next = deadline
            self._earlier.set()
        try:
            why = await ended
        finally:
            del self._calls[ended]
            if not task.done():
                _leave_behind(task)
        if task.cancelled():
            raise GaveUp("it ended without a result")
        if not task.done():
            raise GaveUp(why)
        return task.result()


def _leave_behind(task: asyncio.Task[Any]) -> None:
    _LEFT_BEHIND.add(task)
    task.add_done_callback(_ended)
    task.cancel()


def _ended(task: asyncio.Task[Any]) -> None:
    _LEFT_BEHIND.discard(task)
    if not task.cancelled():
        task.exception()  # otherwise asyncio warns that the exception was never retrieved
