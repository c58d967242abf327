"""Keeps a checkpoint of the audit trail every hour, outside the store, so that a trail cut off at its end shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appealbridge.engine.context import EngineContext
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.plugin.offload import FILES, offload

EVERY = 3600.0
"""Seconds between two checkpoints. None is kept if nothing was decided since the last one."""

FIRST = 60.0
"""Seconds from a start to the first one."""


class Checkpoints:
    """Keeps checkpoints by the `keep_checkpoint` of the context, and sends them to `people`, if there are any."""

    def __init__(self, context: EngineContext, people: Callable[[], Sequence[str]] = tuple) -> None:
        self._context = context
        self._people = people
        self._unkept = False

    async def run(self) -> None:
        """Keep a checkpoint every hour until cancelled."""
        pause = FIRST
        while True:
            await self._context.clock.sleep(pause)
            try:
                await self.keep()
                self._context.report.store_worked("checkpoints")
            except StoreError as error:
                self._context.report.store_failed(error, "checkpoints")
            pause = EVERY

    async def keep(self) -> None:
        """Keep a checkpoint now, if something was decided since the last one; raise `StoreError`."""
        point = await self._context.store.checkpoint(self._context.clock.now())
        if point is not None and self._people():
            # Stored with the next start at the latest: the notice has the line of the file.
            message = f"{point.seq} {point.hash} {point.at!r}"
            await self._context.alarms.raise_alarm(Alarm.CHECKPOINTED, message=message)
        if point is None and self._unkept:
            point = [*await self._context.store.checkpoints()][-1]
        if point is None:
            return
        try:
            await offload(FILES, self._context.keep_checkpoint, point)
        except OSError as error:
            if not self._unkept:
                self._unkept = True
                await self._context.alarms.raise_alarm(Alarm.CHECKPOINT, message=str(error))
            return
        self._unkept = False
