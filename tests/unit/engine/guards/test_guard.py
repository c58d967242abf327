"""What is counted and remembered, what is given back, and who is told."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from appealbridge.engine.guards.duplicates import Texts
from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake.batch import Batch
from appealbridge.engine.outcomes import Outcomes, Result
from appealbridge.model.delivery import State
from appealbridge.model.errors import StoreError
from appealbridge.plugin.receiver import Burst, PushSource
from appealbridge.recipes.model import schema
from appealbridge.store.records import Arrival
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.testing.clock import FakeClock
from tests.store_contract.case import (
    NOW,
    RECIPE,
    SOURCE,
    a_delivery,
    an_event,
    begun,
    ended,
)
from tests.unit.engine.parts import context_of


class Refusing:
    """A store that refuses one of its methods once."""

    def __init__(self, store):
        self.store = store
        self.refuses = ""

    def __getattr__(self, name):
        if name == self.refuses:
            self.refuses = ""
            raise StoreError("not now")
        return getattr(self.store, name)


class Desk:
    """Caution at work on a store, with a bound of two events and three deliveries in a minute."""

    def __init__(self, store):
        self.clock = FakeClock(NOW)
        self.store = Refusing(store)
        self.alarms = []
        context = context_of(self.store, self.clock, alarms=self.alarm)
        texts = Texts(NOW)
        self.outcomes = Outcomes([texts])
        self.guard = Guard(context, self.outcomes, texts)
        hook = SimpleNamespace(
            source=SOURCE, options=PushSource(burst=Burst(events=2, within="1m"))
        )
        recipe = SimpleNamespace(name=RECIPE, burst=schema.RecipeBurst(deliveries=3, within="1m"))
        self.guard.reconfigure(
            SimpleNamespace(
                hooks={"desk": hook},
                book=SimpleNamespace(recipes={RECIPE: recipe}),
                channels={},
                zone=ZoneInfo("Europe/London"),
            )
        )

    async def alarm(self, kind, about="", message=""):
        self.alarms.append((str(kind), message))

    async def check(self, *arrivals, **more):
        batch = Batch(self.clock.now(), arrivals=arrivals, **more)
        try:
            await self.guard.run(batch)
        except StoreError:
            self.guard.undo(batch)
            raise
        return batch, [
            delivery.hold for arrival in batch.arrivals for delivery in arrival.deliveries
        ]


@pytest.fixture
async def desk(tmp_path):
    store = await SqliteStore.open(tmp_path / "bridge.db")
    yield Desk(store)
    await store.close()


def arrival(number, count=1, **more):
    event = an_event(number)
    deliveries = [
        a_delivery(event, f"step{n}", content_hash=f"{number}-{n}", state=State.PLANNED)
        for n in range(count)
    ]
    return Arrival(
        event, (), [a_delivery(event, state=State.PLANNED, **more)] if more else deliveries
    )


async def test_what_fits_is_left_as_it_is(desk):
    arrivals = (arrival(1), arrival(2))
    batch, _ = await desk.check(*arrivals)
    assert tuple(batch.arrivals) == arrivals
    assert batch.floods == ()


async def test_a_request_that_brings_too_many_is_held_whole(desk):
    batch, holds = await desk.check(arrival(1), arrival(2), arrival(3))
    assert holds == ["burst"] * 3
    assert {arrival.event.hold for arrival in batch.arrivals} == {"burst"}
    assert [flood.name for flood in batch.floods] == [SOURCE]


async def test_what_is_planned_later_about_an_event_is_not_another_event(desk):
    for number in range(3):
        _, holds = await desk.check(arrival(number), from_source=False)
        assert holds == [""]
    _, holds = await desk.check(arrival(4), from_source=False)
    assert holds == ["burst"]  # but it is one more delivery of its recipe


async def test_what_was_not_stored_does_not_count(desk):
    for number in range(20):
        batch, holds = await desk.check(arrival(number))
        assert holds == [""]
        desk.guard.undo(batch)
    _, holds = await desk.check(arrival(0))
    assert holds == [""]


async def test_what_was_known_is_neither_counted_nor_held(desk):
    known = arrival(1)
    await desk.store.accept([known])
    await desk.check(known)
    await desk.check(arrival(2))
    batch, holds = await desk.check(arrival(3), known)
    assert holds == ["burst", ""]
    assert batch.known == {known.event.key}


async def test_where_the_store_refuses_nothing_is_counted(desk):
    await desk.check(arrival(1, content_hash="same"))
    desk.store.refuses = "delivery"
    with pytest.raises(StoreError):
        await desk.check(arrival(2, content_hash="same"))
    _, holds = await desk.check(arrival(3))
    assert holds == [""]


async def test_who_plans_the_same_delivery_again_repeats_nobody(desk):
    again = arrival(1)
    await desk.check(again, from_source=False)
    assert (await desk.check(again, from_source=False))[1] == [""]


async def test_one_text_twice_in_one_batch_is_a_repetition(desk):
    _, holds = await desk.check(arrival(1, content_hash="same"), arrival(2, content_hash="same"))
    assert holds == ["", "same_text"]


async def test_the_same_text_counts_more_than_the_burst_it_came_in(desk):
    """Whoever lets a burst out by one word must not say one thing three hundred times."""
    _, holds = await desk.check(*(arrival(n, content_hash="same") for n in range(4)))
    assert holds == ["burst", "same_text", "same_text", "same_text"]


async def test_a_flood_is_told_before_it_is_stored(desk):
    """Whoever dies in between must not keep it secret."""
    batch, _ = await desk.check(*map(arrival, range(3)))
    assert desk.alarms == [("flood.held", f"{SOURCE}: more than 2 events within 1m")]
    desk.store.refuses = "hold_untouched"
    await desk.guard.hold_earlier(batch)
    assert len(desk.alarms) == 1


async def test_a_text_counts_from_when_it_went_out(desk):
    """However long it waited, and though the memory was turned over since."""
    first = arrival(1)
    await desk.check(first)
    delivery = await begun(
        desk.store, Arrival(first.event, (), [a_delivery(first.event, "step0", content_hash="1-0")])
    )
    await desk.clock.passes(hours=30)
    await desk.check(arrival(50))
    settlement = ended(delivery, State.DELIVERED, at=desk.clock.now())
    await desk.store.settle(settlement)
    desk.outcomes.on_result(Result(delivery, settlement, 1.0))
    await desk.clock.passes(hours=23)
    await desk.check(arrival(51))
    await desk.clock.passes(minutes=30)
    assert (await desk.check(arrival(2, content_hash="1-0")))[1] == ["same_text"]
