"""What every store guarantees about withdrawals: whatever comes in which order, nothing withdrawn is sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import IllegalMove
from appealbridge.model.event import Event
from appealbridge.model.notice import Alarm
from appealbridge.model.withdrawal import WITHDRAWN, Withdrawal
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, DeliveryFilter, WithdrawalOrder, Withdrawn
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    SOURCE,
    OpenStore,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    begun,
    ended,
)

SUBJECT = "A38"


def a_withdrawal(**more: Any) -> WithdrawalOrder:
    """Return the order to withdraw everything about the subject; `more` are attributes of the withdrawal."""
    attributes = {"subject": SUBJECT, "reason": "found safe", "by": "alice", "at": NOW + 10}
    return WithdrawalOrder(withdrawal=Withdrawal(**attributes | more))


def an_order(
    event: Event, *, of: Sequence[str] = (), channels: Sequence[str] = (), **more: Any
) -> Delivery:
    """Return the order of a recipe to withdraw what was published about the subject of an event."""
    hold = Hold.APPROVAL if more.get("state") is State.HELD else ""
    content = json.dumps({"reason": "found safe", "of": [*of], "channels": [*channels]})
    return a_delivery(
        event, "closing", kind=Kind.WITHDRAW, channel="", content=content, hold=hold, **more
    )


async def published(store: Store, number: int = 1, **more: Any) -> Delivery:
    """Publish one delivery about the subject."""
    delivery = await begun(store, an_arrival(number, subject=SUBJECT, **more))
    await store.settle(ended(delivery, State.DELIVERED))
    return await store.delivery(delivery.id)


async def a_published_thread(store: Store, count: int = 3) -> Sequence[Delivery]:
    """Publish the first `count` posts of a thread of three, and return all; the next one is being sent."""
    event = an_event(1, subject=SUBJECT)
    posts = [a_delivery(event, "0")]
    for step in ("1", "2"):
        posts.append(a_delivery(event, step, state=State.PLANNED, follows=posts[-1].id))
    await store.accept([Arrival(event, [a_run(event)], posts)])
    for _ in range(count):
        (claimed,) = await store.claim(CHANNEL, NOW + 5, 9)
        await store.settle(ended(claimed, State.DELIVERED, at=NOW + 5))
    await store.claim(CHANNEL, NOW + 5, 9)
    return [await store.delivery(post.id) for post in posts]


async def removal_of(store: Store, post: Delivery | str) -> Delivery:
    """Return the newest removal of a post."""
    id_ = post if isinstance(post, str) else post.id
    return next(each.removal for each in await store.removals() if each.post.id == id_)


async def state_of(store: Store, delivery: Delivery) -> State:
    """Return the state of a delivery now."""
    return (await store.delivery(delivery.id)).state


async def remove(store: Store, target: State = State.DELIVERED, **more: Any) -> Delivery:
    """Claim the one removal that is due, and settle it as if its post was gone."""
    (removal,) = await store.claim_removals(CHANNEL, NOW + 20, 9)
    if target is State.DELIVERED:
        await store.settle(ended(removal, State.UNKNOWN))
        await store.settle(ended(removal, State.DELIVERED, source=State.UNKNOWN, receipt=None))
    else:
        await store.settle(ended(removal, target, **more))
    return await store.delivery(removal.id)


class StoreWithdrawalsContract:
    """Withdrawals, removals, and what they forbid."""

    async def test_what_is_published_gets_a_removal_and_is_withdrawn_with_it(
        self, store: Store
    ) -> None:
        """The post keeps its receipt, for without it nothing can be shown."""
        post = await published(store)
        result = await store.withdraw(a_withdrawal())
        assert [each.id for each in result.removing] == [post.id]
        removal = await removal_of(store, post)
        assert (removal.kind, removal.target, removal.state) == (
            Kind.WITHDRAW,
            post.id,
            State.READY,
        )
        assert await state_of(store, post) is State.WITHDRAWING
        await remove(store)
        gone = await store.delivery(post.id)
        assert (gone.state, gone.receipt, gone.settled_at) == (
            State.WITHDRAWN,
            post.receipt,
            post.settled_at,
        )
        assert await store.outstanding() == (0, None)

    async def test_what_waits_is_cancelled(self, store: Store) -> None:
        """Ready, held for a person, or the later post of a thread."""
        event = an_event(1, subject=SUBJECT)
        waiting = [
            a_delivery(event, "ready"),
            a_delivery(event, "held", state=State.HELD, hold=Hold.APPROVAL),
            a_delivery(event, "later", state=State.PLANNED, follows=a_delivery(event, "ready").id),
        ]
        await store.accept([Arrival(event, [a_run(event)], waiting)])
        result = await store.withdraw(a_withdrawal())
        assert len(result.cancelled) == 3
        for delivery in waiting:
            now = await store.delivery(delivery.id)
            assert (now.state, now.reason) == (State.CANCELLED, "withdrawn: found safe")
        assert await store.claim(CHANNEL, NOW + 99, 9) == []

    @pytest.mark.parametrize(
        ("target", "becomes", "removal"),
        [
            (State.DELIVERED, State.WITHDRAWING, State.READY),
            (State.READY, State.CANCELLED, State.CANCELLED),
            (State.UNKNOWN, State.UNKNOWN, State.PLANNED),
            (State.FAILED, State.FAILED, State.CANCELLED),
        ],
    )
    async def test_what_is_being_sent_is_withdrawn_when_its_outcome_is_known(
        self, store: Store, target: State, becomes: State, removal: State
    ) -> None:
        """An attempt cannot be called back, but nothing follows it."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        result = await store.withdraw(a_withdrawal())
        assert [each.id for each in result.awaited] == [sending.id]
        assert (await removal_of(store, sending)).state is State.PLANNED
        await store.settle(ended(sending, target, at=NOW + 11))
        assert await state_of(store, sending) is becomes
        assert (await removal_of(store, sending)).state is removal

    async def test_what_is_unknown_is_only_looked_for(self, store: Store) -> None:
        """It is marked, and never becomes ready."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        await store.settle(ended(sending, State.UNKNOWN, due_at=NOW))
        await store.withdraw(a_withdrawal())
        (unknown,) = await store.claim_unknown(CHANNEL, NOW + 20, 9)
        assert unknown.hold == WITHDRAWN
        # A search that began before the withdrawal would have it sent again.
        await store.settle(ended(sending, State.READY, source=State.UNKNOWN))
        assert await store.claim(CHANNEL, NOW + 99, 9) == []
        (searched,) = await store.claim_unknown(CHANNEL, NOW + 99, 9)
        assert (searched.state, searched.hold) == (State.UNKNOWN, WITHDRAWN)
        await store.settle(ended(sending, State.CANCELLED, source=State.UNKNOWN))
        assert (await removal_of(store, sending)).state is State.CANCELLED

    async def test_what_is_cancelled_although_it_may_be_published_stays_a_task(
        self, store: Store
    ) -> None:
        """Otherwise a post could be up that nothing lists."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        await store.settle(ended(sending, State.UNKNOWN, due_at=NOW))
        await store.withdraw(a_withdrawal())
        await store.move(sending.id, State.CANCELLED, NOW + 11, reason="enough")
        task = await removal_of(store, sending)
        assert (task.state, task.hold) == (State.HELD, Hold.CANNOT_REMOVE)
        with pytest.raises(IllegalMove):
            await store.move(task.id, State.READY, NOW + 12)
        await store.settle(
            ended(task, State.DELIVERED, source=State.HELD, attempt=None, receipt=None)
        )
        assert await store.outstanding() == (0, None)

    async def test_what_is_perhaps_published_becomes_a_task(self, store: Store) -> None:
        """Until a person says that it is published, or that it is not there."""
        held = an_arrival(1, subject=SUBJECT, state=State.HELD, hold=Hold.UNKNOWN)
        await store.accept([held])
        await store.withdraw(a_withdrawal())
        (post,) = held.deliveries
        task = await removal_of(store, post)
        assert (task.state, task.hold) == (State.HELD, Hold.CANNOT_REMOVE)
        for id_ in (post.id, task.id):
            with pytest.raises(IllegalMove):
                await store.move(id_, State.READY, NOW + 11)
        await store.settle(ended(post, State.DELIVERED, source=State.HELD, attempt=None))
        assert await state_of(store, post) is State.WITHDRAWING
        assert (await removal_of(store, post)).state is State.READY

    async def test_a_person_confirms_that_it_is_not_there(self, store: Store) -> None:
        """Then both are over."""
        held = an_arrival(1, subject=SUBJECT, state=State.HELD, hold=Hold.UNKNOWN)
        await store.accept([held])
        await store.withdraw(a_withdrawal())
        task = await removal_of(store, held.deliveries[0])
        await store.settle(
            ended(task, State.DELIVERED, source=State.HELD, attempt=None, receipt=None)
        )
        assert await state_of(store, held.deliveries[0]) is State.CANCELLED
        assert await store.outstanding() == (0, None)

    async def test_nothing_about_a_withdrawn_subject_is_stored_as_sendable(
        self, store: Store
    ) -> None:
        """By no door: neither a new event, nor a run that goes on, nor a person; and people are told."""
        failed = an_arrival(1, subject=SUBJECT, state=State.FAILED)
        await store.accept([failed])
        await store.withdraw(a_withdrawal())
        for number, state in enumerate((State.READY, State.SENDING, State.HELD), start=2):
            (accepted,) = await store.accept([an_arrival(number, subject=SUBJECT, state=state)])
            assert accepted.begun == frozenset()
        event = an_event(9, subject=SUBJECT)
        await store.accept([Arrival(event, [a_run(event)])])
        assert await store.advance(a_run(event), 0, [a_delivery(event)])
        with pytest.raises(IllegalMove, match="lift"):
            await store.move(failed.deliveries[0].id, State.READY, NOW + 11)
        states = {each.state for each in await store.deliveries(DeliveryFilter(subject=SUBJECT))}
        assert states == {State.FAILED, State.CANCELLED}
        assert [run.run.event_id for run in await store.woken_runs(NOW + 99, 99)]
        assert Alarm.WITHDRAWN_SUBJECT in {sort.kind for sort in await store.news()}

    async def test_what_a_person_cancelled_although_it_may_be_published_is_a_task(
        self, store: Store
    ) -> None:
        """Until a person has looked at the account and confirms that it is not there."""
        unclear = await begun(store, an_arrival(1, subject=SUBJECT))
        await store.settle(ended(unclear, State.UNKNOWN, due_at=NOW))
        await store.move(unclear.id, State.CANCELLED, NOW + 5, reason="wrong")
        certain = an_arrival(2, subject=SUBJECT)
        await store.accept([certain])
        await store.move(certain.deliveries[0].id, State.CANCELLED, NOW + 5, reason="wrong")
        result = await store.withdraw(a_withdrawal())
        assert [each.id for each in result.tasks] == [unclear.id]
        task = await removal_of(store, unclear)
        assert (task.state, task.hold) == (State.HELD, Hold.CANNOT_REMOVE)
        await store.settle(ended(task, State.DELIVERED, source=State.HELD, receipt=None))
        assert list((await store.withdraw(a_withdrawal())).tasks) == []
        assert await state_of(store, unclear) is State.CANCELLED

    async def test_a_removal_is_no_task_while_its_post_is_being_sent(self, store: Store) -> None:
        """A person who confirmed that nothing is there would be wrong a moment later."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        await store.withdraw(a_withdrawal())
        assert await store.stuck_removals([], NOW + 99) == []
        await store.settle(ended(sending, State.UNKNOWN, due_at=NOW))
        (stuck,) = await store.stuck_removals([], NOW + 99)
        assert stuck.post.id == sending.id

    async def test_other_subjects_and_the_run_that_withdraws_go_on(self, store: Store) -> None:
        """A recipe may announce what it has withdrawn."""
        event = an_event(1, subject=SUBJECT)
        await store.accept([Arrival(event, [a_run(event)])])
        await store.withdraw(a_withdrawal(run=a_run(event).id))
        await store.advance(a_run(event), 0, [a_delivery(event)])
        await store.accept([an_arrival(2, subject="B4100")])
        assert len(await store.claim(CHANNEL, NOW + 20, 9)) == 2

    @pytest.mark.parametrize(
        "order", [{"of": ["tweet"]}, {"channels": ["force_x"]}, {"state": State.HELD}]
    )
    async def test_a_run_that_withdraws_only_a_part_publishes_nothing_about_a_withdrawn_subject(
        self, store: Store, order: dict[str, Any]
    ) -> None:
        """Nor does one whose order waits for a person; both would be ways round the withdrawal."""
        await published(store)
        await store.withdraw(a_withdrawal())
        event = an_event(2, subject=SUBJECT)
        planned = [an_order(event, **order), a_delivery(event)]
        await store.accept([Arrival(event, [a_run(event)], planned)])
        assert await state_of(store, planned[1]) is State.CANCELLED

    async def test_what_is_stored_together_with_an_order_but_after_it_meets_it(
        self, store: Store
    ) -> None:
        """A later event of the same burst is not begun."""
        first = await published(store)
        closing, later = an_event(2, subject=SUBJECT), an_arrival(3, subject=SUBJECT)
        later = replace(later, deliveries=[replace(later.deliveries[0], state=State.SENDING)])
        order = an_order(closing)
        _, accepted = await store.accept([Arrival(closing, [a_run(closing)], [order]), later])
        assert await state_of(store, first) is State.WITHDRAWING
        assert accepted.begun == frozenset()
        assert await state_of(store, later.deliveries[0]) is State.CANCELLED

    async def test_a_source_takes_down_only_what_is_its_own(self, store: Store) -> None:
        """Its withdrawal reaches and blocks only its origin."""
        mine = await published(store)
        event = an_event(2, subject=SUBJECT, source="webhook:other")
        await store.accept([Arrival(event, [a_run(event)], [a_delivery(event)])])
        await store.withdraw(a_withdrawal(origin=SOURCE))
        assert await state_of(store, mine) is State.WITHDRAWING
        assert len(await store.claim(CHANNEL, NOW + 20, 9)) == 1

    async def test_people_are_told_what_a_recipe_may_not_take_down(self, store: Store) -> None:
        """Nothing of a withdrawn subject stays up without anybody knowing."""
        await published(store)
        theirs = an_event(2, subject=SUBJECT, source="webhook:other")
        await store.accept([Arrival(theirs, [a_run(theirs)], [a_delivery(theirs)])])
        closed = an_event(3, subject=SUBJECT)
        await store.accept([Arrival(closed, [a_run(closed)], [an_order(closed)])])
        (withdrawal,) = await store.withdrawals(SUBJECT)
        (left,) = (await store.from_other_sources([withdrawal]))[withdrawal.number]
        assert left.event_id == theirs.id
        (alarm,) = [sort for sort in await store.news() if sort.kind == Alarm.LEFT_UP]
        (news,) = await store.news_of([alarm], 9)
        assert f"no. {left.number} on {CHANNEL}" in news.reason
        await store.withdraw(a_withdrawal())
        both = await store.withdrawals(SUBJECT)
        assert len(both) == 2
        assert await store.from_other_sources(both) == {}

    async def test_nobody_is_told_of_other_sources_if_nothing_of_theirs_is_left(
        self, store: Store
    ) -> None:
        """Nor of the run that withdraws, of another subject, or if only some channels are withdrawn."""
        theirs = an_event(2, subject="other", source="webhook:other")
        await store.accept([Arrival(theirs, [a_run(theirs)], [a_delivery(theirs)])])
        closed, part = an_event(3, subject=SUBJECT), an_event(4, subject="other")
        orders = [an_order(closed), a_delivery(closed, "found")]
        await store.accept([Arrival(closed, [a_run(closed)], orders)])
        await store.accept([Arrival(part, [a_run(part)], [an_order(part, channels=[CHANNEL])])])
        assert Alarm.LEFT_UP not in {sort.kind for sort in await store.news()}

    async def test_lifting_lets_the_subject_be_published_again(self, store: Store) -> None:
        """And what was not begun stays published."""
        post = await published(store)
        result = await store.withdraw(a_withdrawal())
        lifted = await store.lift(result.withdrawal.number, "bob", NOW + 12)
        assert (lifted.lifted_by, lifted.lifted_at) == ("bob", NOW + 12)
        assert await state_of(store, post) is State.DELIVERED
        assert (await removal_of(store, post)).state is State.CANCELLED
        await store.accept([an_arrival(2, subject=SUBJECT)])
        assert len(await store.claim(CHANNEL, NOW + 20, 9)) == 1
        with pytest.raises(IllegalMove, match="lifted already"):
            await store.lift(result.withdrawal.number, "bob", NOW + 13)

    async def test_a_subject_that_was_withdrawn_twice_stays_withdrawn_until_both_are_lifted(
        self, store: Store
    ) -> None:
        post = await published(store)
        first = await store.withdraw(a_withdrawal())
        second = await store.withdraw(a_withdrawal())
        await store.lift(first.withdrawal.number, "bob", NOW + 12)
        assert await state_of(store, post) is State.WITHDRAWING
        assert (await removal_of(store, post)).state is State.READY
        await store.lift(second.withdrawal.number, "bob", NOW + 13)
        assert await state_of(store, post) is State.DELIVERED

    @pytest.mark.parametrize(
        "part",
        [
            {"channels": [CHANNEL]},
            {"recipe": "major-incident", "steps": ["tweet"]},
            {"channels": [CHANNEL], "origin": SOURCE},
        ],
    )
    async def test_what_a_second_withdrawal_is_about_stays_withdrawn_until_that_is_lifted_too(
        self, store: Store, part: dict[str, Any]
    ) -> None:
        """Also if it is only about some channels or steps; everything else is published again."""
        post, other = await published(store), await published(store, 2, channel="force_facebook")
        first = await store.withdraw(a_withdrawal())
        scope = {name: value for name, value in part.items() if name != "origin"}
        order = replace(a_withdrawal(whole=False, origin=part.get("origin", "")), **scope)
        second = await store.withdraw(order)
        await store.lift(first.withdrawal.number, "bob", NOW + 12)
        assert await state_of(store, post) is State.WITHDRAWING
        left = State.WITHDRAWING if "steps" in part else State.DELIVERED
        assert await state_of(store, other) is left
        await store.lift(second.withdrawal.number, "bob", NOW + 13)
        assert await state_of(store, post) is State.DELIVERED

    async def test_a_lift_leaves_the_other_withdrawals_of_its_subject_and_of_its_posts(
        self, store: Store
    ) -> None:
        """Those of some channels are in force too; what is lifted, or about another post, is not among them."""
        posts = [await published(store, number) for number in (1, 2)]
        orders = (
            replace(a_withdrawal(whole=False), channels=("force_facebook",)),
            a_withdrawal(target=posts[0].id, whole=False),
            a_withdrawal(target=posts[1].id, whole=False),
            a_withdrawal(subject="M6"),
            a_withdrawal(),
        )
        stored = [(await store.withdraw(order)).withdrawal.number for order in orders]
        some, first, second, _, whole = stored

        async def left(lifted: int) -> list[int]:
            await store.lift(lifted, "bob", NOW + 12)
            return [each.number for each in await store.still_withdrawn_by(lifted)]

        assert await left(first) == [whole, some]
        assert await left(whole) == [second, some]
        assert await left(some) == []

    async def test_what_was_being_sent_and_is_withdrawn_alone_stays_withdrawn(
        self, store: Store
    ) -> None:
        """Although the withdrawal of the whole subject, which came first, is lifted."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        first = await store.withdraw(a_withdrawal())
        await store.withdraw(a_withdrawal(target=sending.id, whole=False))
        await store.settle(ended(sending, State.DELIVERED))
        await store.lift(first.withdrawal.number, "bob", NOW + 12)
        assert await state_of(store, sending) is State.WITHDRAWING

    async def test_what_was_under_way_is_taken_back_although_the_withdrawal_is_lifted(
        self, store: Store
    ) -> None:
        """It was withdrawn in time, so it is not sent again; only new events are published."""
        unclear = await begun(store, an_arrival(1, subject=SUBJECT))
        await store.settle(ended(unclear, State.UNKNOWN, due_at=NOW))
        sending = await begun(store, an_arrival(2, subject=SUBJECT, channel="force_facebook"))
        result = await store.withdraw(a_withdrawal())
        await store.lift(result.withdrawal.number, "bob", NOW + 12)
        await store.settle(ended(unclear, State.READY, source=State.UNKNOWN, at=NOW + 13))
        await store.settle(ended(sending, State.READY, at=NOW + 13))
        assert await state_of(store, unclear) is State.UNKNOWN
        assert await state_of(store, sending) is State.CANCELLED
        await store.settle(ended(unclear, State.DELIVERED, source=State.UNKNOWN))
        assert await state_of(store, unclear) is State.WITHDRAWING

    async def test_a_lift_ends_a_task_about_what_was_never_removed(self, store: Store) -> None:
        """Such as a mail, of which every attempt is rejected. After any other attempt the post may be gone."""
        posts = [await published(store, number) for number in (1, 2)]
        result = await store.withdraw(a_withdrawal())
        removals = await store.claim_removals(CHANNEL, NOW + 20, 9)
        outcomes = (Outcome.REJECTED, Outcome.UNSURE)
        for removal, outcome in zip(removals, outcomes, strict=True):
            attempt = Attempt(removal.id, 1, AttemptKind.REMOVE, NOW, NOW, outcome, "")
            settlement = ended(removal, State.HELD, hold=Hold.CANNOT_REMOVE)
            await store.settle(replace(settlement, attempt=attempt))
        await store.lift(result.withdrawal.number, "alice", NOW + 30)
        assert {each.target for each in removals} == {each.id for each in posts}
        rejected, unsure = [await store.delivery(each.target) for each in removals]
        assert (rejected.state, unsure.state) == (State.DELIVERED, State.WITHDRAWING)
        assert await store.outstanding() == (1, NOW + 10)

    async def test_a_removal_that_will_not_end_by_itself_is_found_however_many_there_are(
        self, store: Store
    ) -> None:
        """Its account is gone, or it has waited for too long; tasks hide none of them."""
        posts = [await published(store, number) for number in (1, 2, 3)]
        await store.withdraw(a_withdrawal())
        await store.move(
            (await removal_of(store, posts[2])).id, State.HELD, NOW + 11, hold=Hold.CANNOT_REMOVE
        )
        assert await store.stuck_removals([CHANNEL], NOW) == []
        gone = await store.stuck_removals(["other"], NOW, 1)
        assert [each.post.id for each in gone] == [posts[1].id]
        old = await store.stuck_removals([CHANNEL], NOW + 10)
        assert {each.post.id for each in old} == {post.id for post in posts[:2]}

    async def test_what_remains_to_be_done_is_listed_first(self, store: Store) -> None:
        """However many posts are removed."""
        old, new = await published(store, 1), await published(store, 2)
        await store.withdraw(a_withdrawal(target=new.id, whole=False))
        await remove(store)
        await store.withdraw(a_withdrawal())
        (first,) = await store.removals(limit=1)
        assert first.post.id == old.id

    async def test_one_post_is_withdrawn_alone(self, store: Store) -> None:
        """Later posts about its subject go on."""
        first, second = await published(store), await published(store, 2)
        await store.withdraw(a_withdrawal(target=first.id, whole=False))
        assert await state_of(store, first) is State.WITHDRAWING
        assert await state_of(store, second) is State.DELIVERED
        await store.accept([an_arrival(3, subject=SUBJECT)])
        assert len(await store.claim(CHANNEL, NOW + 20, 9)) == 1
        with pytest.raises(IllegalMove):
            await store.withdraw(a_withdrawal(target=first.id, whole=False))
        removal = await removal_of(store, first)
        with pytest.raises(IllegalMove, match=f"takes back no. {first.number}"):
            await store.withdraw(a_withdrawal(target=removal.id, whole=False))

    async def test_a_thread_is_removed_from_its_last_post_to_its_first(self, store: Store) -> None:
        """Otherwise the rest would stand as answers to nothing; a post that cannot be removed stops none."""
        posts = await a_published_thread(store)
        await store.withdraw(a_withdrawal())
        order = [
            (await remove(store)).target,
            (await remove(store, State.HELD, hold=Hold.CANNOT_REMOVE)).target,
            (await remove(store)).target,
        ]
        assert order == [post.id for post in reversed(posts)]
        assert await store.claim_removals(CHANNEL, NOW + 99, 9) == []

    async def test_with_one_post_of_a_thread_all_later_ones_are_withdrawn_and_no_earlier_one(
        self, store: Store
    ) -> None:
        """From the last to it. A lift of that withdrawal is about all of them."""
        first, second, third = await a_published_thread(store)
        result = await store.withdraw(a_withdrawal(target=second.id, whole=False))
        assert {each.id for each in result.removing} == {second.id, third.id}
        assert await state_of(store, first) is State.DELIVERED
        assert (await remove(store)).target == third.id
        await store.lift(result.withdrawal.number, "alice", NOW + 30)
        assert await state_of(store, second) is State.DELIVERED
        await store.withdraw(a_withdrawal(target=first.id, whole=False))
        assert [(await remove(store)).target for _ in range(2)] == [second.id, first.id]

    @pytest.mark.parametrize("target", [State.DELIVERED, State.UNKNOWN])
    async def test_no_more_of_a_thread_goes_out_once_the_post_that_is_being_sent_is_withdrawn(
        self, store: Store, target: State
    ) -> None:
        """Its later posts are cancelled in the same transaction, whatever becomes of the attempt."""
        posts = await a_published_thread(store, count=1)
        result = await store.withdraw(a_withdrawal(target=posts[1].id, whole=False))
        assert [each.id for each in result.awaited] == [posts[1].id]
        await store.settle(ended(posts[1], target))
        assert await state_of(store, posts[0]) is State.DELIVERED
        assert await state_of(store, posts[2]) is State.CANCELLED
        assert await store.claim(CHANNEL, NOW + 99, 9) == []

    async def test_a_removal_waits_for_no_turn_and_keeps_none(self, store: Store) -> None:
        """Nor does it count as a post."""
        post = await published(store)
        await store.withdraw(a_withdrawal(target=post.id, whole=False))
        await store.accept([an_arrival(2, subject=SUBJECT)])
        assert (await store.queue_status(CHANNEL, NOW + 20)).removals
        (later,) = await store.claim(CHANNEL, NOW + 20, 9)
        assert later.kind is Kind.POST
        await remove(store)
        assert await store.sent_today(CHANNEL, NOW - 99) == 2
        assert len(await store.sent_times(CHANNEL, NOW - 99, 9)) == 1
        assert not (await store.queue_status(CHANNEL, NOW + 20)).removals

    async def test_a_removal_that_a_person_gives_up_leaves_the_post_published(
        self, store: Store
    ) -> None:
        """And it can be withdrawn again."""
        post = await published(store)
        await store.withdraw(a_withdrawal())
        await store.move((await removal_of(store, post)).id, State.CANCELLED, NOW + 11)
        assert await state_of(store, post) is State.DELIVERED
        again = await store.withdraw(a_withdrawal())
        assert [each.id for each in again.removing] == [post.id]

    async def test_similar_subjects_are_found_if_something_is_published_about_them(
        self, store: Store
    ) -> None:
        """They differ only in case, Unicode form, spaces or punctuation."""
        for number, subject in enumerate(("RC-77", "rc 77", "RC-78", "Zo\u00eb", "Rc-77"), start=1):
            arrival = an_arrival(number, subject=subject)
            if subject == "Rc-77":
                arrival = replace(arrival, deliveries=[])
            await store.accept([arrival])
        assert {*await store.similar_subjects("rc-77")} == {"RC-77", "rc 77"}
        assert await store.similar_subjects("RC-77") == ["rc 77"]
        assert await store.similar_subjects("zoe\u0308") == ["Zo\u00eb"]
        assert await store.similar_subjects("RC-7") == []
        assert len(await store.similar_subjects("rc-77", 1)) == 1

    async def test_a_dry_run_changes_nothing(self, store: Store) -> None:
        """It says what would be done."""
        post = await published(store)
        would = await store.would_withdraw(a_withdrawal())
        assert [each.id for each in would.removing] == [post.id]
        assert await state_of(store, post) is State.DELIVERED
        assert await store.withdrawals() == []

    async def test_withdrawals_survive_the_end_of_the_process(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """And so does what was being sent when they came."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        result = await store.withdraw(a_withdrawal())
        await store.close()
        again = await open_store()
        try:
            assert await again.withdrawals(SUBJECT) == [result.withdrawal]
            await again.recover(NOW + 20, NOW + 21)
            assert (await again.delivery(sending.id)).hold == WITHDRAWN
            await again.settle(ended(sending, State.DELIVERED, source=State.UNKNOWN))
            assert await state_of(again, sending) is State.WITHDRAWING
            await again.accept([an_arrival(2, subject=SUBJECT)])
            assert await again.claim(CHANNEL, NOW + 99, 9) == []
        finally:
            await again.close()

    async def test_a_withdrawal_outlives_its_reason_which_is_removed_when_its_retention_is_over(
        self, store: Store
    ) -> None:
        """It may name the person. While something is being taken back, people still have to know why."""
        await published(store)
        await store.withdraw(a_withdrawal())
        await store.forget_reasons(NOW + 99)
        assert [each.reason for each in await store.withdrawals()] == ["found safe"]
        await remove(store)
        await store.forget_reasons(NOW + 9)
        assert [each.reason for each in await store.withdrawals()] == ["found safe"]
        await store.forget_reasons(NOW + 99)
        assert [each.reason for each in await store.withdrawals()] == [""]
        later = an_arrival(2, subject=SUBJECT)
        await store.accept([later])
        now = await store.delivery(later.deliveries[0].id)
        assert now.state is State.CANCELLED
        assert now.reason == "its subject is withdrawn; `appealbridge lift 1` lifts the withdrawal"

    async def test_a_refused_transaction_leaves_no_block_behind(self, store: Store) -> None:
        """What was rolled back is not remembered."""
        post = await published(store)
        results = await asyncio.gather(
            store.withdraw(a_withdrawal(subject="B4100")),
            store.withdraw(a_withdrawal(target="nothing", whole=False)),
            return_exceptions=True,
        )
        assert isinstance(results[0], Withdrawn)
        assert isinstance(results[1], Exception)
        await store.accept([an_arrival(2, subject="B4100"), an_arrival(3, subject="A45")])
        (claimed,) = await store.claim(CHANNEL, NOW + 20, 9)
        assert claimed.subject == "A45"
        assert await state_of(store, post) is State.DELIVERED

    @pytest.mark.parametrize("first", ["withdraw", "other"])
    @pytest.mark.parametrize("door", ["accept", "settle", "release", "advance", "retry"])
    async def test_a_withdrawal_wins_every_race(self, store: Store, door: str, first: str) -> None:
        """Whichever of the two is submitted first: afterwards nothing can be sent, and nothing is up and unlisted."""
        sending = await begun(store, an_arrival(1, subject=SUBJECT))
        held = an_arrival(2, subject=SUBJECT, state=State.HELD, hold=Hold.APPROVAL)
        failed = an_arrival(3, subject=SUBJECT, state=State.FAILED)
        event = an_event(4, subject=SUBJECT)
        await store.accept([held, failed, Arrival(event, [a_run(event)])])
        others = {
            "accept": lambda: store.accept([an_arrival(5, subject=SUBJECT, state=State.SENDING)]),
            "settle": lambda: store.settle(ended(sending, State.DELIVERED, at=NOW + 11)),
            "release": lambda: store.move(held.deliveries[0].id, State.READY, NOW + 11),
            "advance": lambda: store.advance(a_run(event), 0, [a_delivery(event)]),
            "retry": lambda: store.move(failed.deliveries[0].id, State.READY, NOW + 11),
        }
        pair = [store.withdraw(a_withdrawal()), others[door]()]
        if first == "other":
            pair.reverse()
        results = await asyncio.gather(*pair, return_exceptions=True)
        assert all(not isinstance(r, Exception) or isinstance(r, IllegalMove) for r in results)
        assert await store.claim(CHANNEL, NOW + 99, 99) == []
        listed = {each.post.id for each in await store.removals()}
        for delivery in await store.deliveries(DeliveryFilter(subject=SUBJECT)):
            if delivery.kind is Kind.POST:
                assert delivery.state not in (State.READY, State.DELIVERED, State.HELD)
                if delivery.state in (State.SENDING, State.WITHDRAWING, State.UNKNOWN):
                    assert delivery.id in listed

    async def test_a_whole_subject_reaches_every_origin_and_only_its_steps_or_channels_if_asked(
        self, store: Store
    ) -> None:
        """And a part of it blocks nothing, because it was not whole."""
        await published(store)
        order = replace(a_withdrawal(whole=False), channels=["force_facebook"])
        assert list((await store.would_withdraw(order)).removing) == []
        order = replace(a_withdrawal(whole=False), recipe="major-incident", steps=["tweet"])
        assert len((await store.withdraw(order)).removing) == 1
        await store.accept([an_arrival(2, subject=SUBJECT)])
        assert len(await store.claim(CHANNEL, NOW + 20, 9)) == 1
