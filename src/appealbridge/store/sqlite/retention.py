"""
Removes old data: first the personal content, later the whole rows.

What is over is found by a reader, which hinders nobody; the writer only changes the rows that it is
handed, and looks once more that they are still over. Emptied content is the empty text, which no
JSON is; the rows themselves keep their ids, so that a repeat is known as one. Of rows that go, a hash
of the key stays for the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from appealbridge.model import ids
from appealbridge.store.records import Over, Pruned
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.events import keep_keys
from appealbridge.store.sqlite.schema import IS_OF_APPEAL, IS_OF_APPEAL_SOURCE, OF_EVENT, origin_of
from appealbridge.store.sqlite.states import IS_OPEN, IS_UNFINISHED

WALK = 2000
"""How many events one look passes at the most on its way to those that are over."""

_LAST = "SELECT number FROM events WHERE received_at <= ? ORDER BY received_at DESC LIMIT 1"
_WALKED = (
    "SELECT max(number) FROM (SELECT number FROM events WHERE number > ? AND number <= ?"
    " ORDER BY number LIMIT ?)"
)
_OF_E = "id > e.id || '.' AND id < e.id || '/' AND event_id = e.id"
_SETTLED = (
    f"NOT EXISTS (SELECT 1 FROM runs WHERE {_OF_E} AND (state = 'open' OR begun_at > :before))"
    f" AND NOT EXISTS (SELECT 1 FROM deliveries WHERE {_OF_E}"
    f" AND ({IS_UNFINISHED} OR settled_at > :before))"
    # All that waits is gathered once a look, since no index has the subjects by themselves.
    f" AND (e.subject = '' OR (e.subject, {origin_of('e')})"
    f" NOT IN (SELECT subject, origin FROM deliveries WHERE {IS_OPEN}))"
    # What an open run has heard, its later steps may speak of.
    " AND e.id NOT IN (SELECT event_id FROM heard)"
)
# Each sender speaks for itself: what one says of an appeal closes no other's. An event from where
# nothing is told of the appeal goes by the sources of appeals, and by all of them that know it.
_APPEALS = f"FROM events a WHERE a.subject = e.subject AND {IS_OF_APPEAL}"
_OF_ORIGIN = f"{_APPEALS} AND {origin_of('a')} ="
_TOLD = (
    f"{_APPEALS} AND ({origin_of('a')} = {origin_of('e')} OR {IS_OF_APPEAL_SOURCE}"
    f" AND NOT EXISTS (SELECT 1 {_OF_ORIGIN} {origin_of('e')}))"
)
_OPENED = (
    f"SELECT {origin_of('a')} AS origin,"
    f" max(CASE a.type WHEN 'appeal.closed' THEN 0 ELSE a.number END) AS number {_TOLD} GROUP BY 1"
)
_CLOSED_LONG_AGO = (
    f"(e.subject = '' OR NOT EXISTS (SELECT 1 FROM ({_OPENED}) AS opened WHERE coalesce("
    f"(SELECT min(a.received_at) {_OF_ORIGIN} opened.origin AND a.number > opened.number),"
    " 9e999) > :before))"
)
_DUE = (
    f"SELECT e.number, e.id, (SELECT count(*) FROM runs WHERE {_OF_E}) FROM events e"
    " WHERE e.number > :after AND e.number <= :walked AND e.received_at <= :before"
)
# A run's id begins with its event's, and that with the time.
_YOUNG_RUN = "SELECT number FROM runs WHERE id >= ? ORDER BY id LIMIT 1"
_SKIPPED = (
    "SELECT number, state = 'skipped' AND begun_at <= ? FROM runs"
    " WHERE number > ? AND number < ? ORDER BY number LIMIT ?"
)
_DELETE_SKIPPED = (
    "DELETE FROM runs WHERE number IN (SELECT value FROM json_each(:ids)) AND state = 'skipped'"
    " RETURNING id"
)
_FULL = " AND e.data <> ''"
_EMPTY = " AND e.data = ''"
_FULL_DELIVERIES = f"SELECT id FROM deliveries WHERE {OF_EVENT} AND content <> '' LIMIT :room"
_ANY_DELIVERIES = f"SELECT id FROM deliveries WHERE {OF_EVENT} LIMIT :room"

_IDS = "(SELECT value FROM json_each(:ids))"
_STILL_OPEN = f"SELECT 1 FROM deliveries WHERE {_OF_E} AND {IS_UNFINISHED}"
_EMPTY_DELIVERIES = (
    f"UPDATE deliveries SET content = '', reason = '' WHERE id IN {_IDS} AND NOT ({IS_UNFINISHED})"
    " RETURNING id"
)
_EMPTY_ATTEMPTS = f"UPDATE attempts SET detail = '' WHERE delivery_id IN {_IDS} AND detail <> ''"
_EMPTY_EVENTS = (
    f"UPDATE events AS e SET data = '' WHERE id IN {_IDS} AND NOT EXISTS ({_STILL_OPEN})"
    " RETURNING id"
)
_EMPTY_RUNS = (
    "UPDATE runs SET reason = '', trace = '[]', marks = '{}'"
    " WHERE id IN (SELECT r.id FROM json_each(:ids) v"
    " CROSS JOIN runs r ON r.id > v.value || '.' AND r.id < v.value || '/' AND r.event_id = v.value)"
    " AND state <> 'open' AND (reason <> '' OR trace <> '[]' OR marks <> '{}')"
)
_DELETE_DELIVERIES = (
    f"DELETE FROM deliveries WHERE id IN {_IDS} AND NOT ({IS_UNFINISHED}) RETURNING id"
)
_DELETE_ATTEMPTS = f"DELETE FROM attempts WHERE delivery_id IN {_IDS}"
_DELETE_EVENTS = (
    f"DELETE FROM events AS e WHERE id IN {_IDS}"
    f" AND NOT EXISTS (SELECT 1 FROM deliveries WHERE {_OF_E}) RETURNING id, source, key, received_at"
)
_DELETE_RUNS = (
    "DELETE FROM runs WHERE id IN (SELECT r.id FROM json_each(:ids) v"
    " CROSS JOIN runs r ON r.id > v.value || '.' AND r.id < v.value || '/' AND r.event_id = v.value)"
)


@dataclass(frozen=True, slots=True)
class ExpiredRows:
    """
    What a look found to be over: whole events, and deliveries of them or of one that is too large.

    `then` is where the next look goes on, `None` where all has been looked at.
    """

    events: Sequence[str]
    deliveries: Sequence[str]
    then: int | None


def find_full(connection: sqlite3.Connection, over: Over, after: int, limit: int) -> ExpiredRows:
    """Find events that are over and have their content still."""
    return _find(connection, over, after, limit, _FULL, _FULL_DELIVERIES)


def find_old(
    connection: sqlite3.Connection, over: Over, emptied: bool, after: int, limit: int
) -> ExpiredRows:
    """Find events that are over, all of them or only those that are `emptied`."""
    return _find(connection, over, after, limit, _EMPTY if emptied else "", _ANY_DELIVERIES)


def _find(
    connection: sqlite3.Connection, over: Over, after: int, limit: int, which: str, parts: str
) -> ExpiredRows:
    last = connection.execute(_LAST, (over.before,)).fetchone()
    (walked,) = connection.execute(_WALKED, (after, last[0] if last else 0, WALK)).fetchone()
    if walked is None:
        return ExpiredRows((), (), None)
    closed = f" AND {_CLOSED_LONG_AGO}" if over.after_closure else ""
    due = connection.execute(
        f"{_DUE}{which} AND {_SETTLED}{closed} ORDER BY e.number LIMIT :limit",
        {"after": after, "walked": walked, "before": over.before, "limit": limit},
    ).fetchall()
    events: list[str] = []
    deliveries: list[str] = []
    room = limit
    for number, event_id, runs in due:
        some = connection.execute(parts, {"event_id": event_id, "room": max(1, room)}).fetchall()
        rows = 1 + runs + 2 * len(some)
        if rows > room and (events or deliveries):
            return ExpiredRows(events, deliveries, number - 1)
        deliveries += [id_ for (id_,) in some]
        if len(some) == room:
            return ExpiredRows(events, deliveries, number - 1)  # the rest of it in the next look
        events.append(event_id)
        room -= rows
    return ExpiredRows(events, deliveries, due[-1][0] if len(due) == limit else walked)


def find_skipped(
    connection: sqlite3.Connection, before: float, after: int, limit: int
) -> tuple[Sequence[int], int | None]:
    """Find runs that wanted nothing of their event and began before a time, and where to look on."""
    begin = (ids.event_id(max(0.0, before), 0),)
    (young,) = connection.execute(_YOUNG_RUN, begin).fetchone() or (2**63 - 1,)
    walked = connection.execute(_SKIPPED, (before, after, young, WALK)).fetchall()
    found = [number for number, skipped in walked if skipped]
    if len(found) > limit:
        return found[:limit], found[limit - 1]
    return found, walked[-1][0] if len(walked) == WALK else None


def delete_skipped(connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Remove these runs; return how many there were."""
    with _unreadable(connection):
        return len(_change(connection, _DELETE_SKIPPED, numbers))


