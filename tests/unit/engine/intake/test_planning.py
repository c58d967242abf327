"""Planning never keeps the event loop for long: what is small goes in slices, what is large goes aside."""

import asyncio
import threading

import pytest

from appealbridge.engine.intake.arrival import LARGE, is_large
from appealbridge.engine.intake.planning import SLICE, Planner, TimeSlice
from appealbridge.model.run import RunState
from appealbridge.recipes.model.book import Book, bind
from appealbridge.testing.clock import FakeClock
from tests.unit.recipes.conftest import event_of, recipe_of

NOW = 1_777_636_811.0
TWEET = "actions: [{ action: tweet, text: '{{ event.data.title }}' }]\n"


class Passing(FakeClock):
    """A clock by which every look takes a third of a slice."""

    def monotonic(self):
        self._passed += SLICE / 3
        return self._passed


class Where(Book):
    """A book that knows in which thread it was asked."""

    threads: set[int] = set()  # noqa: RUF012

    def for_event(self, event):
        self.threads.add(threading.get_ident())
        return super().for_event(event)


def book_of(number):
    recipes = {}
    for name in (f"recipe-{n}" for n in range(number)):
        recipe = recipe_of(TWEET)
        object.__setattr__(recipe, "name", name)
        recipes[name] = recipe
    return bind(recipes)


async def turns_of_others(work):
    """Return what work comes to, and how many turns another task had meanwhile."""
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    result = await work
    other.cancel()
    return result, turns


async def test_many_recipes_for_one_event_are_planned_in_slices():
    planned, turns = await turns_of_others(
        Planner(Passing()).arrive([event_of()], book_of(60), NOW)
    )
    assert len(planned[0].runs) == len(planned[0].deliveries) == 60
    assert turns >= 15


async def test_many_events_are_planned_in_slices():
    events = [event_of({"title": "a"}, id=f"e{n}") for n in range(60)]
    planned, turns = await turns_of_others(Planner(Passing()).arrive(events, book_of(1), NOW))
    assert [each.runs[0].event_id for each in planned] == [f"e{n}" for n in range(60)]
    assert turns >= 15


async def test_what_takes_no_time_is_planned_at_once():
    planned, turns = await turns_of_others(
        Planner(FakeClock()).arrive([event_of()], book_of(60), NOW)
    )
    assert len(planned[0].runs) == 60
    assert turns <= 1


@pytest.mark.parametrize(
    ("events", "aside"),
    [
        ([event_of()], False),
        ([event_of({"title": "x" * LARGE})], True),
        (
            [event_of({"title": "a", "text": "x" * (LARGE // 20)}, id=f"e{n}") for n in range(30)],
            True,
        ),
    ],
)
async def test_large_events_are_planned_in_another_thread(events, aside):
    Where.threads.clear()
    book = Where(book_of(1).recipes)
    await Planner(FakeClock()).arrive(events, book, NOW)
    assert (threading.get_ident() not in Where.threads) is aside


async def test_a_large_event_is_planned_as_a_small_one_is():
    book = book_of(1)
    (planned,) = await Planner(FakeClock()).arrive(
        [event_of({"title": "a", "b": "x" * LARGE})], book, NOW
    )
    assert [run.state for run in planned.runs] == [RunState.PLANNED]
    assert len(planned.deliveries) == 1


@pytest.mark.parametrize(
    ("data", "large"),
    [
        ({}, False),
        (None, False),
        ({"a": "x" * (LARGE - 100), "b": 1}, False),
        ({"a": "x" * LARGE}, True),
        ({"a": [{"b": ["x" * 100] * 10}] * 4}, True),
        ([0] * (LARGE // 10), True),
        ({str(n): n for n in range(20)}, False),
    ],
)
def test_how_large_data_are_is_told_by_their_texts_and_values(data, large):
    assert is_large(data) is large


async def test_a_slice_that_is_over_lets_others_run():
    clock = Passing()
    time_slice = TimeSlice(clock)
    _, turns = await turns_of_others(_pause_often(time_slice))
    assert turns >= 3


async def _pause_often(time_slice):
    for _ in range(12):
        if time_slice.is_over():
            await time_slice.pause()
