"""
Continues waiting runs: plans a run again when something that it waits for has happened.

A recipe with a delay or a `wait_for` is planned here from the first, one run of a subject after the
other, since its `mode` says what an older one under way means to a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from appealbridge.clock import Clock
from appealbridge.engine.delivery.gate import not_sent
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.arrival import LONGEST_REASON, is_large
from appealbridge.engine.intake.planning import Planner, TimeSlice
from appealbridge.engine.recipe_versions import KeptRecipes
from appealbridge.engine.report import Report
from appealbridge.engine.runs.modes import BEGUN, begun, ended_by, kept_back
from appealbridge.engine.runs.replays import number_of, plan_again
from appealbridge.engine.upkeep.expiry import Upkeep
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import NotFound, RenderError, StoreError, Unkeepable
from appealbridge.model.run import Run, RunState
from appealbridge.recipes.model.recipe import PARALLEL, Recipe
from appealbridge.recipes.planning.plan import Plan, plan
from appealbridge.recipes.templates.limits import OutOfTime
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    DeliveryFilter,
    OpenRun,
)

EVERYTHING = 1_000_000
"""A limit above the number of deliveries of any event."""

BATCH = 32
"""How many runs are planned together; what they plan shares a commit."""


class Runs:
    """Continues waiting runs. The store has what a run waits for; only the ids of open runs are kept here."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lanes: Lanes,
        kept: KeptRecipes,
        upkeep: Upkeep,
        report: Report,
        guard: Guard,
        planner: Planner,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._kept = kept
        self._upkeep = upkeep
        self._report = report
        self._guard = guard
        self._planner = planner
        self._slice = TimeSlice(clock)
        self._one_at_a_time = asyncio.Lock()
        self._open: set[str] = set()
        self._begun_at = clock.now()
        self._from_before = True
        self._wake = asyncio.Event()

    def opened(self, run_id: str) -> None:
        """Register a run that waits for the outcome of its own deliveries."""
        self._open.add(run_id)

    def due(self) -> None:
        """Plan a run as soon as possible."""
        self._wake.set()

    def nudge(self, delivery: Delivery) -> None:
        """Plan a run again because one of its deliveries ended."""
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
                self._report.store_worked("runs")
            except StoreError as error:
                self._report.store_failed(error, "runs")
                wake = self._clock.now() + 1.0
            pause = None if wake is None else max(0.0, wake - self._clock.now())
            await self._clock.wait(self._wake, pause)

    async def _plan_woken(self) -> None:
        while True:
            woken = await self._store.woken_runs(self._clock.now(), BATCH)
            rows: dict[tuple[str, ...], list[OpenRun]] = {}
            for one in woken:
                rows.setdefault((one.run.recipe, *one.event.topic), []).append(one)
            ended = await asyncio.gather(
                *map(self._one_by_one, rows.values()), return_exceptions=True
            )
            for error in ended:
                if error is not None:
                    raise error
            if len(woken) < BATCH:
                return

    async def _one_by_one(self, woken: Sequence[OpenRun]) -> None:
        for open_run in woken:
            await self._plan_on(open_run)

    async def _plan_on(self, open_run: OpenRun) -> None:
        try:
            await self._go_on(open_run)
        except Unkeepable as error:
            await self._fail(open_run, f"what it planned cannot be kept: {error}")
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the run, or those behind it, without a next step
            self._report.broke(f"run {open_run.run.id}", error)
            await self._fail(open_run, f"a fault of this program: {type(error).__name__}: {error}")

    async def _fail(self, open_run: OpenRun, reason: str) -> None:
        reason = reason.encode(errors="replace").decode()
        failed = replace(open_run.run, state=RunState.FAILED, reason=reason, wake_at=None)
        if await self._store.advance(failed, open_run.wakes, ()):
            self._open.discard(failed.id)
            self._report.run_failed(failed)

    async def _go_on(self, open_run: OpenRun) -> None:
        now = self._clock.now()
        run, planned = await self._planned(open_run, now)
        arrival = Arrival(open_run.event, (), planned.deliveries)
        batch = await self._guard.look([arrival], now, came=False)
        deliveries = [
            not_sent(delivery) for arrival in batch.arrivals for delivery in arrival.deliveries
        ]
        stored = False
        try:
            stored = await self._store.advance(run, open_run.wakes, deliveries, planned.unheard)
        finally:
            if not stored:
                self._guard.give_back(batch, batch.arrivals)
        if stored:  # no other run has ended it meanwhile
            try:
                self._begin(run, deliveries)
                if batch.floods:
                    await self._guard.hold_the_rest(batch)
            except Exception as error:  # noqa: BLE001 - it is stored, and must not be taken for a run that failed
                self._report.broke(f"run {run.id}", error)

    def _begin(self, run: Run, deliveries: Sequence[Delivery]) -> None:
        """Let a run's new deliveries be sent, and log the run's state, once both are stored."""
        if run.state is not RunState.OPEN:
            self._open.discard(run.id)
        for delivery in deliveries:
            self._upkeep.watch(delivery)
            if delivery.state is not State.HELD and delivery.channel in self._lanes:
                self._lanes[delivery.channel].queued()
        if run.state is RunState.FAILED:
            self._report.run_failed(run)
        self._report.held([delivery for delivery in deliveries if delivery.hold])

    async def _planned(self, open_run: OpenRun, now: float) -> tuple[Run, Plan]:
        run = open_run.run
        try:
            recipe = await self._kept.version(run.recipe, run.version)
            if recipe.waits and BEGUN not in run.marks:
                waits = await self._take_turn(run, recipe.mode, now)
                if waits is not None:
                    return waits, Plan((), done=False)
                run = begun(run, now)
            planned = await self._plan(recipe, open_run, run, now)
        except (NotFound, RenderError, OutOfTime) as error:
            return _failed(run, str(error), now)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one recipe raising in whatever way must not stop the others' runs
            return _failed(run, f"{type(error).__name__}: {error}", now)
        if planned.failed:
            return _failed(run, planned.failed, now, planned.trace)
        return _after(run, planned, now), planned

    async def _plan(self, recipe: Recipe, open_run: OpenRun, run: Run, now: float) -> Plan:
        """Plan one run at a time: many that wake together must not block the event loop."""
        event, heard = open_run.event, open_run.heard
        again = bool(number_of(run))
        everything = await self._store.deliveries(of_event(event.id)) if again else ()

        def planned() -> Plan:
            so_far, budget = _by_step(open_run.deliveries), self._planner.budget()
            budget.begin()
            if again:
                return plan_again(recipe, run, event, so_far, everything, now, heard, budget).plan
            return plan(recipe, event, so_far, now, run.marks, heard, budget=budget)

        if any(is_large(one.data) for one in (event, *heard)):
            return await self._planner.in_thread(planned)
        async with self._one_at_a_time:
            if self._slice.is_over():
                await self._slice.pause()
            return planned()

    async def _take_turn(self, run: Run, mode: str, now: float) -> Run | None:
        """Return the run as it is while it waits for its turn, `None` if that has come."""
        older = () if mode == PARALLEL else await self._store.runs_before(run.id)
        for ended in ended_by(run, mode, older, now):
            await self._store.advance(ended, 0, ())
            self._open.discard(ended.id)
        return kept_back(run, mode, older, now)


