"""What every store guarantees about approvals: what people are asked, what they answer, and what of it counts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from appealbridge.model.actor import Actor, How
from appealbridge.model.amendment import Amends, Instead
from appealbridge.model.approval import (
    AnswerKind,
    ApprovalQuestion,
    QuestionState,
    Revision,
    bound,
)
from appealbridge.model.audit import Act, Decision
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import IllegalMove, NotFound, StaleRevision
from appealbridge.model.run import RunState
from appealbridge.store.approvals import MOST_REVISIONS, PersonsAnswer
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, DeliveryFilter, Over
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    ended,
)
from tests.store_contract.withdrawals import a_withdrawal

SUBJECT = "RC-77"
LAPSES = NOW + 86_400
ACTS = {
    AnswerKind.APPROVE: Act.APPROVE,
    AnswerKind.REJECT: Act.REJECT,
    AnswerKind.CHANGES: Act.ASK_CHANGES,
}


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def says(text: str) -> dict[str, str]:
    """Return the content of a delivery with a text, and its hash."""
    content = f'{{"text":"{text}"}}'
    return {"content": content, "content_hash": sha(content)}


def by(person: str, act: Act = Act.APPROVE, at: float = NOW + 5) -> Decision:
    return Decision(actor=Actor(person, How.LOG_IN), act=act, at=at)


async def planned(
    store: Store, number: int = 1, *texts: str, **more: Any
) -> tuple[Delivery, list[Delivery]]:
    """Store a delivery that is held for approval, with the posts that follow it; return both."""
    event = an_event(number, **{"subject": SUBJECT} | more.pop("event", {}))
    held: dict[str, Any] = {"state": State.HELD, "hold": Hold.APPROVAL}
    first, *rest = texts or ("Aged 13",)
    posts = [a_delivery(event, **{**says(first), **held, **more})]
    for place, text in enumerate(rest, start=2):
        part = a_delivery(event, part=f"#{place}", state=State.PLANNED, follows=posts[-1].id)
        posts.append(replace(part, **says(text), corrects=posts[0].corrects))
    await store.accept([Arrival(event, [a_run(event)], posts)])
    stored = [await store.delivery(post.id) for post in posts]
    return stored[0], stored[1:]


async def a_revision(store: Store, delivery: Delivery, number: int, **more: Any) -> Revision:
    thread = [part.content_hash for part in await store.thread(delivery.id)]
    thread = more.pop("thread", thread)
    return Revision(
        delivery_id=delivery.id,
        number=number,
        content=delivery.content,
        thread=thread,
        publish_by=delivery.publish_by,
        at=NOW,
        hash=bound(delivery, number, {}, thread),
        **more,
    )


async def asks(
    store: Store, delivery: Delivery, number: int = 1, *, at: float = NOW, policy: str = ""
) -> tuple[ApprovalQuestion, Revision]:
    """Ask about a delivery as it is; return the question and the revision."""
    revision = await a_revision(store, delivery, number)
    question = ApprovalQuestion(
        run_id=delivery.run_id,
        policy=policy,
        mode="live",
        asked_at=at,
        next_at=at,
        lapses_at=at + 86_400,
    )
    return await store.ask(question, [revision]), revision


async def stored_question(
    store: Store, number: int = 1, *texts: str, **more: Any
) -> tuple[Any, ...]:
    """Store a delivery that needs approval, and ask about it; return it, its revision and the question's number."""
    delivery, _ = await planned(store, number, *texts, **more)
    question, revision = await asks(store, delivery)
    return await store.delivery(delivery.id), revision, question.number


def reply(revision: Revision, kind: AnswerKind = AnswerKind.APPROVE, **more: Any) -> PersonsAnswer:
    arguments = {"due_at": NOW + 20} | more
    return PersonsAnswer(
        delivery_id=revision.delivery_id, hash=revision.hash, kind=kind, reason="why", **arguments
    )


