"""Stores runs, what they plan next, and recipe versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter

import orjson

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import NotFound
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import (
    PlanningMark,
    RecipeVersion,
)
from appealbridge.store.sqlite.bulk import Insert, Join
from appealbridge.store.sqlite.ordering import OrderingKey, follow, has_to_wait
from appealbridge.store.sqlite.rows import (
    DELIVERY,
    RUN,
    STORED_EVENT,
    STORED_RUN,
    Row,
    as_json,
    at,
    delivery_row,
    event_of,
    names,
    not_begun,
    run_of,
    run_row,
)
from appealbridge.store.sqlite.schema import origin_of
from appealbridge.store.sqlite.states import LAST_OPEN, READY, SENDING

ANY = "EXISTS (SELECT 1 FROM waiting_runs)"

_begin = Join(
    ("run_id", "recipe", "subject", "origin", "event_id"),
    "INSERT INTO waiting_runs (run_id, recipe, subject, origin, after)"
    " SELECT v.run_id, v.recipe, v.subject, v.origin, e.number FROM {v}"
    " CROSS JOIN events e ON e.id = v.event_id",
)
_hear = Join(
    ("id", "subject", "origin"),
    "INSERT INTO heard (run_id, event_id) SELECT w.run_id, v.id FROM {v}"
    " CROSS JOIN events e ON e.id = v.id"
    " CROSS JOIN waiting_runs w ON w.subject = v.subject AND w.origin = v.origin"
    " AND w.after < e.number"
    " WHERE TRUE RETURNING run_id, event_id",
)
_wake = Join(
    ("run_id", "at"),
    "UPDATE runs SET wake_at = min(wake_at, v.at), wakes = wakes + 1 FROM {v}"
    " WHERE runs.id = v.run_id AND +runs.state = 'open'",
)
_OF_THE_SAME = (
    "FROM waiting_runs w CROSS JOIN waiting_runs o"
    " ON o.subject = w.subject AND o.origin = w.origin AND o.recipe = w.recipe"
    " CROSS JOIN runs r ON r.id = o.run_id"
    " WHERE w.run_id = :run_id AND w.subject <> '' AND o.run_id <> :run_id"
)
_BEFORE = (
    f"SELECT {names(STORED_RUN, 'r')} {_OF_THE_SAME}"
    " AND r.number < (SELECT number FROM runs WHERE id = :run_id) ORDER BY r.number"
)
_WAKE_NEXT = (
    "UPDATE runs SET wake_at = 0, wakes = wakes + 1"
    f" WHERE number = (SELECT min(r.number) {_OF_THE_SAME})"
)
_HEARD = (
    f"SELECT {names(STORED_EVENT, 'e')} FROM heard h CROSS JOIN events e ON e.id = h.event_id"
    " WHERE h.run_id = ? ORDER BY e.number"
)
# No index has the subjects of all events, and this is asked when a person wants it.
_SINCE = (
    "SELECT o.id FROM events e CROSS JOIN events o ON o.number > e.number"
    f" WHERE e.id = ? AND e.subject <> '' AND o.subject = e.subject"
    f" AND {origin_of('o')} = {origin_of('e')} ORDER BY o.number LIMIT 1000"
)
_RECALL = (
    "INSERT OR IGNORE INTO heard (run_id, event_id)"
    " SELECT ?, value FROM json_each(?) WHERE value IN (SELECT id FROM events)"
)
_LET_GO = "DELETE FROM heard WHERE run_id = ? AND event_id IN (SELECT value FROM json_each(?))"


def begin(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Have runs listen, each with its id, its recipe, its subject, its origin and its event's id."""
    _begin.change(connection, rows)


def since(connection: sqlite3.Connection, event_id: str) -> Sequence[str]:
    """Return the ids of the events that came about the same thing since this one."""
    return [id_ for (id_,) in connection.execute(_SINCE, (event_id,))]


def recall(connection: sqlite3.Connection, run_id: str, events: Collection[str]) -> None:
    """Keep events that came before for a run."""
    if events:
        connection.execute(_RECALL, (run_id, orjson.dumps([*events]).decode()))


def hear(
    connection: sqlite3.Connection, events: Sequence[tuple[str, str, str, float]]
) -> Collection[str]:
    """
    Pass stored events (id, subject, origin, time of receipt) on to waiting runs.

    Return the ids of those that a run hears; it is woken.
    """
    at = {id_: received_at for id_, _, _, received_at in events}
    about = [(id_, subject, origin) for id_, subject, origin, _ in events if subject]
    heard = _hear.ask(connection, about)
    _wake.change(connection, [(run_id, at[event_id]) for run_id, event_id in heard])
    return {event_id for _, event_id in heard}


def heard_by(connection: sqlite3.Connection, run_id: str) -> Sequence[Event]:
    """Return the events that are kept for a run, in the order in which they came."""
    return tuple(event_of(row) for row in connection.execute(_HEARD, (run_id,)))


def let_go(connection: sqlite3.Connection, run_id: str, events: Collection[str]) -> None:
    """Keep these events no longer for a run."""
    if events:
        connection.execute(_LET_GO, (run_id, orjson.dumps([*events]).decode()))


def before(connection: sqlite3.Connection, run_id: str) -> Sequence[Run]:
    """Return the waiting runs of the same recipe and subject that began earlier, the oldest first."""
    return [run_of(row) for row in connection.execute(_BEFORE, {"run_id": run_id})]


def end(connection: sqlite3.Connection, run_id: str) -> None:
    """Remove a finished run from the waiting ones, and wake the next."""
    connection.execute(_WAKE_NEXT, {"run_id": run_id})
    if connection.execute("DELETE FROM waiting_runs WHERE run_id = ?", (run_id,)).rowcount:
        connection.execute("DELETE FROM heard WHERE run_id = ?", (run_id,))


