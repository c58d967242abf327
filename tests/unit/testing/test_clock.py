import asyncio

import pytest

from appealbridge.testing.clock import FakeClock


async def test_a_day_passes_at_once():
    clock = FakeClock()
    begin = clock.now()
    await clock.passes(days=1)
    assert (clock.now() - begin, clock.monotonic()) == (86_400, 86_400)


async def test_each_sleeper_wakes_at_its_own_moment():
    clock, woken = FakeClock(), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        for seconds in (30, 10, 20, 600):
            group.create_task(sleeper(seconds))
        await clock.passes(minutes=1)
        assert woken == [(10, 10), (20, 20), (30, 30)]
        await clock.passes(minutes=10)
    assert woken[-1] == (600, 600)


async def test_with_a_step_sleepers_wake_late_and_together_but_never_after_the_end():
    clock, woken = FakeClock(), []

    async def ticking(every):
        while True:
            await clock.sleep(every)
            woken.append((every, clock.monotonic()))

    tasks = [asyncio.create_task(ticking(every)) for every in (10, 25, 70)]
    await clock.passes(seconds=75, step=30)
    for task in tasks:
        task.cancel()
    assert woken == [(10, 30), (25, 30), (10, 60), (25, 60), (70, 75), (10, 75)]
    assert clock.monotonic() == 75


async def test_a_sleeper_that_sleeps_again_wakes_again():
    clock, ticks = FakeClock(), []

    async def ticking():
        while True:
            await clock.sleep(10)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(ticking())
    await clock.passes(seconds=35)
    task.cancel()
    assert ticks == [10, 20, 30]


async def test_a_signal_ends_a_wait():
    clock, signal = FakeClock(), asyncio.Event()
    waiting = asyncio.create_task(clock.wait(signal, 60))
    await clock.passes(seconds=59)
    signal.set()
    assert await waiting is True
    assert clock.sleepers == 0


async def test_a_wait_without_a_signal_ends_in_time():
    clock = FakeClock()
    waiting = asyncio.create_task(clock.wait(asyncio.Event(), 60))
    await clock.passes(seconds=60)
    assert await waiting is False


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_time_is_no_wait(seconds):
    clock = FakeClock()
    await clock.sleep(seconds)
    assert await clock.wait(asyncio.Event(), seconds) is False


async def test_a_wait_without_end_ends_with_its_signal():
    clock, signal = FakeClock(), asyncio.Event()
    waiting = asyncio.create_task(clock.wait(signal, None))
    await clock.passes(days=1)
    assert not waiting.done()
    signal.set()
    assert await waiting is True


async def test_a_cancelled_sleeper_is_forgotten():
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(60))
    await clock.passes(seconds=1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleepers == 0


async def test_a_jump_wakes_nobody():
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(60))
    await clock.passes()
    before = clock.now()
    clock.jumps(-3600)
    await clock.passes()
    assert (clock.now() - before, task.done()) == (-3600, False)
    await clock.passes(seconds=60)
    assert task.done()


async def test_what_real_threads_do_can_be_waited_for():
    clock = FakeClock()
    work = asyncio.create_task(asyncio.to_thread(sum, range(1000)))
    await clock.until(work.done)
    assert clock.monotonic() == 0


async def test_time_may_pass_until_something_happened():
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(60))
    await clock.until(sleeper.done, passing=7)
    assert clock.monotonic() == 63


async def test_many_clocks_on_one_loop_cost_it_no_more_than_each_its_own():
    clocks = [FakeClock() for _ in range(200)]
    for clock in clocks:
        await clock.rests()
    for clock in clocks:
        await asyncio.to_thread(int)
        await clock.rests()


async def test_no_time_passes_while_somebody_waits_a_moment_of_the_loops_own_time():
    """As a channel does that listens briefly whether a server hangs up."""
    clock, real = FakeClock(), asyncio.get_running_loop()
    result = []
    real.call_later(0.05, lambda: result.append(clock.monotonic()))
    await clock.passes(minutes=5)
    assert result == [0]


async def test_time_passes_although_the_loop_has_long_timers_and_timers_without_end():
    clock, real = FakeClock(), asyncio.get_running_loop()
    limit = real.call_later(60, lambda: None)
    timers = [limit]

    def again():
        timers.append(real.call_later(0.01, again))

    again()
    await clock.passes(seconds=1)
    assert clock.monotonic() == 1
    for timer in timers:
        timer.cancel()
