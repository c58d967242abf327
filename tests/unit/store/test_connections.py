import asyncio
import sqlite3
import threading

import pytest

from appealbridge.model.errors import StoreError
from appealbridge.store.sqlite.connections import READERS, Readers
from tests.store_contract.case import an_arrival


@pytest.fixture
async def readers(path, store):
    readers = Readers(path)
    yield readers
    await readers.close()


async def test_a_reader_cannot_write(readers):
    with pytest.raises(StoreError, match="may not be written"):
        await readers.ask(lambda db: db.execute("DELETE FROM events"))


async def test_what_a_write_returned_for_can_be_read(store, readers):
    for number in range(20):
        await store.accept([an_arrival(number)])
        assert await readers.ask(_count) == number + 1


async def test_one_question_sees_one_moment(store, readers):
    requested, go = threading.Event(), threading.Event()

    def twice(db):
        first = _count(db)
        requested.set()
        assert go.wait(10)
        return first, _count(db)

    question = asyncio.ensure_future(readers.ask(twice))
    await asyncio.to_thread(requested.wait, 10)
    await store.accept([an_arrival(1)])
    go.set()
    assert await question == (0, 0)
    assert await readers.ask(_count) == 1


async def test_a_slow_question_leaves_room_for_another(readers):
    requested, go = threading.Event(), threading.Event()

    def slow(db):
        requested.set()
        return go.wait(10)

    question = asyncio.ensure_future(readers.ask(slow))
    await asyncio.to_thread(requested.wait, 10)
    assert await readers.ask(_count) == 0
    go.set()
    assert await question


async def test_a_question_that_fails_leaves_no_open_transaction(store, readers):
    for _ in range(READERS + 1):
        with pytest.raises(StoreError):
            await readers.ask(lambda db: db.execute("SELECT nothing FROM nowhere"))
    await store.accept([an_arrival(1)])
    assert await readers.ask(_count) == 1


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def test_a_question_that_takes_too_long_is_given_up(path, store):
    readers = Readers(path, within=0.02)
    try:
        with pytest.raises(StoreError, match="takes too long; ask for less"):
            await readers.ask(lambda db: db.execute(ENDLESS).fetchone())
        readers._within = 60.0
        assert await readers.ask(_count) == 0
    finally:
        await readers.close()


async def test_a_question_that_waits_too_long_for_its_turn_is_given_up(path, store):
    """However many ask at once, none waits for longer than it may."""
    readers = Readers(path, within=0.02)
    try:
        requested = [readers.ask(lambda db: db.execute(ENDLESS).fetchone()) for _ in range(8)]
        answers = await asyncio.gather(*requested, return_exceptions=True)
        assert all(isinstance(each, StoreError) for each in answers)
    finally:
        await readers.close()


async def test_what_people_ask_does_not_keep_the_engine_waiting(store):
    go = threading.Event()
    listed = [asyncio.ensure_future(store.listings._read(lambda _: go.wait(10))) for _ in range(9)]
    await asyncio.sleep(0)
    queue_status = await store.queue_status("force_x", 0.0)
    assert not queue_status.looks
    assert not any(row.done() for row in listed)
    go.set()
    assert all(await asyncio.gather(*listed))


def _count(db: sqlite3.Connection) -> int:
    return db.execute("SELECT count(*) FROM events").fetchone()[0]
