"""
Work that goes on for as long as the daemon does, and that a fault of ours does not end.

A loop that ended would take the whole daemon with it, or leave it alive and idle. What broke is said,
people are told once, and after a pause the loop begins again: everything it needs is in the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appealbridge.clock import Clock

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds until a loop begins again, after its first break and at the most; doubled from break to break."""

MENDED = 600.0
"""A loop that has worked for so many seconds is taken for mended."""

Broke = Callable[[str, Exception, bool], Awaitable[None]]
"""Told the loop's name, what it raised, and whether it is the first time since it last worked for long."""


async def steadily(
    name: str, work: Callable[[], Awaitable[None]], clock: Clock, broke: Broke
) -> None:
    """Do `work` until it returns, however often it breaks."""
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