def empty(connection: sqlite3.Connection, found: ExpiredRows) -> Pruned:
    """Remove the content of what was found, except of what was reopened since."""
    with _unreadable(connection):
        deliveries = _change(connection, _EMPTY_DELIVERIES, found.deliveries)
        _change(connection, _EMPTY_ATTEMPTS, deliveries)
        events = _change(connection, _EMPTY_EVENTS, found.events)
        _change(connection, _EMPTY_RUNS, events)
    return Pruned(len(events), found.then)


def delete(connection: sqlite3.Connection, found: ExpiredRows) -> Pruned:
    """Remove the rows of what was found, except of what was reopened since."""
    with _unreadable(connection):
        deliveries = _change(connection, _DELETE_DELIVERIES, found.deliveries)
        _change(connection, _DELETE_ATTEMPTS, deliveries)
        removed = _changed(connection, _DELETE_EVENTS, found.events)
        keep_keys(connection, [key for _, *key in removed])
        events = [id_ for id_, *_ in removed]
        _change(connection, _DELETE_RUNS, events)
    return Pruned(len(events), found.then)


def forget_recipes(connection: sqlite3.Connection, versions: Sequence[str], before: float) -> int:
    """Remove recipe versions; one that was put in force again since stays."""
    gone = f"DELETE FROM recipes WHERE version IN {_IDS} AND kept_at <= :before"
    asked = {"ids": orjson.dumps(list(versions)).decode(), "before": before}
    return connection.execute(gone, asked).rowcount


