"""
Finds what is stuck, and tells people about it.

That is what is due and does not go out, what was begun and never ended, what has nowhere to go, what
the store does not take, and a store that fails.

A lane that does its work needs none of this. It is here for the day on which one does not, for a
reason that nobody thought of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from appealbridge.clock import Clock
from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.lane import Lane, Lanes
from appealbridge.engine.report import Report
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import IllegalMove, StoreError
from appealbridge.model.notice import Alarm, Tell
from appealbridge.store.base import Store
from appealbridge.store.records import Queue, Settlement

EVERY = 60.0
"""Seconds between two checks."""

LATE = 300.0
"""For how many seconds a delivery must be due on a free lane to count as stalled."""

LONGEST = 1800.0
"""How many seconds an attempt may take before people are told."""

AT_ONCE = 100
"""How many attempts that have not ended are dealt with in one check."""

REFUSED = "store: "
"""The beginning of notes about what the store does not accept."""

NOT_CARRIED_ON = "the program did not carry this attempt on"
BEAT_EVERY = 60.0
BEAT_AGAIN = 5.0
"""Seconds until the store is tested if nothing was stored, and until the next test after a failure."""

STUCK = 15.0
"""How many seconds something may wait for the store before that counts as stuck."""

First = tuple[float, int]


class Monitor:
    """
    Checks regularly for stuck work. `notes` has the present problems, by what they are about.

    `tell` raises an alarm about a channel, in words. `sending` are the ids of the deliveries at which
    an attempt is being made.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lanes: Lanes,
        report: Report,
        tell: Tell,
        sending: Collection[str] = (),
    ) -> None:
        self.notes: dict[str, str] = {}
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._report = report
        self._tell = tell
        self._sending = sending
        self._refused: set[str] = set()
        self._lying: dict[str, tuple[First, float]] = {}
        self._changed = asyncio.Event()

    def adopt(self) -> None:
        """Check at once, because channels may have been added or removed."""
        self._changed.set()

    async def run(self) -> None:
        """Check regularly until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.look()
                self._report.store_worked("monitor")
            except StoreError as error:
                self._report.store_failed(error, "monitor")
            await self._look_at_refusals()
            await self._clock.wait(self._changed, EVERY)

    async def look(self) -> None:
        """Check once; log, and tell people about, problems that the last check did not find."""
        now = self._clock.now()
        queues = await self._store.queues()
        self._report.overdue(
            {
                queue.channel: max(0.0, now - queue.first[0]) if queue.first else 0.0
                for queue in queues
            }
        )
        before = self.notes
        self.notes = {about: words for about, words in before.items() if about.startswith(REFUSED)}
        lying, self._lying = self._lying, {}
        for queue in queues:
            channel = queue.channel
            lane = self._lanes.get(channel)
            if lane is None:
                kind, words = Alarm.GONE, _gone(queue)
            elif self._stalled(lane, queue, lying.get(channel), now):
                kind, words = Alarm.STALLED, _stalled(lane, queue)
            else:
                continue
            await self._note(before, channel, kind, channel, words)
        await self._look_at_attempts(before, now)

    async def _note(
        self, before: Collection[str], about: str, kind: Alarm, channel: str, words: str
    ) -> None:
        """Record a problem, and tell people if the last check did not find it."""
        self.notes[about] = words
        if about not in before:
            await self._tell(kind, channel, words)

    async def _look_at_attempts(self, before: Collection[str], now: float) -> None:
        """Take over attempts that nothing is working on; report those that have taken very long."""
        for delivery in await self._store.begun_before(now - LATE, AT_ONCE):
            begun = delivery.begun_at or now
            if delivery.id not in self._sending:
                await self._look_for(delivery, now)
                words = f"delivery {delivery.number}: {NOT_CARRIED_ON}; it is looked for on {delivery.channel}"
                await self._tell(Alarm.ATTEMPT_LOST, delivery.channel, words)
            elif now - begun > LONGEST:
                minutes = f"{(now - begun) / 60:.0f} minutes"
                words = (
                    f"the attempt at delivery {delivery.number} has been under way for {minutes}"
                )
                await self._note(before, delivery.id, Alarm.ATTEMPT_LOST, delivery.channel, words)

    async def _look_for(self, delivery: Delivery, now: float) -> None:
        begun = delivery.begun_at or now
        attempt = Attempt(
            delivery.id,
            delivery.attempts,
            AttemptKind.SEND,
            begun,
            now,
            Outcome.UNSURE,
            NOT_CARRIED_ON,
        )
        settlement = Settlement(
            delivery_id=delivery.id,
            source=State.SENDING,
            target=State.UNKNOWN,
            at=now,
            attempt=attempt,
            due_at=max(now, begun + RetryPolicy().seek_after),
            reason=NOT_CARRIED_ON,
        )
        try:
            await self._store.settle(settlement)
        except IllegalMove:
            return  # it has ended meanwhile
        if delivery.channel in self._lanes:
            self._lanes[delivery.channel].queued()

    async def _look_at_refusals(self) -> None:
        """Tell people about what the store has not accepted since the check before."""
        before, self._refused = self._refused, set(self._report.refusals)
        told = {about for about in self.notes if about.startswith(REFUSED)}
        for part in before & self._refused:
            about = REFUSED + part
            words = f"{part}: {self._report.refusals[part]}"
            told.discard(about)
            if about not in self.notes:
                self.notes[about] = words
                await self._tell(Alarm.STORE, "", words)
        for about in told:
            del self.notes[about]

    def _stalled(
        self, lane: Lane, queue: Queue, lying: tuple[First, float] | None, now: float
    ) -> bool:
        """Whether a lane that may send has left the same due delivery waiting for too long."""
        if queue.first is None or not lane.health.works or lane.pace.opens_at(now) > now:
            return False
        # By a clock that never jumps: a wall clock set forward would make everything late at once.
        since = self._clock.monotonic()
        if lying is not None and lying[0] == queue.first:
            since = lying[1]
        self._lying[lane.name] = (queue.first, since)
        return now - queue.first[0] > LATE and self._clock.monotonic() - since >= LATE


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

    Whoever asks makes it write nothing: what is stored anyway tells, and where that is nothing for a
    while, one beat of its own.
    """

    def __init__(self, store: Store, clock: Clock, report: Report) -> None:
        self._store = store
        self._clock = clock
        self._report = report

    @property
    def trouble(self) -> str:
        """Why the store accepts nothing now; empty if it does."""
        writing = self._store.writing()
        if writing.waits_for >= STUCK:
            return f"nothing has been stored for {writing.waits_for:.0f} seconds, though something waits"
        return writing.trouble

    async def run(self) -> None:
        """Test the store regularly until cancelled."""
        while True:
            writing = self._store.writing()
            if writing.trouble or writing.idle_for >= BEAT_EVERY:
                try:
                    await self._store.check()
                except StoreError as error:
                    self._report.store_failed(error)
            pause = BEAT_AGAIN if self._store.writing().trouble else BEAT_EVERY
            await self._clock.sleep(pause)
