"""What every store guarantees about amendments: what they amend is found when they are stored, and never twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appealbridge.model.actor import How
from appealbridge.model.amendment import Amends, Change, Instead
from appealbridge.model.audit import Act
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, DeliveryFilter
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    RECEIPT,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    ended,
)
from tests.store_contract.withdrawals import SUBJECT, a_withdrawal, published, removal_of, state_of

OF = "tweet"


def an_amendment(
    number: int, *, edits: bool = True, instead: str = "follow_up", **more: Any
) -> Arrival:
    """Return a later event about the subject with an amendment of the step `tweet`."""
    event = an_event(number, subject=SUBJECT)
    keeps = more.pop("keeps", ())
    amends = Amends(OF, edits, Instead(instead), keeps)
    attributes = {"kind": Kind.AMEND, "amends": amends, "content": '{"text":"corrected"}'}
    delivery = a_delivery(event, "amend", **attributes | more)
    return Arrival(event, [a_run(event)], [delivery])


async def amended(store: Store, arrival: Arrival) -> Delivery:
    """Store an amendment, and return what became of it."""
    await store.accept([arrival])
    return await store.delivery(arrival.deliveries[0].id)


async def sent(store: Store, delivery: Delivery, at: float = NOW + 5) -> Delivery:
    """Claim the one delivery that is due, and settle it as published."""
    (claimed,) = await store.claim(CHANNEL, at, 9)
    assert claimed.id == delivery.id
    receipt = replace(RECEIPT, id="99") if claimed.change != Change.EDIT else RECEIPT
    await store.settle(ended(claimed, State.DELIVERED, at=at, receipt=receipt))
    return await store.delivery(delivery.id)


class StoreAmendmentsContract:
    """Amendments, what they amend, and the versions of posts."""

    async def test_an_edit_gets_its_post_and_becomes_a_version_of_it(self, store: Store) -> None:
        post = await published(store)
        edit = await amended(store, an_amendment(2))
        assert (edit.kind, edit.change, edit.target) == (Kind.AMEND, Change.EDIT, post.id)
        assert edit.state is State.READY
        assert await store.versions(post.id) == []
        await sent(store, edit)
        first, second = await store.versions(post.id)
        assert (first.number, first.delivery, first.content_hash) == (1, post.id, post.content_hash)
        assert (second.number, second.delivery, second.at) == (2, edit.id, NOW + 5)
        assert await state_of(store, post) is State.DELIVERED

    async def test_an_edit_is_no_post_of_its_day(self, store: Store) -> None:
        """Daily caps count posts; a reply is one."""
        await published(store)
        await sent(store, await amended(store, an_amendment(2)))
        assert await store.sent_today(CHANNEL, NOW - 99) == 1
        await sent(store, await amended(store, an_amendment(3, edits=False)))
        assert await store.sent_today(CHANNEL, NOW - 99) == 2

    async def test_without_a_post_nothing_is_amended(self, store: Store) -> None:
        await published(store, step="other")
        gone = await amended(store, an_amendment(2))
        assert gone.state is State.CANCELLED
        assert "nothing of tweet is published" in gone.reason

    async def test_another_recipe_origin_or_channel_has_no_post_to_amend(
        self, store: Store
    ) -> None:
        await published(store, 1, recipe="other")
        await published(store, 2, origin="webhook:other")
        await published(store, 3, channel="force_mastodon")
        assert (await amended(store, an_amendment(4))).state is State.CANCELLED

    async def test_every_post_of_the_step_is_amended(self, store: Store) -> None:
        posts = [await published(store, number) for number in (1, 2)]
        await amended(store, an_amendment(3, edits=True))
        edits = [
            each
            for each in await store.deliveries(DeliveryFilter(subject=SUBJECT))
            if each.change == Change.EDIT
        ]
        assert {each.target for each in edits} == {post.id for post in posts}

    async def test_where_a_platform_cannot_edit_a_reply_follows(self, store: Store) -> None:
        post = await published(store)
        reply = await amended(store, an_amendment(2, edits=False))
        assert (reply.change, reply.follows, reply.target) == (
            Change.FOLLOW_UP,
            post.id,
            post.id,
        )
        assert reply.state is State.READY
        held = an_amendment(3, edits=False, state=State.HELD, hold=Hold.APPROVAL)
        assert (await amended(store, held)).state is State.HELD
        assert await state_of(store, reply) is State.CANCELLED

    async def test_a_reply_waits_until_its_post_is_published(self, store: Store) -> None:
        await store.accept([an_arrival(1, subject=SUBJECT)])
        (post,) = await store.claim(CHANNEL, NOW, 9)
        reply = await amended(store, an_amendment(2, edits=False))
        assert reply.state is State.PLANNED
        await store.settle(ended(post, State.DELIVERED))
        assert await state_of(store, reply) is State.READY

    async def test_a_post_is_replaced_in_that_order(self, store: Store) -> None:
        """The old one is withdrawn in the transaction that stores that the new one is published."""
        post = await published(store)
        new = await amended(store, an_amendment(2, edits=False, instead="replace"))
        assert (new.change, new.follows) == (Change.REPLACE, "")
        assert await state_of(store, post) is State.DELIVERED
        new = await sent(store, new)
        assert await state_of(store, post) is State.WITHDRAWING
        removal = await removal_of(store, post)
        assert (removal.state, removal.reason) == (
            State.READY,
            f"withdrawn: replaced by no. {new.number}",
        )
        (decision,) = await store.audit()
        assert (decision.act, decision.how, decision.actor, decision.reason) == (
            Act.WITHDRAW,
            How.RECIPE,
            new.recipe,
            f"replaced by no. {new.number}",
        )
        again = await amended(store, an_amendment(3))
        assert (again.change, again.target) == (Change.EDIT, new.id)

    async def test_a_replacement_that_fails_leaves_the_post(self, store: Store) -> None:
        post = await published(store)
        await amended(store, an_amendment(2, edits=False, instead="replace"))
        (new,) = await store.claim(CHANNEL, NOW, 9)
        await store.settle(ended(new, State.FAILED))
        assert await state_of(store, post) is State.DELIVERED
        assert await store.removals() == []

    async def test_nothing_is_nothing(self, store: Store) -> None:
        await published(store)
        none = await amended(store, an_amendment(2, edits=False, instead="nothing"))
        assert (none.state, none.reason) == (
            State.CANCELLED,
            "force_x cannot edit, and the recipe has instead: nothing",
        )

    async def test_what_still_waits_is_superseded(self, store: Store) -> None:
        waits = an_arrival(1, subject=SUBJECT)
        await store.accept([waits])
        new = await amended(store, an_amendment(2, state=State.HELD, hold=Hold.APPROVAL))
        old = await store.delivery(waits.deliveries[0].id)
        assert (old.state, old.reason) == (State.CANCELLED, f"superseded by no. {new.number}")
        assert (new.state, new.hold, new.change) == (State.HELD, Hold.APPROVAL, Change.REPLACE)
        newer = await amended(store, an_amendment(3))
        assert await state_of(store, new) is State.CANCELLED
        assert (newer.change, newer.target) == (Change.REPLACE, new.id)
        await sent(store, newer)
        assert await store.removals() == []

    async def test_what_waits_for_approval_gets_the_content_of_its_correction(
        self, store: Store
    ) -> None:
        held = an_arrival(1, subject=SUBJECT, state=State.HELD, hold=Hold.APPROVAL)
        await store.accept([held])
        new = await amended(store, an_amendment(2, state=State.HELD, hold=Hold.APPROVAL))
        old = await store.delivery(held.deliveries[0].id)
        assert (old.state, old.hold, old.content) == (State.HELD, Hold.APPROVAL, new.content)
        assert (new.state, new.change) == (State.CANCELLED, Change.EDIT)
        assert f"no. {old.number}" in new.reason

    async def test_an_amendment_that_waits_is_corrected_by_the_next(self, store: Store) -> None:
        """Otherwise approving the older one would bring its text back."""
        post = await published(store)
        held = await amended(store, an_amendment(2, state=State.HELD, hold=Hold.APPROVAL))
        content = '{"text":"corrected twice"}'
        again = an_amendment(3, state=State.HELD, hold=Hold.APPROVAL, content=content)
        assert (await amended(store, again)).state is State.CANCELLED
        held = await store.delivery(held.id)
        assert (held.state, held.content, held.target) == (State.HELD, content, post.id)
        newer = await amended(store, an_amendment(4))
        assert await state_of(store, held) is State.CANCELLED
        assert (newer.target, newer.state) == (post.id, State.READY)
        more: dict[str, Any] = {"edits": False, "state": State.HELD, "hold": Hold.APPROVAL}
        for number, instead in ((5, "replace"), (6, "follow_up"), (7, "follow_up")):
            await amended(store, an_amendment(number, instead=instead, **more))
            open_ones = DeliveryFilter(states={State.READY, State.HELD}, subject=SUBJECT)
            (waits,) = await store.deliveries(open_ones)
            assert waits.change == instead

    async def test_a_thread_is_edited_part_by_part_if_it_has_as_many(self, store: Store) -> None:
        event = an_event(1, subject=SUBJECT)
        first = a_delivery(event, OF)
        second = a_delivery(event, OF, part="#2", state=State.PLANNED, follows=first.id)
        await store.accept([Arrival(event, [a_run(event)], [first, second])])
        for _ in range(2):
            (part,) = await store.claim(CHANNEL, NOW, 9)
            await store.settle(ended(part, State.DELIVERED, at=NOW))
        single = an_amendment(2)
        root = single.deliveries[0]
        later = replace(
            root, id=f"{root.id}.2", state=State.PLANNED, follows=root.id, content='{"text":"b"}'
        )
        await store.accept([Arrival(single.event, single.runs, [root, later])])
        edits = [await store.delivery(each.id) for each in (root, later)]
        assert [each.target for each in edits] == [first.id, second.id]
        await sent(store, edits[0])
        await sent(store, edits[1])
        assert len(await store.versions(second.id)) == 2
        other = await amended(store, an_amendment(3))
        assert (other.change, other.target) == (Change.FOLLOW_UP, first.id)

    async def test_a_mail_keeps_its_recipient(self, store: Store) -> None:
        event = an_event(1, subject=SUBJECT)
        mails = [
            a_delivery(event, OF, part=name, content=f'{{"text":"a","to":"{name}"}}')
            for name in ("a@x.example", "b@x.example")
        ]
        await store.accept([Arrival(event, [a_run(event)], mails)])
        for mail in await store.claim(CHANNEL, NOW, 9):
            await store.settle(ended(mail, State.DELIVERED, at=NOW))
        await amended(store, an_amendment(2, edits=False, keeps=("to",)))
        contents = {each.content for each in await store.claim(CHANNEL, NOW + 1, 9)}
        assert contents == {
            '{"text":"corrected","to":"a@x.example"}',
            '{"text":"corrected","to":"b@x.example"}',
        }

    async def test_under_a_live_withdrawal_nothing_is_amended(self, store: Store) -> None:
        post = await published(store)
        waits = await amended(store, an_amendment(2))
        await store.withdraw(a_withdrawal())
        assert await state_of(store, waits) is State.CANCELLED
        late = await amended(store, an_amendment(3))
        assert late.state is State.CANCELLED
        assert "withdrawn" in late.reason
        assert await state_of(store, post) is State.WITHDRAWING

    async def test_a_withdrawal_takes_back_what_followed(self, store: Store) -> None:
        post = await published(store)
        reply = await sent(store, await amended(store, an_amendment(2, edits=False)))
        withdrawal = a_withdrawal(target=post.id, whole=False)
        result = await store.withdraw(withdrawal)
        assert {each.id for each in result.removing} == {post.id, reply.id}
        assert await store.claim(CHANNEL, NOW + 50, 9) == []

    async def test_a_post_that_was_replaced_stays_withdrawn_although_its_subject_is_not(
        self, store: Store
    ) -> None:
        """Its removal began with the withdrawal of the subject, which is lifted."""
        post = await published(store)
        await amended(store, an_amendment(2, edits=False, instead="replace"))
        (new,) = await store.claim(CHANNEL, NOW, 9)
        result = await store.withdraw(a_withdrawal())
        await store.settle(ended(new, State.DELIVERED))
        await store.lift(result.withdrawal.number, "bob", NOW + 20)
        assert await state_of(store, post) is State.WITHDRAWING
        assert await state_of(store, new) is State.DELIVERED

    async def test_what_is_stored_again_amends_once(self, store: Store) -> None:
        await published(store)
        arrival = an_amendment(2)
        await store.accept([arrival])
        (run,) = arrival.runs
        await store.advance(run, 0, arrival.deliveries)
        everything = await store.deliveries(DeliveryFilter(subject=SUBJECT))
        assert len(everything) == 2
