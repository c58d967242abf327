"""What every store guarantees for other changes of state: expiry, people's changes, and recovery after a crash."""

from __future__ import annotations

import asyncio

import pytest

from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import MOVES, Hold, State, with_hold
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.notice import Trouble
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    DeliveryFilter,
)
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    OpenStore,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    begun,
    ended,
    ids,
)


class StoreStateChangesContract:
    """Deliveries that expire, are moved by people, or were under way at a crash."""

    # -- time -----------------------------------------------------------------------------------

    @pytest.mark.parametrize("state", list(State), ids=str)
    async def test_what_waits_past_its_time_expires(self, store: Store, state: State) -> None:
        """And nothing else does; what is under way may still arrive in time, or has been published."""
        await store.accept([an_arrival(1, state=state, publish_by=NOW + 60)])
        waits = state in {State.PLANNED, State.HELD, State.READY}
        assert await store.next_expiry() == (NOW + 60 if waits else None)
        assert await store.expire(NOW + 59) == []
        expired = await store.expire(NOW + 60)
        stored = await store.delivery("1")
        assert ids(expired) == ([stored.id] if waits else [])
        assert stored.state is (State.EXPIRED if waits else state)
        assert await store.next_expiry() is None

    async def test_an_expired_one_says_why_and_wakes_its_run(self, store: Store) -> None:
        """Never silence."""
        await store.accept([an_arrival(1, publish_by=NOW + 60, state=State.HELD, hold="approval")])
        (expired,) = await store.expire(NOW + 61)
        assert expired == await store.delivery("1")
        assert expired.reason
        assert (expired.hold, expired.settled_at) == ("", NOW + 61)
        assert await store.next_wake() == NOW + 61

    async def test_what_is_held_as_perhaps_published_does_not_expire(self, store: Store) -> None:
        """Only a person can say what became of it."""
        await store.accept([an_arrival(1, publish_by=NOW, state=State.HELD, hold="unknown")])
        assert await store.next_expiry() is None
        assert await store.expire(NOW + 1) == []

    async def test_an_expired_one_gives_up_its_turn(self, store: Store) -> None:
        """The next of the subject may go."""
        await store.accept([an_arrival(1, subject="A38", state=State.HELD, publish_by=NOW)])
        await store.accept([an_arrival(2, subject="A38")])
        await store.expire(NOW)
        assert len(await store.claim(CHANNEL, NOW, 10)) == 1

    async def test_many_expire_in_portions(self, store: Store) -> None:
        """After a long outage memory stays bounded; the earliest go first."""
        await store.accept([an_arrival(n, publish_by=NOW - n) for n in range(5)])
        portions = [await store.expire(NOW, limit=2) for _ in range(4)]
        assert [len(portion) for portion in portions] == [2, 2, 1, 0]
        assert [each.publish_by for portion in portions for each in portion] == [
            NOW - n for n in (4, 3, 2, 1, 0)
        ]

    # -- people ---------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "source", [state for state in State if state is not State.SENDING], ids=str
    )
    async def test_a_person_makes_only_moves_of_the_table(
        self, store: Store, source: State
    ) -> None:
        """The refusal says where the delivery stands."""
        for number, target in enumerate(set(State) - {State.SENDING}, start=1):
            await store.accept([an_arrival(number, state=source)])
            if target in MOVES[source]:
                moved = await store.move(str(number), target, NOW, hold="burst", reason="says bob")
                assert moved == await store.delivery(str(number))
                assert (moved.state, moved.hold, moved.reason) == (target, "burst", "says bob")
            else:
                with pytest.raises(IllegalMove, match=source.value):
                    await store.move(str(number), target, NOW)

    async def test_a_released_delivery_is_due_now(self, store: Store) -> None:
        """By its id as by its number."""
        arrival = an_arrival(1, state=State.HELD, hold="approval", due_at=NOW + 999)
        await store.accept([arrival])
        moved = await store.move(arrival.deliveries[0].id, State.READY, NOW + 9)
        assert (moved.hold, moved.due_at) == ("", NOW + 9)
        assert len(await store.claim(CHANNEL, NOW + 9, 10)) == 1

    async def test_an_attempt_under_way_is_nobodys_to_move(self, store: Store) -> None:
        """Its receipt would find no place."""
        await begun(store, an_arrival(1))
        with pytest.raises(IllegalMove):
            await store.move("1", State.HELD, NOW)
        await store.accept([an_arrival(2)])
        with pytest.raises(IllegalMove):
            await store.move("2", State.SENDING, NOW)

    async def test_what_is_retried_takes_its_turn_back(self, store: Store) -> None:
        """An update waits even for a first message that had failed before."""
        first, second = (an_arrival(number, subject="A38") for number in (1, 2))
        delivery = await begun(store, first)
        await store.settle(ended(delivery, State.FAILED))
        await store.accept([second])
        retried = await store.move("1", State.READY, NOW + 5)
        assert retried.settled_at is None
        assert ids(await store.claim(CHANNEL, NOW + 5, 10)) == [delivery.id]
        await store.settle(ended(delivery, State.DELIVERED))
        assert ids(await store.claim(CHANNEL, NOW + 5, 10)) == ids(second.deliveries)

    async def test_a_turn_taken_back_during_an_attempt_holds_up_nobody_for_ever(
        self, store: Store
    ) -> None:
        """The attempt ends as it may; then come the retried one and those that waited."""
        failed, later, last = (an_arrival(number, subject="A38") for number in (1, 2, 3))
        await store.settle(ended(await begun(store, failed), State.FAILED))
        under_way = await begun(store, later)
        await store.move("1", State.READY, NOW)
        await store.accept([last])
        await store.settle(ended(under_way, State.DELIVERED))
        for arrival in (failed, last):
            (claimed,) = await store.claim(CHANNEL, NOW, 10)
            assert [claimed.id] == ids(arrival.deliveries)
            await store.settle(ended(claimed, State.DELIVERED))

    async def test_what_is_retried_waits_for_older_ones(self, store: Store) -> None:
        """Its turn is that of its number."""
        older, younger = an_event(1, subject="A38"), an_event(2, subject="A38")
        waits = a_delivery(older, due_at=NOW + 60)
        await store.accept([Arrival(older, [a_run(older)], [waits])])
        failed = a_delivery(younger, state=State.FAILED)
        await store.accept([Arrival(younger, [a_run(younger)], [failed])])
        await store.move("2", State.READY, NOW)
        assert await store.claim(CHANNEL, NOW, 10) == []
        await store.move("1", State.CANCELLED, NOW)
        assert ids(await store.claim(CHANNEL, NOW, 10)) == [failed.id]

    async def test_what_is_released_takes_the_turn_of_its_number(self, store: Store) -> None:
        """Behind what is older and goes by itself, before what is younger and has not begun."""
        older = an_arrival(1, subject="A38", due_at=NOW + 60)
        held = an_arrival(2, subject="A38", state=State.HELD, hold="same_text")
        younger = an_arrival(3, subject="A38")
        await store.accept([older, held, younger])
        await store.move("2", State.READY, NOW)
        for number in (1, 2, 3):
            (claimed,) = await store.claim(CHANNEL, NOW + 60, 10)
            assert claimed.number == number
            await store.settle(ended(claimed, State.DELIVERED))

    async def test_what_a_person_holds_gives_its_turn_on(self, store: Store) -> None:
        """As what was held from the first has none."""
        await store.accept([an_arrival(number, subject="A38") for number in (1, 2)])
        await store.move("1", State.HELD, NOW, hold="approval")
        assert [each.number for each in await store.claim(CHANNEL, NOW, 10)] == [2]

    async def test_a_cancelled_one_wakes_its_run(self, store: Store) -> None:
        """What waited for it is cancelled in turn."""
        await store.accept([an_arrival(1, state=State.HELD)])
        await store.move("1", State.CANCELLED, NOW + 3, reason="rejected by bob")
        assert await store.next_wake() == NOW + 3

    @pytest.mark.parametrize("name", ["7", "nobody.knows.it", "", "9" * 40, "²"])
    async def test_what_is_not_there_is_not_found(self, store: Store, name: str) -> None:
        """Whatever a person types."""
        with pytest.raises(NotFound):
            await store.move(name, State.READY, NOW)
        with pytest.raises(NotFound):
            await store.delivery(name)

    # -- after a crash --------------------------------------------------------------------------

    async def test_an_attempt_without_outcome_becomes_unknown(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Never simply repeated: its look is due, and the attempt is kept as unsure."""
        delivery = await begun(store, an_arrival(1))
        await store.accept([an_arrival(2)])
        await store.close()
        again = await open_store()
        try:
            assert await again.recover(NOW + 60, NOW + 60) == 1
            stored = await again.delivery(delivery.id)
            assert (stored.state, stored.due_at, stored.begun_at) == (State.UNKNOWN, NOW + 60, None)
            assert stored.first_begun_at == delivery.first_begun_at
            assert stored.reason
            assert await again.attempts(delivery.id) == [
                Attempt(
                    delivery.id,
                    1,
                    AttemptKind.SEND,
                    NOW,
                    NOW + 60,
                    Outcome.UNSURE,
                    stored.reason,
                )
            ]
            assert (await again.delivery("2")).state is State.READY
            assert await again.recover(NOW + 61, NOW + 61) == 0
        finally:
            await again.close()

    async def test_what_failed_begins_anew_when_it_is_tried_again(self, store: Store) -> None:
        """A day after the first attempt, the policy would otherwise give up at once."""
        await store.accept([an_arrival(1)])
        (claimed,) = await store.claim(CHANNEL, NOW, 1)
        await store.settle(ended(claimed, State.FAILED))
        await store.move("1", State.READY, NOW + 86_400)
        (again,) = await store.claim(CHANNEL, NOW + 86_400, 1)
        assert (again.attempts, again.first_begun_at) == (2, NOW + 86_400)

    async def test_operations_of_all_kinds_may_be_handed_over_at_once(self, store: Store) -> None:
        """Each caller gets its own answer."""
        await store.accept([an_arrival(1), an_arrival(2, state=State.HELD)])
        (claimed,) = await store.claim(CHANNEL, NOW, 1)
        results = await asyncio.gather(
            store.settle(ended(claimed, State.DELIVERED)),
            store.accept([an_arrival(3)]),
            store.move("2", State.FAILED, NOW),
            store.move("2", State.READY, NOW),
            store.check(),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results] == [
            "NoneType",
            "list",
            "IllegalMove",
            "Delivery",
            "NoneType",
        ]

    async def test_a_delivery_held_for_two_reasons_goes_out_when_both_are_cleared(
        self, store: Store
    ) -> None:
        """In whatever order, and it is listed under each."""
        hold = with_hold(Hold.BURST, Hold.APPROVAL)
        assert hold == "approval burst"
        for number, order in enumerate((["approval", "burst"], ["burst", "approval"]), start=1):
            arrival = an_arrival(number, state=State.HELD, hold=hold)
            await store.accept([arrival])
            id_ = arrival.deliveries[0].id
            for reason in order:
                which = DeliveryFilter(states={State.HELD}, hold=reason)
                assert [each.id for each in await store.deliveries(which)] == [id_]
            assert {sort.kind for sort in await store.news()} == {Trouble.APPROVAL}
            with pytest.raises(IllegalMove):
                await store.clear_holds(id_, [Hold.STOP], NOW + 5)
            left = await store.clear_holds(id_, [order[0]], NOW + 5)
            assert (left.state, left.holds) == (State.HELD, [order[1]])
            ready = await store.clear_holds(id_, [order[1]], NOW + 6)
            assert (ready.state, ready.hold, ready.due_at) == (State.READY, "", NOW + 6)
