"""What people can do with deliveries: release, confirm, retry, cancel and replay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from operator import attrgetter

from appealbridge.clock import Clock
from appealbridge.engine.delivery.gate import content_hash
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.arrival import KEPT
from appealbridge.engine.intake.planning import Planner
from appealbridge.engine.report import Report
from appealbridge.engine.runs.replays import Replayed, replay
from appealbridge.engine.runs.runs import EVERYTHING, Runs, of_event
from appealbridge.engine.upkeep.expiry import Upkeep
from appealbridge.logs import LogEvent
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.event import Event
from appealbridge.model.receipt import Receipt
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.store.base import Store
from appealbridge.store.records import DeliveryFilter, Settlement

BATCH = 500
"""How many deliveries are changed before the store is read again."""

TOGETHER = (Hold.BURST, Hold.SAME_TEXT, Hold.DAILY_CAP, Hold.UNDATED)
"""Holds that can be released all at once. Approvals and unclear outcomes need a decision for each delivery."""


class Operations:
    """The operator's commands. Each changes the state of deliveries and is logged."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lanes: Lanes,
        runs: Runs,
        upkeep: Upkeep,
        report: Report,
        guard: Guard,
        call_off: Callable[[str], Awaitable[None]],
        planner: Planner,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._runs = runs
        self._upkeep = upkeep
        self._report = report
        self._guard = guard
        self._call_off = call_off
        self._planner = planner

    async def release(self, delivery_id: str, only: str = "") -> Delivery:
        """
        Release a held delivery, if `only` is given only if it is held for that reason; return it.

        Raise `NotFound`, or `IllegalMove` where it is not held or is not what was planned.
        """
        delivery = await self._held(delivery_id, only, "released")
        if content_hash(delivery.content) != delivery.content_hash:
            raise IllegalMove(
                f"delivery {delivery.number}: its content is not what was planned and approved; cancel it"
            )
        # A delivery that a person released beyond its cap must not be held again by the same cap.
        kept = delivery.hold if delivery.hold == Hold.DAILY_CAP else ""
        return await self._move(delivery, State.READY, LogEvent.RELEASED, hold=kept)

    async def release_all(
        self, hold: str, *, recipe: str = "", subject: str = ""
    ) -> Sequence[Delivery]:
        """
        Release all deliveries held for one reason, perhaps only of one recipe or subject.

        Return what does. Raise `ValueError` for a hold that takes a look at each, and `IllegalMove`
        where some of it could not be released, when all else has been.
        """
        if hold not in TOGETHER:
            raise ValueError(
                f"hold: only {', '.join(TOGETHER)} can be released all at once, not {hold!r}; look at "
                "each of the others, and release it by its number"
            )
        return await self._all(hold, recipe, subject, lambda one: self.release(one, only=hold))

    async def cancel_all(
        self, hold: str, reason: str, *, recipe: str = "", subject: str = ""
    ) -> Sequence[Delivery]:
        """Cancel all deliveries held for one reason. The rest is as for `release_all`."""
        if hold not in {*Hold}:
            raise ValueError(f"hold: one of {', '.join(Hold)}, not {hold!r}")

        async def cancel(delivery_id: str) -> Delivery:
            held = await self._held(delivery_id, hold, "cancelled")
            return await self._move(held, State.CANCELLED, LogEvent.CANCELLED, reason=reason)

        return await self._all(hold, recipe, subject, cancel)

    async def retry(self, delivery_id: str) -> Delivery:
        """Retry a failed delivery; return it. Raise `NotFound`, or `IllegalMove` if it has not failed."""
        delivery = await self._failed(delivery_id)
        await self._guard.said_before(delivery, self._clock.now())  # from now on, it is
        return await self._move(delivery, State.READY, LogEvent.RELEASED)

    async def _failed(self, delivery_id: str) -> Delivery:
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.FAILED:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a failed one can be retried"
            )
        return delivery

    async def retry_all(self, since: float | None) -> Sequence[Delivery]:
        """
        Retry every failed delivery planned since a time (Unix seconds); return them, newest first.

        Raise `IllegalMove` where another has said the same meanwhile, when all else is tried again.
        """
        which = DeliveryFilter(states=frozenset({State.FAILED}), since=since, limit=BATCH)
        moved: dict[str, Delivery] = {}
        left: dict[str, str] = {}
        while True:
            failed = await self._store.deliveries(which)
            # A delivery that has failed again meanwhile has had its turn.
            fresh = [one for one in failed if one.id not in moved and one.id not in left]
            if not fresh:
                break
            for delivery in fresh:
                same = await self._guard.said_before(delivery, self._clock.now())
                if same:
                    left[delivery.id] = (
                        f"delivery {delivery.number}: {same}; `appealbridge retry {delivery.number}` "
                        "tries it again all the same"
                    )
                else:
                    moved[delivery.id] = await self.retry(delivery.id)
        _complain(len(moved), list(left.values()))
        return list(moved.values())

    async def replay(
        self, book: Book, event_id: str, *, recipe: str = "", dry_run: bool = False, by: str = ""
    ) -> Sequence[Replayed]:
        """
        Run an event again through the recipes in force, or one of them; return the result of each.

        Nothing goes twice to where it was published, or may still be. With `dry_run` nothing is
        begun; `by` is who asked. Raise `NotFound`, or `IllegalMove` where its content is gone.
        """
        event = await self._store.event(event_id)
        if event.removed:
            raise IllegalMove(
                f"event {event_id}: its content was removed when its retention was over, and it cannot "
                "be run again"
            )
        if recipe and recipe not in book.recipes:
            raise NotFound(f"recipe {recipe}: no recipe of this name is in force")
        recipes = [book.recipes[recipe]] if recipe else _asked(book, event)
        now = self._clock.now()
        runs = await self._store.runs(event_id=event_id, limit=EVERYTHING)
        everything = await self._store.deliveries(of_event(event_id))
        asked = await self._planner.in_thread(
            replay, event, recipes, runs, everything, now, by, self._planner.budget()
        )
        waits = {one.run.id for one in asked if one.run and book.recipes[one.recipe].waits}
        if not dry_run and (wanted := [one.run for one in asked if one.run]):
            begun = await self._store.run_again(wanted, waits)
            for run in begun:
                self._runs.opened(run.id)
            self._runs.due()
            self._report.replayed(event, begun, by)
        return asked

    async def confirm(self, delivery_id: str, url: str) -> Delivery:
        """
        Record a person's statement that a delivery held as unknown is published at `url`; return it.

        Raise `NotFound`, or `IllegalMove` where its outcome is known.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.HELD or delivery.hold != Hold.UNKNOWN:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only one that is held because "
                "nobody knows whether it went out can be confirmed"
            )
        now = self._clock.now()
        await self._store.settle(
            Settlement(
                delivery_id=delivery.id,
                source=State.HELD,
                target=State.DELIVERED,
                at=now,
                receipt=Receipt(id=url, url=url),
                reason="confirmed by a person",
            )
        )
        return await self._moved(delivery.id, LogEvent.DELIVERED)

    async def cancel(self, delivery_id: str, reason: str) -> Delivery:
        """
        Cancel a delivery for good, even while it is being sent; return it.

        Raise `NotFound` or `IllegalMove`.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is State.SENDING:
            await self._call_off(delivery.id)
            delivery = await self._store.delivery(delivery_id)
        if delivery.state is State.UNKNOWN or delivery.hold == Hold.UNKNOWN:
            reason = f"{reason}; it may be published all the same, so look on the account"
        return await self._move(delivery, State.CANCELLED, LogEvent.CANCELLED, reason=reason)

    async def _held(self, delivery_id: str, hold: str, verb: str) -> Delivery:
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.HELD:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a held one can be {verb}"
            )
        if hold and delivery.hold != hold:
            raise IllegalMove(f"delivery {delivery.number} is held for {delivery.hold}, not {hold}")
        return delivery

    async def _all(
        self, hold: str, recipe: str, subject: str, do: Callable[[str], Awaitable[Delivery]]
    ) -> Sequence[Delivery]:
        which = DeliveryFilter(
            states=frozenset({State.HELD}), hold=hold, recipe=recipe, subject=subject, limit=BATCH
        )
        moved: dict[str, Delivery] = {}
        refused: dict[str, str] = {}
        while True:
            held = [one.id for one in await self._store.deliveries(which)]
            fresh = [one for one in reversed(held) if one not in moved and one not in refused]
            if not fresh:
                break
            # Run these at the same time, so that they share commits.
            ended = await asyncio.gather(*map(do, fresh), return_exceptions=True)
            for delivery_id, result in zip(fresh, ended, strict=True):
                if isinstance(result, IllegalMove | NotFound):
                    refused[delivery_id] = str(result)
                elif isinstance(result, BaseException):
                    raise result
                else:
                    moved[delivery_id] = result
        _complain(len(moved), list(refused.values()))
        return list(moved.values())

    async def _move(
        self, delivery: Delivery, target: State, said: LogEvent, *, reason: str = "", hold: str = ""
    ) -> Delivery:
        await self._store.move(delivery.id, target, self._clock.now(), reason=reason, hold=hold)
        return await self._moved(delivery.id, said)

    async def _moved(self, delivery_id: str, said: LogEvent) -> Delivery:
        """Tell the parts of the engine concerned what happened to a delivery."""
        moved = await self._store.delivery(delivery_id)
        self._upkeep.watch(moved)
        lane = self._lanes.get(moved.channel)
        if lane is not None:
            lane.queued()
        if moved.state not in OPEN:
            self._runs.nudge(moved)
        self._report.moved(said, moved)
        return moved


def _complain(moved: int, refused: Sequence[str]) -> None:
    if refused:
        raise IllegalMove(f"{moved} done, {len(refused)} left as they were; {refused[0]}")


def _asked(book: Book, event: Event) -> Sequence[Recipe]:
    """Return the recipes that an event could be for, and as many others as `skipped` runs are kept for."""
    asked = book.for_event(event)
    others = islice(book.others(event, asked), max(0, KEPT - len(asked)))
    return sorted([*asked, *others], key=attrgetter("name"))
