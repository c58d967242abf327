"""Takes events through the stages of the pipeline, and stores them with all they cause in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.context import EngineContext
from appealbridge.engine.intake.batch import AcceptanceStage, Batch
from appealbridge.engine.intake.disk_space import DiskSpace
from appealbridge.model.errors import StoreBusy, StoreNearlyFull
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.ids import event_id
from appealbridge.store.records import Accepted, Arrival, PollState

MOST_WAITING = 2000
"""How many requests may wait for their commit; the senders of any more are asked to send them again."""

Follow = Callable[[Batch], Awaitable[None]]
"""A step that a batch takes once it is stored. It raises nothing: the sender must not hear that nothing was stored."""


class Intake:
    """
    Accepts events: takes them through the stages until they are stored, and then lets everything else follow.

    If a stage refuses a batch or fails, the stages before it take back what they did.
    """

    def __init__(
        self,
        context: EngineContext,
        disk_space: DiskSpace,
        *,
        until_stored: Sequence[AcceptanceStage],
        once_stored: Sequence[Follow],
    ) -> None:
        self._context = context
        self._disk_space = disk_space
        self._until_stored = until_stored
        self._once_stored = once_stored
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
        poll_state: PollState | None = None,
        size: int | None = None,
    ) -> Sequence[Accepted]:
        """
        Store events with all they cause; return the result for each once it is durable.

        `source` has the trigger's name in front. `hold` makes everything they cause wait for a person, and `why`
        tells that person the reason. `size` is how many bytes they came in, if that is known. Raise `StoreError` if
        nothing could be stored: `StoreBusy` if too much waits, `StoreNearlyFull` if the disk has no space.
        """
        if self._disk_space.why:
            raise StoreNearlyFull(self._disk_space.why)
        if self._waiting >= MOST_WAITING:
            raise self._too_much()
        now, joined = self._context.clock.now(), active.joined.get(source, "")
        events = [self._event(source, draft, now, hold, joined) for draft in drafts]
        reasons = [why or draft.why for draft in drafts]
        batch = Batch(now, events, active.book, size, reasons, poll_state=poll_state)
        begun: list[AcceptanceStage] = []
        self._waiting += 1
        try:
            for stage in self._until_stored:
                begun.append(stage)
                await stage.run(batch)
        except BaseException:
            for stage in reversed(begun):
                stage.undo(batch)
            raise
        finally:
            self._waiting -= 1
            if self._overloaded and self._waiting < MOST_WAITING // 2:
                self._overloaded = False
        for follow in self._once_stored:
            await follow(batch)
        return batch.accepted

    def _too_much(self) -> StoreBusy:
        if not self._overloaded:
            self._overloaded = True
            self._context.report.overloaded(self._waiting)
        return StoreBusy(f"{self._waiting} requests wait for the store already")

    def _event(self, source: str, draft: EventDraft, now: float, hold: str, joined: str) -> Event:
        return Event(
            id=event_id(now, self._context.rng.getrandbits(35)),
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
            author=draft.author,
        )


class Planning(AcceptanceStage):
    """A stage: every recipe that wants an event plans what it publishes."""

    def __init__(self, context: EngineContext) -> None:
        self._planner = context.planner

    async def run(self, batch: Batch) -> None:
        """Plan all events of a batch."""
        planned = await self._planner.arrive(batch.events, batch.book, batch.now, batch.size)
        if any(batch.why):
            planned = [*map(_with_reason, planned, batch.why)]
        batch.arrivals = planned


def _with_reason(arrival: Arrival, why: str) -> Arrival:
    deliveries = [replace(each, reason=why) if each.hold else each for each in arrival.deliveries]
    return replace(arrival, deliveries=deliveries) if why else arrival


class Storing(AcceptanceStage):
    """The last stage: one transaction. From here on the events survive any crash, and the sender may be answered."""

    def __init__(self, context: EngineContext) -> None:
        self._store = context.store

    async def run(self, batch: Batch) -> None:
        """Store a batch."""
        batch.accepted = await self._store.accept(batch.arrivals, batch.poll_state)
