"""What people answer to questions: approve, reject, ask for changes, edit, and take an approval back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from appealbridge.engine.approvals.questions import AskedDelivery, Questions, waits
from appealbridge.engine.context import EngineContext
from appealbridge.engine.runs.queue import RunQueue
from appealbridge.engine.upkeep.expiry import ExpiryTimer
from appealbridge.logs import LogEvent
from appealbridge.model.actor import Actor
from appealbridge.model.approval import (
    AnswerKind,
    ApprovalQuestion,
    Revision,
    is_hash_of,
)
from appealbridge.model.audit import Act
from appealbridge.model.delivery import OPEN, Delivery, Kind, State
from appealbridge.model.errors import IllegalMove, StaleRevision
from appealbridge.recipes.planning.approval_policy import chosen_time, due, refusal
from appealbridge.recipes.planning.editing import edited
from appealbridge.store.approvals import PersonsAnswer

_ACTS = {
    AnswerKind.APPROVE: Act.APPROVE,
    AnswerKind.REJECT: Act.REJECT,
    AnswerKind.CHANGES: Act.ASK_CHANGES,
}
_LOGGED = {
    AnswerKind.APPROVE: LogEvent.APPROVED,
    AnswerKind.REJECT: LogEvent.CANCELLED,
    AnswerKind.CHANGES: LogEvent.CHANGES_ASKED,
}


class Answers:
    """
    The answers of people. Each is stored with its entry in the audit trail, in one transaction.

    `hash` is that of the revision that was shown (`AskedDelivery.newest.hash`), or its first characters. If
    something else waits by now, `StaleRevision` is raised: the API answers 409, with the `difference`. Somebody who may
    not answer gets `IllegalMove` with the reason; `why_not` tells it before.
    """

    def __init__(
        self,
        context: EngineContext,
        questions: Questions,
        queue: RunQueue,
        expiry_timer: ExpiryTimer,
    ) -> None:
        self._context = context
        self._store = context.store
        self._questions = questions
        self._queue = queue
        self._expiry_timer = expiry_timer

    async def why_not(
        self, actor: Actor, item: AskedDelivery, kind: AnswerKind = AnswerKind.APPROVE
    ) -> str:
        """Return why somebody may not approve a delivery, or not answer it so, empty if they may."""
        question = await self._store.question(item.newest.question)
        return self._refusal(actor, question, item.newest, kind)

    async def may_reject(self, actor: Actor, item: AskedDelivery, why_not: str) -> bool:
        """Return whether somebody may reject a delivery; `why_not` says why they may not approve it."""
        if not item.waits or not why_not:  # whoever may approve may reject
            return item.waits
        return not await self.why_not(actor, item, AnswerKind.REJECT)

    async def answer(
        self,
        delivery_id: str,
        hash_: str,
        actor: Actor,
        kind: AnswerKind,
        *,
        reason: str = "",
        at: str = "",
    ) -> Delivery:
        """
        Answer what is asked about a delivery, with all that follows in its thread; return it.

        Once approved, it waits a few seconds, in which the approval can be taken back. `at` is a time in the zone of
        the settings, such as `18:30` or `2026-11-27 18:30`: it does not go out before. Rejected, it is cancelled. If
        changes are asked for, it waits on, and shows what is asked for. Raise `ValueError` if that time has passed,
        does not exist, or is too late, or if a rejection or a wish has no `reason`.
        """
        (delivery,) = await self._answer([(delivery_id, hash_)], actor, kind, reason, at=at)
        return delivery

    async def answer_all(
        self,
        number: int,
        hash_: str,
        actor: Actor,
        kind: AnswerKind,
        *,
        reason: str = "",
        at: str = "",
    ) -> Sequence[Delivery]:
        """
        Answer all that waits of a question together: all of it or nothing. Return the deliveries.

        `hash_` is `hash_of` what the person was shown.
        """
        await self._questions.catch_up()
        _, everything = await self._questions.with_deliveries(number)
        waiting = [each for each in everything if each.waits]
        if not waiting:
            raise IllegalMove(f"question {number}: nothing of it waits for an answer any more")
        if hash_ != hash_of(waiting):
            changes = [change for each in everything for change in each.difference]
            raise StaleRevision(
                f"question {number}: something of it has changed since it was shown; look at it again",
                changes,
            )
        pairs = [(each.delivery.id, each.newest.hash) for each in waiting]
        return await self._answer(pairs, actor, kind, reason, at=at)

    async def edit(
        self, delivery_id: str, hash_: str, changes: Mapping[str, Any], actor: Actor
    ) -> Revision:
        """
        Save a new revision of a delivery that waits for approval, and ask again; return it.

        `changes` are options of its message, such as `text`. A later post of a thread is edited by its own id, with the
        hash of its revision, which is that of the whole thread. Whoever edits it cannot approve it any more. Raise
        `ValueError` if the platform would not accept the message.
        """
        post = await self._store.delivery(delivery_id)
        item = await self._asked((await self.first(post)).id, hash_)
        delivery = item.delivery
        if not waits(delivery):
            raise IllegalMove(
                f"delivery {delivery.number} is {delivery.state.value}; only what waits for approval can be edited"
            )
        bound_account = self._questions.active.channels.get(delivery.channel)
        if bound_account is None or delivery.kind is Kind.WITHDRAW:
            raise IllegalMove(f"delivery {delivery.number} cannot be edited; reject it instead")
        content = edited(post.content, changes, bound_account.channel, bound_account.account)
        if content == post.content:
            raise IllegalMove(f"delivery {post.number}: this changes nothing")
        new = _with_content(post, content)
        authors = [*item.newest.authors, *([actor.person] if actor.person else [])]
        why = f"{actor.shown or 'somebody'} edited it"
        root = new if new.id == delivery.id else await self._with_part(delivery, new)
        revision = await self._questions.revision(
            root, item.newest.number + 1, authors, why, changed=new
        )
        decision = self._context.decision(actor, Act.EDIT)
        contents = {root.id: root.content, new.id: new.content}
        await self._store.revise(revision, contents, decision)
        self.tell(await self._store.delivery(delivery.id), LogEvent.EDITED, actor)
        self._context.alarms.news.set()
        return revision

    async def take_back(self, delivery_id: str, actor: Actor) -> Delivery:
        """Take back an approval, until the post is being sent; return the delivery, which waits again."""
        delivery = await self._store.take_back(
            delivery_id, self._context.decision(actor, Act.TAKE_BACK)
        )
        self.tell(delivery, LogEvent.APPROVAL_TAKEN_BACK, actor)
        return delivery

    async def release(self, delivery: Delivery, actor: Actor) -> Delivery:
        """
        Approve a delivery as it is now, without a look at the hash; return it. Only one desk may do that.

        Raise `IllegalMove` if the settings name people.
        """
        if not self._questions.active.roster.one_desk:
            raise IllegalMove(
                f"delivery {delivery.number} waits for approval, which no release replaces: "
                f"appealbridge approve {delivery.number}"
            )
        await self._questions.catch_up()
        deliveries = await self._questions.about([delivery])
        if not deliveries:
            raise IllegalMove(
                f"delivery {delivery.number}: its content is not what was planned and approved; cancel it"
            )
        reply = PersonsAnswer(
            delivery_id=delivery.id,
            hash=deliveries[0].newest.hash,
            kind=AnswerKind.APPROVE,
            due_at=self._context.clock.now(),
        )
        (released,) = await self._store.answer([reply], self._context.decision(actor, Act.RELEASE))
        return released

    async def _answer(
        self,
        pairs: Sequence[tuple[str, str]],
        actor: Actor,
        kind: AnswerKind,
        reason: str = "",
        *,
        at: str = "",
    ) -> Sequence[Delivery]:
        reason = self._context.clean(reason).strip()
        approves = kind is AnswerKind.APPROVE
        if not approves and not reason:
            raise ValueError("reason: say why, so that whoever wrote it knows what to do")
        now, active = self._context.clock.now(), self._questions.active
        chosen = chosen_time(at, now, active.zone) if at and approves else None
        replies = []
        for delivery_id, hash_ in pairs:
            item = await self._asked(delivery_id, hash_)
            question = await self._store.question(item.newest.question)
            if why := self._refusal(actor, question, item.newest, kind):
                raise IllegalMove(f"delivery {item.delivery.number}: {why}")
            due_at = now
            if approves:
                due_at = due(now, chosen, active.approvals, item.delivery, active.zone)
            replies.append(
                PersonsAnswer(
                    delivery_id=item.delivery.id,
                    hash=item.newest.hash,
                    kind=kind,
                    due_at=due_at,
                    publish_at=chosen,
                    reason=reason,
                )
            )
        answered = await self._store.answer(replies, self._context.decision(actor, _ACTS[kind]))
        for delivery in answered:
            self.tell(delivery, _LOGGED[kind], actor)
        return answered

    async def _asked(self, delivery_id: str, hash_: str) -> AskedDelivery:
        """Return what is asked about a delivery now; raise `StaleRevision` if that is not what was shown."""
        if not hash_:
            raise ValueError("hash: say which revision you have seen; a listing shows its hash")
        await self._questions.catch_up()
        delivery = await self._store.delivery(delivery_id)
        await self._questions.refresh(delivery)
        items = await self._questions.about([delivery])
        if not items or (delivery.follows and not waits(delivery)):
            state = delivery.state.value
            raise IllegalMove(
                f"delivery {delivery.number} is {state}; it does not wait for approval"
            )
        (item,) = items
        if not is_hash_of(hash_, item.newest):
            seen = next((each for each in item.revisions if is_hash_of(hash_, each)), None)
            raise StaleRevision(
                f"delivery {delivery.number}: this is not what waits for approval now, which is revision "
                f"{item.newest.number} ({item.newest.hash[:12]}); look at it again",
                await self._questions.changes(delivery, seen, item.newest),
            )
        return item

    async def _with_part(self, first: Delivery, part: Delivery) -> Delivery:
        """Return the first post of a thread with the new text of a later one, which its message lists too."""
        whole = orjson.loads(first.content)
        ids = [each.id for each in await self._store.thread(first.id)]
        listed = whole.get("thread")
        place = ids.index(part.id) if part.id in ids else -1
        if not isinstance(listed, list) or not 0 <= place < len(listed):
            return first
        listed[place] = orjson.loads(part.content).get("text", listed[place])
        content = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS).decode()
        return _with_content(first, content)

    async def first(self, post: Delivery) -> Delivery:
        """Return the first post of the thread that waits with this one, or the post itself."""
        while post.follows and post.state is State.PLANNED:
            post = await self._store.delivery(post.follows)
        return post

    def _refusal(
        self, actor: Actor, question: ApprovalQuestion, revision: Revision, kind: AnswerKind
    ) -> str:
        active = self._questions.active
        escalated = self._questions.escalated(question)
        return refusal(actor, question, revision, active.roster, escalated, kind)

    def tell(self, delivery: Delivery, event: LogEvent, actor: Actor) -> None:
        """Tell the parts of the engine concerned what became of a delivery that a person changed."""
        self._questions.on_answer()
        self._expiry_timer.on_waiting(delivery)
        if delivery.kind is Kind.WITHDRAW:
            self._context.lanes.on_waiting(delivery)
            self._queue.wake.set()
        else:
            self._context.lanes.queued(delivery)
        if delivery.state is State.PLANNED:
            self._context.to_prepare.set()
        if delivery.state not in OPEN:
            self._queue.ended(delivery)
        self._context.report.moved(event, delivery, actor)


def hash_of(waiting: Sequence[AskedDelivery]) -> str:
    """Return the hash of all that waits of a question, for an answer to all of it."""
    together = " ".join(each.newest.hash for each in waiting)
    return hashlib.sha256(together.encode()).hexdigest()


def _with_content(delivery: Delivery, content: str) -> Delivery:
    return replace(
        delivery, content=content, content_hash=hashlib.sha256(content.encode()).hexdigest()
    )