async def answered(
    store: Store, revision: Revision, kind: AnswerKind = AnswerKind.APPROVE, **more: Any
) -> Delivery:
    (delivery,) = await store.answer([reply(revision, kind, **more)], by("bob", ACTS[kind]))
    return delivery


async def revised(store: Store, delivery: Delivery, number: int, text: str) -> Revision:
    """Edit a delivery."""
    new = replace(delivery, **says(text))
    revision = await a_revision(store, new, number, why="anna edited it", authors=["anna"])
    await store.revise(revision, {new.id: new.content}, by("anna", Act.EDIT))
    return revision


async def corrected(store: Store, number: int, *texts: str, **more: Any) -> Delivery:
    """Store a later event that corrects what waits about the subject; return the delivery that it planned."""
    return (await planned(store, number, *texts, corrects=True, **more))[0]


async def raced(*both: Awaitable[Any]) -> list[Any]:
    """Submit several things at once; return what each returned or raised. Only a refusal may be raised."""
    results = await asyncio.gather(*both, return_exceptions=True)
    for result in results:
        assert not isinstance(result, BaseException) or isinstance(result, IllegalMove), result
    return results


async def state_of(store: Store, delivery: Delivery) -> tuple[State, str]:
    match = await store.delivery(delivery.id)
    return match.state, match.hold


