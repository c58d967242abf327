import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from appealbridge.model.errors import StoreError
from appealbridge.store.records import Arrival
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.schema import (
    _NOTIFIED,
    _ORIGINS,
    _STANDARD_WORDS,
    MIGRATIONS,
    migrate,
)
from appealbridge.store.sqlite.store import SqliteStore
from tests.store_contract.case import NOW, a_run, an_arrival, an_event

NEXT = (*MIGRATIONS, "CREATE TABLE mottoes (words TEXT NOT NULL) STRICT")


def version(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def set_version(path, number):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {number}")


async def test_a_new_store_has_the_newest_shape(path, store):
    assert version(path) == len(MIGRATIONS)


async def test_a_later_migration_keeps_what_is_there(path, store):
    await store.accept([an_arrival(1)])
    await store.close()
    with closing(open_writer(path)) as connection:
        migrate(connection, path, NEXT)
        connection.execute("INSERT INTO mottoes VALUES ('forward')")
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert version(path) == len(NEXT)


async def test_each_migration_is_applied_once(path, store):
    await store.close()
    for _ in range(2):
        with closing(open_writer(path)) as connection:
            migrate(connection, path, NEXT)
    assert version(path) == len(NEXT)


async def test_a_migration_that_breaks_off_leaves_nothing_behind(path, store):
    await store.close()
    with closing(open_writer(path)) as connection, pytest.raises(sqlite3.Error):
        migrate(connection, path, (*MIGRATIONS, f"{NEXT[-1]}; CREATE TABLE events (x)"))
    assert version(path) == len(MIGRATIONS)
    with closing(open_writer(path)) as connection:
        migrate(connection, path, NEXT)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_store_newer_than_the_program_is_refused(path, store, read_only):
    await store.close()
    set_version(path, len(MIGRATIONS) + 1)
    with pytest.raises(StoreError, match="newer appealbridge"):
        await SqliteStore.open(path, read_only=read_only)
    assert version(path) == len(MIGRATIONS) + 1


async def test_a_store_older_than_the_program_is_not_read_but_brought_up_to_date(path, store):
    await store.close()
    set_version(path, 0)
    with pytest.raises(StoreError, match="db migrate"):
        await SqliteStore.open(path, read_only=True)


async def test_another_programs_file_is_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    before = path.read_bytes()[100:]
    with pytest.raises(StoreError, match="another program's"):
        await SqliteStore.open(path)
    assert path.read_bytes()[100:] == before


async def test_every_table_is_strict(path, store):
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT name, strict FROM pragma_table_list"
            " WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
    assert len(tables) > 5
    assert [name for name, strict in tables if not strict] == []


async def test_commits_are_synced_and_readers_do_not_wait(path, store):
    connection = store._writer._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_what_was_under_way_before_there_were_origins_goes_on(path):
    """Turns, runs that wait and the memory of texts know from where each of them came."""
    with closing(open_writer(path)) as old:
        migrate(old, path, MIGRATIONS[: MIGRATIONS.index(_ORIGINS)])
        for number, source in ((1, "webhook:a"), (2, "webhook:a"), (3, "webhook:b")):
            event = f"event{number}"
            _insert(old, "events", id=event, source=source, subject="A38", key=event, data="{}")
            _insert(old, "runs", id=f"{event}.r", event_id=event, state="open")
            _insert(
                old, "waiting_runs", run_id=f"{event}.r", recipe="r", subject="A38", after=number
            )
            state = 1 if number == 1 else 2  # the first one is held
            _insert(
                old, "deliveries", id=f"{event}.r.s", run_id=f"{event}.r", event_id=event, subject="A38",
                channel="force_x", content="{}", publish_by=9e999, state=state, hold="approval",
                settled_at=9e999, blocked=number > 1,
            )  # fmt: skip
    store = await SqliteStore.open(path)
    try:
        claimed = await store.claim("force_x", NOW, 9)
        assert [(delivery.number, delivery.origin) for delivery in claimed] == [
            (2, "webhook:a"),
            (3, "webhook:b"),
        ]
        assert [run.id for run in await store.runs_before("event2.r")] == ["event1.r"]
        assert await store.runs_before("event3.r") == []
        assert [sort.kind for sort in await store.news()] == ["delivery.waits_for_approval"]
    finally:
        await store.close()


def _insert(connection, table, **values):
    """Insert a row; what is not said is nothing."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    nothing = {"TEXT": "", "INTEGER": 0, "REAL": 0.0}
    row = {
        name: nothing[kind]
        for _, name, kind, must, default, key in columns
        if must and not key and default is None
    }
    row |= {"trace": "[]"} if table == "runs" else {}
    row |= values
    row.pop("number", None)
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)


async def test_old_words_in_traces_and_attempts_become_the_standard_ones(path, store):
    """A trace that quotes the old key inside a text keeps that text."""
    quoted = {"at": NOW, "step": "", "message": 'it sent {"said": 1}'}
    event, run = an_event(1), a_run(an_event(1))
    await store.accept([Arrival(event, [replace(run, trace=(quoted,))], [])])
    await store.close()
    with closing(open_writer(path)) as connection:
        connection.execute("UPDATE runs SET trace = replace(trace, '\"message\":', '\"said\":')")
        connection.executescript(_STANDARD_WORDS)
    store = await SqliteStore.open(path)
    assert (await store.run(run.id)).trace == (quoted,)
    await store.close()


async def test_an_alarm_stored_before_the_columns_got_their_names_is_still_news(path):
    with closing(open_writer(path)) as connection:
        migrate(connection, path, MIGRATIONS[: MIGRATIONS.index(_NOTIFIED)])
        connection.execute(
            "INSERT INTO alarms (kind, channel, words, at) VALUES ('channel.down', 'force_x', 'refused', 1)"
        )
    store = await SqliteStore.open(path)
    (sort,) = await store.news()
    (news,) = await store.news_of([sort], 9)
    assert (sort.kind, news.channel, news.reason) == ("channel.down", "force_x", "refused")
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        for table in ("deliveries", "runs"):
            columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
            assert "notified" in columns
            assert "told" not in columns
