"""Which moments two spans mean, and how a round of pruning goes."""

import asyncio

import pytest

from appealbridge.engine.upkeep.retention import FIRST, Pruning, cut_offs
from appealbridge.model.delivery import State
from appealbridge.model.retention import Retention, Span
from appealbridge.model.run import RunState
from appealbridge.store.records import Arrival, Over
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.testing.clock import FakeClock
from tests.store_contract.case import NOW, SOURCE, a_delivery, a_run, an_event
from tests.unit.engine.parts import context_of

DAY = 86_400.0
MONTH = Span(30, "d", after_closure=True)


def test_nothing_goes_where_nothing_is_said():
    result = cut_offs(Retention(), 0.0)
    assert (result.personal, result.decisions) == (None, None)


def test_each_clock_has_its_own_moment():
    result = cut_offs(Retention(MONTH, Span(60, "d")), 100 * DAY)
    assert result.personal == Over(70 * DAY, after_closure=True)
    assert result.decisions == Over(40 * DAY)


@pytest.fixture
async def pruned(tmp_path):
    """Returns a clock, a store with an event that is over, and a pruning loop under way on both."""
    clock = FakeClock(NOW + DAY)
    store = await SqliteStore.open(tmp_path / "bridge.db")
    event = an_event(1)
    failed = a_delivery(event, state=State.FAILED)
    await store.accept([Arrival(event, [a_run(event, state=RunState.PLANNED)], [failed])])
    pruning = Pruning(context_of(store, clock), list)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(pruning.run())
        yield pruning, clock, store
        task.cancel()
    await store.close()


async def a_round(pruning, clock):
    work = asyncio.create_task(pruning.round())
    await clock.until(work.done, passing=1)
    work.result()


async def test_without_a_retention_nobody_even_looks(pruned):
    _, clock, _ = pruned
    await clock.passes(days=400)
    assert clock.sleepers == 0


async def test_a_reload_starts_the_clocks_and_stops_them(pruned):
    pruning, clock, _ = pruned
    pruning.reconfigure(Retention(personal=MONTH))
    await clock.passes(seconds=1)
    assert clock.sleepers == 1
    pruning.reconfigure(Retention())
    await clock.passes(seconds=1)
    assert clock.sleepers == 0


async def test_what_waits_to_go_out_goes_before_the_first_round(pruned):
    pruning, clock, store = pruned
    pruning.reconfigure(Retention(decisions=Span(1, "h")))
    await clock.passes(seconds=FIRST - 1)
    assert clock.sleepers == 1
    assert await store.events()
    await clock.passes(seconds=2)
    while await store.events():
        await clock.passes(seconds=1)


async def test_no_row_goes_before_the_time_of_its_content(pruned):
    pruning, clock, store = pruned
    pruning.reconfigure(Retention(personal=Span(7, "y"), decisions=Span(1, "h")))
    await a_round(pruning, clock)
    (event,) = await store.events()
    assert not event.removed


async def test_content_and_row_may_go_in_one_round(pruned):
    pruning, clock, store = pruned
    pruning.reconfigure(Retention(personal=Span(0, "d"), decisions=Span(1, "h")))
    await a_round(pruning, clock)
    assert await store.events() == await store.runs() == []


async def test_a_run_that_was_skipped_goes_and_its_event_stays(pruned):
    pruning, clock, store = pruned
    event = an_event(2)
    await store.accept([Arrival(event, [a_run(event, state=RunState.SKIPPED)])])
    pruning.reconfigure(Retention(skipped=Span(1, "h")))
    await a_round(pruning, clock)
    assert [run.state for run in await store.runs()] == [RunState.PLANNED]
    assert len(await store.events()) == 2


async def test_a_store_that_refuses_is_asked_again_at_the_next_round(pruned):
    pruning, clock, store = pruned
    await store.close()
    pruning.reconfigure(Retention(personal=Span(0, "d")))
    await clock.until(lambda: clock.sleepers, passing=1)
    await clock.passes(seconds=FIRST + 1)
    await clock.until(lambda: clock.sleepers)
    await clock.passes(hours=1)
    await clock.until(lambda: clock.sleepers)


async def test_keys_outlive_their_events_by_years_and_not_for_ever(pruned):
    pruning, clock, store = pruned
    pruning.reconfigure(Retention(decisions=Span(1, "d")))
    await clock.passes(days=2)
    await a_round(pruning, clock)
    assert await store.events() == []
    assert [*await store.known(SOURCE, ["msg_1"])] == ["msg_1"]
    await clock.passes(days=4 * 366)
    await a_round(pruning, clock)
    assert [*await store.known(SOURCE, ["msg_1"])] == ["msg_1"]
    await clock.passes(days=366)
    await a_round(pruning, clock)
    assert await store.known(SOURCE, ["msg_1"]) == {}
