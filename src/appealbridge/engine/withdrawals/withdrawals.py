"""Takes back what was published about a subject, or one post: one function for people, the API and recipes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from appealbridge.engine.context import EngineContext
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.supervise import repeat
from appealbridge.engine.withdrawals.outcome import task
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor
from appealbridge.model.audit import Act, Decision
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.notice import Alarm
from appealbridge.model.withdrawal import OUTSTANDING_LIMIT, REASON_LIMIT, Withdrawal
from appealbridge.plugin.published import Removes
from appealbridge.store.records import DeliveryFilter, Removal, WithdrawalOrder, Withdrawn

EVERY = 60.0
"""After how many seconds it is looked again for removals that have become tasks for a person."""

OF_SUBJECT = 1000
"""How many deliveries about a subject are searched for a channel that is no longer in the settings."""

_OF_THE_STORE = (Alarm.WITHDRAWN_SUBJECT, Alarm.LEFT_UP)

BATCH = 500
"""How many removals are made tasks before the store is read again."""

GONE = "its account is no longer in appealbridge.yaml"
TOO_LONG = "it could not be removed for 30 days"


class Withdrawals:
    """Withdraws, lifts withdrawals, and hands what does not succeed by itself to a person."""

    def __init__(self, context: EngineContext, queue: RunQueue) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._queue = queue
        self._wake = asyncio.Event()

    async def subject(
        self,
        subject: str,
        reason: str,
        actor: Actor,
        *,
        channels: Collection[str] = (),
        dry_run: bool = False,
    ) -> Withdrawn:
        """
        Withdraw everything about a subject of all origins, perhaps only on some channels; return what that does.

        Without `channels`, nothing about the subject is published until the withdrawal is lifted. With `dry_run`,
        nothing is changed. Raise `NotFound` if no event was about the subject, and `ValueError` for a channel that is
        neither in the settings nor has anything about the subject.
        """
        if not subject or not await self._store.events(subject=subject, limit=1):
            similar = await self._store.similar_subjects(subject) if subject else ()
            hint = (
                f"is it {' or '.join(map(repr, similar))}?"
                if similar
                else "`appealbridge events` lists them; what their retention has removed can only be removed by hand"
            )
            raise NotFound(f"subject {subject!r}: no event in the store is about it; {hint}")
        withdrawal = Withdrawal(
            subject=subject,
            reason=reason,
            by=str(actor),
            at=self._clock.now(),
            whole=not channels,
        )
        await self._require_channels(subject, channels)
        order = WithdrawalOrder(withdrawal=withdrawal, channels=channels)
        decision = self._context.decision(actor, Act.WITHDRAW, reason)
        return await self._withdraw(order, decision, dry_run=dry_run)

    async def post(
        self, delivery_id: str, reason: str, actor: Actor, *, dry_run: bool = False
    ) -> Withdrawn:
        """
        Withdraw one delivery, by its id or number; return what that does.

        Raise `NotFound`, or `IllegalMove` if it is not published and does not wait.
        """
        try:
            post = await self._store.delivery(delivery_id)
        except NotFound as error:
            if not delivery_id.isdecimal():
                raise
            raise NotFound(f"{error}; if {delivery_id} is a subject, add --subject") from None
        withdrawal = Withdrawal(
            subject=post.subject,
            target=post.id,
            whole=False,
            reason=reason,
            by=str(actor),
            at=self._clock.now(),
        )
        decision = self._context.decision(
            actor,
            Act.WITHDRAW,
            reason,
            event_id=post.event_id,
            content_hash=post.content_hash,
        )
        order = WithdrawalOrder(withdrawal=withdrawal)
        return await self._withdraw(order, decision, dry_run=dry_run)

    async def lift(self, number: int, actor: Actor) -> Withdrawal:
        """End a withdrawal; raise `NotFound`, or `IllegalMove` if it is lifted already."""
        decision = self._context.decision(actor, Act.LIFT)
        lifted = await self._store.lift(number, str(actor), decision.at, decision)
        self._context.report.withdrawal(LogEvent.LIFTED, lifted)
        return lifted

    async def similar(self, result: Withdrawn) -> Sequence[str]:
        """Return the subjects that a person may have meant whose withdrawal found nothing to take back."""
        if affected(result):
            return ()
        return await self._store.similar_subjects(result.withdrawal.subject)

    async def still_removing(self, lifted: Withdrawal) -> Sequence[Removal]:
        """Return the removals of a withdrawal that go on although it is lifted."""
        removals = await self._store.removals(lifted.subject)
        return [
            each
            for each in removals
            if each.removal.state in OPEN and each.withdrawal == lifted.number
        ]

    async def run(self) -> None:
        """Make tasks of removals that cannot go on by themselves, until cancelled."""
        await repeat(self._context, "withdrawals", self._round, self._wake)

    async def _round(self) -> float:
        await self._make_tasks()
        # The store raises these alarms itself, in the transactions in which it withdraws or cancels.
        if any(sort.kind in _OF_THE_STORE for sort in await self._store.news()):
            self._context.alarms.news.set()
        return self._clock.now() + EVERY

    def can_remove(self, channel: str) -> bool:
        """Return whether a post on a channel can be removed at all, and is not a task for a person at once."""
        lane = self._context.lanes.get(channel)
        return lane is not None and isinstance(lane.channel, Removes)

    async def _require_channels(self, subject: str, channels: Collection[str]) -> None:
        lanes = self._context.lanes
        if unknown := {*channels} - {*lanes}:
            which = DeliveryFilter(subject=subject, limit=OF_SUBJECT)
            unknown -= {each.channel for each in await self._store.deliveries(which)}
        for channel in sorted(unknown):
            raise ValueError(
                f"channels: {channel!r} is not a channel; known: {', '.join(sorted(lanes))}"
            )

    async def _withdraw(
        self, order: WithdrawalOrder, decision: Decision, *, dry_run: bool
    ) -> Withdrawn:
        reason = order.withdrawal.reason
        if not reason.strip():
            raise ValueError("reason: say why it is withdrawn")
        if len(reason) > REASON_LIMIT:
            raise ValueError(
                f"reason: at most {REASON_LIMIT} characters, not {len(reason)}; say it in fewer words"
            )
        if dry_run:
            return await self._store.would_withdraw(order)
        result = await self._store.withdraw(order, decision)
        self.stored(result)
        return result

    def stored(self, result: Withdrawn) -> None:
        """Let what a stored withdrawal causes begin."""
        self._context.report.withdrawal(LogEvent.WITHDRAWAL, result.withdrawal)
        for delivery in (*result.cancelled, *result.removing, *result.awaited):
            self._context.lanes.queued(delivery)
        for delivery in result.cancelled:
            self._queue.ended(delivery)
        if result.tasks:
            self._context.alarms.news.set()
        self._wake.set()

    async def _make_tasks(self) -> None:
        now, lanes = self._clock.now(), self._context.lanes
        while stuck := await self._store.stuck_removals([*lanes], now - OUTSTANDING_LIMIT, BATCH):
            for each in stuck:
                reason = GONE if each.removal.channel not in lanes else TOO_LONG
                await self._make_task(each, reason, now)
            if len(stuck) < BATCH:
                return

    async def _make_task(self, each: Removal, reason: str, now: float) -> None:
        reason = task(reason, each.post.receipt)
        try:
            held = await self._store.move(
                each.removal.id, State.HELD, now, hold=Hold.CANNOT_REMOVE, reason=reason
            )
        except (IllegalMove, NotFound):
            return  # it has gone on meanwhile
        self._context.report.on_held([held])
        self._context.alarms.on_held([held])


def affected(result: Withdrawn) -> Sequence[Delivery]:
    """Return all deliveries that a withdrawal is about, newest first."""
    everything = (*result.cancelled, *result.removing, *result.awaited, *result.tasks)
    return sorted(everything, key=lambda delivery: -delivery.number)