class StoreApprovalsContract:
    """Questions, revisions, answers, corrections and lapses."""

    async def test_what_is_held_for_approval_is_unasked_until_people_are_asked(
        self, store: Store
    ) -> None:
        first, _ = await planned(store)
        await store.accept([an_arrival(2), an_arrival(3, state=State.HELD, hold=Hold.BURST)])
        assert [each.id for each in await store.unasked(9)] == [first.id]
        question, _ = await asks(store, first)
        assert await store.unasked(9) == []
        assert (question.state, question.lapses_at) == (QuestionState.OPEN, LAPSES)
        assert [each.id for each in await store.asked_about(question.number)] == [first.id]
        assert await store.next_question() == NOW

    async def test_a_run_has_one_open_question_for_the_same_people(self, store: Store) -> None:
        event = an_event(1)
        posts = [
            a_delivery(event, step, **says(step), state=State.HELD, hold=Hold.APPROVAL)
            for step in ("a", "b", "c")
        ]
        await store.accept([Arrival(event, [a_run(event)], posts)])
        first, two, other = [
            (await asks(store, await store.delivery(post.id), policy=policy))[0].number
            for post, policy in zip(posts, ("", "", "silver"), strict=True)
        ]
        assert first == two != other
        assert len(await store.asked_about(first)) == 2
        with pytest.raises(NotFound):
            await store.question(other + 1)

    async def test_nobody_is_asked_about_what_is_not_there_any_more(self, store: Store) -> None:
        delivery, _ = await planned(store)
        stale = await a_revision(store, replace(delivery, **says("another")), 1)
        skipping = await a_revision(store, delivery, 2)
        thread = await a_revision(store, delivery, 1, thread=["0f" * 32])
        question = ApprovalQuestion(
            run_id=delivery.run_id, policy="", mode="live", asked_at=NOW, lapses_at=LAPSES
        )
        for wrong in (stale, skipping, thread):
            await store.ask(question, [wrong])
        assert await store.revisions([delivery.id]) == []
        assert len(await store.unasked(9)) == 1
        await asks(store, delivery)
        await store.move(delivery.id, State.CANCELLED, NOW)
        await store.ask(question, [await a_revision(store, delivery, 2)])
        assert len(await store.revisions([delivery.id])) == 1

    async def test_a_question_is_open_only_while_anything_of_it_waits(self, store: Store) -> None:
        delivery, _, number = await stored_question(store)
        assert [each.number for each in await store.questions()] == [number]
        await store.move(delivery.id, State.CANCELLED, NOW + 1)
        assert await store.questions() == []
        assert [each.number for each in await store.questions(open_only=False)] == [number]
        await store.lapse(NOW + 2)
        assert (await store.question(number)).state is QuestionState.ANSWERED
        assert await store.next_question() is None

    async def test_an_approval_makes_it_ready_at_its_time_and_is_in_the_trail(
        self, store: Store
    ) -> None:
        delivery, revision, number = await stored_question(store)
        approved = await answered(store, revision, publish_at=NOW + 60)
        assert (approved.state, approved.due_at) == (State.READY, NOW + 20)
        assert await store.claim(CHANNEL, NOW + 19, 9) == []
        assert len(await store.claim(CHANNEL, NOW + 20, 9)) == 1
        answer, newest = await store.approval(delivery.id) or pytest.fail("no approval")
        assert (answer.person, answer.hash, answer.publish_at) == ("bob", revision.hash, NOW + 60)
        assert (newest.number, newest.content, newest.question) == (1, revision.content, number)
        (entry,) = await store.audit()
        assert (entry.act, entry.revision, entry.content_hash) == ("approve", 1, revision.hash)
        assert (await store.question(number)).state is QuestionState.ANSWERED

    async def test_another_hold_stays_after_the_approval(self, store: Store) -> None:
        delivery, revision, _ = await stored_question(store, hold="approval burst")
        assert (await answered(store, revision)).hold == Hold.BURST
        assert await store.claim(CHANNEL, NOW + 99, 9) == []
        await store.clear_holds(delivery.id, [Hold.BURST], NOW + 30)
        assert len(await store.claim(CHANNEL, NOW + 99, 9)) == 1
        assert await store.approval(delivery.id)

    async def test_a_rejection_cancels_and_asking_for_changes_does_not(self, store: Store) -> None:
        delivery, revision, number = await stored_question(store)
        waits = await answered(store, revision, AnswerKind.CHANGES)
        assert (waits.state, waits.hold) == (State.HELD, Hold.APPROVAL)
        assert waits.reason == "bob asks for changes: why"
        rejected = await answered(store, revision, AnswerKind.REJECT)
        assert (rejected.state, rejected.reason) == (State.CANCELLED, "bob rejected it: why")
        kinds = [each.kind for each in await store.answers([delivery.id])]
        assert kinds == [AnswerKind.CHANGES, AnswerKind.REJECT]
        assert (await store.question(number)).state is QuestionState.ANSWERED
        assert await store.approval(delivery.id) is None

    async def test_several_answers_are_stored_together_or_not_at_all(self, store: Store) -> None:
        single, first, _ = await stored_question(store, 1)
        two, second, _ = await stored_question(store, 2)
        pair = [reply(first), reply(replace(second, hash="0f" * 32))]
        with pytest.raises(StaleRevision):
            await store.answer(pair, by("bob"))
        assert await store.answers([single.id, two.id]) == []
        assert await store.audit() == []
        assert {
            each.state for each in await store.answer([reply(first), reply(second)], by("b"))
        } == {State.READY}

    async def test_only_the_hash_of_the_newest_revision_is_taken(self, store: Store) -> None:
        delivery, revision, _ = await stored_question(store)
        short = replace(revision, hash=revision.hash[:8])
        with pytest.raises(StaleRevision):
            await answered(store, replace(revision, hash=revision.hash[:7]))
        newer = await revised(store, delivery, 2, "Aged 14")
        for stale in (revision, short):
            for kind in AnswerKind:
                with pytest.raises(StaleRevision):
                    await answered(store, stale, kind)
        assert (await answered(store, replace(newer, hash=newer.hash[:8]))).state is State.READY

    async def test_nobody_answers_what_does_not_wait_or_was_never_asked(self, store: Store) -> None:
        delivery, _ = await planned(store)
        with pytest.raises(IllegalMove):
            await answered(store, await a_revision(store, delivery, 1))
        _, revision = await asks(store, delivery)
        await answered(store, revision)
        for kind in AnswerKind:
            with pytest.raises(IllegalMove):
                await answered(store, revision, kind)
        with pytest.raises(NotFound):
            await answered(store, replace(revision, delivery_id="nothing"))

    async def test_an_edit_is_a_new_revision_with_its_author(self, store: Store) -> None:
        delivery, revision, number = await stored_question(store)
        await revised(store, delivery, 2, "Aged 14")
        edited = await store.delivery(delivery.id)
        assert (edited.content, edited.content_hash) == tuple(says("Aged 14").values())
        assert (edited.state, edited.question) == (State.HELD, number)
        revisions = await store.revisions([delivery.id])
        assert [each.number for each in revisions] == [1, 2]
        assert [each.authors for each in revisions] == [[], ["anna"]]
        (entry,) = await store.audit()
        assert (entry.actor, entry.act, entry.revision) == ("anna", "edit", 2)
        with pytest.raises(StaleRevision):
            await revised(store, delivery, 2, "Aged 15")
        assert revision.hash != revisions[1].hash

    async def test_of_many_revisions_the_newest_are_read(self, store: Store) -> None:
        """However often a source corrects what waits."""
        delivery, _, _ = await stored_question(store)
        other, _, _ = await stored_question(store, 2)
        for number in range(2, MOST_REVISIONS + 4):
            await revised(store, delivery, number, f"Aged {number}")
        read = await store.revisions([delivery.id, other.id])
        assert [each.number for each in read if each.delivery_id == delivery.id] == [
            *range(4, MOST_REVISIONS + 4)
        ]
        assert [each.number for each in read if each.delivery_id == other.id] == [1]

    async def test_a_thread_is_asked_edited_and_approved_as_a_whole(self, store: Store) -> None:
        first, revision, number = await stored_question(store, 1, "1", "2", "3")
        two, three = await store.thread(first.id)
        assert {each.question for each in (first, two, three)} == {number}
        new = replace(three, **says("three"))
        again = await a_revision(store, first, 2, thread=[two.content_hash, new.content_hash])
        await store.revise(again, {three.id: new.content}, by("anna", Act.EDIT))
        with pytest.raises(StaleRevision):
            await answered(store, revision)
        mine = await store.revisions([three.id])
        assert [(each.number, each.content) for each in mine] == [
            (1, three.content),
            (2, new.content),
        ]
        await answered(store, again)
        for post, content in ((two, two.content), (three, new.content)):
            _, bound_to = await store.approval(post.id) or pytest.fail("no approval")
            assert bound_to.content == content

    async def test_an_edit_changes_nothing_but_the_thread_that_it_is_about(
        self, store: Store
    ) -> None:
        first, _, _ = await stored_question(store, 1, "1", "2")
        other, _, _ = await stored_question(store, 2)
        revision = await a_revision(store, first, 2)
        with pytest.raises(IllegalMove):
            await store.revise(revision, {other.id: "{}"}, by("anna", Act.EDIT))
        (part,) = await store.thread(first.id)
        with pytest.raises(StaleRevision):  # the revision does not say what the thread says then
            await store.revise(revision, {part.id: "{}"}, by("anna", Act.EDIT))
        assert (await store.delivery(part.id)).content == part.content
        assert await store.audit() == []

    async def test_an_approval_can_be_taken_back_until_it_is_sent(self, store: Store) -> None:
        delivery, revision, number = await stored_question(store, 1, "1", "2")
        (part,) = await store.thread(delivery.id)
        with pytest.raises(IllegalMove):
            await store.take_back(delivery.id, by("bob", Act.TAKE_BACK))
        await answered(store, revision)
        waits = await store.take_back(delivery.id, by("bob", Act.TAKE_BACK))
        assert (waits.state, waits.hold) == (State.HELD, Hold.APPROVAL)
        assert (await store.question(number)).state is QuestionState.OPEN
        for each in (delivery, part):
            assert await store.approval(each.id) is None
        await answered(store, revision)
        (claimed,) = await store.claim(CHANNEL, NOW + 30, 9)
        with pytest.raises(IllegalMove):
            await store.take_back(delivery.id, by("bob", Act.TAKE_BACK))
        await store.settle(ended(claimed, State.DELIVERED, at=NOW + 31))
        with pytest.raises(IllegalMove):
            await store.take_back(delivery.id, by("bob", Act.TAKE_BACK))

    async def test_an_approval_that_does_not_fit_any_more_is_asked_again(
        self, store: Store
    ) -> None:
        delivery, revision, _ = await stored_question(store)
        await answered(store, revision)
        (claimed,) = await store.claim(CHANNEL, NOW + 30, 9)
        held = ended(claimed, State.HELD, at=NOW + 30, hold=Hold.APPROVAL, attempt=None)
        await store.settle(held)
        assert [each.id for each in await store.unasked(9)] == [delivery.id]
        await asks(store, delivery, 2, at=NOW + 31)
        assert await store.approval(delivery.id) is None
        assert await store.unasked(9) == []

    # -- corrections ----------------------------------------------------------------------------

    async def test_a_correction_gives_what_waits_its_content_and_is_asked_about(
        self, store: Store
    ) -> None:
        delivery, revision, number = await stored_question(store)
        new = await corrected(store, 2, "Aged 14", publish_by=NOW + 900)
        assert (new.state, f"no. {delivery.number}" in new.reason) == (State.CANCELLED, True)
        old = await store.delivery(delivery.id)
        assert (old.content, old.publish_by) == (new.content, NOW + 900)
        assert (old.state, old.hold, old.number) == (State.HELD, Hold.APPROVAL, delivery.number)
        with pytest.raises(StaleRevision):
            await answered(store, revision)
        with pytest.raises(StaleRevision):
            await revised(store, old, 2, "Aged 15")
        assert [each.id for each in await store.unasked(9)] == [delivery.id]
        question, again = await asks(store, old, 2)
        assert question.number == number
        assert (await answered(store, again)).state is State.READY
        (run,) = await store.corrected_by(delivery.run_id)
        assert run.id == new.run_id

    async def test_of_many_corrections_only_the_newest_are_read(self, store: Store) -> None:
        delivery, _, _ = await stored_question(store)
        by = [(await corrected(store, n, f"Aged {n}")).run_id for n in range(2, MOST_REVISIONS + 4)]
        read = [run.id for run in await store.corrected_by(delivery.run_id)]
        assert read == by[-MOST_REVISIONS:]

    async def test_a_correction_ends_an_approval_that_was_not_used_yet(self, store: Store) -> None:
        for number, due_at in ((1, NOW + 20), (3, NOW + 9000)):
            event = {"subject": f"RC-{number}"}
            delivery, revision, _ = await stored_question(store, number, event=event)
            await answered(store, revision, due_at=due_at)
            await corrected(store, number + 1, "Aged 14", event=event)
            assert await state_of(store, delivery) == (State.HELD, Hold.APPROVAL)
            assert await store.approval(delivery.id) is None
        assert await store.claim(CHANNEL, NOW + 9999, 9) == []

    async def test_a_correction_that_says_the_same_changes_nothing(self, store: Store) -> None:
        delivery, revision, _ = await stored_question(store)
        await answered(store, revision)
        same = await corrected(store, 2, "Aged 13", hold="approval same_text")
        assert same.state is State.CANCELLED
        assert (await store.delivery(delivery.id)).state is State.READY
        assert await store.approval(delivery.id)

    async def test_what_is_held_for_more_is_held_for_it_after_a_correction(
        self, store: Store
    ) -> None:
        delivery, _, _ = await stored_question(store, hold="approval burst")
        await corrected(store, 2, "Aged 14", hold="approval alt_text")
        assert (await store.delivery(delivery.id)).holds == ["approval", "alt_text", "burst"]

    async def test_what_is_being_sent_or_was_is_not_corrected(self, store: Store) -> None:
        delivery, revision, _ = await stored_question(store)
        await answered(store, revision)
        await store.claim(CHANNEL, NOW + 30, 9)
        later = await corrected(store, 2, "Aged 14")
        assert later.state is State.HELD
        await store.settle(ended(delivery, State.DELIVERED, at=NOW + 31))
        assert (await store.delivery(delivery.id)).content == delivery.content
        assert [each.id for each in await store.unasked(9)] == [later.id]

    async def test_what_was_tried_already_gives_way_to_its_correction(self, store: Store) -> None:
        """Nobody may think that an attempt with the old words was one with the new ones."""
        delivery, revision, _ = await stored_question(store)
        await answered(store, revision)
        (claimed,) = await store.claim(CHANNEL, NOW + 30, 9)
        await store.settle(ended(claimed, State.READY, at=NOW + 31, due_at=NOW + 90))
        later = await corrected(store, 2, "Aged 14")
        assert (await store.delivery(delivery.id)).reason == f"superseded by no. {later.number}"
        assert (later.state, later.content) == (State.HELD, says("Aged 14")["content"])

    async def test_only_the_same_step_of_the_same_subject_and_source_is_corrected(
        self, store: Store
    ) -> None:
        delivery, _, _ = await stored_question(store)
        others: list[dict[str, Any]] = [
            {"event": {"subject": "RC-78"}},
            {"event": {"source": "webhook:other"}},
            {"channel": "force_facebook"},
        ]
        for number, more in enumerate(others, start=2):
            assert (await corrected(store, number, "Aged 14", **more)).state is State.HELD
        assert (await store.delivery(delivery.id)).content == delivery.content
        plain, _ = await planned(store, 9, "Aged 15")
        assert plain.state is State.HELD

    async def test_a_thread_is_corrected_whatever_number_of_posts_it_has(
        self, store: Store
    ) -> None:
        first, _, number = await stored_question(store, 1, "1", "2")
        await corrected(store, 2, "one", "two", "three")
        thread = [await store.delivery(first.id), *await store.thread(first.id)]
        texts = [says(text)["content"] for text in ("one", "two", "three")]
        assert [each.content for each in thread] == texts
        assert {each.run_id for each in thread} == {first.run_id}
        question, revision = await asks(store, thread[0], 2)
        assert question.number == number
        assert {each.question for each in await store.asked_about(number)} == {number}
        await answered(store, revision)
        await corrected(store, 3, "1", "2")
        assert len(await store.thread(first.id)) == 1
        _, revision = await asks(store, await store.delivery(first.id), 3)
        await answered(store, revision)
        sent = []
        for _ in range(3):
            for claimed in await store.claim(CHANNEL, NOW + 99, 9):
                sent.append(claimed.content)
                await store.settle(ended(claimed, State.DELIVERED, at=NOW + 99))
        assert sent == [says("1")["content"], says("2")["content"]]

    async def test_nothing_of_a_withdrawn_subject_becomes_a_revision(self, store: Store) -> None:
        delivery, _, _ = await stored_question(store)
        await store.withdraw(a_withdrawal(subject=SUBJECT))
        late = await corrected(store, 2, "Aged 14")
        assert late.state is State.CANCELLED
        assert (await store.delivery(delivery.id)).content == delivery.content

    async def test_an_open_run_goes_on_with_the_data_of_its_correction(self, store: Store) -> None:
        delivery, _, _ = await stored_question(store)
        event = {"data": {"age": 14}, "type": "appeal.updated", "received_at": NOW + 60}
        await corrected(store, 2, "Aged 14", event=event)
        woken = {each.run.id: each for each in await store.woken_runs(NOW + 99, 9)}
        mine = woken[delivery.run_id]
        assert (mine.event.id, mine.event.data) == (delivery.event_id, {"age": 14})
        assert (mine.event.type, mine.event.received_at) == ("incident.opened", NOW + 60)

    # -- lapses, and being asked again ----------------------------------------------------------

    async def test_what_nobody_answers_lapses_and_no_clock_brings_it_back(
        self, store: Store
    ) -> None:
        delivery, revision, number = await stored_question(store, 1, "1", "2")
        (part,) = await store.thread(delivery.id)
        assert await store.lapse(LAPSES - 1) == []
        assert [each.id for each in await store.lapse(LAPSES)] == [delivery.id]
        for each in (delivery, part):
            assert (await state_of(store, each))[0] in (State.EXPIRED, State.CANCELLED)
        lapsed = await store.question(number)
        assert (lapsed.state, lapsed.ended_at) == (QuestionState.LAPSED, LAPSES)
        assert await store.lapse(NOW) == []
        with pytest.raises(IllegalMove):
            await answered(store, revision)
        with pytest.raises(IllegalMove):
            await store.take_back(delivery.id, by("bob", Act.TAKE_BACK))
        assert await store.claim(CHANNEL, NOW + 1, 9) == []

    async def test_what_was_approved_does_not_lapse(self, store: Store) -> None:
        delivery, revision, _ = await stored_question(store)
        await answered(store, revision, due_at=LAPSES + 60)
        assert await store.lapse(LAPSES + 1) == []
        assert (await store.delivery(delivery.id)).state is State.READY

    async def test_asking_again_notifies_and_counts(self, store: Store) -> None:
        delivery, _, number = await stored_question(store)
        await store.asked_again(number, level=1, next_at=NOW + 600, reached=2)
        question = await store.question(number)
        assert (question.level, question.next_at, question.reached) == (1, NOW + 600, 2)
        assert await store.next_question() == NOW + 600
        await revised(store, delivery, 2, "Aged 14")
        edited = await store.delivery(delivery.id)
        assert (await store.question(number)).level == 1
        await corrected(store, 2, "Aged 15")
        await asks(store, await store.delivery(edited.id), 3, at=NOW + 700)
        question = await store.question(number)
        assert (question.level, question.next_at) == (0, NOW + 700)
        assert question.lapses_at == NOW + 700 + 86_400

    async def test_personal_words_of_revisions_go_with_those_of_their_delivery(
        self, store: Store
    ) -> None:
        delivery, revision, _ = await stored_question(store)
        await corrected(store, 2, "Aged 14")
        await asks(store, await store.delivery(delivery.id), 2)
        await store.move(delivery.id, State.CANCELLED, NOW)
        for run in (delivery.run_id, f"{an_event(2).id}.{delivery.recipe}"):
            await store.advance(replace(await store.run(run), state=RunState.PLANNED), 99, ())
        over = Over(before=NOW + 9, after_closure=False)
        await store.empty(over)
        assert {each.content for each in await store.revisions([delivery.id])} == {""}
        await store.forget(over, emptied=True)
        assert await store.revisions([delivery.id]) == []
        assert await store.corrected_by(delivery.run_id) == []
        assert revision.content

    # -- races ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("first", ["approve", "other"])
    @pytest.mark.parametrize(
        "other", ["approve", "reject", "changes", "edit", "withdraw", "lapse", "correct", "cancel"]
    )
    async def test_an_approval_that_races_with_anything_sends_only_what_was_approved(
        self, store: Store, other: str, first: str
    ) -> None:
        """Whichever of the two is stored first."""
        delivery, revision, number = await stored_question(store)
        edit = replace(delivery, **says("Aged 14"))
        newer = await a_revision(store, edit, 2)
        more = {"state": State.HELD, "hold": Hold.APPROVAL, "corrects": True}
        correction = an_arrival(2, subject=SUBJECT, **says("Aged 14"), **more)
        others: dict[str, Callable[[], Awaitable[Any]]] = {
            "approve": lambda: store.answer([reply(revision)], by("carol")),
            "reject": lambda: store.answer(
                [reply(revision, AnswerKind.REJECT)], by("carol", Act.REJECT)
            ),
            "changes": lambda: store.answer(
                [reply(revision, AnswerKind.CHANGES)], by("carol", Act.ASK_CHANGES)
            ),
            "edit": lambda: store.revise(newer, {edit.id: edit.content}, by("anna", Act.EDIT)),
            "withdraw": lambda: store.withdraw(a_withdrawal(subject=SUBJECT)),
            "lapse": lambda: store.lapse(LAPSES),
            "correct": lambda: store.accept([correction]),
            "cancel": lambda: store.move(delivery.id, State.CANCELLED, NOW + 1),
        }
        pair = [store.answer([reply(revision)], by("bob")), others[other]()]
        if first == "other":
            pair.reverse()
        await raced(*pair)
        approved = [
            each
            for each in await store.answers([delivery.id])
            if each.kind is AnswerKind.APPROVE and each.withdrawn_at is None
        ]
        assert len(approved) <= 1
        for claimed in await store.claim(CHANNEL, NOW + 999, 9):
            assert claimed.content == revision.content
            assert await store.approval(claimed.id)
        if other in ("withdraw", "correct"):
            assert (await store.delivery(delivery.id)).state in (State.CANCELLED, State.HELD)
        entries = [entry.act for entry in await store.audit()]
        answers = await store.answers([delivery.id])
        assert entries.count("approve") == sum(a.kind is AnswerKind.APPROVE for a in answers)
        question = await store.question(number)
        waits = (await store.delivery(delivery.id)).state is State.HELD
        assert waits or question.state is not QuestionState.OPEN or other in ("withdraw", "cancel")

    @pytest.mark.parametrize("first", ["edit", "other"])
    @pytest.mark.parametrize("other", ["edit", "correct", "withdraw", "lapse"])
    async def test_an_edit_that_races_loses_no_words_unseen(
        self, store: Store, other: str, first: str
    ) -> None:
        """Either it was in time, and the other is on top of it; or it is refused."""
        delivery, _, _ = await stored_question(store)
        new = {text: replace(delivery, **says(text)) for text in ("mine", "theirs")}
        newer = {text: await a_revision(store, each, 2) for text, each in new.items()}
        more = {"state": State.HELD, "hold": Hold.APPROVAL, "corrects": True}

        def edits(text: str) -> Awaitable[Any]:
            contents = {delivery.id: new[text].content}
            return store.revise(newer[text], contents, by("anna", Act.EDIT))

        others: dict[str, Callable[[], Awaitable[Any]]] = {
            "edit": lambda: edits("theirs"),
            "correct": lambda: store.accept([an_arrival(2, subject=SUBJECT, **says("x"), **more)]),
            "withdraw": lambda: store.withdraw(a_withdrawal(subject=SUBJECT)),
            "lapse": lambda: store.lapse(LAPSES),
        }
        pair = [edits("mine"), others[other]()]
        if first == "other":
            pair.reverse()
        results = await raced(*pair)
        refused = [isinstance(result, IllegalMove) for result in results]
        match = await store.delivery(delivery.id)
        if other == "edit":
            assert refused == [False, True]
            assert match.content == new["mine" if first == "edit" else "theirs"].content
        elif first == "edit":
            assert not any(refused)
            assert (await store.revisions([delivery.id]))[-1].content == new["mine"].content
        else:
            assert refused == [False, True]
        if other == "correct":
            assert match.content == says("x")["content"]

    async def test_an_amendment_of_what_waits_ends_its_approval(self, store: Store) -> None:
        delivery, revision, _ = await stored_question(store)
        await answered(store, revision)
        amends = Amends("tweet", True, Instead.FOLLOW_UP)
        event = an_event(2, subject=SUBJECT)
        amendment = a_delivery(
            event, "amend", kind=Kind.AMEND, amends=amends, **says("corrected"),
            state=State.HELD, hold=Hold.APPROVAL,
        )  # fmt: skip
        await store.accept([Arrival(event, [a_run(event)], [amendment])])
        waits = await store.delivery(delivery.id)
        assert (waits.state, waits.content) == (State.HELD, amendment.content)
        open_ones = DeliveryFilter(states={State.READY, State.HELD}, subject=SUBJECT)
        assert [each.id for each in await store.deliveries(open_ones)] == [delivery.id]
        assert await store.approval(delivery.id) is None
