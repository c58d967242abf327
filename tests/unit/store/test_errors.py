"""What a disk and other programs can do to a store; each time it has to be usable again afterwards."""

import asyncio
import resource
import sqlite3
from contextlib import closing, contextmanager

import pytest

from appealbridge.model.errors import IllegalMove, StoreError, StoreFull, StoreLocked
from appealbridge.store.records import (
    Arrival,
)
from appealbridge.store.sqlite import connections
from appealbridge.store.sqlite.errors import refusal, store_failure
from appealbridge.store.sqlite.store import SqliteStore
from tests.store_contract.case import an_arrival, an_event


@contextmanager
def no_file_larger_than(size):
    """Let every write beyond a size be refused by the system, as on a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


DAMAGED = 65536


def damage(path, start):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * DAMAGED)


async def test_a_full_disk_is_told_and_what_was_accepted_stays(store):
    await store.accept([an_arrival(1)])
    connection = store._writer._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    big = Arrival(an_event(2, data="x" * 100_000))
    results = await asyncio.gather(
        *(store.accept([arrival]) for arrival in (big, an_arrival(3))), return_exceptions=True
    )
    assert [type(result) for result in results] == [StoreFull, StoreFull]
    assert await store.events() == [an_event(1)]
    connection.execute("PRAGMA max_page_count = 1000000")
    await store.accept([big, an_arrival(3)])
    assert len(await store.events()) == 3


async def test_a_commit_that_the_disk_refuses_fails_all_its_callers(path, store):
    await store.accept([an_arrival(1)])
    log = path.with_name(path.name + "-wal")
    with no_file_larger_than(log.stat().st_size + 100):
        results = await asyncio.gather(
            *(store.accept([an_arrival(number)]) for number in (2, 3)), return_exceptions=True
        )
    assert all(isinstance(result, StoreError) for result in results)
    assert "the disk failed" in str(results[0])
    assert await store.events() == [an_event(1)]
    await store.accept([an_arrival(2)])
    await store.close()
    again = await SqliteStore.open(path)
    assert {event.id for event in await again.events()} == {an_event(1).id, an_event(2).id}
    await again.close()


async def test_a_check_tells_of_a_disk_that_takes_nothing(path, store):
    log = path.with_name(path.name + "-wal")
    with no_file_larger_than(log.stat().st_size), pytest.raises(StoreError, match="disk"):
        await store.check()
    await store.check()


async def test_another_program_that_writes_is_waited_for_and_then_named(path, monkeypatch):
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    store = await SqliteStore.open(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="close whatever has the file open"):
            await store.accept([an_arrival(1)])
        assert await store.events() == []
        other.execute("COMMIT")
    await store.accept([an_arrival(1)])
    await store.close()


async def test_reading_goes_on_while_another_writes(path, store):
    await store.accept([an_arrival(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM events")
        assert len(await store.events()) == 1


async def test_a_damaged_file_is_told(path, store):
    await store.accept([Arrival(an_event(number, data="x" * 500)) for number in range(200)])
    await store.close()
    damage(path, path.stat().st_size - 2 * DAMAGED)
    again = await SqliteStore.open(path)
    with pytest.raises(StoreError, match="restore the last backup"):
        await again.events(limit=1000)
    await again.close()


@pytest.mark.parametrize("read_only", [False, True])
async def test_what_is_no_database_is_told(path, read_only):
    path.write_bytes(b"Dear all, " * 1000)
    with pytest.raises(StoreError, match="not a SQLite file"):
        await SqliteStore.open(path, read_only=read_only)


async def test_a_folder_in_its_place_is_told(path):
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteStore.open(path)


async def test_reading_where_nothing_is_says_how_to_begin(path):
    with pytest.raises(StoreError, match="start the daemon once"):
        await SqliteStore.open(path, read_only=True)
    assert not path.exists()


async def test_a_store_that_is_only_read_refuses_writes(path, store):
    await store.accept([an_arrival(1)])
    reader = await SqliteStore.open(path, read_only=True)
    with pytest.raises(StoreError, match="read-only"):
        await reader.accept([an_arrival(2)])
    assert await reader.events() == [an_event(1)]
    await reader.close()


async def test_a_store_can_be_read_when_its_daemon_is_gone(path, store):
    await store.accept([an_arrival(1)])
    await store.close()
    reader = await SqliteStore.open(path, read_only=True)
    assert await reader.events() == [an_event(1)]
    await reader.close()


async def test_text_that_no_database_takes_is_refused_to_its_caller(store):
    results = await asyncio.gather(
        store.accept([Arrival(an_event(1, subject="\ud800"))]),
        store.accept([Arrival(an_event(2))]),
        return_exceptions=True,
    )
    assert [isinstance(result, StoreError) for result in results] == [True, False]


def test_every_code_of_the_table_has_a_cure(path):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    result = store_failure(error, path)
    assert str(result).startswith(f"{path}: the disk failed")
    assert str(result).endswith("(disk I/O error)")


def test_one_operations_error_is_not_the_stores():
    assert store_failure(sqlite3.IntegrityError("NOT NULL"), "x") is None
    assert store_failure(ValueError("x"), "x") is None


def test_our_own_errors_pass_unchanged(path):
    for error in (IllegalMove("no"), KeyError("a bug")):
        assert refusal(error, path) is error
