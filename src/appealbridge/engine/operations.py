"""What people can do with deliveries: release, confirm, retry, cancel and replay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import islice
from operator import attrgetter

from appealbridge.engine.approvals.acceptances import RecipeAcceptances
from appealbridge.engine.approvals.answers import Answers
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.attempt import Attempts
from appealbridge.engine.delivery.gate import content_hash
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.sanitize import sanitized_receipt
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.arrival import KEPT
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.runs.replays import Replayed, replay, under
from appealbridge.engine.runs.runs import EVERYTHING, of_event
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor
from appealbridge.model.audit import Act, Decision
from appealbridge.model.delivery import CONFIRMED_BY_A_PERSON, Delivery, Hold, Kind, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.event import Event
from appealbridge.model.receipt import Receipt
from appealbridge.model.withdrawal import CONFIRMED
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.quiet_hours import REASON as QUIET
from appealbridge.store.base import Store
from appealbridge.store.records import DeliveryFilter, Settlement

BATCH = 500
"""How many deliveries are changed before the store is read again."""

MOST_OF_A_SUBJECT = 1000
"""How many of the newest deliveries are asked whether an address is theirs."""

TOGETHER = (Hold.BURST, Hold.SAME_TEXT, Hold.DAILY_CAP, Hold.UNDATED)
"""Holds that can be released all at once. Approvals and unclear outcomes need a decision for each delivery."""


class Operations:
    """The operator's commands. Each changes the state of deliveries for an `Actor` and is logged."""

    def __init__(
        self,
        context: EngineContext,
        queue: RunQueue,
        guard: Guard,
        attempts: Attempts,
        answers: Answers,
        acceptances: RecipeAcceptances,
    ) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._queue = queue
        self._guard = guard
        self._attempts = attempts
        self._answers = answers
        self._acceptances = acceptances

    async def release(self, delivery_id: str, actor: Actor, only: str = "") -> Delivery:
        """
        Release a held delivery, if `only` is given only if it is held for that reason; return it.

        Raise `NotFound`, or `IllegalMove` where it is not held or is not what was planned.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is State.READY and delivery.reason.startswith(QUIET) and not only:
            await self._store.send_now(delivery.id, self._context.decision(actor, Act.RELEASE))
            return await self._moved(delivery.id, LogEvent.RELEASED, actor)
        delivery = await self._held(delivery_id, only, "released")
        if content_hash(delivery.content) != delivery.content_hash:
            raise IllegalMove(
                f"delivery {delivery.number}: its content is not what was planned and approved; cancel it"
            )
        if delivery.kind is Kind.WITHDRAW and not delivery.target:
            decision = self._context.decision(actor, Act.RELEASE)
            await self._store.carry_out(delivery.id, self._clock.now(), decision)
            return await self._moved(delivery.id, LogEvent.WITHDRAWAL, actor)
        if Hold.APPROVAL in delivery.holds and only in ("", Hold.APPROVAL):
            delivery = await self._answers.release(delivery, actor)
            if delivery.state is not State.HELD:
                return await self._moved(delivery.id, LogEvent.RELEASED, actor)
        cleared = self._releasable(delivery, only)
        # A delivery that a person released beyond its cap must not be held again by the same cap.
        hold_after = delivery.hold if delivery.hold in (Hold.DAILY_CAP, Hold.EDITED_BY_HAND) else ""
        decision = self._context.decision(actor, Act.RELEASE)
        await self._store.clear_holds(
            delivery.id, cleared, decision.at, hold=hold_after, decision=decision
        )
        return await self._moved(delivery.id, LogEvent.RELEASED, actor)

    def _releasable(self, delivery: Delivery, only: str) -> list[str]:
        """Return the holds that a release clears; raise `IllegalMove` if only an acceptance clears them."""
        holds = [only] if only else delivery.holds
        if not self._acceptances.enforced:
            return holds
        cleared = [each for each in holds if each != Hold.ACCEPTANCE]
        if not cleared:
            raise IllegalMove(
                f"delivery {delivery.number} waits until an admin accepts recipe {delivery.recipe}, which no release "
                f"replaces: appealbridge recipes accept {delivery.recipe}"
            )
        return cleared

    async def release_all(
        self, hold: str, actor: Actor, *, recipe: str = "", subject: str = ""
    ) -> Sequence[Delivery]:
        """
        Release all deliveries held for one reason, perhaps only of one recipe or subject; return them.

        Raise `ValueError` for a hold that needs a decision for each delivery, and `IllegalMove` if some could not be
        released, after all others were.
        """
        if hold not in TOGETHER:
            raise ValueError(
                f"hold: only {', '.join(TOGETHER)} can be released all at once, not {hold!r}; look at "
                "each of the others, and release it by its number"
            )
        return await self._all(
            hold, recipe, subject, lambda each: self.release(each, actor, only=hold)
        )

    async def cancel_all(
        self, hold: str, reason: str, actor: Actor, *, recipe: str = "", subject: str = ""
    ) -> Sequence[Delivery]:
        """Cancel all deliveries held for one reason. The rest is as for `release_all`."""
        if hold not in {*Hold}:
            raise ValueError(f"hold: one of {', '.join(Hold)}, not {hold!r}")

        async def cancel(delivery_id: str) -> Delivery:
            held = await self._held(delivery_id, hold, "cancelled")
            decision = self._context.decision(actor, Act.CANCEL, reason)
            return await self._move(held, State.CANCELLED, LogEvent.CANCELLED, decision, reason)

        return await self._all(hold, recipe, subject, cancel)

    async def retry(self, delivery_id: str, actor: Actor) -> Delivery:
        """Retry a failed delivery; return it. Raise `NotFound`, or `IllegalMove` if it has not failed."""
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.FAILED:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a failed one can be retried"
            )
        await self._guard.repeats_text(delivery, self._clock.now())  # remembers its text
        decision = self._context.decision(actor, Act.RETRY)
        return await self._move(delivery, State.READY, LogEvent.RELEASED, decision)

    async def retry_all(self, since: float | None, actor: Actor) -> Sequence[Delivery]:
        """
        Retry every failed delivery planned since a time (Unix seconds); return them, newest first.

        Raise `IllegalMove` if another delivery with the same text came since, after all others were retried.
        """
        which = DeliveryFilter(states=frozenset({State.FAILED}), since=since, limit=BATCH)
        moved: dict[str, Delivery] = {}
        left: dict[str, str] = {}
        while True:
            failed = await self._store.deliveries(which)
            # A delivery that has failed again meanwhile is not retried twice.
            fresh = [each for each in failed if each.id not in moved and each.id not in left]
            if not fresh:
                break
            for delivery in fresh:
                same = await self._guard.repeats_text(delivery, self._clock.now())
                if same:
                    left[delivery.id] = (
                        f"delivery {delivery.number}: {same}; `appealbridge retry {delivery.number}` "
                        "retries it all the same"
                    )
                else:
                    moved[delivery.id] = await self.retry(delivery.id, actor)
        _complain(len(moved), list(left.values()))
        return list(moved.values())

    async def replay(
        self, book: Book, event_id: str, actor: Actor, *, recipe: str = "", dry_run: bool = False
    ) -> Sequence[Replayed]:
        """
        Run an event again through the recipes in force, or one of them; return the result of each.

        Nothing is published twice on a channel. With `dry_run` no run begins. Raise `NotFound`, or
        `IllegalMove` if the content of the event was removed.
        """
        event = await self._store.event(event_id)
        _require_content(event)
        if recipe and recipe not in book.recipes:
            raise NotFound(f"recipe {recipe}: no recipe of this name is in force")
        recipes = [book.recipes[recipe]] if recipe else _concerned(book, event)
        now = self._clock.now()
        runs = await self._store.runs(event_id=event_id, limit=EVERYTHING)
        everything = await self._store.deliveries(of_event(event_id))
        planner = self._context.planner
        results = await planner.in_thread(
            replay, event, recipes, runs, everything, now, actor, planner.budget()
        )
        if event.subject:
            results = under(await self._store.withdrawals(event.subject, EVERYTHING), results)
        waits = {each.run.id for each in results if each.run and book.recipes[each.recipe].waits}
        if not dry_run and (matching := [each.run for each in results if each.run]):
            decision = self._context.decision(actor, Act.REPLAY)
            begun = await self._store.run_again(matching, waits, decision)
            self._queue.accepted(begun, woken=True)
            named = ", ".join(run.recipe for run in begun)
            self._context.report.info(
                LogEvent.REPLAYED, event_id=event.id, recipes=named, by=str(actor)
            )
        return results

    async def confirm(self, delivery_id: str, url: str, actor: Actor) -> Delivery:
        """
        Record a person's statement that a delivery held as unknown is published at `url`; return it.

        Of a removal, it is the statement that the post is gone, or that all is done that can be. Raise `NotFound`, or
        `IllegalMove` where its outcome is known or the address belongs to another delivery of its subject.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.kind is Kind.WITHDRAW:
            return await self._confirm_removed(delivery, actor)
        if delivery.state is not State.HELD or delivery.hold != Hold.UNKNOWN:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only one that is held because "
                f"nobody knows whether it went out can be confirmed{await self._removal_to_confirm(delivery)}"
            )
        lane = self._context.lanes.get(delivery.channel)
        receipt = await _receipt_at(self._store, lane, url, delivery)
        await self._confirm(delivery, actor, CONFIRMED_BY_A_PERSON, receipt)
        return await self._moved(delivery.id, LogEvent.DELIVERED, actor)

    async def _confirm(
        self, held: Delivery, actor: Actor, reason: str, receipt: Receipt | None = None
    ) -> None:
        settlement = Settlement(
            delivery_id=held.id,
            source=State.HELD,
            target=State.DELIVERED,
            at=self._clock.now(),
            receipt=receipt,
            reason=reason,
        )
        await self._store.confirm(settlement, self._context.decision(actor, Act.CONFIRM))

    async def _removal_to_confirm(self, post: Delivery) -> str:
        """Return that a person may confirm the removal of a post instead; empty if nobody can."""
        for each in await self._store.removals(post.subject):
            if each.post.id == post.id and each.removal.state is State.HELD:
                return f"; its removal is no. {each.removal.number}: appealbridge confirm {each.removal.number}"
        return ""

    async def _confirm_removed(self, removal: Delivery, actor: Actor) -> Delivery:
        if removal.state is State.DELIVERED:
            raise IllegalMove(
                f"delivery {removal.number}: its post is removed or confirmed already"
            )
        if removal.state is not State.HELD:
            raise IllegalMove(
                f"delivery {removal.number} is {removal.state.value}; only a removal that waits for a "
                "person can be confirmed"
            )
        reason = f"{CONFIRMED}{actor.shown or 'a person'} ({removal.reason})"
        await self._confirm(removal, actor, reason)
        return await self._moved(removal.id, LogEvent.WITHDRAWN, actor)

    async def cancel(self, delivery_id: str, reason: str, actor: Actor) -> Delivery:
        """
        Cancel a delivery for good, even while it is being sent; return it.

        Raise `NotFound` or `IllegalMove`.
        """
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is State.SENDING:
            await self._attempts.call_off(delivery.id)
            delivery = await self._store.delivery(delivery_id)
        decision = self._context.decision(actor, Act.CANCEL, reason)
        if delivery.state is State.UNKNOWN or delivery.hold == Hold.UNKNOWN:
            reason = f"{reason}; it may be published all the same, so check the account"
        return await self._move(delivery, State.CANCELLED, LogEvent.CANCELLED, decision, reason)

    async def _held(self, delivery_id: str, hold: str, verb: str) -> Delivery:
        delivery = await self._store.delivery(delivery_id)
        if delivery.state is not State.HELD:
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only a held one can be {verb}"
            )
        if hold and hold not in delivery.holds:
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
            held = [delivery.id for delivery in await self._store.deliveries(which)]
            fresh = [each for each in reversed(held) if each not in moved and each not in refused]
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
        self,
        delivery: Delivery,
        target: State,
        event: LogEvent,
        decision: Decision,
        reason: str = "",
    ) -> Delivery:
        now = self._clock.now()
        await self._store.move(delivery.id, target, now, reason=reason, decision=decision)
        return await self._moved(delivery.id, event, decision.actor)

    async def _moved(self, delivery_id: str, event: LogEvent, actor: Actor) -> Delivery:
        """Tell the parts of the engine concerned what happened to a delivery."""
        moved = await self._store.delivery(delivery_id)
        self._answers.tell(moved, event, actor)
        return moved


