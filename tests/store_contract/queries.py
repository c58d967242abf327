"""What every store guarantees for queries: lists newest first, correct counts, and clear errors."""

from __future__ import annotations

import asyncio

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.errors import NotFound, StoreError
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
)

STATES = [State.DELIVERED, State.FAILED, State.HELD, State.READY, State.SENDING]


async def _listed(store: Store, **which: object) -> list[int]:
    filter_ = DeliveryFilter(**which)  # type: ignore[arg-type]
    return [delivery.number for delivery in await store.deliveries(filter_)]


class StoreQueriesContract:
    """Lists, counts, health, and closing."""

    async def test_deliveries_are_listed_newest_first(self, store: Store) -> None:
        """As many as are asked for."""
        await store.accept([an_arrival(number) for number in range(5)])
        assert await _listed(store) == [5, 4, 3, 2, 1]
        assert await _listed(store, limit=2) == [5, 4]

    @pytest.mark.parametrize(
        ("which", "numbers"),
        [
            ({"states": [State.FAILED]}, [2]),
            ({"states": [State.SENDING]}, [5]),
            ({"states": [State.HELD, State.READY, State.FAILED]}, [4, 3, 2]),
            ({"states": [State.DELIVERED, State.SENDING]}, [5, 1]),
            ({"states": [State.EXPIRED]}, []),
            ({"channel": "channel-3"}, [4]),
            ({"subject": "INC-2"}, [3]),
            ({"event_id": an_event(1).id}, [2]),
            ({"run_id": a_run(an_event(1)).id}, [2]),
            ({"since": NOW + 3}, [5, 4]),
            ({"states": [State.READY], "channel": "channel-2"}, []),
            ({"event_id": "unknown"}, []),
        ],
        ids=str,
    )
    async def test_deliveries_are_listed_by(
        self, store: Store, which: dict[str, object], numbers: list[int]
    ) -> None:
        """Each field narrows; empty ones ask for all."""
        await store.accept(
            [
                an_arrival(n, state=state, channel=f"channel-{n}", planned_at=NOW + n)
                for n, state in enumerate(STATES)
            ]
        )
        assert await _listed(store, **which) == numbers

    async def test_runs_of_one_event_are_told_apart(self, store: Store) -> None:
        """Also where one recipe's name begins with another's."""
        event = an_event(1)
        recipes = ["closure", "closure.night", "closure-2"]
        runs = [a_run(event, recipe) for recipe in recipes]
        deliveries = [a_delivery(event, recipe=recipe) for recipe in recipes]
        await store.accept([Arrival(event, runs, deliveries), an_arrival(2)])
        assert await _listed(store, run_id=runs[0].id) == [1]
        assert await _listed(store, run_id=runs[1].id) == [2]
        assert await _listed(store, event_id=event.id) == [3, 2, 1]
        assert await store.runs(event_id=event.id) == [*reversed(runs)]

    async def test_events_are_listed_newest_first(self, store: Store) -> None:
        """Since a time, and as many as are asked for."""
        events = [an_event(number, received_at=NOW + number) for number in range(4)]
        await store.accept([Arrival(event) for event in events])
        assert await store.events() == [*reversed(events)]
        assert await store.events(limit=1) == [events[3]]
        assert await store.events(since=NOW + 2) == [events[3], events[2]]

    async def test_runs_are_listed_newest_first(self, store: Store) -> None:
        """By recipe, and as many as are asked for."""
        events = [an_event(number) for number in range(3)]
        runs = [a_run(event, recipe) for event in events for recipe in ("closure", "incident")]
        await store.accept(
            [Arrival(event, runs[n * 2 : n * 2 + 2]) for n, event in enumerate(events)]
        )
        assert await store.runs() == [*reversed(runs)]
        assert await store.runs(recipe="closure", limit=2) == [runs[4], runs[2]]
        assert await store.runs(recipe="closur") == []
        assert await store.runs(event_id=events[1].id, recipe="incident") == [runs[3]]

    async def test_what_is_not_there_says_its_name(self, store: Store) -> None:
        """For whoever mistyped it."""
        with pytest.raises(NotFound, match="event 123"):
            await store.event("123")
        with pytest.raises(NotFound, match=r"run 123\.x"):
            await store.run("123.x")
        assert await store.attempts("123.x.y") == []

    # -- counts ---------------------------------------------------------------------------------

    async def test_a_days_count_has_the_delivered_and_those_under_way(self, store: Store) -> None:
        """So that a cap is not passed by what is in the air."""
        for number, settled in enumerate([NOW - 1, NOW, NOW + 5]):
            delivery = await begun(store, an_arrival(number))
            await store.settle(ended(delivery, State.DELIVERED, at=settled))
        await store.accept([an_arrival(7, state=State.SENDING), an_arrival(8, state=State.FAILED)])
        await store.accept([an_arrival(9, state=State.SENDING, channel="force_facebook")])
        assert await store.sent_today(CHANNEL, NOW) == 3

    async def test_a_days_count_has_what_is_perhaps_published(self, store: Store) -> None:
        """Or the cap would be passed by what is found later."""
        looked_for = await begun(store, an_arrival(1))
        await store.settle(ended(looked_for, State.UNKNOWN))
        for number, at in enumerate([NOW, NOW - 86_400], start=2):
            doubted = await begun(store, an_arrival(number, first_begun_at=at))
            await store.settle(ended(doubted, State.HELD, hold="unknown"))
        await store.accept([an_arrival(4, state=State.HELD, hold="daily_cap")])
        await store.accept([an_arrival(5, state=State.HELD, hold="unknown", channel="force_y")])
        assert await store.sent_today(CHANNEL, NOW - 3600) == 2

    async def test_the_backlog_counts_by_state_and_channel(self, store: Store) -> None:
        """All but the delivered; the age is that of the oldest open one."""
        await store.accept(
            [
                an_arrival(1, state=State.FAILED, planned_at=NOW - 90),
                an_arrival(2, state=State.DELIVERED, planned_at=NOW - 80),
                an_arrival(3, planned_at=NOW - 70),
                an_arrival(4, planned_at=NOW - 60),
                an_arrival(5, state=State.SENDING, channel="force_facebook"),
            ]
        )
        backlog = await store.backlog()
        assert backlog.counts == {
            (State.FAILED, CHANNEL): 1,
            (State.READY, CHANNEL): 2,
            (State.SENDING, "force_facebook"): 1,
        }
        assert backlog.oldest_open_at == NOW - 70

    async def test_an_empty_store_has_no_backlog(self, store: Store) -> None:
        """And no oldest one."""
        backlog = await store.backlog()
        assert (backlog.counts, backlog.oldest_open_at) == ({}, None)

    async def test_what_waits_is_told_channel_by_channel(self, store: Store) -> None:
        """The first is the longest due of those that are ready and wait for no other."""
        await store.accept(
            [
                an_arrival(1, due_at=NOW + 5),
                an_arrival(2, due_at=NOW - 5),
                an_arrival(3, due_at=NOW - 9, subject="INC-2"),  # waits for the second
                an_arrival(4, due_at=NOW - 5),
                an_arrival(5, due_at=NOW - 99, state=State.HELD),
                an_arrival(6, due_at=NOW - 99, state=State.DELIVERED),
                an_arrival(7, state=State.HELD, channel="force_facebook"),
                an_arrival(8, state=State.FAILED, channel="press_office"),
            ]
        )
        queues = {queue.channel: (queue.waiting, queue.first) for queue in await store.queues()}
        assert queues == {CHANNEL: (5, (NOW - 5, 2)), "force_facebook": (1, None)}

    async def test_nothing_waits_on_an_empty_store(self, store: Store) -> None:
        """So there is no channel to tell of."""
        assert await store.queues() == []

    # -- health and end -------------------------------------------------------------------------

    async def test_a_healthy_store_passes_its_check(self, store: Store) -> None:
        """Nothing can be seen of it afterwards."""
        await store.check()
        assert await store.events() == []

    async def test_closing_finishes_what_was_handed_over(
        self, store: Store, open_store: OpenStore
    ) -> None:
        """What waits for its commit gets it, and its caller hears of it."""
        waiting = [asyncio.ensure_future(store.accept([an_arrival(n)])) for n in range(20)]
        await asyncio.sleep(0)
        await store.close()
        assert [each.repeat for (each,) in await asyncio.gather(*waiting)] == [False] * 20
        again = await open_store()
        try:
            assert len(await again.events()) == 20
        finally:
            await again.close()

    async def test_a_closed_store_says_so(self, store: Store) -> None:
        """It may be closed twice; nothing else."""
        await store.close()
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.accept([an_arrival(1)])
        with pytest.raises(StoreError, match="closed"):
            await store.events()

    async def test_a_cancelled_caller_leaves_the_others_unharmed(self, store: Store) -> None:
        """What it handed over is stored or not; the next one's is."""
        calls = [asyncio.ensure_future(store.accept([an_arrival(n)])) for n in range(10)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, asyncio.CancelledError) for result in results] == [
            True,
            False,
        ] * 5
        await store.accept([an_arrival(99)])
        assert {event.id for event in await store.events()} >= {
            an_event(n).id for n in (1, 3, 5, 7, 9, 99)
        }
