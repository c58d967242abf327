"""What is special about pruning the SQLite store: traces in the file, races, and what a step walks past."""

import sqlite3
from contextlib import closing

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.run import RunState
from appealbridge.store.records import Arrival, Over
from appealbridge.store.sqlite import deliveries, retention, schema
from appealbridge.store.sqlite.backend import SqliteBackend
from appealbridge.store.sqlite.connections import open_writer
from tests.sqlite_direct import On
from tests.store_contract.case import NOW, a_delivery, a_run, an_arrival, an_event

OVER = Over(NOW + 100)
PLANTED = "Aisha, 14, of 9 Example Street"


def failed(number, message="closed", parts=1):
    event = an_event(number, data={"text": message})
    return Arrival(
        event,
        [a_run(event, state=RunState.PLANNED, reason=message)],
        [
            a_delivery(
                event, part=f"{n}", state=State.FAILED, content=f'"{message}"', reason=message
            )
            for n in range(parts)
        ],
    )


@pytest.fixture
def db(path):
    with closing(open_writer(path)) as db:
        schema.migrate(db, path)
        yield db


def full(db, after, limit):
    return retention.find(db, OVER, after, limit, retention.FULL, retention.FULL_DELIVERIES)


def on_disk(path):
    files = [path, path.with_name(f"{path.name}-wal")]
    return sum(file.read_bytes().count(PLANTED.encode()) for file in files if file.exists())


async def test_what_was_emptied_can_no_longer_be_read_from_the_disk(path, store):
    long = f"{PLANTED} " * 1000
    await store.accept([failed(1, PLANTED), failed(2, long), failed(3)])
    assert on_disk(path) > 1000
    await store.empty(OVER)
    await store.scrub()
    assert on_disk(path) == 0


async def test_what_was_removed_can_no_longer_be_read_after_a_vacuum(path, store):
    """Pages that were split on the way may keep a few words in their gaps until then."""
    await store.accept([failed(n, f"{PLANTED} " * (n % 40)) for n in range(400)])
    after = 0
    while after is not None:
        after = (await store.forget(OVER, emptied=False, after=after)).then
    await store.close()
    before, left = SqliteBackend(path).vacuum()
    assert on_disk(path) == 0
    assert left < before / 5  # what stays is a hash of each key, and a page for each empty index


async def test_scrubbing_does_not_wait_for_readers(path, store):
    await store.accept([failed(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchone()
        await store.accept([failed(2)])
        await store.scrub()
        await store.accept([failed(3)])
    assert len(await store.events()) == 3


@pytest.mark.parametrize("change", [retention.empty, retention.delete])
def test_what_is_opened_again_after_the_look_is_left_alone(db, change):
    """A person tries a failed delivery again in the very moment in which its time is over."""
    first, two = failed(1), failed(2)
    On(db).accept([first, two])
    result = full(db, 0, 200)
    assert len(result.events) == 2
    On(db).move(first.deliveries[0].id, State.READY, NOW)
    assert change(db, result) == 1
    assert deliveries.find(db, first.deliveries[0].id).content == '"closed"'
    assert db.execute("SELECT data FROM events WHERE id = ?", (first.event.id,)).fetchone()[0]
    assert db.execute("SELECT reason FROM runs").fetchone() == ("closed",)


def test_a_look_walks_past_no_more_than_a_window_at_once(db, monkeypatch):
    monkeypatch.setattr(retention, "WALK", 3)
    On(db).accept([an_arrival(n, state=State.READY) for n in range(7)])
    On(db).accept([failed(8)])
    steps, after = [], 0
    while after is not None:
        result = full(db, after, 200)
        steps.append(len(result.events))
        after = result.then
    assert steps == [0, 0, 1, 0]


def test_a_step_changes_about_as_many_rows_as_it_may(db):
    On(db).accept([failed(n, parts=3) for n in range(50)])
    On(db).accept([failed(99, parts=500)])
    after, changed = 0, []
    while after is not None:
        result = full(db, after, 40)
        before = db.total_changes
        retention.empty(db, result)
        after = result.then
        changed.append(db.total_changes - before)
    assert max(changed) <= 80
    assert not db.execute("SELECT 1 FROM deliveries WHERE content <> ''").fetchone()


def test_newer_events_are_not_even_walked_past(db):
    On(db).accept([failed(1)])
    later = [Arrival(an_event(n, received_at=NOW + 500)) for n in range(2, 90)]
    On(db).accept(later)
    assert full(db, 1, 200).then is None


def test_what_was_closed_is_looked_up_and_not_searched_for(db):
    plan = db.execute(
        f"EXPLAIN QUERY PLAN SELECT 1 FROM events e WHERE {retention._CLOSED_LONG_AGO}",
        {"before": NOW},
    ).fetchall()
    inner = [phrase for *_, phrase in plan if " a" in phrase]
    assert len(inner) == 3
    assert all("events_of_appeals" in phrase for phrase in inner)
