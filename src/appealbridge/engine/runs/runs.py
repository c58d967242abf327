"""
Continues waiting runs: plans a run again when something that it waits for has happened.

All runs of a recipe with a delay or a `wait_for` are planned here, those of one subject one after the other,
because the recipe's `mode` says what a newer run does while an older one is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from appealbridge.engine.approvals.acceptances import RecipeAcceptances
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.gate import not_sent
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.arrival import LONGEST_REASON, is_large
from appealbridge.engine.intake.batch import Batch
from appealbridge.engine.intake.planning import TimeSlice
from appealbridge.engine.outcomes import OutcomeListener
from appealbridge.engine.runs.modes import BEGUN, begun, ended_by, kept_back
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.runs.replays import number_of, plan_again
from appealbridge.engine.supervise import repeat
from appealbridge.model.delivery import Delivery, Kind
from appealbridge.model.errors import NotFound, RenderError, StoreError, Unkeepable
from appealbridge.model.run import Run, RunState
from appealbridge.recipes.model.recipe import PARALLEL, Recipe
from appealbridge.recipes.model.withdraw import WITHDRAW
from appealbridge.recipes.planning.plan import Plan, plan
from appealbridge.recipes.templates.limits import OutOfTime
from appealbridge.store.records import Arrival, DeliveryFilter, OpenRun

EVERYTHING = 1_000_000
"""A limit above the number of deliveries of any event."""

BATCH = 32
"""How many runs are planned together; what they plan shares a commit."""


class Runs:
    """Continues waiting runs."""

    def __init__(
        self,
        context: EngineContext,
        outcomes: OutcomeListener,
        queue: RunQueue,
        guard: Guard,
        acceptances: RecipeAcceptances,
    ) -> None:
        self._context = context
        self._store = context.store
        self._outcomes = outcomes
        self._queue = queue
        self._guard = guard
        self._acceptances = acceptances
        self._slice = TimeSlice(context.clock)
        self._one_at_a_time = asyncio.Lock()
        self._begun_at = context.clock.now()

    async def run(self) -> None:
        """Plan woken runs until cancelled."""
        await repeat(self._context, "runs", self._round, self._queue.wake)

    async def _round(self) -> float | None:
        await self._plan_woken()
        self._queue.from_before = await self._store.any_open_run(self._begun_at)
        return await self._store.next_wake()

    async def _plan_woken(self) -> None:
        while True:
            woken = await self._store.woken_runs(self._context.clock.now(), BATCH)
            by_topic: dict[tuple[str, ...], list[OpenRun]] = {}
            for open_run in woken:
                topic = (open_run.run.recipe, *open_run.event.topic)
                by_topic.setdefault(topic, []).append(open_run)
            ended = await asyncio.gather(
                *map(self._one_by_one, by_topic.values()), return_exceptions=True
            )
            for error in ended:
                if error is not None:
                    raise error
            if len(woken) < BATCH:
                return

    async def _one_by_one(self, woken: Sequence[OpenRun]) -> None:
        for open_run in woken:
            try:
                await self._advance(open_run)
            except Unkeepable as error:
                await self._fail(open_run, f"what it planned cannot be stored: {error}")
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - a fault of ours must not leave this run, or the others, without a next step
                self._context.report.broke(f"run {open_run.run.id}", error)
                reason = f"a fault of this program: {type(error).__name__}: {error}"
                await self._fail(open_run, reason)

    async def _fail(self, open_run: OpenRun, reason: str) -> None:
        reason = reason.encode(errors="replace").decode()
        failed = replace(open_run.run, state=RunState.FAILED, reason=reason, wake_at=None)
        if await self._store.advance(failed, open_run.wakes, ()):
            self._queue.open.discard(failed.id)
            self._outcomes.on_run_failed(failed)

    async def _advance(self, open_run: OpenRun) -> None:
        now = self._context.clock.now()
        run, planned = await self._planned(open_run, now)
        arrival = Arrival(open_run.event, (), planned.deliveries)
        batch = Batch(now, arrivals=[arrival], from_source=False)
        stored = False
        try:
            await self._guard.run(batch)
            planned_now = [each for arrival in batch.arrivals for each in arrival.deliveries]
            deliveries = [not_sent(each) for each in await self._held(run, planned_now)]
            stored = await self._store.advance(run, open_run.wakes, deliveries, planned.unneeded)
        finally:
            if not stored:
                self._guard.undo(batch)
        if stored:  # no other run has ended it meanwhile
            try:
                self._begin(run, deliveries)
                await self._guard.hold_earlier(batch)
            except Exception as error:  # noqa: BLE001 - it is stored, and must not be taken for a run that failed
                self._context.report.broke(f"run {run.id}", error)

    async def _held(self, run: Run, planned: Sequence[Delivery]) -> Sequence[Delivery]:
        """Hold what a recipe has planned that nobody has accepted."""
        if not planned or not self._acceptances.enforced:
            return planned
        recipe = await self._context.recipes.version(run.recipe, run.version)
        return [self._acceptances.held(each, recipe, run.version) for each in planned]

    def _begin(self, run: Run, deliveries: Sequence[Delivery]) -> None:
        """Let a run's new deliveries be sent, and report the run's state, once both are stored."""
        if run.state is not RunState.OPEN:
            self._queue.open.discard(run.id)
        for delivery in deliveries:
            self._outcomes.on_waiting(delivery)
        if run.state is RunState.FAILED:
            self._outcomes.on_run_failed(run)
        self._outcomes.on_held([delivery for delivery in deliveries if delivery.hold])

    async def _planned(self, open_run: OpenRun, now: float) -> tuple[Run, Plan]:
        run = open_run.run
        try:
            recipe = await self._context.recipes.version(run.recipe, run.version)
            if recipe.waits and BEGUN not in run.marks:
                waits = await self._take_turn(run, recipe.mode, now)
                if waits is not None and not await self._withdraws(recipe, open_run, run, now):
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
        event, later_events = open_run.event, open_run.later_events
        again = bool(number_of(run))
        everything = await self._store.deliveries(of_event(event.id)) if again else ()

        def planned() -> Plan:
            so_far, budget = _by_step(open_run.deliveries), self._context.planner.budget()
            budget.begin()
            if again:
                return plan_again(
                    recipe, run, event, so_far, everything, now, later_events, budget
                ).plan
            return plan(recipe, event, so_far, now, run.marks, later_events, budget=budget)

        if any(is_large(each.data) for each in (event, *later_events)):
            return await self._context.planner.in_thread(planned)
        async with self._one_at_a_time:
            if self._slice.is_over():
                await self._slice.pause()
            return planned()

    async def _withdraws(self, recipe: Recipe, open_run: OpenRun, run: Run, now: float) -> bool:
        """Return whether a run takes something back as soon as it begins; what does harm waits for no older run."""
        if all(step.action != WITHDRAW for step in recipe.steps):
            return False
        try:
            planned = await self._plan(recipe, open_run, begun(run, now), now)
        except (RenderError, OutOfTime):
            return False
        return any(each.kind is Kind.WITHDRAW for each in planned.deliveries)

    async def _take_turn(self, run: Run, mode: str, now: float) -> Run | None:
        """Return the run as it is while it waits for its turn, `None` if that has come."""
        older = () if mode == PARALLEL else await self._store.runs_before(run.id)
        for ended in ended_by(run, mode, older, now):
            await self._store.advance(ended, 0, ())
            self._queue.open.discard(ended.id)
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


def _traced(
    run: Run, entries: Iterable[Mapping[str, Any]], now: float
) -> tuple[dict[str, Any], ...]:
    return (*run.trace, *({"at": now, **entry} for entry in entries))


def _failed(
    run: Run, reason: str, now: float, entries: Sequence[Mapping[str, Any]] = ()
) -> tuple[Run, Plan]:
    """Return a run that cannot go on, with an empty plan."""
    reason = reason[:LONGEST_REASON]
    trace = _traced(run, (*entries, {"step": "", "message": f"failed: {reason}"}), now)
    failed = replace(run, state=RunState.FAILED, reason=reason, wake_at=None, trace=trace)
    return failed, Plan((), done=True, failed=reason)
