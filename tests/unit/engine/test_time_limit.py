"""Every call of a plug-in ends in time, whatever the plug-in does."""

import asyncio

import pytest

from appealbridge.engine.time_limit import GaveUp, TimeLimits
from appealbridge.testing.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def limits(clock):
    limits = TimeLimits(clock)
    watching = asyncio.create_task(limits.run())
    yield limits
    watching.cancel()


async def never():
    await asyncio.Event().wait()


async def stubborn(ends):
    """Swallow every cancellation until told to end."""
    while not ends.is_set():
        try:
            await ends.wait()
        except asyncio.CancelledError:
            continue


async def result(value):
    await asyncio.sleep(0)
    return value


async def test_what_a_call_returns_or_raises_is_passed_on(limits):
    assert await limits.within(1.0, result(7)) == 7
    with pytest.raises(ZeroDivisionError):
        await limits.within(1.0, fails())


async def fails():
    raise ZeroDivisionError


async def test_each_call_ends_at_its_own_time_however_long_the_others_may_take(limits, clock):
    slow = asyncio.create_task(limits.within(300.0, never()))
    await clock.until(lambda: clock.sleepers)
    quick = asyncio.create_task(limits.within(5.0, never()))
    await clock.until(lambda: clock.sleepers)
    await clock.passes(seconds=5)
    with pytest.raises(GaveUp, match="did not end within 5 seconds"):
        await quick
    assert not slow.done()
    await clock.passes(seconds=295)
    with pytest.raises(GaveUp, match="did not end within 300 seconds"):
        await slow


async def test_a_call_that_does_not_let_itself_be_cancelled_is_left_behind(limits, clock):
    ends = asyncio.Event()
    calling = asyncio.create_task(limits.within(5.0, stubborn(ends)))
    await clock.until(lambda: clock.sleepers)
    await clock.passes(seconds=5)
    with pytest.raises(GaveUp):
        await calling
    ends.set()
    await asyncio.sleep(0)


async def test_a_call_is_ended_early_with_the_reason(limits):
    over = asyncio.get_running_loop().create_future()
    calling = asyncio.create_task(limits.within(5.0, never(), over))
    await asyncio.sleep(0)
    over.set_result("it was called off")
    with pytest.raises(GaveUp, match="it was called off"):
        await calling


async def test_a_call_that_cancels_itself_has_no_result(limits):
    async def cancels():
        raise asyncio.CancelledError

    with pytest.raises(GaveUp, match="it ended without a result"):
        await limits.within(5.0, cancels())
