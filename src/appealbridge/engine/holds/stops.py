"""
The stop of everything.

It is in the store, and known in memory. A file beside the store stops too, even while the daemon hangs or does not run:
every send looks whether it is there, directly before its request. That is one look at a name in a folder, which costs
about two microseconds and no SQL statement.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.gate import EASED, GO, TOO_LATE, Verdict
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.outcomes import OutcomeListener
from appealbridge.engine.supervise import repeat
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import DeliveryError, IllegalMove, NotFound, StoreError, TryAgain
from appealbridge.model.notice import NOTICE, Alarm
from appealbridge.model.stop import EASED_POSTS, EASED_SECONDS, Start, TotalStop
from appealbridge.recipes.planning.quiet_hours import REASON, THREAT_TO_LIFE, quiet_until

EVERY = 60.0
"""Seconds between two looks for the stop file while nothing is sent."""

SHOWN = 20
"""How many deliveries that will expire are named."""

MOST_EXPIRING = 1000
"""How many deliveries that will expire are remembered until people are told."""

A_DAY = 86_400.0


def can_be_stopped(delivery: Delivery) -> bool:
    """Return whether a stop is about a delivery: it is not about notices, nor about what is taken back."""
    return delivery.kind is not Kind.WITHDRAW and delivery.recipe != NOTICE


class Stops(OutcomeListener):
    """
    Knows whether everything is stopped, stops it, and lifts the stop.

    `current` is the stop in force or the last one, `None` if there never was one. One that is not stored yet has
    the number 0. `counts` returns whether a version of a recipe may do what only an accepted one may.
    """

    def __init__(
        self, context: EngineContext, counts: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.current: TotalStop | None = None
        self._context = context
        self._counts = counts
        self._store = context.store
        self._clock = context.clock
        self._file = context.stop_file
        self._active: ActiveConfiguration | None = None
        self._unstored: list[tuple[Actor, str]] = []
        self._expiring: deque[Delivery] = deque(maxlen=MOST_EXPIRING)
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def recall(self) -> None:
        """Read the stop from the store, and look for the file, before anything is sent."""
        stops = await self._store.stops()
        self.current = stops[0] if stops else None
        stopped = self.current is not None and self.current.in_force
        if not stopped and self._file is not None and self._file.exists():
            self._note_file()
            await self._store_stops()
        self._apply()

    @property
    def in_force(self) -> TotalStop | None:
        """The stop that is in force, `None` if there is none. Looks for the file too."""
        if self.current is not None and self.current.in_force:
            return self.current
        if self._file is None or not self._file.exists():
            return None
        self._wake.set()
        return self._begin(Actor("", How.FILE), "")

    @property
    def explanation(self) -> str:
        """Why nothing is published, empty if nothing is stopped."""
        stop = self.in_force
        return "" if stop is None else self.explained(stop)

    def explained(self, stop: TotalStop) -> str:
        """Return why nothing is published, with the name of whoever stopped it."""
        roster = None if self._active is None else self._active.roster
        return stop.explained(stop.by if roster is None else roster.shown(stop.by, stop.how))

    async def stop(self, reason: str, actor: Actor) -> TotalStop:
        """Stop everything at once, and store it; raise `StoreError` if it is not stored yet."""
        reason = self._context.clean(reason)
        stop = self.current
        if stop is None or not stop.in_force:
            stop = self._begin(actor, reason)
        self._unstored.append((actor, reason))
        self._wake.set()
        await self._store_stops()
        return self.current or stop

    async def would_start(self) -> Start:
        """Return what would go out if the stop was lifted."""
        return await self._store.would_start(self._clock.now())

    async def start(self, seen: str, actor: Actor) -> Start:
        """
        Lift the stop, after its file is removed; `seen` is that of the `would_start` that the person was shown.

        Raise `IllegalMove` if nothing is stopped, if something else would go out, or if the file cannot be removed.
        """
        async with self._one_at_a_time:
            if self.in_force is None:
                raise IllegalMove("nothing is stopped, so there is nothing to lift")
            self._note_file()
            await self._keep_unstored()
            would = await self.would_start()
            if would.seen == seen and self._file is not None:
                try:
                    self._file.remove()
                except OSError as error:
                    raise IllegalMove(
                        f"{self._file.path}: {error.strerror}; remove this file, which stops everything, first"
                    ) from error
            started = await self._store.start(self._context.decision(actor, Act.START), seen)
            self.current = started.stop
        self._apply()
        self._wake.set()
        held = sum(each.held for each in started.channels)
        goes = sum(len(each.goes) for each in started.channels)
        if stop := started.stop:
            self._context.report.warning(
                LogEvent.STOP_LIFTED, number=stop.number, by=stop.lifted_by, held=held
            )
        await self._context.alarms.raise_alarm(
            Alarm.STARTED,
            message=f"lifted by {actor.shown}: {goes} posts go out now, {held} that waited are held for a person",
        )
        return started

    def mark(self, lane: Lane) -> None:
        """Let a lane know whether everything is stopped."""
        current = self.current
        lane.stopped = current is not None and current.in_force
        lane.eased = current is not None and current.eases(self._clock.now())
        lane.wake.set()

    def forbids(self, delivery: Delivery) -> Verdict | None:
        """
        Return the verdict on a delivery that may not be sent any more, otherwise `None`.

        Everything is stopped, or its time has passed since its attempt began: a look or a wait may have taken minutes.
        """
        if delivery.publish_by is not None and self._context.clock.now() >= delivery.publish_by:
            return TOO_LATE
        if not can_be_stopped(delivery) or (stop := self.in_force) is None:
            return None
        return Verdict(State.READY, delivery.hold, self.explained(stop))

    async def quiet(self, lane: Lane, delivery: Delivery) -> tuple[float, str] | None:
        """
        Return when the quiet hours end for which a delivery has to wait, and the reason; `None` if it need not wait.

        People are told if it expires before that.
        """
        active = self._active
        if active is None or not active.quiet or not can_be_stopped(delivery):
            return None
        # A person has released it in spite of the time.
        if Hold.TIME in delivery.hold.split():
            return None
        now = self._clock.now()
        if quiet_until(active.quiet, now, lane.zone) is None:
            return None
        until = quiet_until(active.quiet, now, lane.zone, await self._marks(delivery))
        if until is None:
            return None
        reason = f"{REASON} until {datetime.fromtimestamp(until, lane.zone):%H:%M %Z}"
        if delivery.publish_by is not None and delivery.publish_by <= until:
            self._expiring.append(delivery)
            self._wake.set()
        return until, reason

    def reconfigure(self, active: ActiveConfiguration) -> None:
        """Use other quiet hours; what waits for those in force until now is looked at again."""
        before, self._active = self._active, active
        if before is not None and before.quiet != active.quiet:
            for lane in self._context.lanes.values():
                lane.retry_now = True
                lane.wake.set()

    async def _marks(self, delivery: Delivery) -> frozenset[str]:
        """Return the marks of the recipe that planned a delivery, if that version may use them."""
        try:
            version = (await self._store.run(delivery.run_id)).version
            recipe = await self._context.recipes.version(delivery.recipe, version)
        except NotFound:
            return frozenset()
        marked = recipe.threat_to_life and self._counts(version)
        return frozenset({THREAT_TO_LIFE}) if marked else frozenset()

    async def gate(self, lane: Lane, delivery: Delivery) -> Verdict | DeliveryError:
        """Return whether a post may go out although a stop was lifted a short time ago."""
        current = self.current
        if current is None or current.lifted_at is None or not can_be_stopped(delivery):
            return GO
        if not current.eases(self._clock.now()):
            return GO
        try:
            # The store counts this delivery too, because its attempt has begun.
            sent = await self._store.sent_since(lane.name, current.lifted_at) - 1
        except StoreError as error:
            return TryAgain(f"the posts since the stop could not be counted: {error}")
        return GO if sent < EASED_POSTS else EASED

    def on_waiting(self, delivery: Delivery) -> None:
        """Note that people must be told what may expire while everything is stopped."""
        current = self.current
        if (
            current is not None
            and current.in_force
            and delivery.publish_by is not None
            and delivery.state in (State.READY, State.PLANNED)
            and can_be_stopped(delivery)
        ):
            self._expiring.append(delivery)
            self._wake.set()

    async def run(self) -> None:
        """Store stops by the file, end what is eased, and tell people, until cancelled."""
        await repeat(self._context, "stop", self._round, self._wake)

    async def _round(self) -> float:
        """Return when the next round is due."""
        self._end_easing()  # first, because the store may refuse the rest
        if self.in_force is not None:
            self._note_file()
        async with self._one_at_a_time:
            await self._keep_unstored()
        await self._tell_expiring()
        due = self._clock.now() + EVERY
        return min(due, self._end_easing() or due)

    def _end_easing(self) -> float | None:
        """End what was eased after a stop if its time is over; return when it is, `None` if nothing is eased."""
        current = self.current
        if current is None or current.lifted_at is None:
            return None
        until = current.lifted_at + EASED_SECONDS
        if self._clock.now() < until:
            return until
        if any(lane.eased for lane in self._context.lanes.values()):
            self._apply()
        return None

    def _note_file(self) -> None:
        """Take over what the stop file says, unless the stop is stored, or about to be."""
        stored = self.current is not None and self.current.in_force and self.current.number
        if stored or self._unstored or self._file is None:
            return
        note = self._file.read()
        actor = Actor(self._context.clean(note.by), How.FILE)
        reason = self._context.clean(note.reason)
        self._begin(actor, reason)
        self._unstored.append((actor, reason))

    def _begin(self, actor: Actor, reason: str) -> TotalStop:
        """Stop everything, before that is stored; return the stop."""
        now = self._clock.now()
        stop = self.current = TotalStop(by=str(actor), how=actor.how.value, reason=reason, at=now)
        self._apply()
        return stop

    async def _store_stops(self) -> None:
        async with self._one_at_a_time:
            await self._keep_unstored()

    async def _keep_unstored(self) -> None:
        while self._unstored:
            actor, reason = self._unstored[0]
            first = self.current is None or not self.current.number
            stored = await self._store.stop(self._context.decision(actor, Act.STOP, reason))
            self._unstored.pop(0)
            self.current = stored
            self._apply()
            self._context.report.warning(
                LogEvent.EVERYTHING_STOPPED,
                number=stored.number,
                by=stored.by,
                reason=stored.reason,
            )
            if first:
                await self._tell_stopped(stored)

    async def _tell_stopped(self, stop: TotalStop) -> None:
        waiting = await self._store.waiting_with_end(self._clock.now() + A_DAY, SHOWN)
        ends = f". These expire soonest: {self._ends(waiting)}" if waiting else ""
        message = f"{self.explained(stop)}{ends}"
        await self._context.alarms.raise_alarm(Alarm.STOPPED, message=message)

    async def _tell_expiring(self) -> None:
        if self._expiring:
            expiring = [*self._expiring]
            self._expiring.clear()
            more = f" and {len(expiring) - SHOWN} more" if len(expiring) > SHOWN else ""
            why = "it has to wait, because everything is stopped or because of the quiet hours"
            message = f"{why}: {self._ends(expiring[:SHOWN])}{more}"
            await self._context.alarms.raise_alarm(Alarm.WILL_EXPIRE, message=message)

    def _apply(self) -> None:
        for lane in self._context.lanes.values():
            self.mark(lane)
        current = self.current
        self._context.report.is_stopped(in_force=current is not None and current.in_force)

    def _ends(self, deliveries: Iterable[Delivery]) -> str:
        lanes = self._context.lanes
        return "; ".join(
            ends_at(each, lanes[each.channel].zone if each.channel in lanes else UTC)
            for each in deliveries
        )


def ends_at(delivery: Delivery, zone: tzinfo) -> str:
    """Return in words which delivery expires when."""
    until = datetime.fromtimestamp(delivery.publish_by or 0.0, zone)
    which = (
        f"delivery {delivery.number}" if delivery.number else f"{delivery.recipe}: {delivery.step}"
    )
    return f"{which} on {delivery.channel} at {until:%H:%M %Z} on {until:%d %b}"
