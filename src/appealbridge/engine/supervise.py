"""
The engine's loops: how one does its work again and again, and restarts after a fault, which must not stop the daemon.

A loop that ended would stop the whole daemon, or leave it running without doing its work. The fault is logged, people
are told once, and the loop begins again after a pause: everything it needs is in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from appealbridge.clock import Clock
from appealbridge.engine.context import EngineContext
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.source import source_label

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds until a loop restarts: after its first failure, and at most. The pause doubles with each failure."""

WORKS_AGAIN = 600.0
"""A loop that has run for so many seconds counts as working again."""

OnFailure = Callable[[str, Exception, bool], Awaitable[None]]
"""Called with the loop's name, its error, and whether this is the first failure since it last worked for long."""


async def supervise(
    name: str,
    work: Callable[[], Awaitable[None]],
    clock: Clock,
    on_failure: OnFailure,
    ends: asyncio.Event | None = None,
) -> None:
    """Run `work` until it returns, however often it fails; once `ends` is set, it does not begin again."""
    ends = ends or asyncio.Event()
    pause = 0.0
    while True:
        begun = clock.monotonic()
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - whatever one loop does, the others go on
            if clock.monotonic() - begun >= WORKS_AGAIN:
                pause = 0.0
            await on_failure(name, error, pause == 0.0)
        pause = min(max(FIRST_PAUSE, pause * 2), LONGEST_PAUSE)
        if await clock.wait(ends, pause):
            return None


async def repeat(
    context: EngineContext,
    part: str,
    work: Callable[[], Awaitable[float | None]],
    wake: asyncio.Event,
) -> None:
    """
    Do a part's work whenever `wake` is set or it is due, until cancelled.

    `work` returns when it is due again, in Unix seconds, or `None` if only `wake` makes it so. What the store refuses
    is tried again after a second.
    """
    clock = context.clock
    while True:
        wake.clear()
        try:
            due = await work()
            context.report.store_worked(part)
        except StoreError as error:
            context.report.store_failed(error, part)
            due = clock.now() + FIRST_PAUSE
        await clock.wait(wake, None if due is None else max(0.0, due - clock.now()))


class Loops:
    """The engine's loops by name, each of them supervised."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(
        self, name: str, work: Callable[[], Awaitable[None]], ends: asyncio.Event | None = None
    ) -> None:
        """Start a loop; one that ends by itself does so when `ends` is set."""
        supervised = supervise(name, work, self._context.clock, self._failed, ends)
        self._tasks[name] = self._context.tasks.create_task(supervised, name=name)

    def cancel(self, name: str) -> None:
        """Cancel a loop, if there is one of this name."""
        if task := self._tasks.pop(name, None):
            task.cancel()

    def release(self, name: str) -> asyncio.Task[None]:
        """Return the task of a loop that ends by itself, and forget it."""
        return self._tasks.pop(name)

    def cancel_all(self) -> list[asyncio.Task[None]]:
        """Cancel every loop; return their tasks."""
        for task in self._tasks.values():
            task.cancel()
        return list(self._tasks.values())

    async def _failed(self, name: str, error: Exception, first: bool) -> None:
        name = source_label(name)
        self._context.report.broke(name, error)
        if first:
            # If even the alarm fails, the log has the error.
            with suppress(Exception):
                message = f"{name}: {type(error).__name__}: {error}"
                await self._context.alarms.raise_alarm(Alarm.PART_BROKE, message=message)
