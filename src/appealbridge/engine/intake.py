"""From what a trigger tells to what the store holds: the event, its runs and its deliveries, in one transaction."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from appealbridge.clock import Clock
from appealbridge.engine.arrival import arrive
from appealbridge.engine.dispatch import Dispatcher
from appealbridge.engine.inforce import InForce
from appealbridge.engine.lane import Lane, Lanes
from appealbridge.engine.report import Report
from appealbridge.engine.runs import Runs
from appealbridge.engine.upkeep import Upkeep
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import StoreBusy
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.ids import event_id
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Accepted,
    Arrival,
    Memory,
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
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._lanes = lanes
        self._dispatcher = dispatcher
        self._runs = runs
        self._upkeep = upkeep
        self._report = report
        self._waiting = 0

    async def accept(
        self,
        inforce: InForce,
        source: str,
        drafts: Sequence[EventDraft],
        *,
        hold: str = "",
        memory: Memory | None = None,
    ) -> Sequence[Accepted]:
        """
        Store what happened and all it causes; return, once that is durable, what became of each draft.

        `source` has the trigger's name in front; `hold` makes everything caused wait for a person.
        Raise `StoreError` where nothing could be stored, `StoreBusy` where too much waits for it.
        """
        if self._waiting >= MOST_WAITING:
            raise StoreBusy(f"{self._waiting} requests wait for the store already")
        now = self._clock.now()
        reserved: dict[str, Lane] = {}
        self._waiting += 1
        try:
            arrivals = [
                self._arrival(inforce, self._event(source, draft, now, hold), now, reserved)
                for draft in drafts
            ]
            accepted = await self._store.accept(arrivals, memory)
        except BaseException:
            for lane in reserved.values():
                lane.leave()
            raise
        finally:
            self._waiting -= 1
        for arrival, result in zip(arrivals, accepted, strict=True):
            self._follow(arrival, result, reserved)
        if reserved:
            # Who told us hears of it a moment later, so that the attempts set out first.
            await self._clock.sleep(0)
        return accepted

    def _event(self, source: str, draft: EventDraft, now: float, hold: str) -> Event:
        return Event(
            id=event_id(now, self._rng.getrandbits(35)),
            source=source,
            type=draft.type,
            subject=draft.subject,
            key=draft.key,
            time=now if draft.time is None else draft.time,
            data=draft.data,
            received_at=now,
            hold=hold,
        )

    def _arrival(
        self, inforce: InForce, event: Event, now: float, reserved: dict[str, Lane]
    ) -> Arrival:
        planned = arrive(event, inforce.book.for_event(event), now)
        deliveries = [self._first_state(delivery, now, reserved) for delivery in planned.deliveries]
        return Arrival(event, planned.runs, deliveries)

    def _first_state(self, delivery: Delivery, now: float, reserved: dict[str, Lane]) -> Delivery:
        if delivery.hold:
            return replace(delivery, state=State.HELD)
        lane = self._lanes.get(delivery.channel)
        if lane is not None and lane.reserve(now):
            reserved[delivery.id] = lane
            return replace(
                delivery, state=State.SENDING, attempts=1, begun_at=now, first_begun_at=now
            )
        return replace(delivery, state=State.READY)

    def _follow(self, arrival: Arrival, result: Accepted, reserved: dict[str, Lane]) -> None:
        if not result.repeat:
            for run in arrival.runs:
                if run.state is RunState.OPEN:
                    self._runs.opened(run.id)
        for delivery in arrival.deliveries:
            lane = reserved.get(delivery.id)
            if result.repeat:
                if lane is not None:
                    lane.leave()
                continue
            self._upkeep.watch(delivery)
            if lane is not None and delivery.id in result.begun:
                self._dispatcher.begin(lane, delivery)
                continue
            if lane is not None:
                lane.leave()
            if delivery.state is not State.HELD and delivery.channel in self._lanes:
                self._lanes[delivery.channel].queued()
        # Said last: whatever goes wrong in the saying, what is stored as begun is under way.
        if result.repeat:
            self._report.repeated(arrival.event, result.event_id)
        else:
            held = [one for one in arrival.deliveries if one.state is State.HELD]
            self._report.accepted(arrival.event, arrival.runs, held)
