"""What every store guarantees for runs: they wake when something has happened, and store what they plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.errors import NotFound
from appealbridge.model.run import RunState
from appealbridge.store.base import Store
from appealbridge.store.records import (
    Arrival,
    DeliveryFilter,
    OpenRun,
)
from tests.store_contract.case import (
    CHANNEL,
    NOW,
    a_delivery,
    a_run,
    an_arrival,
    an_event,
    begun,
    ended,
)

SETTLED_OR_HELD = [State.DELIVERED, State.FAILED, State.EXPIRED, State.HELD]


class StoreRunContract:
    """Waking and planning on."""

    @pytest.mark.parametrize("target", SETTLED_OR_HELD, ids=str)
    async def test_a_run_is_woken_by_what_a_later_step_may_use(
        self, store: Store, target: State
    ) -> None:
        """With its event and its deliveries as they are now."""
        arrival = an_arrival(1)
        delivery = await begun(store, arrival)
        assert await store.woken_runs(NOW + 99, 10) == []
        await store.settle(ended(delivery, target, at=NOW + 1))
        assert await store.next_wake() == NOW + 1
        (woken,) = await store.woken_runs(NOW + 1, 10)
        assert woken == OpenRun(
            replace(arrival.runs[0], wake_at=NOW + 1),
            arrival.event,
            [await store.delivery(delivery.id)],
            wakes=1,
        )

    @pytest.mark.parametrize("target", [State.READY, State.UNKNOWN], ids=str)
    async def test_a_run_sleeps_through_retries(self, store: Store, target: State) -> None:
        """There is nothing new for it."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, target, due_at=NOW + 5))
        assert await store.next_wake() is None

    async def test_a_run_that_is_not_open_is_never_woken(self, store: Store) -> None:
        """It has planned all it will."""
        event = an_event(1)
        run = a_run(event, state=RunState.PLANNED)
        await store.accept([Arrival(event, [run], [a_delivery(event)])])
        await store.claim(CHANNEL, NOW, 1)
        await store.settle(ended(a_delivery(event), State.DELIVERED))
        assert await store.next_wake() is None
        assert await store.woken_runs(NOW + 99, 10) == []

    async def test_a_run_wakes_at_its_time(self, store: Store) -> None:
        """A delay is a row, not a sleep."""
        for number, at in ((1, NOW + 60), (2, NOW + 30)):
            event = an_event(number)
            await store.accept([Arrival(event, [a_run(event, wake_at=at)])])
        assert await store.next_wake() == NOW + 30
        assert await store.woken_runs(NOW + 29, 10) == []
        assert [run.event for run in await store.woken_runs(NOW + 60, 10)] == [
            an_event(2),
            an_event(1),
        ]
        assert len(await store.woken_runs(NOW + 60, 1)) == 1

    async def test_what_a_run_planned_next_is_stored_with_the_run(self, store: Store) -> None:
        """Its state, its trace, its deliveries."""
        arrival = an_arrival(1)
        event, run = arrival.event, arrival.runs[0]
        delivery = await begun(store, arrival)
        await store.settle(ended(delivery, State.DELIVERED))
        later = a_delivery(event, "mail", planned_at=NOW + 2)
        trace = (*run.trace, {"at": NOW + 2, "step": "mail", "message": "planned"})
        done = replace(run, state=RunState.PLANNED, trace=trace, reason="all is planned")
        await store.advance(done, 1, [later])
        stored = await store.run(run.id)
        assert (stored.state, stored.trace, stored.reason) == (
            RunState.PLANNED,
            trace,
            "all is planned",
        )
        assert (await store.delivery(later.id)).planned_at == NOW + 2
        assert await store.next_wake() is None

    async def test_planning_twice_makes_nothing_twice(self, store: Store) -> None:
        """Ids come from run and step."""
        arrival = an_arrival(1)
        delivery = await begun(store, arrival)
        await store.settle(ended(delivery, State.DELIVERED))
        later = a_delivery(arrival.event, "mail")
        await store.advance(arrival.runs[0], 1, [later])
        await store.advance(arrival.runs[0], 1, [replace(later, content="another"), *[delivery]])
        assert (await store.delivery(later.id)).content == later.content
        assert (await store.delivery(delivery.id)).state is State.DELIVERED
        assert len(await store.deliveries(DeliveryFilter())) == 2

    async def test_a_run_sleeps_again_when_it_has_seen_all(self, store: Store) -> None:
        """Until its next time, or the next outcome."""
        arrival = an_arrival(1)
        delivery = await begun(store, arrival)
        await store.settle(ended(delivery, State.DELIVERED))
        await store.advance(replace(arrival.runs[0], wake_at=NOW + 60), 1, [])
        assert await store.next_wake() == NOW + 60

    async def test_a_run_stays_awake_for_what_it_has_not_seen(self, store: Store) -> None:
        """An outcome stored while it planned must not be slept through."""
        event = an_event(1)
        deliveries = [a_delivery(event, step) for step in ("tweet", "mail")]
        await store.accept([Arrival(event, [a_run(event)], deliveries)])
        await store.claim(CHANNEL, NOW, 2)
        await store.settle(ended(deliveries[0], State.DELIVERED))
        (result,) = await store.woken_runs(NOW + 1, 10)
        await store.settle(ended(deliveries[1], State.DELIVERED))
        await store.advance(a_run(event), result.wakes, [])
        assert len(await store.woken_runs(NOW + 1, 10)) == 1

    async def test_not_even_where_as_many_have_settled_as_before(self, store: Store) -> None:
        """One that had failed is tried again while another one fails."""
        event = an_event(1)
        deliveries = [a_delivery(event, step) for step in ("tweet", "mail")]
        await store.accept([Arrival(event, [a_run(event)], deliveries)])
        await store.claim(CHANNEL, NOW, 2)
        await store.settle(ended(deliveries[0], State.FAILED))
        (result,) = await store.woken_runs(NOW + 1, 10)
        await store.move(deliveries[0].id, State.READY, NOW + 1)
        await store.settle(ended(deliveries[1], State.FAILED))
        await store.advance(a_run(event), result.wakes, [])
        assert len(await store.woken_runs(NOW + 1, 10)) == 1

    async def test_a_run_that_is_over_plans_nothing_more(self, store: Store) -> None:
        """Whoever had begun to plan it before hears so."""
        arrival = an_arrival(1)
        await store.accept([arrival])
        over = replace(arrival.runs[0], state=RunState.PLANNED, reason="ended")
        assert await store.advance(over, 0, []) is True
        late = replace(arrival.runs[0], trace=())
        assert await store.advance(late, 0, [a_delivery(arrival.event, "mail")]) is False
        assert await store.run(over.id) == over
        assert len(await store.deliveries(DeliveryFilter())) == 1

    async def test_a_run_stays_awake_for_what_it_cancels_itself(self, store: Store) -> None:
        """What depends on the cancelled one has to be looked at too."""
        arrival = an_arrival(1)
        await store.accept([arrival])
        cancelled = a_delivery(arrival.event, "mail", state=State.CANCELLED, reason="tweet failed")
        await store.advance(arrival.runs[0], 0, [cancelled])
        assert len(await store.woken_runs(NOW, 10)) == 1

    async def test_a_later_step_waits_for_its_turn_too(self, store: Store) -> None:
        """And is never begun by being planned."""
        await store.accept([an_arrival(1, subject="A38")])
        second = an_arrival(2, subject="A38", channel="press_office")
        await store.accept([second])
        later = a_delivery(second.event, "again", state=State.SENDING)
        await store.advance(second.runs[0], 0, [later])
        assert (await store.delivery(later.id)).state is State.READY
        assert len(await store.claim(CHANNEL, NOW, 10)) == 1

    async def test_an_unknown_run_is_not_found(self, store: Store) -> None:
        """Nothing of its plan is stored."""
        event = an_event(1)
        with pytest.raises(NotFound, match=a_run(event).id):
            await store.advance(a_run(event), 0, [a_delivery(event)])
        assert await store.deliveries(DeliveryFilter()) == []
