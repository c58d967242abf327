"""
Finds work that is stuck, and tells people about it: a safety net for faults that nobody thought of.

That is a due delivery that is not sent, an attempt that never ended, a delivery whose channel is gone, something
that the store refuses, and a store that fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.outcome import kind_of
from appealbridge.model.attempt import Attempt, Outcome
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import IllegalMove, StoreError
from appealbridge.model.notice import Alarm
from appealbridge.store.records import Queue, Settlement

EVERY = 60.0
"""Seconds between two checks."""

LATE = 300.0
"""For how many seconds a delivery must be due on a free lane to count as stalled."""

LONGEST = 1800.0
"""How many seconds an attempt may take before people are told."""

AT_ONCE = 100
"""How many attempts that have not ended are handled in one check."""

REFUSED = "store: "
"""The beginning of notes about what the store does not accept."""

ABANDONED = "the program did not continue this attempt"

BEAT_EVERY = 60.0
BEAT_AGAIN = 5.0
"""Seconds until the store is tested if nothing was stored, and until the next test after a failure."""

STUCK = 15.0
"""How many seconds something may wait for the store before that counts as stuck."""

First = tuple[float, int]


class Monitor:
    """
    Checks regularly for stuck work. `notes` has the present problems, by what they are about.

    `sending` are the ids of the deliveries for which an attempt is being made.
    """

    def __init__(self, context: EngineContext, sending: Collection[str] = ()) -> None:
        self.notes: dict[str, str] = {}
        self._context = context
        self._sending = sending
        self._refused: set[str] = set()
        self._first_seen: dict[str, tuple[First, float]] = {}
        self._changed = asyncio.Event()

    def reconfigure(self) -> None:
        """Check at once, because channels may have been added or removed."""
        self._changed.set()

    async def run(self) -> None:
        """Check regularly until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.check()
                self._context.report.store_worked("monitor")
            except StoreError as error:
                self._context.report.store_failed(error, "monitor")
            await self._check_refusals()
            await self._context.clock.wait(self._changed, EVERY)

    async def check(self) -> None:
        """Check once; log, and tell people about, problems that the last check did not find."""
        now = self._context.clock.now()
        queues = await self._context.store.queues()
        self._context.report.overdue(
            {
                queue.channel: max(0.0, now - queue.first[0]) if queue.first else 0.0
                for queue in queues
            }
        )
        before = self.notes
        self.notes = {about: note for about, note in before.items() if about.startswith(REFUSED)}
        first_seen, self._first_seen = self._first_seen, {}
        for queue in queues:
            channel = queue.channel
            lane = self._context.lanes.get(channel)
            if lane is None:
                kind, note = Alarm.GONE, _gone(queue)
            elif self._stalled(lane, queue, first_seen.get(channel), now):
                kind, note = Alarm.STALLED, _stalled(lane, queue)
            else:
                continue
            await self._note(before, channel, kind, channel, note)
        await self._check_attempts(before, now)

    async def _note(
        self, before: Collection[str], about: str, kind: Alarm, channel: str, note: str
    ) -> None:
        """Record a problem, and tell people if the last check did not find it."""
        self.notes[about] = note
        if about not in before:
            await self._context.alarms.raise_alarm(kind, channel, note)

    async def _check_attempts(self, before: Collection[str], now: float) -> None:
        """Take over attempts that nothing is working on; report those that have taken very long."""
        for delivery in await self._context.store.begun_before(now - LATE, AT_ONCE):
            begun = delivery.begun_at or now
            if delivery.id not in self._sending:
                await self._give_up(delivery, now)
                note = f"delivery {delivery.number}: {ABANDONED}; AppealBridge searches {delivery.channel} for it"
                await self._context.alarms.raise_alarm(Alarm.ATTEMPT_LOST, delivery.channel, note)
            elif now - begun > LONGEST:
                minutes = f"{(now - begun) / 60:.0f} minutes"
                note = f"the attempt at delivery {delivery.number} has not ended for {minutes}"
                await self._note(before, delivery.id, Alarm.ATTEMPT_LOST, delivery.channel, note)

    async def _give_up(self, delivery: Delivery, now: float) -> None:
        begun = delivery.begun_at or now
        attempt = Attempt(
            delivery.id, delivery.attempts, kind_of(delivery), begun, now, Outcome.UNSURE, ABANDONED
        )
        settlement = Settlement(
            delivery_id=delivery.id,
            source=State.SENDING,
            target=State.UNKNOWN,
            at=now,
            attempt=attempt,
            due_at=max(now, begun + RetryPolicy().search_after),
            reason=ABANDONED,
        )
        try:
            await self._context.store.settle(settlement)
        except IllegalMove:
            return  # it has ended meanwhile
        self._context.lanes.queued(delivery)

    async def _check_refusals(self) -> None:
        """Tell people about what the store has not accepted since the check before."""
        before, self._refused = self._refused, set(self._context.report.refusals)
        over = {about for about in self.notes if about.startswith(REFUSED)}
        for part in before & self._refused:
            about = REFUSED + part
            note = f"{part}: {self._context.report.refusals[part]}"
            over.discard(about)
            if about not in self.notes:
                self.notes[about] = note
                await self._context.alarms.raise_alarm(Alarm.STORE, "", note)
        for about in over:
            del self.notes[about]

    def _stalled(
        self, lane: Lane, queue: Queue, seen: tuple[First, float] | None, now: float
    ) -> bool:
        """Return whether a lane that may send has left the same due delivery waiting for too long."""
        if (
            queue.first is None
            or not lane.health.works
            or lane.stopped
            or lane.pace.opens_at(now) > now
        ):
            return False
        # By a clock that never jumps: if the wall clock is set forward, everything would be late at once.
        since = self._context.clock.monotonic()
        if seen is not None and seen[0] == queue.first:
            since = seen[1]
        self._first_seen[lane.name] = (queue.first, since)
        return now - queue.first[0] > LATE and self._context.clock.monotonic() - since >= LATE


def _gone(queue: Queue) -> str:
    many = f"{queue.waiting} deliveries wait" if queue.waiting != 1 else "1 delivery waits"
    return (
        f"{many} for {queue.channel}, which is no longer in appealbridge.yaml; declare it again and "
        f"reload, or cancel what waits"
    )


def _stalled(lane: Lane, queue: Queue) -> str:
    number = queue.first[1] if queue.first else 0
    return (
        f"delivery {number} is due and does not go out, and nothing is known that keeps it; {queue.waiting} "
        f"wait for {queue.channel}, {lane.in_flight} of them under way"
    )


class Heartbeat:
    """
    Knows whether the store accepts writes.

    The store's ordinary writes show it. If there is none for a while, the heartbeat writes something. So asking
    costs nothing.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context

    @property
    def failure(self) -> str:
        """Why the store accepts nothing now; empty if it does."""
        writing = self._context.store.writing()
        if writing.waits_for >= STUCK:
            return f"nothing has been stored for {writing.waits_for:.0f} seconds, though something waits"
        return writing.failure

    async def run(self) -> None:
        """Test the store regularly until cancelled."""
        while True:
            writing = self._context.store.writing()
            if writing.failure or writing.idle_for >= BEAT_EVERY:
                try:
                    await self._context.store.check()
                except StoreError as error:
                    self._context.report.store_failed(error)
            pause = BEAT_AGAIN if self._context.store.writing().failure else BEAT_EVERY
            await self._context.clock.sleep(pause)
