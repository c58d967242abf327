"""What is done to a store's file while no daemon works on it."""

import sqlite3
from contextlib import closing

import pytest

from appealbridge.model.errors import StoreError, StoreLocked
from appealbridge.store.records import DeliveryFilter
from appealbridge.store.sqlite import schema
from appealbridge.store.sqlite.backend import SqliteBackend
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.store import SqliteStore
from tests.store_contract.case import an_arrival

NEWEST = len(schema.MIGRATIONS)
vacuum, migrate, versions = SqliteBackend.vacuum, SqliteBackend.migrate, SqliteBackend.versions


def of_the_first_shape(path):
    with closing(open_writer(path)) as db:
        schema.migrate(db, path, schema.MIGRATIONS[:1])


@pytest.mark.parametrize("work", [vacuum, migrate])
async def test_a_store_at_work_is_left_alone(path, store, work):
    with pytest.raises(StoreLocked, match="stop it first"):
        work(SqliteBackend(path))


async def test_a_vacuum_keeps_everything(path, store):
    await store.accept([an_arrival(n) for n in range(20)])
    before = await store.deliveries(DeliveryFilter())
    await store.close()
    SqliteBackend(path).vacuum()
    again = await SqliteStore.open(path)
    assert await again.deliveries(DeliveryFilter()) == before
    await again.close()


def test_a_vacuum_makes_no_store(path):
    with pytest.raises(StoreError, match="no store here"):
        SqliteBackend(path).vacuum()
    assert not path.exists()


def test_an_older_store_is_brought_up_to_date(path):
    of_the_first_shape(path)
    assert SqliteBackend(path).versions() == (1, NEWEST)
    assert SqliteBackend(path).migrate() == (1, NEWEST)
    assert SqliteBackend(path).migrate() == (NEWEST, NEWEST)


def test_a_new_store_is_made(path):
    assert SqliteBackend(path).versions() == (0, NEWEST)
    assert SqliteBackend(path).migrate() == (0, NEWEST)
    assert SqliteBackend(path).versions() == (NEWEST, NEWEST)


@pytest.mark.parametrize("work", [vacuum, migrate, versions])
def test_what_is_no_store_is_left_alone(path, work):
    path.write_bytes(b"a letter to the chief constable" * 100)
    with pytest.raises(StoreError, match="not a SQLite file"):
        work(SqliteBackend(path))
    assert path.read_bytes() == b"a letter to the chief constable" * 100


def test_another_programs_file_is_left_alone(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url)")
    for work in (vacuum, migrate, versions):
        with pytest.raises(StoreError, match="another program's"):
            work(SqliteBackend(path))