def of_event(event_id: str) -> DeliveryFilter:
    """Return the query for all deliveries of an event."""
    return DeliveryFilter(event_id=event_id, limit=EVERYTHING)


def _by_step(deliveries: Sequence[Delivery]) -> Mapping[str, Sequence[Delivery]]:
    by_step: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        by_step.setdefault(delivery.step, []).append(delivery)
    return by_step


def _after(run: Run, planned: Plan, now: float) -> Run:
    """Return a run as it is after this plan."""
    return replace(
        run,
        state=RunState.PLANNED if planned.done else RunState.OPEN,
        wake_at=planned.wake_at,
        reason=planned.reason,
        marks=planned.marks,
        trace=_traced(run, planned.trace, now),
    )


def _traced(run: Run, said: Iterable[Mapping[str, Any]], now: float) -> tuple[dict[str, Any], ...]:
    return (*run.trace, *({"at": now, **entry} for entry in said))


def _failed(
    run: Run, reason: str, now: float, said: Sequence[Mapping[str, Any]] = ()
) -> tuple[Run, Plan]:
    """Return a run that cannot go on, with an empty plan."""
    reason = reason[:LONGEST_REASON]
    trace = _traced(run, (*said, {"step": "", "message": f"failed: {reason}"}), now)
    failed = replace(run, state=RunState.FAILED, reason=reason, wake_at=None, trace=trace)
    return failed, Plan((), done=True, failed=reason)
