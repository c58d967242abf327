"""A loop that breaks begins again; people are told once."""

import asyncio

import pytest

from appealbridge.engine.supervise import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    WORKS_AGAIN,
    repeat,
    supervise,
)
from appealbridge.model.errors import StoreError
from appealbridge.testing.clock import FakeClock
from tests.unit.engine.parts import context_of


class Loop:
    """Breaks as often as it is told to, each time after it has worked for a while."""

    def __init__(self, clock, breaks, works=0.0):
        self.clock, self.breaks, self.works = clock, breaks, works
        self.begun = []

    async def run(self):
        self.begun.append(self.clock.monotonic())
        await self.clock.sleep(self.works)
        if len(self.begun) <= self.breaks:
            raise ZeroDivisionError("a fault of ours")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def broke(reports):
    async def broke(name, error, first):
        reports.append((name, str(error), first))

    return broke


async def ends(task, clock, seconds):
    await clock.passes(seconds=seconds)
    assert task.done()
    await task


async def test_what_returns_is_over(clock, broke, reports):
    loop = Loop(clock, breaks=0)
    await supervise("runs", loop.run, clock, broke)
    assert (loop.begun, reports) == ([0.0], [])


async def test_what_breaks_begins_again_after_a_pause_that_grows_to_a_bound(clock, broke, reports):
    loop = Loop(clock, breaks=9)
    task = asyncio.create_task(supervise("runs", loop.run, clock, broke))
    await ends(task, clock, 300)
    pauses = [later - before for before, later in zip(loop.begun, loop.begun[1:], strict=False)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE
    assert [first for _, _, first in reports] == [True] + [False] * 8
    assert reports[0] == ("runs", "a fault of ours", True)


async def test_what_worked_for_long_is_taken_for_mended(clock, broke, reports):
    loop = Loop(clock, breaks=2, works=WORKS_AGAIN)
    task = asyncio.create_task(supervise("runs", loop.run, clock, broke))
    await ends(task, clock, 3 * WORKS_AGAIN + 2 * FIRST_PAUSE)
    assert [first for _, _, first in reports] == [True, True]


async def test_it_can_be_cancelled_while_it_works_and_while_it_pauses(clock, broke):
    for works in (1000.0, 0.0):
        loop = Loop(clock, breaks=100, works=works)
        task = asyncio.create_task(supervise("runs", loop.run, clock, broke))
        await clock.passes(seconds=0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class Rounds:
    """Rounds of work, each with what it returns or raises."""

    def __init__(self, clock, *results):
        self.clock, self.results = clock, list(results)
        self.begun = []

    async def work(self):
        self.begun.append(self.clock.now())
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result


async def test_work_is_done_again_when_it_is_due_and_when_it_is_woken(clock):
    start = clock.now()
    rounds, wake = Rounds(clock, start + 30, None), asyncio.Event()
    task = asyncio.create_task(repeat(context_of(None, clock), "runs", rounds.work, wake))
    await clock.passes(minutes=10)
    assert rounds.begun == [start, start + 30]
    wake.set()
    await clock.passes(seconds=1)
    assert rounds.begun == [start, start + 30, start + 600]
    task.cancel()


async def test_work_that_the_store_refuses_is_done_again_after_a_second(clock):
    start, context = clock.now(), context_of(None, clock)
    rounds = Rounds(clock, StoreError("the disk is full"), None)
    task = asyncio.create_task(repeat(context, "runs", rounds.work, asyncio.Event()))
    await clock.passes(seconds=0.5)
    assert context.report.refusals == {"runs": "the disk is full"}
    await clock.passes(seconds=60)
    assert (rounds.begun, context.report.refusals) == ([start, start + 1], {})
    task.cancel()


async def test_what_is_to_end_does_not_begin_again_after_its_pause(clock, broke):
    loop, end = Loop(clock, breaks=100), asyncio.Event()
    task = asyncio.create_task(supervise("channel", loop.run, clock, broke, end))
    await clock.passes(seconds=0.5)
    end.set()
    await ends(task, clock, 0)
    assert loop.begun == [0.0]
