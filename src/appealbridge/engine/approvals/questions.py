"""
Asks people about what waits for approval, and checks before each send that what they approved is what goes out.

Every delivery that is held for approval, however it came to be, gets a revision with a hash over all that is asked, and
a question with the other deliveries of its run. That is done after the delivery is stored, so that what needs no
approval costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from appealbridge.engine.active import ActiveConfiguration, Configured
from appealbridge.engine.approvals.duties import asked_first, writers_of
from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.gate import GO, Verdict, content_hash
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.engine.supervise import repeat
from appealbridge.logs import LogEvent
from appealbridge.model.approval import (
    Answer,
    ApprovalQuestion,
    Revision,
    bound,
    differences,
)
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import DeliveryError, NotFound, StoreError, TryAgain
from appealbridge.model.event import authors_of
from appealbridge.model.notice import Alarm
from appealbridge.model.run import Run
from appealbridge.model.value import value
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.planning.approval_policy import account_of, approvers

MOST_OPEN = 10_000
"""How many open questions are looked at."""

BATCH = 200
"""How many deliveries are asked about at a time."""

ESCALATED = 3
"""The level of a question from which on more people may answer: it was asked, reminded of, and passed on."""

REMINDED = 2
"""The level of a question from which on not only those on duty are asked."""

BY = "by"
"""The key of a trace entry with the person who caused a run."""


@value(kw_only=True)
class AskedDelivery:
    """
    A delivery of a question, for people: its revisions (the newest last) and the answers about it.

    `difference` is what changed since the revision before, as `model.approval.differences` returns it, and empty for
    the first one.
    """

    delivery: Delivery
    revisions: Sequence[Revision]
    answers: Sequence[Answer]

    @property
    def newest(self) -> Revision:
        """What is asked now. Its `hash` goes with every answer and every edit."""
        return self.revisions[-1]

    @property
    def waits(self) -> bool:
        """Whether it waits for an answer."""
        return waits(self.delivery)

    @property
    def difference(self) -> list[dict[str, object]]:
        """What changed since the revision before."""
        if len(self.revisions) < 2:
            return []
        return differences(self.revisions[-2], self.revisions[-1])


def waits(delivery: Delivery) -> bool:
    """Return whether a delivery waits for approval."""
    return delivery.state is State.HELD and Hold.APPROVAL in delivery.holds


class Questions(Configured, OutcomeListener):
    """
    Asks people about what needs approval, and knows the questions.

    A page shows the open questions, and of each `with_deliveries(number)`: what is asked about every delivery. The
    later posts of a thread are answered with the first one.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.unreached: Sequence[int] = ()
        """The open questions that reached nobody."""

    def reconfigure(self, active: ActiveConfiguration) -> None:
        """Use other people, accounts and times."""
        self._active = active
        self._wake.set()

    def on_held(self, deliveries: Sequence[Delivery]) -> None:
        """Ask about them."""
        if any(Hold.APPROVAL in each.hold.split() for each in deliveries):
            self._wake.set()

    def on_waiting(self, delivery: Delivery) -> None:
        """Ask about it."""
        if Hold.APPROVAL in delivery.hold.split():
            self._wake.set()

    def on_result(self, result: Result) -> None:
        """Ask again about what was not sent because its approval does not fit it any more."""
        if Hold.APPROVAL in result.settlement.hold.split():
            self._wake.set()

    async def run(self) -> None:
        """Ask about what waits, until cancelled."""
        await repeat(self._context, "approvals", self._round, self._wake)

    async def _round(self) -> float | None:
        await self.catch_up()
        return await self._keep_asking()

    async def catch_up(self) -> None:
        """Ask about everything that waits for approval and was not asked yet."""
        tried: set[str] = set()
        async with self._one_at_a_time:
            while True:
                unasked = [
                    each for each in await self._store.unasked(BATCH) if each.id not in tried
                ]
                if not unasked:
                    return
                tried |= {each.id for each in unasked}
                for run_id, deliveries in groupby(
                    sorted(unasked, key=attrgetter("run_id", "number")), attrgetter("run_id")
                ):
                    await self._ask(run_id, [*deliveries], "")

    async def _keep_asking(self) -> float | None:
        """Remind people of questions, and let those lapse that nobody answered; return when to go on."""
        now, times = self._clock.now(), self.active.approvals
        for delivery in await self._store.lapse(now):
            self._context.report.warning(
                LogEvent.QUESTION_LAPSED, delivery_id=delivery.id, channel=delivery.channel
            )
            self._context.alarms.news.set()
        open_questions = await self._store.questions(limit=MOST_OPEN)
        for question in open_questions:
            if question.next_at is None or question.next_at > now:
                continue
            level = question.level + 1
            due_after = {1: times.remind_after, 2: times.next_after}.get(level)
            next_at = None if due_after is None else question.asked_at + due_after
            reached = len(await self._reachable(question, level))
            await self._store.asked_again(
                question.number, level=level, next_at=next_at, reached=reached
            )
            self._context.alarms.news.set()
            if not reached and not self.active.roster.one_desk:
                message = f"question {question.number}: nobody who may answer it can be told"
                await self._context.alarms.raise_alarm(Alarm.NOBODY_ASKED, message=message)
        self.unreached = [
            each.number
            for each in await self._store.questions(limit=MOST_OPEN)
            if each.level and not each.reached and not self.active.roster.one_desk
        ]
        return await self._store.next_question()

    async def _reachable(self, question: ApprovalQuestion, level: int) -> list[str]:
        """Return the people who are asked now, can be told, and did not write what is asked."""
        active, routing = self.active, self.active.routing
        names = (
            question.policy,
            *(self.active.approvals.escalate_to if level >= ESCALATED else ()),
        )
        ids: Sequence[str] = [each.id for name in names for each in approvers(name, active.roster)]
        if level < REMINDED:
            ids = await asked_first(self._store, active, [question], ids, self._clock.now())
        wrote = set() if active.practice else await writers_of(self._store, active, question)
        return [
            each.name
            for each in routing.people_named(ids)
            if routing.accounts_for(each) and each.name not in wrote
        ]

    async def refresh(self, delivery: Delivery) -> None:
        """Ask again about a waiting delivery if its account was changed since it was asked."""
        newest = (await self._store.revisions([delivery.id]))[-1:]
        if newest and dict(newest[0].account) != dict(self._account(delivery)):
            async with self._one_at_a_time:
                await self._ask(delivery.run_id, [delivery], "its account was changed")

    def on_answer(self) -> None:
        """Look which questions are still open."""
        self._wake.set()

    def escalated(self, question: ApprovalQuestion) -> Sequence[str]:
        """Return the people and groups who were asked too, because nobody of the policy answered."""
        return self.active.approvals.escalate_to if question.level >= ESCALATED else ()

    async def with_deliveries(self, number: int) -> tuple[ApprovalQuestion, list[AskedDelivery]]:
        """Return a question, and what is asked about each of its deliveries; raise `NotFound`."""
        question = await self._store.question(number)
        return question, await self.about(await self._store.asked_about(number))

    async def about(self, deliveries: Collection[Delivery]) -> list[AskedDelivery]:
        """Return what is asked about deliveries; those about which nothing is asked are left out."""
        ids = [each.id for each in deliveries]
        revisions = await self._store.revisions(ids)
        answers = await self._store.answers(ids)
        return [
            AskedDelivery(
                delivery=delivery,
                revisions=own,
                answers=[each for each in answers if each.delivery_id == delivery.id],
            )
            for delivery in deliveries
            if (own := [each for each in revisions if each.delivery_id == delivery.id])
        ]

    async def changes(
        self, delivery: Delivery, seen: Revision | None, newest: Revision
    ) -> list[dict[str, object]]:
        """Return what changed in a delivery and the posts of its thread since the revision that a person has seen."""
        changes = differences(seen, newest)
        parts = await self.about(await self._store.thread(delivery.id))
        for number, part in enumerate(parts, start=2):
            before = next((r for r in part.revisions if seen and r.number == seen.number), None)
            for change in differences(before, part.newest):
                changes.append({**change, "field": f"post {number}: {change['field']}"})
        return changes

    async def gate(self, lane: Lane, delivery: Delivery) -> Verdict | DeliveryError:
        """Return whether what is about to be sent is what was approved, as it was approved."""
        if not delivery.question:
            return GO
        try:
            approval = await self._store.approval(delivery.id)
        except StoreError as error:
            return TryAgain(f"its approval could not be looked up: {error}")
        if approval is None:
            return Verdict(State.HELD, Hold.APPROVAL, "it has no approval that is in force")
        answer, revision = approval
        account = account_of(lane.account)
        if delivery.content != revision.content:
            return _asked_again("its text was changed")
        if dict(revision.account) != dict(account):
            return _asked_again("its account was changed")
        if not delivery.follows and answer.hash != bound(
            delivery, revision.number, account, revision.thread, revision.publish_at
        ):
            return _asked_again("it was changed")
        return GO

    async def revision(
        self,
        delivery: Delivery,
        number: int,
        authors: Iterable[str],
        why: str = "",
        *,
        changed: Delivery | None = None,
    ) -> Revision:
        """Return a revision of a delivery for the configuration in force; `changed` is a changed post of its thread."""
        account = self._account(delivery)
        thread = [
            changed.content_hash if changed and changed.id == each.id else each.content_hash
            for each in await self._store.thread(delivery.id)
        ]
        return Revision(
            delivery_id=delivery.id,
            number=number,
            content=delivery.content,
            account=account,
            thread=thread,
            publish_by=delivery.publish_by,
            authors=tuple(dict.fromkeys(authors)),
            at=self._clock.now(),
            why=why,
            hash=bound(delivery, number, account, thread),
        )

    async def _ask(self, run_id: str, deliveries: Sequence[Delivery], why: str) -> None:
        now, times = self._clock.now(), self.active.approvals
        run = await self._store.run(run_id)
        runs = [run, *await self._store.corrected_by(run_id)]
        written = [name for each in runs for name in await self._authors(each)]
        known = await self._store.revisions([each.id for each in deliveries])
        revisions = []
        for delivery in deliveries:
            if content_hash(delivery.content) != delivery.content_hash:
                continue  # nobody may be asked about what was not planned
            before = [each for each in known if each.delivery_id == delivery.id]
            authors = [*(name for each in before for name in each.authors), *written]
            number = before[-1].number + 1 if before else 1
            reason = why or (delivery.reason if before else "")
            revisions.append(await self.revision(delivery, number, authors, reason))
        if revisions:
            question = ApprovalQuestion(
                run_id=run_id,
                policy=await self._policy(runs[-1]),
                mode=self.active.mode,
                asked_at=now,
                next_at=now,
                lapses_at=now + times.lapse_after,
            )
            await self._store.ask(question, revisions)

    async def _authors(self, run: Run) -> list[str]:
        """Return who wrote what caused a run, what was written before about its subject, and who ran it again."""
        # What a run plans after a wait may say what later events say.
        authors = await self._store.authors_about(run.event_id, later=bool(run.marks))
        written = [name for author in authors for name in self._names(author)]
        replayed = [str(entry[BY]) for entry in run.trace if entry.get(BY)]
        return [*written, *replayed]

    def _names(self, author: str) -> list[str]:
        """Return who wrote an event: whom it names, and the person to whom its file belongs."""
        named, uid = authors_of(author)
        owner = None if uid is None else self.active.roster.by_uid(uid)
        return [*([named] if named else []), *([owner.id] if owner else [])]

    async def _policy(self, run: Run) -> str:
        """Return who may answer: what the version of the recipe says that planned it."""
        try:
            recipe = await self._context.recipes.version(run.recipe, run.version)
        except NotFound:
            return ""
        return "" if recipe.approval == NO_APPROVAL else recipe.approval

    def _account(self, delivery: Delivery) -> dict[str, object]:
        bound_account = self.active.channels.get(delivery.channel)
        return dict(account_of(None if bound_account is None else bound_account.account))


def _asked_again(why: str) -> Verdict:
    return Verdict(State.HELD, Hold.APPROVAL, f"{why} since it was approved, so it is asked again")
