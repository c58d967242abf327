import asyncio
import sqlite3
import threading

import pytest

from appealbridge.model.errors import StoreError, Unkeepable
from appealbridge.store.sqlite.writer import Writer
from tests.store_contract.case import an_arrival


class Gated(sqlite3.Connection):
    """A connection whose commits wait for a gate."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.committing = threading.Event()
        self.gate = threading.Event()

    def execute(self, sql, *values):
        if sql == "COMMIT":
            self.committing.set()
            assert self.gate.wait(10)
        return super().execute(sql, *values)


class Spoilt(sqlite3.Connection):
    """A connection that neither commits nor rolls back."""

    def execute(self, sql, *values):
        if sql in ("COMMIT", "ROLLBACK"):
            raise sqlite3.OperationalError("the disk has gone")
        return super().execute(sql, *values)


def connect(path, kind=sqlite3.Connection):
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=kind)


def note(connection, message):
    """Write down words; `bad` cannot be written."""
    for word in message:
        connection.execute("INSERT INTO notes VALUES (?)", (None if word == "bad" else word,))
    return [f"noted {word}" for word in message]


@pytest.fixture
def notes(path):
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE notes (word TEXT NOT NULL)")
    yield lambda: [word for (word,) in connection.execute("SELECT word FROM notes")]
    connection.close()


@pytest.fixture
def write(path, notes, commits):
    """Start a writer on a connection of some kind."""

    def start(kind=sqlite3.Connection):
        writer = Writer(path, lambda: connect(path), lambda *arguments: commits.append(arguments))
        connection = connect(path, kind)
        writer.start(connection)
        return writer, connection

    return start


async def test_what_waits_at_a_moment_shares_a_commit(store, commits):
    await asyncio.gather(*(store.accept([an_arrival(number)]) for number in range(30)))
    assert [transactions for _, transactions in commits] == [30]
    assert commits[0][0] > 0


async def test_what_comes_during_a_commit_shares_the_next(write, commits, notes):
    writer, connection = write(Gated)
    first = writer.submit(note, "first")
    await asyncio.to_thread(connection.committing.wait, 10)
    later = [writer.submit(note, f"later {number}") for number in range(9)]
    connection.gate.set()
    await asyncio.gather(first, *later)
    assert [transactions for _, transactions in commits] == [1, 9]
    assert notes() == ["first", *(f"later {number}" for number in range(9))]
    await writer.close()


async def test_nobody_hears_before_the_commit_has_returned(write, notes):
    writer, connection = write(Gated)
    waiting = writer.submit(note, "word")
    await asyncio.to_thread(connection.committing.wait, 10)
    assert not waiting.done()
    assert notes() == []
    connection.gate.set()
    assert await waiting == "noted word"
    assert notes() == ["word"]
    await writer.close()


async def test_a_bad_operation_spoils_none_of_its_neighbours(write, notes, commits):
    writer, _ = write()
    text = ["one", "bad", "two", "bad", "three"]
    results = await asyncio.gather(
        *(writer.submit(note, word) for word in text), return_exceptions=True
    )
    # What is bad will be so for good, and whoever handed it over need not try again.
    assert [isinstance(result, Unkeepable) for result in results] == [
        word == "bad" for word in text
    ]
    assert notes() == ["one", "two", "three"]
    assert len(commits) == 1
    await writer.close()


async def test_half_an_operation_is_undone_with_the_rest_of_it(write, notes):
    writer, _ = write()

    def twice(connection, message):
        return [note(connection, [word, "bad"]) for word in message]

    with pytest.raises(StoreError):
        await writer.submit(twice, "half")
    assert notes() == []
    await writer.close()


async def test_an_error_of_our_own_code_reaches_its_caller_as_it_is(write):
    writer, _ = write()
    with pytest.raises(ZeroDivisionError):
        await writer.submit(lambda connection, jobs: [1 / 0], None)
    assert await writer.submit(note, "fine") == "noted fine"
    await writer.close()


async def test_a_connection_that_cannot_roll_back_is_replaced(write, notes):
    writer, _ = write(Spoilt)
    results = await asyncio.gather(
        *(writer.submit(note, word) for word in "ab"), return_exceptions=True
    )
    assert [type(result) for result in results] == [StoreError, StoreError]
    assert await writer.submit(note, "later") == "noted later"
    assert notes() == ["later"]
    await writer.close()


async def test_a_cancelled_caller_never_leaves_the_writer_stuck(write, notes):
    writer, connection = write(Gated)
    waiting = asyncio.ensure_future(writer.submit(note, "cancelled"))
    await asyncio.to_thread(connection.committing.wait, 10)
    waiting.cancel()
    connection.gate.set()
    assert await writer.submit(note, "next") == "noted next"
    assert notes() == ["cancelled", "next"]
    await writer.close()


async def test_closing_waits_for_what_was_handed_over(write, notes):
    writer, connection = write(Gated)
    waiting = [writer.submit(note, word) for word in "abc"]
    closing = asyncio.ensure_future(writer.close())
    await asyncio.to_thread(connection.committing.wait, 10)
    assert not closing.done()
    connection.gate.set()
    await closing
    assert [await future for future in waiting] == ["noted a", "noted b", "noted c"]
    with pytest.raises(StoreError, match="closed"):
        writer.submit(note, "late")


async def test_a_cancelled_close_goes_on_closing(write, notes):
    writer, connection = write(Gated)
    waiting = writer.submit(note, "word")
    closing = asyncio.ensure_future(writer.close())
    await asyncio.to_thread(connection.committing.wait, 10)
    closing.cancel()
    connection.gate.set()
    await writer.close()
    assert await waiting == "noted word"


def test_a_loop_that_ends_first_takes_nothing_with_it(path):
    setup = connect(path)
    setup.execute("PRAGMA journal_mode = WAL")
    setup.execute("CREATE TABLE notes (word TEXT NOT NULL)")
    stored = {}

    async def leave():
        stored["writer"] = writer = Writer(path, lambda: connect(path), None)
        stored["connection"] = connection = connect(path, Gated)
        writer.start(connection)
        writer.submit(note, "word")
        await asyncio.to_thread(connection.committing.wait, 10)
        asyncio.ensure_future(writer.close())  # noqa: RUF006 - it is left behind on purpose
        await asyncio.sleep(0)

    asyncio.run(leave())
    stored["connection"].gate.set()
    stored["writer"]._thread.join(10)
    assert not stored["writer"]._thread.is_alive()
    assert setup.execute("SELECT word FROM notes").fetchall() == [("word",)]
    setup.close()


async def test_it_tells_whether_what_was_handed_over_last_could_be_stored(write):
    writer, _ = write(Spoilt)
    assert (writer.writing().failure, writer.writing().waits_for) == ("", 0.0)
    with pytest.raises(StoreError):
        await writer.submit(note, "lost")
    assert "the disk has gone" in writer.writing().failure
    await writer.submit(note, "kept")
    assert writer.writing().failure == ""
    with pytest.raises(StoreError):
        await writer.submit(note, "bad")  # only this one could not be kept
    assert writer.writing().failure == ""
    await writer.close()


async def test_it_tells_for_how_long_something_has_waited(write):
    writer, connection = write(Gated)
    waiting = writer.submit(note, "word")
    await asyncio.to_thread(connection.committing.wait, 10)
    before = writer.writing().waits_for
    await asyncio.sleep(0.01)
    assert writer.writing().waits_for > before
    connection.gate.set()
    await waiting
    assert writer.writing().waits_for == 0.0
    await writer.close()
