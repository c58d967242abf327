"""What every store guarantees for threads: each post waits for the one before it, and no longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appealbridge.model.delivery import Delivery, State
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, HoldFilter
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    RECIPE,
    OpenStore,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    ended,
)


def a_thread(number: int, *, subject: str = "", posts: int = 3, **first: object) -> Arrival:
    """Return an event whose deliveries follow each other."""
    event = an_event(number, subject=subject)
    deliveries: list[Delivery] = []
    for at in range(posts):
        more = first if at == 0 else {"follows": deliveries[-1].id, "state": State.PLANNED}
        deliveries.append(a_delivery(event, f"post{at}", **more))
    return Arrival(event, [a_run(event)], deliveries)


async def states(store: Store, thread: Arrival) -> list[State]:
    """Return where the posts of a thread stand."""
    return [(await store.delivery(delivery.id)).state for delivery in thread.deliveries]


async def claimed(store: Store, now: float = NOW + 1) -> Sequence[Delivery]:
    """Begin what may go out."""
    return await store.claim(CHANNEL, now, 10)


class StoreThreadsContract:
    """Going one after another."""

    async def test_what_follows_waits_until_the_one_before_is_delivered(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """Over a restart too; a claim never begins it before."""
        thread = a_thread(1)
        await store.accept([thread])
        assert [delivery.id for delivery in await claimed(store)] == [thread.deliveries[0].id]
        assert (await store.queue_status(CHANNEL, NOW)).blocked
        await store.settle(ended(thread.deliveries[0], State.DELIVERED))
        assert await states(store, thread) == [State.DELIVERED, State.READY, State.PLANNED]
        await store.close()
        again = await open_store()
        try:
            (second,) = await again.claim(CHANNEL, NOW + 99, 10)
            assert (second.id, second.follows) == (thread.deliveries[1].id, thread.deliveries[0].id)
        finally:
            await again.close()

    async def test_what_follows_one_that_will_not_come_is_called_off_to_the_last(
        self, store: Store
    ) -> None:
        """With the reason, however it ended."""
        for number, target in enumerate((State.FAILED, State.EXPIRED), start=1):
            thread = a_thread(number)
            await store.accept([thread])
            await claimed(store)
            await store.settle(ended(thread.deliveries[0], target, reason="not today"))
            assert await states(store, thread) == [target, State.CANCELLED, State.CANCELLED]
            second = await store.delivery(thread.deliveries[1].id)
            assert second.reason.endswith(f"is {target.value}: not today")
            assert (await store.delivery(thread.deliveries[2].id)).reason == second.reason
            assert second.settled_at is not None

    async def test_a_thread_under_way_keeps_its_turn_to_the_last_post(self, store: Store) -> None:
        """What comes later goes neither between its posts nor before them."""
        thread, later = a_thread(1, subject="A38"), an_arrival(2, subject="A38")
        await store.accept([thread, later])
        for post in thread.deliveries:
            assert [delivery.id for delivery in await claimed(store)] == [post.id]
            await store.settle(ended(post, State.DELIVERED))
        assert [delivery.id for delivery in await claimed(store)] == [later.deliveries[0].id]

    async def test_a_thread_that_is_held_keeps_nothing_back(self, store: Store) -> None:
        """None of its posts goes out without a person; released, it goes before what has not begun."""
        thread = a_thread(1, subject="A38", state=State.HELD, hold="approval")
        await store.accept([thread, an_arrival(2, subject="A38", due_at=NOW + 9)])
        assert (await store.queues())[0].first == (NOW + 9, 4)
        await store.move("1", State.READY, NOW)
        for number in (1, 2, 3, 4):
            (single,) = await claimed(store, NOW + 9)
            assert single.number == number
            await store.settle(ended(single, State.DELIVERED))

    async def test_a_thread_whose_first_post_is_confirmed_goes_before_what_has_not_begun(
        self, store: Store
    ) -> None:
        """Nobody knew of the first post for a while, and later ones went on."""
        thread = a_thread(1, subject="A38", state=State.HELD, hold="unknown")
        await store.accept([thread, an_arrival(2, subject="A38", due_at=NOW + 9)])
        await store.settle(ended(thread.deliveries[0], State.DELIVERED, source=State.HELD))
        assert [delivery.number for delivery in await claimed(store, NOW + 9)] == [2]

    async def test_a_persons_word_about_the_one_before_is_enough(self, store: Store) -> None:
        """Called off, it takes the others with it."""
        thread = a_thread(1, state=State.HELD, hold="approval")
        await store.accept([thread])
        await store.move(thread.deliveries[0].id, State.CANCELLED, NOW, reason="no")
        assert await states(store, thread) == [State.CANCELLED] * 3

    async def test_the_rest_of_a_thread_comes_back_with_the_post_that_is_tried_again(
        self, store: Store
    ) -> None:
        """In its order, and before a later event of the subject."""
        thread, later = a_thread(1, subject="A38"), an_arrival(2, subject="A38")
        await store.accept([thread, later])
        await claimed(store)
        await store.settle(ended(thread.deliveries[0], State.FAILED))
        assert await states(store, thread) == [State.FAILED, State.CANCELLED, State.CANCELLED]
        await store.move(thread.deliveries[0].id, State.READY, NOW)
        assert await states(store, thread) == [State.READY, State.PLANNED, State.PLANNED]
        second = await store.delivery(thread.deliveries[1].id)
        assert (second.reason, second.settled_at) == ("", None)
        for at, post in enumerate(thread.deliveries):
            (begun,) = await claimed(store, NOW + 99 + at)
            assert begun.id == post.id
            await store.settle(ended(begun, State.DELIVERED))
        assert [delivery.id for delivery in await claimed(store, NOW + 199)] == [
            later.deliveries[0].id
        ]

    async def test_what_a_person_called_off_does_not_come_back_with_its_thread(
        self, store: Store
    ) -> None:
        """Nor what follows it."""
        thread = a_thread(1)
        await store.accept([thread])
        await claimed(store)
        await store.move(thread.deliveries[1].id, State.CANCELLED, NOW, reason="no")
        await store.settle(ended(thread.deliveries[0], State.FAILED))
        await store.move(thread.deliveries[0].id, State.READY, NOW)
        assert await states(store, thread) == [State.READY, State.CANCELLED, State.CANCELLED]

    async def test_a_later_event_of_the_subject_waits_behind_the_whole_thread(
        self, store: Store
    ) -> None:
        """And has its turn once the thread was called off."""
        thread = a_thread(1, subject="A38", posts=2)
        later = an_arrival(2, subject="A38")
        await store.accept([thread, later])
        await claimed(store)
        await store.settle(ended(thread.deliveries[0], State.DELIVERED))
        (second,) = await claimed(store, NOW + 99)
        assert second.id == thread.deliveries[1].id
        await store.settle(ended(second, State.FAILED))
        assert [delivery.id for delivery in await claimed(store, NOW + 99)] == [
            later.deliveries[0].id
        ]

    async def test_what_follows_is_not_held_for_a_flood(self, store: Store) -> None:
        """It only ever waits for the one before it."""
        thread = a_thread(1)
        await store.accept([thread])
        which = HoldFilter(since=NOW - 1, recipe=RECIPE)
        held = await store.hold_untouched(which, hold="burst", reason="many")
        assert [each.id for each in held] == [thread.deliveries[0].id]

    async def test_a_run_may_plan_a_thread_later(self, store: Store) -> None:
        """As it may plan anything."""
        thread = a_thread(1)
        event, run = thread.event, replace(thread.runs[0], wake_at=NOW)
        await store.accept([Arrival(event, [run], [])])
        assert await store.advance(run, 0, thread.deliveries)
        assert (await store.delivery(thread.deliveries[2].id)).follows == thread.deliveries[1].id
