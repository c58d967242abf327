"""
Pauses a source whose new items may have crashed the daemon, so that it does not crash at every start.

Before the new items of a source are planned, the store gets a mark. The transaction that completes the poll
removes it. A mark that is still there at a start means that the daemon died in between, perhaps because of
these items: out of memory, or ended by the watchdog. Then the source is paused, longer each time, and people
are told. No item is lost, because the source still lists it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from appealbridge.engine.context import EngineContext
from appealbridge.model.duration import written
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.source import source_label
from appealbridge.store.records import PlanningMark

FIRST_PAUSE = 180.0
"""How many seconds a source is paused after the first crash."""

LONGEST_PAUSE = 6 * 3600.0
"""How many seconds it is paused at most."""

GROWTH = 5
"""By how much each pause is longer than the one before."""


class CrashGuard:
    """Keeps the marks of all sources, and knows which sources are paused."""

    def __init__(self, context: EngineContext) -> None:
        self._store = context.store
        self._clock = context.clock
        self._raise_alarm = context.alarms.raise_alarm
        self._marks: dict[str, PlanningMark] = {}
        self._resumed = asyncio.Event()

    async def recall(self) -> None:
        """At a start: pause the sources that were being planned when the last process died, and tell people."""
        for mark in await self._store.planning_marks():
            self._marks[mark.source] = mark
            if not mark.in_progress:
                continue
            crashes = mark.crashes + 1
            pause = min(FIRST_PAUSE * GROWTH ** (crashes - 1), LONGEST_PAUSE)
            await self._keep(
                replace(
                    mark, in_progress=False, crashes=crashes, paused_until=self._clock.now() + pause
                )
            )
            message = f"paused for {written(pause)}"
            await self._raise_alarm(Alarm.SOURCE_PAUSED, source_label(mark.source), message)

    def hold_reason(self, source: str) -> str:
        """Return why the rest of an unfinished poll must be held; empty if it need not."""
        mark = self._marks.get(source)
        return "" if mark is None else mark.hold_reason

    def is_marked(self, source: str) -> bool:
        """Return whether the store has a mark for this source, which the next complete poll removes."""
        return source in self._marks

    async def begin(self, source: str, hold_reason: str) -> None:
        """Mark a source before its new items are planned."""
        mark = self._marks.get(source, PlanningMark(source))
        if mark.in_progress and mark.hold_reason == hold_reason:
            return
        try:
            await self._keep(replace(mark, in_progress=True, hold_reason=hold_reason))
        except StoreError:
            self._marks[source] = mark
            raise

    def end(self, source: str) -> None:
        """Record that a poll is stored completely, and that its mark is gone."""
        self._marks.pop(source, None)

    async def wait(self, source: str) -> None:
        """Wait until a source is no longer paused."""
        while mark := self._marks.get(source):
            pause = mark.paused_until - self._clock.now()
            if pause <= 0:
                return
            await self._clock.wait(self._resumed, min(pause, LONGEST_PAUSE))

    def resume(self) -> None:
        """End all pauses: somebody has changed the recipes or the sources."""
        for source, mark in self._marks.items():
            self._marks[source] = replace(mark, paused_until=0.0)
        self._resumed.set()
        self._resumed.clear()

    async def close(self) -> None:
        """At an orderly stop: record that what is unfinished did not crash the daemon."""
        for mark in list(self._marks.values()):
            if mark.in_progress:
                await self._keep(replace(mark, in_progress=False))

    async def _keep(self, mark: PlanningMark) -> None:
        self._marks[mark.source] = mark
        await self._store.keep_planning_mark(mark)
