"""
Runs that wait: they hear what comes about their subject, and their recipe's next run waits behind them.

Only what has the same origin is about the same subject: nobody ends or delays another sender's runs.

A run is one of these from the transaction that stores it to the one that closes it. Nearly always
there are none, and then accepting an event costs no more than seeing that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

import orjson

from appealbridge.model.event import Event
from appealbridge.model.run import Run
from appealbridge.store.bulk import Join
from appealbridge.store.rows import STORED_EVENT, STORED_RUN, Row, event_of, names, run_of
from appealbridge.store.schema import origin_of

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
    Tell of stored events, each with its id, its subject, its origin and when it was received.

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
    """Forget a run that is over, and wake the one that waits behind it."""
    connection.execute(_WAKE_NEXT, {"run_id": run_id})
    if connection.execute("DELETE FROM waiting_runs WHERE run_id = ?", (run_id,)).rowcount:
        connection.execute("DELETE FROM heard WHERE run_id = ?", (run_id,))
