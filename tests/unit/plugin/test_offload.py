"""What hangs in one pool of threads delays nothing in another."""

import asyncio
import threading

import pytest

from appealbridge.model.errors import TryAgain
from appealbridge.plugin.offload import Pool, in_folder, offload


@pytest.fixture
def go():
    """What holds up a thread until it is set."""
    go = threading.Event()
    yield go
    go.set()


async def held_up(pool, go):
    """Begin work in a pool that goes on until `go` is set."""
    begun = threading.Event()
    task = asyncio.ensure_future(offload(pool, lambda: (begun.set(), go.wait(30))))
    while not begun.is_set():  # noqa: ASYNC110 - a real thread needs a moment
        await asyncio.sleep(0)
    return task


async def test_what_hangs_in_one_pool_delays_nothing_in_another(go):
    first, other = Pool("one", 2), Pool("other", 1)
    stuck = [await held_up(first, go) for _ in range(2)]
    assert await offload(other, int, "7") == 7
    go.set()
    await asyncio.gather(*stuck)


async def test_a_pool_has_no_more_threads_than_it_may(go):
    pool = Pool("some", 3)
    stuck = [asyncio.ensure_future(offload(pool, go.wait, 30)) for _ in range(10)]
    await asyncio.sleep(0)
    assert len(of(pool)) == 3
    go.set()
    assert await asyncio.gather(*stuck) == [True] * 10


async def test_a_pool_starts_no_thread_that_it_does_not_need():
    pool = Pool("few", 8)
    for number in range(20):
        assert await offload(pool, int, str(number)) == number
    assert len(of(pool)) == 1


async def test_a_pool_takes_fewer_threads_when_it_is_told_to(go):
    pool = Pool("less", 4)
    stuck = [await held_up(pool, go) for _ in range(4)]
    pool.threads = 1
    go.set()
    await asyncio.gather(*stuck)
    await offload(pool, int, "1")
    while len(of(pool)) > 1:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_its_threads_do_not_keep_the_program_from_ending(go):
    pool = Pool("daemons", 1)
    stuck = await held_up(pool, go)
    assert all(thread.daemon for thread in of(pool))
    go.set()
    await stuck


async def test_an_error_comes_back_and_the_thread_goes_on():
    pool = Pool("errors", 1)
    with pytest.raises(ValueError, match="invalid literal"):
        await offload(pool, int, "seven")
    assert await offload(pool, int, "7") == 7


async def test_what_is_given_up_before_it_began_is_never_done(go):
    pool = Pool("given-up", 1)
    stuck, done = await held_up(pool, go), []
    waits = asyncio.ensure_future(offload(pool, done.append, 1))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.wait({waits})
    go.set()
    await stuck
    await offload(pool, int, "1")
    assert done == []


async def test_a_folder_that_hangs_is_not_read_a_second_time_meanwhile(go):
    """Each look at a dead share would take one more thread, until no other folder is read."""
    begun = threading.Event()
    look = asyncio.ensure_future(in_folder("/share", lambda: (begun.set(), go.wait(30))))
    while not begun.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0)
    look.cancel()  # whoever waited has given up; the thread cannot
    with pytest.raises(TryAgain, match="/share has not yet finished"):
        await in_folder("/share", int, "7")
    assert await in_folder("/other", int, "7") == 7
    go.set()
    while True:
        try:
            assert await in_folder("/share", int, "7") == 7
        except TryAgain:
            await asyncio.sleep(0)
        else:
            break


def of(pool):
    return [thread for thread in threading.enumerate() if thread.name == pool.name]


async def test_a_pool_whose_thread_could_not_start_starts_one_for_the_next_work(monkeypatch):
    def fails(thread):
        raise RuntimeError("can't start new thread")

    pool = Pool("one", 1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fails)
        with pytest.raises(RuntimeError):
            await offload(pool.only_once("a"), int, "7")
    assert await offload(pool.only_once("a"), int, "7") == 7
