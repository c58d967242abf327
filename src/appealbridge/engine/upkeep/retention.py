"""Removes old data when its retention ends, in small steps that do not hold up other work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from appealbridge.engine.context import EngineContext
from appealbridge.logs import LogEvent
from appealbridge.model.errors import StoreError
from appealbridge.model.retention import Retention
from appealbridge.store.records import Over, Pruned

EVERY = 3600.0
"""Seconds between two rounds. Retentions are days and years long, so an hour does not matter."""

FIRST = 60.0
"""Seconds from a start or a reload to the first round, so that waiting deliveries go first."""

PAUSE = 0.05
"""The least number of seconds between two steps."""

KEYS_OUTLIVE = 5 * 366 * 86_400.0
"""How many seconds a key stays known after its event was removed, so that a recorded request stays a repeat."""

SHARE = 4
"""The pause is so many times as long as the step took, so that a busy store gets a longer one."""


@dataclass(frozen=True, slots=True)
class CutOffs:
    """The times before which data must have ended to be removed now; `None` if it never is."""

    personal: Over | None
    decisions: Over | None
    skipped: float | None = None


def cut_offs(retention: Retention, now: float) -> CutOffs:
    """Return what the spans mean at `now` (Unix seconds UTC). Pure."""
    personal, decisions = (
        None if span is None else Over(span.before(now), span.after_closure)
        for span in (retention.personal, retention.decisions)
    )
    skipped = None if retention.skipped is None else retention.skipped.before(now)
    return CutOffs(personal, decisions, skipped)


class Pruning:
    """Prunes by the retention in force. `in_force` returns the recipe versions in force."""

    def __init__(self, context: EngineContext, in_force: Callable[[], Collection[str]]) -> None:
        self._store = context.store
        self._clock = context.clock
        self._report = context.report
        self._in_force = in_force
        self._retention = Retention()
        self._changed = asyncio.Event()

    def reconfigure(self, retention: Retention) -> None:
        """Use this retention from now on."""
        if retention != self._retention:
            self._retention = retention
            self._changed.set()

    async def run(self) -> None:
        """Prune until cancelled."""
        pause = FIRST
        while True:
            self._changed.clear()
            nothing_to_do = self._retention == Retention()
            if await self._clock.wait(self._changed, None if nothing_to_do else pause):
                pause = FIRST
                continue
            try:
                await self.round()
                self._report.store_worked("retention")
            except StoreError as error:
                self._report.store_failed(error, "retention")
            pause = EVERY

    async def round(self) -> None:
        """Remove everything whose retention is over, once."""
        now = cut_offs(self._retention, self._clock.now())
        emptied = removed = runs = 0
        if (personal := now.personal) is not None:
            emptied = await self._all(lambda after: self._store.empty(personal, after))
            await self._store.forget_reasons(personal.before)
        if (decisions := now.decisions) is not None:
            # If personal content has a retention of its own, no row is removed before that ends.
            only = now.personal is not None
            removed = await self._all(
                lambda after: self._store.forget(decisions, emptied=only, after=after)
            )
            while await self._store.prune_audit(decisions.before, self._clock.now()):
                await self._clock.sleep(PAUSE)
            await self._store.forget_recipes(decisions.before, self._in_force())
            while await self._store.forget_keys(decisions.before - KEYS_OUTLIVE):
                await self._clock.sleep(PAUSE)
        if (skipped := now.skipped) is not None:
            runs = await self._all(lambda after: self._store.forget_skipped(skipped, after))
        if emptied or removed or runs:
            await self._store.scrub()
            self._report.info(LogEvent.PRUNED, emptied=emptied, removed=removed, skipped=runs)

    async def _all(self, step: Callable[[int], Awaitable[Pruned]]) -> int:
        finished = 0
        after: int | None = 0
        while after is not None:
            begun = self._clock.monotonic()
            pruned = await step(after)
            finished, after = finished + pruned.events, pruned.then
            if after is not None:
                took = self._clock.monotonic() - begun
                await self._clock.sleep(max(PAUSE, took * SHARE))
        return finished
