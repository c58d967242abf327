"""
Removes old data: first the personal content, later the whole rows.

A reader finds what is over, so that nobody waits; the writer only changes those rows, after a last test that they are
still over. Content that has been removed is the empty text, which is not valid JSON. The row keeps its id, so that a
repeat is known; when the row is removed, a hash of its key stays for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appealbridge.model import ids
from appealbridge.store.records import Over, Pruned
from appealbridge.store.sqlite.access import Connection, WriteAccess, writes
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.events import keep_keys
from appealbridge.store.sqlite.rows import json_list
from appealbridge.store.sqlite.schema import IS_OF_APPEAL, IS_OF_APPEAL_SOURCE, OF_EVENT, origin_of
from appealbridge.store.sqlite.states import IS_OPEN, IS_UNFINISHED

WALK = 2000
"""How many events or runs one step reads at the most to find those that are over."""

_LAST = "SELECT number FROM events WHERE id < ? AND received_at <= ? ORDER BY id DESC LIMIT 1"
_WALKED = (
    "SELECT max(number) FROM (SELECT number FROM events WHERE number > ? AND number <= ?"
    " ORDER BY number LIMIT ?)"
)
_OF_E = "id > e.id || '.' AND id < e.id || '/' AND event_id = e.id"
_SETTLED = (
    f"NOT EXISTS (SELECT 1 FROM runs WHERE {_OF_E} AND (state = 'open' OR begun_at > :before))"
    f" AND NOT EXISTS (SELECT 1 FROM deliveries WHERE {_OF_E}"
    f" AND ({IS_UNFINISHED} OR settled_at > :before))"
    # All that waits is collected once a step, because no index has the subjects by themselves.
    f" AND (e.subject = '' OR (e.subject, {origin_of('e')})"
    f" NOT IN (SELECT subject, origin FROM deliveries WHERE {IS_OPEN}))"
    # Later steps of an open run may use the events kept for it.
    " AND e.id NOT IN (SELECT event_id FROM later_events)"
)
# A sender closes only its own appeals. An event of an origin that never reported the appeal goes by the sources of
# appeals, and by all of them that know it.
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
FULL = " AND e.data <> ''"
EMPTY = " AND e.data = ''"
FULL_DELIVERIES = f"SELECT id FROM deliveries WHERE {OF_EVENT} AND content <> '' LIMIT :limit"
ANY_DELIVERIES = f"SELECT id FROM deliveries WHERE {OF_EVENT} LIMIT :limit"

_OLD_KEYS = (
    "SELECT hash FROM past_keys WHERE received_at < :before ORDER BY received_at LIMIT :limit"
)
_FORGET_KEYS = f"DELETE FROM past_keys WHERE hash IN ({_OLD_KEYS})"

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
_RUNS = (
    "(SELECT r.id FROM json_each(:ids) v"
    " CROSS JOIN runs r ON r.id > v.value || '.' AND r.id < v.value || '/' AND r.event_id = v.value)"
)
"""The ids of the runs of events."""

_EMPTY_RUNS = (
    f"UPDATE runs SET reason = '', trace = '[]', marks = '{{}}' WHERE id IN {_RUNS}"
    " AND state <> 'open' AND (reason <> '' OR trace <> '[]' OR marks <> '{}')"
)
_EMPTY_REVISIONS = (
    f"UPDATE revisions SET content = '', why = '' WHERE delivery_id IN {_IDS} AND content <> ''"
)
_DELETE_REASONS = f"DELETE FROM reasons WHERE event_id IN {_IDS}"
_DELETE_DELIVERIES = (
    f"DELETE FROM deliveries WHERE id IN {_IDS} AND NOT ({IS_UNFINISHED}) RETURNING id"
)
_DELETE_EVENTS = (
    f"DELETE FROM events AS e WHERE id IN {_IDS}"
    f" AND NOT EXISTS (SELECT 1 FROM deliveries WHERE {_OF_E}) RETURNING id, source, key, received_at"
)
_DELETE_RUNS = f"DELETE FROM runs WHERE id IN {_RUNS}"
_DELETE_CORRECTIONS = f"DELETE FROM corrections WHERE run_id IN {_RUNS}"
_DELETE_RECIPES = f"DELETE FROM recipes WHERE version IN {_IDS} AND kept_at <= :before"


@dataclass(frozen=True, slots=True)
class ExpiredRows:
    """
    What is over: whole events, and deliveries of these or of one that is too large for one step.

    `then` is where the next step continues, `None` at the end.
    """

    events: Sequence[str]
    deliveries: Sequence[str]
    then: int | None


class SqliteRetention(WriteAccess):
    """The `RetentionStore` in SQLite."""

    async def empty(self, over: Over, after: int = 0, limit: int = 200) -> Pruned:
        rows = await self._read(lambda db: find(db, over, after, limit, FULL, FULL_DELIVERIES))
        return await self._prune(empty, rows)

    async def forget(
        self, over: Over, *, emptied: bool, after: int = 0, limit: int = 200
    ) -> Pruned:
        which = EMPTY if emptied else ""
        rows = await self._read(lambda db: find(db, over, after, limit, which))
        return await self._prune(delete, rows)

    async def _prune(
        self, change: Callable[[Connection, ExpiredRows], int], rows: ExpiredRows
    ) -> Pruned:
        if not (rows.events or rows.deliveries):
            return Pruned(0, rows.then)
        return Pruned(await self._write(lambda db: change(db, rows)), rows.then)

    @writes
    def forget_keys(self, db: Connection, before: float, limit: int = 2000) -> int:
        return db.execute(_FORGET_KEYS, {"before": before, "limit": limit}).rowcount

    async def forget_skipped(self, before: float, after: int = 0, limit: int = 200) -> Pruned:
        runs, then = await self._read(lambda db: find_skipped(db, before, after, limit))
        removed = await self._write(lambda db: delete_skipped(db, runs)) if runs else 0
        return Pruned(removed, then)

    async def forget_recipes(self, before: float, in_force: Collection[str]) -> int:
        unused = await self._read(lambda db: unused_recipes(db, before, in_force))
        if not unused:
            return 0
        values = {"ids": json_list(unused), "before": before}
        return await self._write(lambda db: db.execute(_DELETE_RECIPES, values).rowcount)

    async def scrub(self) -> None:
        await asyncio.to_thread(_scrub, self._path)


def find(
    db: Connection, over: Over, after: int, limit: int, which: str = "", parts: str = ANY_DELIVERIES
) -> ExpiredRows:
    """Find events that are over and for which the condition `which` holds, with their deliveries by `parts`."""
    last = db.execute(_LAST, (_after(over.before + 0.001), over.before)).fetchone()
    (walked,) = db.execute(_WALKED, (after, last[0] if last else 0, WALK)).fetchone()
    if walked is None:
        return ExpiredRows((), (), None)
    closed = f" AND {_CLOSED_LONG_AGO}" if over.after_closure else ""
    due = db.execute(
        f"{_DUE}{which} AND {_SETTLED}{closed} ORDER BY e.number LIMIT :limit",
        {"after": after, "walked": walked, "before": over.before, "limit": limit},
    ).fetchall()
    events: list[str] = []
    deliveries: list[str] = []
    available = limit
    for number, event_id, runs in due:
        some = db.execute(parts, {"event_id": event_id, "limit": max(1, available)}).fetchall()
        rows = 1 + runs + 2 * len(some)
        if rows > available and (events or deliveries):
            return ExpiredRows(events, deliveries, number - 1)
        deliveries += [id_ for (id_,) in some]
        if len(some) == available:
            return ExpiredRows(events, deliveries, number - 1)  # the rest of it in the next step
        events.append(event_id)
        available -= rows
    return ExpiredRows(events, deliveries, due[-1][0] if len(due) == limit else walked)


def find_skipped(
    db: Connection, before: float, after: int, limit: int
) -> tuple[Sequence[int], int | None]:
    """Find skipped runs that began before a time; also return where to continue, `None` at the end."""
    (young,) = db.execute(_YOUNG_RUN, (_after(before),)).fetchone() or (2**63 - 1,)
    walked = db.execute(_SKIPPED, (before, after, young, WALK)).fetchall()
    numbers = [number for number, skipped in walked if skipped]
    if len(numbers) > limit:
        return numbers[:limit], numbers[limit - 1]
    return numbers, walked[-1][0] if len(walked) == WALK else None


def delete_skipped(db: Connection, numbers: Sequence[int]) -> int:
    """Remove these runs; return how many there were."""
    with _unreadable(db):
        return len(_change(db, _DELETE_SKIPPED, numbers))


def empty(db: Connection, rows: ExpiredRows) -> int:
    """Remove the content of these rows, except of what was reopened since; return how many events."""
    with _unreadable(db):
        deliveries = [id_ for (id_,) in _change(db, _EMPTY_DELIVERIES, rows.deliveries)]
        _change(db, _EMPTY_ATTEMPTS, deliveries)
        _change(db, _EMPTY_REVISIONS, deliveries)
        _delete_from(db, ("images", "preparations"), deliveries)
        events = [id_ for (id_,) in _change(db, _EMPTY_EVENTS, rows.events)]
        _change(db, _EMPTY_RUNS, events)
        _change(db, _DELETE_REASONS, events)
    return len(events)


def delete(db: Connection, rows: ExpiredRows) -> int:
    """Remove these rows, except what was reopened since; return how many events."""
    with _unreadable(db):
        deliveries = [id_ for (id_,) in _change(db, _DELETE_DELIVERIES, rows.deliveries)]
        _delete_from(db, ("versions", "withdrawn_posts"), deliveries, "delivery")
        _delete_from(db, ("attempts", "images", "preparations", "uploads"), deliveries)
        _delete_from(db, ("revisions", "answers"), deliveries)
        removed = _change(db, _DELETE_EVENTS, rows.events)
        keep_keys(db, [key for _, *key in removed])
        events = [id_ for id_, *_ in removed]
        for statement in (_DELETE_CORRECTIONS, _DELETE_RUNS, _DELETE_REASONS):
            _change(db, statement, events)
    return len(events)


def unused_recipes(db: Connection, before: float, in_force: Collection[str]) -> list[str]:
    """Return the versions stored before a time that no run uses and that are not in force."""
    select = "SELECT version FROM recipes WHERE kept_at <= ?"
    old = {version for (version,) in db.execute(select, (before,))} - set(in_force)
    if old:
        old -= {version for (version,) in db.execute("SELECT DISTINCT version FROM runs")}
    return sorted(old)


def _scrub(path: Path) -> None:
    """
    Truncate SQLite's log, which has copies of removed data; if somebody is reading, the next time.

    On its own connection, so that the writer waits no longer than for a commit.
    """
    with closing(open_writer(path)) as db:
        db.execute("PRAGMA busy_timeout = 0")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


@contextmanager
def _unreadable(db: Connection) -> Iterator[None]:
    """Also write zeros over whole pages that become free; the hot path does without."""
    db.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        db.execute("PRAGMA secure_delete = FAST")


def _change(db: Connection, statement: str, ids: Sequence[str] | Sequence[int]) -> list[Any]:
    """Run a statement over rows by their ids, and return the rows that it returns."""
    return db.execute(statement, {"ids": json_list(ids)}).fetchall() if ids else []


def _delete_from(
    db: Connection, tables: Sequence[str], ids: Sequence[str], column: str = "delivery_id"
) -> None:
    """Delete the rows of tables that belong to these deliveries."""
    for table in tables:
        _change(db, f"DELETE FROM {table} WHERE {column} IN {_IDS}", ids)


def _after(time: float) -> str:
    """Return the id that begins what comes from a time on: ids begin with the time."""
    return ids.event_id(max(0.0, time), 0)
