"""What each person is told of what waits for approval: how to answer it, or why that person cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.approvals.questions import AskedDelivery, Questions
from appealbridge.engine.context import EngineContext
from appealbridge.engine.notices.asking import (
    answer_text,
    asked_text,
    asked_title,
    cannot_approve,
    question_text,
)
from appealbridge.model.actor import Actor, How
from appealbridge.model.approval import AnswerKind, ApprovalQuestion
from appealbridge.model.delivery import Delivery
from appealbridge.model.value import value
from appealbridge.plugin.channel import Person
from appealbridge.plugin.offload import ANSWERS, offload
from appealbridge.recipes.planning.approval_policy import refusal, wrote
from appealbridge.store.records import News


@value
class AskedPeople:
    """People who get the same notice: `shown` has what it shows of each delivery, by its number."""

    people: Sequence[Person]
    shown: Mapping[int, str]
    title: str


class QuestionNews:
    """Words what waits for approval for each person who is asked."""

    def __init__(self, context: EngineContext, questions: Questions) -> None:
        self._context = context
        self._questions = questions

    async def worded(
        self,
        active: ActiveConfiguration,
        news: Sequence[News],
        total: int,
        people: Sequence[Person],
    ) -> Sequence[AskedPeople]:
        """
        Return who is told what about the first of `total` deliveries that wait.

        Who may approve none of them is left out if somebody else who is told may. Without people, there is one notice.
        """
        await self._questions.catch_up()
        waiting = [await self._context.store.delivery(str(item.number)) for item in news]
        deliveries = await self._questions.about(waiting)
        threads = [await self._context.store.thread(each.delivery.id) for each in deliveries]
        texts = await offload(ANSWERS, _asked_texts, active, deliveries, threads)
        shown = [self._context.clean(text) for text in texts]
        numbers = {each.newest.question for each in deliveries}
        questions = {number: await self._context.store.question(number) for number in numbers}
        title = asked_title([each.delivery for each in deliveries], total)
        refused = {
            each.name: [
                self._refused(active, each.name, questions[item.newest.question], item)
                for item in deliveries
            ]
            for each in people
        }
        able = [
            each
            for each in people
            if active.routing.accounts_for(each) and not all(refused[each.name])
        ]
        alike: dict[tuple[str, ...], list[Person]] = {}
        for each in able or people:
            alike.setdefault(tuple(refused[each.name]), []).append(each)
        return [
            AskedPeople(
                recipients,
                {
                    item.delivery.number: f"{text}\n    {answer_text(item.delivery, why)}"
                    for item, text, why in zip(deliveries, shown, whys, strict=True)
                },
                title,
            )
            for whys, recipients in (alike or {("",) * len(deliveries): []}).items()
        ]

    def _refused(
        self,
        active: ActiveConfiguration,
        person: str,
        question: ApprovalQuestion,
        item: AskedDelivery,
    ) -> str:
        """Return why a person cannot approve a delivery, and whether they can reject it; empty if they can."""
        roster, revision = active.roster, item.newest
        actor = Actor(person=person, how=How.LOG_IN)
        escalated = self._questions.escalated(question)
        why = refusal(actor, question, revision, roster, escalated)
        if not why:
            return ""
        unknown = "" if question.mode == "practice" else wrote("", revision.authors, roster)
        why = f"nobody can approve it: {unknown}" if unknown else f"you cannot approve it: {why}"
        kind = AnswerKind.REJECT
        may_reject = not refusal(actor, question, revision, roster, escalated, kind)
        return cannot_approve(why, item.delivery, may_reject=may_reject)


def _asked_texts(
    active: ActiveConfiguration,
    deliveries: Sequence[AskedDelivery],
    threads: Sequence[Sequence[Delivery]],
) -> list[str]:
    """Return what a notice shows of deliveries with the later posts of their threads; for a thread of its own."""
    public_url = "" if active.roster.one_desk else active.public_url
    texts, named = [], set[int]()
    for each, thread in zip(deliveries, threads, strict=True):
        question = each.newest.question
        heading = (
            question_text(question, public_url=public_url, practice=active.practice)
            if question not in named
            else []
        )
        named.add(question)
        texts.append(asked_text([each.delivery, *thread], each.difference, heading))
    return texts
