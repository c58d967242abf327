"""A loop that breaks begins again; people are told once."""

import asyncio

import pytest

from appealbridge.engine.supervise import FIRST_PAUSE, LONGEST_PAUSE, WORKS_AGAIN, supervise
from appealbridge.testing.clock import FakeClock


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
def told():
    return []


@pytest.fixture
def broke(told):
    async def broke(name, error, first):
        told.append((name, str(error), first))

    return broke


async def ends(task, clock, seconds):
    await clock.passes(seconds=seconds)
    assert task.done()
    await task


async def test_what_returns_is_over(clock, broke, told):
    loop = Loop(clock, breaks=0)
    await supervise("runs", loop.run, clock, broke)
    assert (loop.begun, told) == ([0.0], [])


async def test_what_breaks_begins_again_after_a_pause_that_grows_to_a_bound(clock, broke, told):
    loop = Loop(clock, breaks=9)
    task = asyncio.create_task(supervise("runs", loop.run, clock, broke))
    await ends(task, clock, 300)
    pauses = [later - before for before, later in zip(loop.begun, loop.begun[1:], strict=False)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE
    assert [first for _, _, first in told] == [True] + [False] * 8
    assert told[0] == ("runs", "a fault of ours", True)


async def test_what_worked_for_long_is_taken_for_mended(clock, broke, told):
    loop = Loop(clock, breaks=2, works=WORKS_AGAIN)
    task = asyncio.create_task(supervise("runs", loop.run, clock, broke))
    await ends(task, clock, 3 * WORKS_AGAIN + 2 * FIRST_PAUSE)
    assert [first for _, _, first in told] == [True, True]


async def test_it_can_be_cancelled_while_it_works_and_while_it_pauses(clock, broke):
    for works in (1000.0, 0.0):
        loop = Loop(clock, breaks=100, works=works)
        task = asyncio.create_task(supervise("runs", loop.run, clock, broke))
        await clock.passes(seconds=0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
