"""Begins the first attempts of a batch, in the transaction that stores it where a lane has room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.dispatch import Dispatcher
from appealbridge.engine.delivery.gate import not_sent
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.batch import AcceptanceStage, Batch
from appealbridge.engine.intake.planning import TimeSlice
from appealbridge.engine.outcomes import OutcomeListener
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.model.delivery import Delivery, Kind, State
from appealbridge.model.run import RunState
from appealbridge.store.records import Accepted, Arrival


class FirstAttempts(AcceptanceStage):
    """
    A stage: where a lane has room, a delivery is stored with its first attempt begun, which saves a commit.

    All other deliveries are stored as ready or held.
    """

    def __init__(self, context: EngineContext) -> None:
        self._lanes = context.lanes

    async def run(self, batch: Batch) -> None:
        """Reserve places in the lanes, and set the first state of each delivery."""
        batch.arrivals = [
            Arrival(
                arrival.event,
                arrival.runs,
                [self._first(batch, each) for each in arrival.deliveries],
            )
            if arrival.deliveries
            else arrival
            for arrival in batch.arrivals
        ]

    def undo(self, batch: Batch) -> None:
        """Give the places back."""
        for lane in batch.reserved.values():
            lane.leave()

    def _first(self, batch: Batch, delivery: Delivery) -> Delivery:
        # What an amendment amends is only known once it is stored.
        amends = delivery.kind is Kind.AMEND
        if delivery.follows or delivery.hold or delivery.images or amends:
            return not_sent(delivery)
        lane = self._lanes.get(delivery.channel)
        if lane is not None and lane.reserve(batch.now):
            batch.reserved[delivery.id] = lane
            return delivery.stored(State.SENDING, batch.now)
        return delivery.stored(State.READY)


class FollowUp:
    """What follows once a batch is stored: attempts begin, everything else is queued, and it is logged."""

    def __init__(
        self,
        context: EngineContext,
        outcomes: OutcomeListener,
        queue: RunQueue,
        guard: Guard,
        dispatcher: Dispatcher,
    ) -> None:
        self._context = context
        self._outcomes = outcomes
        self._queue = queue
        self._guard = guard
        self._dispatcher = dispatcher

    async def begin(self, batch: Batch) -> None:
        """Begin the attempts that are stored as begun, and wake the lanes and runs that have something to do."""
        for arrival, result in zip(batch.arrivals, batch.accepted, strict=True):
            self._safely(self._begin, batch, arrival, result)
            if result.repeat:
                self._guard.forget(batch, arrival)

    async def report(self, batch: Batch) -> None:
        """Log and count the events."""
        time_slice = TimeSlice(self._context.clock) if len(batch.arrivals) > 1 else None
        for arrival, result in zip(batch.arrivals, batch.accepted, strict=True):
            self._safely(self._report, arrival, result)
            if time_slice is not None and time_slice.is_over():
                await time_slice.pause()

    async def let_attempts_begin(self, batch: Batch) -> None:
        """Let the attempts reach the network before the sender is answered."""
        if batch.reserved:
            await self._context.clock.sleep(0)

    def _safely(self, step: Callable[..., None], *about: Any) -> None:
        try:
            step(*about)
        except Exception as error:  # noqa: BLE001 - it is stored, and what follows for the others must not be lost
            self._context.report.broke("intake", error)

    def _begin(self, batch: Batch, arrival: Arrival, result: Accepted) -> None:
        if not result.repeat:
            self._queue.accepted(arrival.runs, woken=result.woke_runs)
        for delivery in arrival.deliveries:
            lane = batch.reserved.get(delivery.id)
            if lane is not None and delivery.id in result.begun:
                try:
                    self._dispatcher.begin(lane, delivery)
                except Exception:
                    lane.leave()
                    raise
                continue
            if lane is not None:
                lane.leave()
            if not result.repeat:
                self._outcomes.on_waiting(delivery)

    def _report(self, arrival: Arrival, result: Accepted) -> None:
        if result.repeat:
            event = arrival.event
            self._context.report.repeated(event.source, event.key, result.event_id)
            return
        if held := [each for each in arrival.deliveries if each.state is State.HELD]:
            self._outcomes.on_held(held)
        for run in arrival.runs:
            if run.state is RunState.FAILED:
                self._outcomes.on_run_failed(run)
        self._context.report.accepted(arrival.event)
