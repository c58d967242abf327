"""
Watches the space on the store's disk, and stops new events before it is full.

The rest is kept for the events that were accepted, because their outcomes must be stored too.
"""

from __future__ import annotations

import asyncio

from appealbridge.engine.context import EngineContext
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.size import size_text
from appealbridge.plugin.offload import FILES, offload
from appealbridge.store.records import Space

KEPT_BYTES = 64_000_000
KEPT_SHARE = 0.05
"""What is kept free unless the settings say how much: so many bytes, or this share of a small disk."""

REOPEN = 1.25
"""Events are accepted again when so many times the kept space is free, so that it does not change too often."""

NEAR = 4.0
"""With less than so many times the kept space free, the disk is checked often."""

OFTEN, SELDOM = 5.0, 30.0
"""Seconds between two checks. At full speed, the daemon itself writes less than 10 MB in a second."""


def kept_free(setting: int | None, space: Space) -> int:
    """Return how many bytes must stay free: those of the settings, or a share of the disk. Pure."""
    return min(KEPT_BYTES, int(space.size * KEPT_SHARE)) if setting is None else setting


def has_space(space: Space, keep: int, *, had: bool) -> bool:
    """Return whether more may be accepted if `keep` bytes must stay free; `had` is the last answer. Pure."""
    return space.free >= (keep if had else keep * REOPEN)


class DiskSpace:
    """Checks the disk regularly. `why` is the reason why nothing is accepted, and empty if events are accepted."""

    def __init__(self, context: EngineContext) -> None:
        self.why = ""
        self._context = context
        self._keep_free: int | None = None
        self._pause = OFTEN
        self._open = asyncio.Event()
        self._open.set()
        self._changed = asyncio.Event()

    def reconfigure(self, keep_free: int | None) -> None:
        """Keep so many bytes free from now on, `None` for a share of the disk."""
        if keep_free != self._keep_free:
            self._keep_free = keep_free
            self._changed.set()

    async def wait(self) -> None:
        """Wait until more may be accepted."""
        await self._open.wait()

    async def run(self) -> None:
        """Check regularly until cancelled."""
        while True:
            await self._context.clock.wait(self._changed, self._pause)
            self._changed.clear()
            await self.check()

    async def check(self) -> None:
        """Check the disk once, and accept or refuse events from now on."""
        report, alarms = self._context.report, self._context.alarms
        try:
            # A disk on the network may take a while.
            space = await offload(FILES, self._context.free_space)
        except StoreError as error:
            report.store_failed(error)
            return
        keep = kept_free(self._keep_free, space)
        had = not self.why
        has = has_space(space, keep, had=had)
        self._pause = OFTEN if space.free < keep * NEAR else SELDOM
        report.disk_space(space.free, accepting=has)
        if has and not had:
            self.why = ""
            self._open.set()
            message = f"{size_text(space.free)} are free"
            await alarms.raise_alarm(Alarm.ROOM_AGAIN, message=message)
        elif not has:
            self.why = (
                f"the store's disk has {size_text(space.free)} left, and {size_text(keep)} are kept for "
                f"what was accepted; free some space, or change `keep_free:` in appealbridge.yaml"
            )
            self._open.clear()
            if had:
                await alarms.raise_alarm(Alarm.NEARLY_FULL, message=self.why)
