"""Runs that wait: planned again whenever something they wait for has happened."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from appealbridge.clock import Clock
from appealbridge.engine.caution import Caution
from appealbridge.engine.lane import Lanes
from appealbridge.engine.recipes_kept import KeptRecipes
from appealbridge.engine.report import Report
from appealbridge.engine.upkeep import Upkeep
from appealbridge.model.delivery import OPEN, Delivery, State
from appealbridge.model.errors import NotFound, RenderError, StoreError
from appealbridge.model.run import Run, RunState
from appealbridge.recipes.plan import plan
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    OpenRun,
)

BATCH = 32
"""How many runs are planned before the store is asked again; what they plan shares a commit."""


class Runs:
    """Plans on. What a run waits for is in the store; only the ids of open runs are kept here."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lanes: Lanes,
        kept: KeptRecipes,
        upkeep: Upkeep,
        report: Report,
        caution: Caution,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._kept = kept
        self._upkeep = upkeep
        self._report = report
        self._caution = caution
        self._open: set[str] = set()
        self._begun_at = clock.now()
        self._from_before = True
        self._wake = asyncio.Event()

    def opened(self, run_id: str) -> None:
        """Take note of a run that waits for the outcome of its own deliveries."""
        self._open.add(run_id)

    def nudge(self, delivery: Delivery) -> None:
        """Take note that a delivery of a run ended, which may let the run go on."""
        if self._from_before or delivery.run_id in self._open:
            self._wake.set()

    async def run(self) -> None:
        """Plan woken runs until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._plan_woken()
                self._from_before = await self._store.any_open_run(self._begun_at)
                wake = await self._store.next_wake()
            except StoreError as error:
                self._report.store_failed(error)
                wake = self._clock.now() + 1.0
            pause = None if wake is None else max(0.0, wake - self._clock.now())
            await self._clock.wait(self._wake, pause)

    async def _plan_woken(self) -> None:
        while True:
            woken = await self._store.woken_runs(self._clock.now(), BATCH)
            ended = await asyncio.gather(*map(self._plan_on, woken), return_exceptions=True)
            for error in ended:
                if error is not None:
                    raise error
            if len(woken) < BATCH:
                return

    async def _plan_on(self, open_run: OpenRun) -> None:
        try:
            await self._go_on(open_run)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the run, or those behind it, without a next step
            self._report.broke(f"run {open_run.run.id}", error)
            reason = f"a fault of this program: {type(error).__name__}: {error}"
            failed = replace(open_run.run, state=RunState.FAILED, reason=reason, wake_at=None)
            await self._store.advance(failed, len(open_run.deliveries), ())

    async def _go_on(self, open_run: OpenRun) -> None:
        now = self._clock.now()
        settled = sum(delivery.state not in OPEN for delivery in open_run.deliveries)
        run, planned = await self._planned(open_run, now)
        lot = await self._caution.look([Arrival(open_run.event, (), planned)], now, came=False)
        deliveries = [
            replace(delivery, state=State.HELD if delivery.hold else State.READY)
            for arrival in lot.arrivals
            for delivery in arrival.deliveries
        ]
        try:
            await self._store.advance(run, settled, deliveries)
        except BaseException:
            self._caution.give_back(lot, lot.arrivals)
            raise
        self._report.held([delivery for delivery in deliveries if delivery.hold])
        if run.state is not RunState.OPEN:
            self._open.discard(run.id)
        if run.state is RunState.FAILED:
            self._report.run_failed(run)
        for delivery in deliveries:
            self._upkeep.watch(delivery)
            if delivery.state is State.READY and delivery.channel in self._lanes:
                self._lanes[delivery.channel].queued()
        if lot.floods:
            await self._caution.tell(lot)

    async def _planned(self, open_run: OpenRun, now: float) -> tuple[Run, tuple[Delivery, ...]]:
        run = open_run.run
        by_step: dict[str, list[Delivery]] = {}
        for delivery in open_run.deliveries:
            by_step.setdefault(delivery.step, []).append(delivery)
        try:
            recipe = await self._kept.version(run.recipe, run.version)
            planned = plan(recipe, open_run.event, by_step, now)
        except (NotFound, RenderError) as error:
            return replace(run, state=RunState.FAILED, reason=str(error), wake_at=None), ()
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one recipe raising in whatever way must not stop the others' runs
            reason = f"{type(error).__name__}: {error}"
            return replace(run, state=RunState.FAILED, reason=reason, wake_at=None), ()
        trace = (*run.trace, *({"at": now, **said} for said in planned.trace))
        if planned.failed:
            failed = replace(
                run, state=RunState.FAILED, reason=planned.failed, wake_at=None, trace=trace
            )
            return failed, ()
        state = RunState.PLANNED if planned.done else RunState.OPEN
        return replace(run, state=state, wake_at=None, trace=trace), tuple(planned.deliveries)