_STATE = DELIVERY.index("state")
_place = itemgetter(
    *(DELIVERY.index(name) for name in ("channel", "subject", "origin", "event_id"))
)
_deliveries = Insert("deliveries", (*DELIVERY, "blocked"), "ON CONFLICT (id) DO NOTHING")
_runs = Insert("runs", RUN)
_ABOUT = f"SELECT subject, {origin_of('events')} FROM events WHERE id = ?"
_ADVANCE = (
    "UPDATE runs SET state = :state, reason = :reason, trace = :trace, marks = :marks,"
    " wake_at = CASE WHEN wakes > :seen OR :settles THEN 0 ELSE :wake_at END"
    " WHERE id = :run_id AND state = 'open'"
)
_recipes = Insert(
    "recipes",
    ("version", "name", "text", "templates", "kept_at"),
    "ON CONFLICT DO UPDATE SET kept_at = excluded.kept_at",
)
_SOURCE_FAILED = (
    "INSERT INTO sources (source, cursor, looked_at, next_look_at, failures, note)"
    " VALUES (?, '{}', NULL, ?, 1, ?) ON CONFLICT DO UPDATE SET"
    " next_look_at = excluded.next_look_at, failures = failures + 1, note = excluded.note"
)
_MARK = ("source", "in_progress", "crashes", "paused_until", "hold_reason")
_marks = Insert(
    "planning_marks",
    _MARK,
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _MARK[1:])}",
)


@dataclass(frozen=True, slots=True)
class Advance:
    """What one call hands over: the run as it is now, rows of its new deliveries, and what it need not hear."""

    run: Run
    trace: str
    marks: str
    seen: int
    deliveries: Sequence[Row]
    follows: Sequence[tuple[str, str]]
    unheard: Collection[str]


def advancing(
    run: Run, seen: int, deliveries: Sequence[Delivery], unheard: Collection[str] = ()
) -> Advance:
    """Make rows of what a run planned; raise `StoreError` where JSON has no words for its trace."""
    rows = (delivery_row(delivery) for delivery in deliveries)
    # Nobody is told of attempts begun here, so none is: what could go at once is claimed instead.
    return Advance(
        run,
        as_json(run.trace),
        as_json(dict(run.marks)),
        seen,
        [not_begun(row) if row[-4] == SENDING else row for row in rows],
        [(one.id, one.follows) for one in deliveries if one.follows],
        unheard,
    )


def advance(connection: sqlite3.Connection, step: Advance) -> bool:
    """Store the run, awake if it was woken meanwhile, and its new deliveries; return whether it was open."""
    run = step.run
    values = {
        "run_id": run.id,
        "state": run.state.value,
        "reason": run.reason,
        "trace": step.trace,
        "marks": step.marks,
        "wake_at": at(run.wake_at),
        "seen": step.seen,
        "settles": any(row[_STATE] > LAST_OPEN for row in step.deliveries),
    }
    if connection.execute(_ADVANCE, values).rowcount != 1:
        if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run.id,)).fetchone() is None:
            raise NotFound(f"run {run.id}: nothing in the store has this id")
        return False
    _deliveries.write(connection, [_with_turn(connection, row) for row in step.deliveries])
    follow(connection, step.follows)
    let_go(connection, run.id, step.unheard)
    if run.state is not RunState.OPEN:
        end(connection, run.id)
    return True


def run_again(
    connection: sqlite3.Connection,
    runs: Sequence[Run],
    waits: Collection[str],
    since: Collection[str],
) -> Sequence[Run]:
    """Store runs of an event that is there already; return those that were not there yet."""
    known = "SELECT 1 FROM runs WHERE id = ?"
    fresh = [run for run in runs if connection.execute(known, (run.id,)).fetchone() is None]
    _runs.write(connection, [run_row(run) for run in fresh])
    for run in fresh:
        if run.id in waits:
            event = connection.execute(_ABOUT, (run.event_id,)).fetchone()
            begin(connection, [(run.id, run.recipe, *event, run.event_id)])
            recall(connection, run.id, since)
    return fresh


def _with_turn(connection: sqlite3.Connection, row: Row) -> Row:
    keeps = READY <= row[_STATE] <= LAST_OPEN
    return (*row, 1 if keeps and has_to_wait(connection, OrderingKey(*_place(row))) else 0)


def keep_recipes(
    connection: sqlite3.Connection, versions: Sequence[RecipeVersion], now: float
) -> None:
    """Keep recipe versions; of those that are kept already, that they were in force at this time."""
    _recipes.write(
        connection,
        [
            (version.version, version.name, version.text, as_json(dict(version.templates)), now)
            for version in versions
        ],
    )


def source_failed(
    connection: sqlite3.Connection, source: str, next_look_at: float, note: str
) -> None:
    """Count one more failed poll."""
    connection.execute(_SOURCE_FAILED, (source, next_look_at, note))


def keep_planning_mark(connection: sqlite3.Connection, mark: PlanningMark) -> None:
    """Store the mark of a source whose new items are being planned."""
    row = (mark.source, mark.in_progress, mark.crashes, mark.paused_until, mark.hold_reason)
    _marks.write(connection, [row])


def planning_marks(connection: sqlite3.Connection) -> Sequence[PlanningMark]:
    """Return the marks of all sources, by name."""
    rows = connection.execute(f"SELECT {', '.join(_MARK)} FROM planning_marks ORDER BY source")
    return [
        PlanningMark(source, bool(in_progress), crashes, paused_until, hold_reason)
        for source, in_progress, crashes, paused_until, hold_reason in rows.fetchall()
    ]
