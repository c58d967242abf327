"""What is asked for by several things at once, and what is read off an index of its own."""

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.run import RunState
from appealbridge.store.records import Arrival, DeliveryFilter
from appealbridge.store.sqlite import SqliteStore
from appealbridge.testing.store_case import a_delivery, a_run, an_event

RECIPES = ("road", "road-works", "appeal")


@pytest.fixture
async def store(tmp_path):
    """Twelve events, each with a run and a delivery of one of three recipes in turn; every fifth run failed."""
    store = await SqliteStore.open(tmp_path / "bridge.db")
    for number in range(12):
        event, recipe = an_event(number), RECIPES[number % 3]
        state = RunState.PLANNED if number % 5 else RunState.FAILED
        failed = a_delivery(event, recipe=recipe, state=State.FAILED if number < 2 else State.READY)
        await store.accept([Arrival(event, [a_run(event, recipe, state=state)], [failed])])
    yield store
    await store.close()


def events(listed):
    return [one.event_id for one in listed]


def of(*numbers):
    return [an_event(number).id for number in numbers]


async def test_a_recipe_s_own_are_listed(store):
    assert events(await store.runs(recipe="road")) == of(9, 6, 3, 0)
    assert events(await store.runs(recipe="road", limit=2)) == of(9, 6)
    listed = await store.deliveries(DeliveryFilter(recipe="road"))
    assert events(listed) == of(9, 6, 3, 0)


async def test_runs_are_listed_by_their_state(store):
    assert events(await store.runs(state=RunState.FAILED)) == of(10, 5, 0)
    assert events(await store.runs(state=RunState.FAILED, recipe="appeal")) == of(5)
    assert events(await store.runs(state=RunState.PLANNED, limit=2)) == of(11, 9)
    assert await store.runs(state=RunState.OPEN) == []
    event = an_event(5).id
    assert events(await store.runs(state=RunState.FAILED, event_id=event)) == [event]


async def test_what_is_rare_is_listed_together_with_all_else_that_is_asked(store):
    failed = [State.FAILED]
    assert events(await store.deliveries(DeliveryFilter(states=failed))) == of(1, 0)
    listed = await store.deliveries(DeliveryFilter(states=failed, recipe="road-works"))
    assert events(listed) == of(1)
    mixed = [State.FAILED, State.DELIVERED]
    assert events(await store.deliveries(DeliveryFilter(states=mixed))) == of(1, 0)
