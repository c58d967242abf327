"""From what a trigger tells to what the store holds: the event, its runs and its deliveries, in one transaction."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from appealbridge.clock import Clock
from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.delivery.dispatch import Dispatcher
from appealbridge.engine.delivery.gate import not_sent
from appealbridge.engine.delivery.lane import Lane, Lanes
from appealbridge.engine.guards.guard import Batch, Guard
from appealbridge.engine.intake.arrival import Planned
from appealbridge.engine.intake.disk_space import DiskSpace
from appealbridge.engine.intake.planning import Planner, TimeSlice
from appealbridge.engine.report import Report
from appealbridge.engine.runs.runs import Runs
from appealbridge.engine.upkeep.expiry import Upkeep
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import StoreBusy, StoreNearlyFull
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.ids import event_id
from appealbridge.model.run import Run, RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Accepted,
    Arrival,
    PollState,
)

MOST_WAITING = 2000
"""How many requests may wait for their commit; more are sent away to come again, and nothing of them is kept."""


class Intake:
    """
    Accepts events.

    Where a delivery's lane has room, its first attempt is stored as begun in the very transaction
    that accepts its event, which saves a commit.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rng: random.Random,
        lanes: Lanes,
        dispatcher: Dispatcher,
        runs: Runs,
        upkeep: Upkeep,
        report: Report,
        room: DiskSpace,
        guard: Guard,
        planner: Planner,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._lanes = lanes
        self._dispatcher = dispatcher
        self._runs = runs
        self._upkeep = upkeep
        self._report = report
        self._room = room
        self._guard = guard
        self._planner = planner
        self._waiting = 0
        self._overloaded = False

    async def accept(
        self,
        active: ActiveConfiguration,
        source: str,
        drafts: Sequence[EventDraft],
        *,
        hold: str = "",
        why: str = "",
        memory: PollState | None = None,
        size: int | None = None,
    ) -> Sequence[Accepted]:
        """
        Store what happened and all it causes; return, once that is durable, what became of each draft.

        `source` has the trigger's name in front; `hold` makes everything caused wait for a person,
        and `why` tells that person the reason. `size` is how many bytes all came in, if that is known.
        Raise `StoreError` where nothing could be stored: `StoreBusy` where too much waits for it,
        `StoreNearlyFull` where the disk has no room for more.
        """
        if self._room.why:
            raise StoreNearlyFull(self._room.why)
        if self._waiting >= MOST_WAITING:
            raise self._too_much()
        now = self._clock.now()
        reserved: dict[str, Lane] = {}
        self._waiting += 1
        try:
            joined = active.joined.get(source, "")
            events = [self._event(source, draft, now, hold, joined) for draft in drafts]
            reasons = [why or draft.why for draft in drafts]
            planned = await self._planner.arrive(events, active.book, now, size)
            arrivals = [*map(_arrival, events, planned, reasons)]
            batch = await self._guard.look(arrivals, now)
            accepted = await self._stored(batch, memory, now, reserved)
        finally:
            self._waiting -= 1
            if self._overloaded and self._waiting < MOST_WAITING // 2:
                self._overloaded = False
        # All of it is carried on before any of it is said: what is stored as begun must be under way,
        # whatever goes wrong with the saying, or with what came along with it.
        results = [*zip(batch.arrivals, accepted, strict=True)]
        for arrival, result in results:
            self._safely(self._follow, arrival, result, reserved)
            if result.repeat:
                self._guard.give_back(batch, [arrival])
        time_slice = TimeSlice(self._clock) if len(results) > 1 else None
        for arrival, result in results:
            self._safely(self._say, arrival, result)
            if time_slice is not None and time_slice.is_over():
                await time_slice.pause()
        if batch.floods:
            await self._guard.hold_the_rest(batch)
        if reserved:
            # Who told us hears of it a moment later, so that the attempts set out first.
            await self._clock.sleep(0)
        return accepted

    def _safely(self, step: Callable[..., None], *about: Any) -> None:
        """Take a step about something that is stored; what it raises is said, and stops no other."""
        try:
            step(*about)
        except Exception as error:  # noqa: BLE001 - its sender must not hear that nothing was stored
            self._report.broke("intake", error)

    def _too_much(self) -> StoreBusy:
        if not self._overloaded:
            self._overloaded = True
            self._report.overloaded(self._waiting)
        return StoreBusy(f"{self._waiting} requests wait for the store already")

    def _event(self, source: str, draft: EventDraft, now: float, hold: str, joined: str) -> Event:
        return Event(
            id=event_id(now, self._rng.getrandbits(35)),
            source=source,
            type=draft.type,
            subject=draft.subject,
            key=draft.key,
            time=now if draft.time is None else draft.time,
            data=draft.data,
            received_at=now,
            hold=hold or draft.hold,
            cause=draft.cause,
            joined=joined,
        )

    async def _stored(
        self, batch: Batch, memory: PollState | None, now: float, reserved: dict[str, Lane]
    ) -> Sequence[Accepted]:
        try:
            batch.arrivals = [self._begun(arrival, now, reserved) for arrival in batch.arrivals]
            return await self._store.accept(batch.arrivals, memory)
        except BaseException:
            for lane in reserved.values():
                lane.leave()
            self._guard.give_back(batch, batch.arrivals)
            raise

    def _begun(self, arrival: Arrival, now: float, reserved: dict[str, Lane]) -> Arrival:
        if not arrival.deliveries:
            return arrival
        deliveries = [self._first_state(delivery, now, reserved) for delivery in arrival.deliveries]
        return Arrival(arrival.event, arrival.runs, deliveries)

    def _first_state(self, delivery: Delivery, now: float, reserved: dict[str, Lane]) -> Delivery:
        if delivery.follows or delivery.hold:
            return not_sent(delivery)
        lane = self._lanes.get(delivery.channel)
        if lane is not None and lane.reserve(now):
            reserved[delivery.id] = lane
            return delivery.stored(State.SENDING, now)
        return delivery.stored(State.READY)

    def _follow(self, arrival: Arrival, result: Accepted, reserved: dict[str, Lane]) -> None:
        if not result.repeat:
            self._follow_runs(arrival.runs, heard=result.heard)
        for delivery in arrival.deliveries:
            lane = reserved.get(delivery.id)
            if result.repeat:
                if lane is not None:
                    lane.leave()
                continue
            self._upkeep.watch(delivery)
            if lane is not None and delivery.id in result.begun:
                try:
                    self._dispatcher.begin(lane, delivery)
                except Exception:
                    lane.leave()
                    raise
                continue
            if lane is not None:
                lane.leave()
            if delivery.state is not State.HELD and delivery.channel in self._lanes:
                self._lanes[delivery.channel].queued()

    def _follow_runs(self, runs: Sequence[Run], *, heard: bool) -> None:
        for run in runs:
            if run.state is RunState.OPEN:
                self._runs.opened(run.id)
                heard = heard or run.wake_at is not None
        if heard:
            self._runs.due()

    def _say(self, arrival: Arrival, result: Accepted) -> None:
        if result.repeat:
            self._report.repeated(arrival.event, result.event_id)
        else:
            held = [one for one in arrival.deliveries if one.state is State.HELD]
            self._report.accepted(arrival.event, arrival.runs, held)


def _arrival(event: Event, planned: Planned, why: str) -> Arrival:
    deliveries = planned.deliveries
    if why and deliveries:
        deliveries = tuple(replace(one, reason=why) if one.hold else one for one in deliveries)
    return Arrival(event, planned.runs, deliveries)