def unused_recipes(
    connection: sqlite3.Connection, before: float, in_force: Collection[str]
) -> list[str]:
    """Return the versions kept before a time that no run was made by and that are not in force."""
    select = "SELECT version FROM recipes WHERE kept_at <= ?"
    old = {version for (version,) in connection.execute(select, (before,))} - set(in_force)
    if old:
        old -= {version for (version,) in connection.execute("SELECT DISTINCT version FROM runs")}
    return sorted(old)


def scrub(path: Path) -> None:
    """
    Truncate SQLite's log, which has copies of removed data; if somebody is reading, the next time.

    On a connection of its own: the writer is hindered no longer than a commit takes.
    """
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


@contextmanager
def _unreadable(connection: sqlite3.Connection) -> Iterator[None]:
    """Write zeros over whole pages that become free, too, which would cost the hot path something."""
    connection.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete = FAST")


def _change(
    connection: sqlite3.Connection, statement: str, ids: Collection[str] | Sequence[int]
) -> list[str]:
    """Run a statement over rows by their ids, and return the ids that it returns."""
    return [id_ for id_, *_ in _changed(connection, statement, ids)]


def _changed(
    connection: sqlite3.Connection, statement: str, ids: Collection[str] | Sequence[int]
) -> list[Any]:
    if not ids:
        return []
    asked = {"ids": orjson.dumps(list(ids)).decode()}
    return connection.execute(statement, asked).fetchall()
