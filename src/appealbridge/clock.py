"""The only file that asks for the time or sleeps; everything else is handed a clock."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as the program sees it. `now` is Unix seconds UTC, `monotonic` seconds that never jump."""

    def now(self) -> float:
        """Return Unix seconds UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump; only differences mean anything."""
        ...

    def work(self) -> float:
        """Return the processor time that this thread has used, in seconds; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`; zero or less gives others their turn."""
        ...

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        """Wait until `signal` is set or `seconds` passed (`None`: without end); return whether it was set."""
        ...


class SystemClock:
    """The machine's own clock."""

    # Asked some ten times for each event, so without a function of ours in between.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    work = staticmethod(time.thread_time)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        """Wait until `signal` is set or `seconds` passed; return whether it was set."""
        try:
            async with asyncio.timeout(seconds):
                await signal.wait()
        except TimeoutError:
            return False
        return True