def _complain(moved: int, refused: Sequence[str]) -> None:
    if refused:
        raise IllegalMove(f"{moved} done, {len(refused)} left as they were; {refused[0]}")


async def _receipt_at(store: Store, lane: Lane | None, url: str, delivery: Delivery) -> Receipt:
    """
    Return the receipt of a delivery that a person saw at an address; raise `IllegalMove` if it cannot be there.

    An edit is where its post is. Any other post has an address of its own, and copies of the same words are easily
    mixed up.
    """
    if delivery.is_edit:
        post = await store.delivery(delivery.target)
        if post.receipt is None or (url and not _is_at(url, post.receipt)):
            raise IllegalMove(
                f"delivery {delivery.number} edits the post of no. {post.number}, and can only be there; confirm it "
                "without an address, or cancel it"
            )
        return post.receipt
    others = DeliveryFilter(
        channel=delivery.channel, subject=delivery.subject, limit=MOST_OF_A_SUBJECT
    )
    for each in await store.deliveries(others) if url else ():
        if each.receipt and each.id != delivery.id and _is_at(url, each.receipt):
            raise IllegalMove(
                f"{url} is the post of delivery {each.number}; give the address of the post of no. {delivery.number}. "
                f"If there is only one post, release no. {delivery.number} to send it, or cancel it"
            )
    known = None if lane is None else lane.channel.known_receipt(lane.account, delivery)
    return Receipt(id=url, url=url) if known is None else replace(sanitized_receipt(known), url=url)


def _is_at(url: str, receipt: Receipt) -> bool:
    """Return whether a post is at an address, which ends with its id or is its own."""
    url = url.rstrip("/")
    return receipt.id in (url, url.rpartition("/")[2]) or (receipt.url or "").rstrip("/") == url


def _require_content(event: Event) -> None:
    if event.removed:
        raise IllegalMove(
            f"event {event.id}: its content was removed when its retention was over, and it cannot be run again"
        )


def _concerned(book: Book, event: Event) -> Sequence[Recipe]:
    """Return the recipes that an event could be for, and as many others as the reason is kept for."""
    matching = book.for_event(event)
    others = islice(book.others(event, matching), max(0, KEPT - len(matching)))
    return sorted([*matching, *others], key=attrgetter("name"))
