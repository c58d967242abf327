"""
Restarts a loop that failed, so that a fault in it does not stop the daemon.

A loop that ended would take the whole daemon with it, or leave it alive and idle. What broke is said,
people are told once, and after a pause the loop begins again: everything it needs is in the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appealbridge.clock import Clock

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds until a loop restarts: after its first failure, and at most. The pause doubles with each failure."""

MENDED = 600.0
"""A loop that has run for so many seconds counts as working again."""

Broke = Callable[[str, Exception, bool], Awaitable[None]]
"""Called with the loop's name, its error, and whether this is the first failure since it last worked for long."""


async def supervise(
    name: str, work: Callable[[], Awaitable[None]], clock: Clock, broke: Broke
) -> None:
    """Run `work` until it returns, however often it fails."""
    pause = 0.0
    while True:
        begun = clock.monotonic()
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - whatever one loop does, the others go on
            if clock.monotonic() - begun >= MENDED:
                pause = 0.0
            await broke(name, error, pause == 0.0)
        pause = min(max(FIRST_PAUSE, pause * 2), LONGEST_PAUSE)
        await clock.sleep(pause)
