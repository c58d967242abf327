"""
Between the door and the disk: whether there is room for more.

The last of the room is kept for what was accepted: its outcomes have to be stored too. So the door
closes before the disk is full, and what is inside goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from appealbridge.clock import Clock
from appealbridge.engine.report import Report
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.size import size_text
from appealbridge.plugin.offload import FILES, offload
from appealbridge.store.records import Space

KEPT_BYTES = 64_000_000
KEPT_SHARE = 0.05
"""What is kept free where nobody says how much: so many bytes, or that share of a small disk."""

REOPEN = 1.25
"""The door opens again at so many times what is kept, lest it swing with every deletion."""

NEAR = 4.0
"""With less than so many times of what is kept free, the disk is asked often."""

OFTEN, SELDOM = 5.0, 30.0
"""Seconds between two questions. Flat out, the daemon itself writes less than 10 MB in a second."""

Ask = Callable[[], Space]
Tell = Callable[[Alarm, str], Awaitable[None]]


def kept_free(asked: int | None, space: Space) -> int:
    """Return how many bytes are to stay free: what was asked for, or what suits the disk. Pure."""
    return min(KEPT_BYTES, int(space.size * KEPT_SHARE)) if asked is None else asked


def has_room(space: Space, keep: int, *, had: bool) -> bool:
    """Return whether more may be accepted, `keep` bytes staying free; `had` says whether it was so. Pure."""
    return space.free >= (keep if had else keep * REOPEN)


class DiskSpace:
    """
    Asks the disk now and then. `why` says why nothing more is accepted, and is empty while it is.

    `tell` raises an alarm.
    """

    def __init__(self, clock: Clock, report: Report, ask: Ask, tell: Tell) -> None:
        self.why = ""
        self._clock = clock
        self._report = report
        self._ask = ask
        self._tell = tell
        self._keep_free: int | None = None
        self._pause = OFTEN
        self._open = asyncio.Event()
        self._open.set()
        self._changed = asyncio.Event()

    def adopt(self, keep_free: int | None) -> None:
        """Keep so many bytes free from now on, `None` for what suits the disk."""
        if keep_free != self._keep_free:
            self._keep_free = keep_free
            self._changed.set()

    async def there(self) -> None:
        """Wait until more may be accepted."""
        await self._open.wait()

    async def run(self) -> None:
        """Ask now and then until cancelled."""
        while True:
            await self._clock.wait(self._changed, self._pause)
            self._changed.clear()
            await self.look()

    async def look(self) -> None:
        """Ask the disk once, and open or close the door."""
        try:
            # A disk that is far away may take its time.
            space = await offload(FILES, self._ask)
        except StoreError as error:
            self._report.store_failed(error)
            return
        keep = kept_free(self._keep_free, space)
        had = not self.why
        has = has_room(space, keep, had=had)
        self._pause = OFTEN if space.free < keep * NEAR else SELDOM
        self._report.room(space.free, accepting=has)
        if has and not had:
            self.why = ""
            self._open.set()
            await self._tell(Alarm.ROOM_AGAIN, f"{size_text(space.free)} are free")
        elif not has:
            self.why = (
                f"the store's disk has {size_text(space.free)} left, and {size_text(keep)} are kept for "
                f"what was accepted; free some space, or change `keep_free:` in appealbridge.yaml"
            )
            self._open.clear()
            if had:
                await self._tell(Alarm.NEARLY_FULL, self.why)
