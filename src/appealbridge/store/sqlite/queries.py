"""The engine's queries to the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import NotFound
from appealbridge.model.event import Event
from appealbridge.model.run import Run
from appealbridge.store.records import (
    Backlog,
    OpenRun,
    Queue,
    QueueStatus,
    RecipeVersion,
    SourceRecord,
)
from appealbridge.store.sqlite.ordering import FOLLOWS
from appealbridge.store.sqlite.rows import (
    ATTEMPT,
    RECIPE,
    SOURCE,
    STORED_DELIVERY,
    STORED_EVENT,
    STORED_RUN,
    Row,
    attempt_of,
    delivery_of,
    event_of,
    names,
    recipe_of,
    run_of,
    said,
    source_of,
)
from appealbridge.store.sqlite.runs import heard_by
from appealbridge.store.sqlite.schema import OF_RUN
from appealbridge.store.sqlite.states import (
    HELD,
    IS_BEGUN,
    IS_LISTED,
    IS_OPEN,
    IS_SENT,
    IS_WAITING,
    LAST_OPEN,
    READY,
    SENDING,
    STATES,
    UNKNOWN,
)

Connection = sqlite3.Connection

_OF_CHANNEL = f"FROM deliveries WHERE {IS_LISTED} AND channel = :channel AND state ="
_READY = f"{_OF_CHANNEL} {READY} AND"
_UNKNOWN = f"{_OF_CHANNEL} {UNKNOWN} AND blocked IN (0, 1) AND"
_IN_DOUBT = f"{_OF_CHANNEL} {HELD} AND blocked IN (0, 1) AND hold = 'unknown'"
# What is under way settles at a time that has not come, so it counts as after any.
_SENT_TODAY = (
    "SELECT (SELECT count(*) FROM deliveries"
    f" WHERE {IS_SENT} AND channel = :channel AND settled_at >= :since)"
    f" + (SELECT count(*) {_UNKNOWN} TRUE)"
    f" + (SELECT count(*) {_IN_DOUBT} AND first_begun_at >= :since)"
)
_OUTLOOK = (
    f"SELECT (SELECT min(due_at) {_READY} blocked = 0 AND due_at > :now),"
    f" (SELECT min(due_at) {_READY} blocked = 1 AND due_at > :now),"
    f" (SELECT min(due_at) {_UNKNOWN} due_at > :now),"
    f" EXISTS (SELECT 1 {_READY} blocked = 1 AND due_at <= :now)"
    f" OR EXISTS (SELECT 1 FROM deliveries WHERE {FOLLOWS} AND channel = :channel),"
    f" EXISTS (SELECT 1 {_UNKNOWN} due_at <= :now)"
)


def outlook(connection: Connection, channel: str, now: float) -> QueueStatus:
    """Return what waits on a channel after a claim at `now`, and when to ask again."""
    *to_come, blocked, looks = connection.execute(
        _OUTLOOK, {"channel": channel, "now": now}
    ).fetchone()
    return QueueStatus(
        min((due_at for due_at in to_come if due_at is not None), default=None),
        bool(blocked),
        bool(looks),
    )


def claim_unknown(
    connection: Connection, channel: str, now: float, limit: int
) -> Sequence[Delivery]:
    """Return unknown deliveries whose search is due, longest due first."""
    return deliveries_where(
        connection,
        f"WHERE {IS_LISTED} AND channel = ? AND state = {UNKNOWN} AND blocked IN (0, 1)"
        " AND due_at <= ? ORDER BY due_at, number LIMIT ?",
        (channel, now, limit),
    )


def begun_before(connection: Connection, at: float, limit: int) -> Sequence[Delivery]:
    """Return deliveries whose attempt was begun before a time and has not ended."""
    return deliveries_where(
        connection,
        f"WHERE {IS_BEGUN} AND state = {SENDING} AND begun_at <= ? ORDER BY number LIMIT ?",
        (at, limit),
    )


def woken_runs(connection: Connection, now: float, limit: int) -> Sequence[OpenRun]:
    """Return open runs whose time came, the longest past first, with event and deliveries."""
    rows = connection.execute(
        f"SELECT wakes, {names(STORED_RUN)} FROM runs WHERE state = 'open' AND wake_at <= ?"
        " ORDER BY wake_at, number LIMIT ?",
        (now, limit),
    ).fetchall()
    return [
        OpenRun(
            run,
            event(connection, run.event_id),
            deliveries_where(connection, f"WHERE {OF_RUN} ORDER BY number", {"run_id": run.id}),
            wakes,
            heard_by(connection, run.id),
        )
        for wakes, run in ((wakes, run_of(row)) for wakes, *row in rows)
    ]


def next_wake(connection: Connection) -> float | None:
    """Return when the next open run is due."""
    return _time(connection, "SELECT min(wake_at) FROM runs WHERE state = 'open'")


def any_open_run(connection: Connection, before: float) -> bool:
    """Return whether a run that began at a time or before is still open."""
    wanted = "SELECT EXISTS (SELECT 1 FROM runs WHERE state = 'open' AND begun_at <= ?)"
    return bool(connection.execute(wanted, (before,)).fetchone()[0])


def next_expiry(connection: Connection) -> float | None:
    """Return the earliest `publish_by` of a waiting delivery."""
    return _time(connection, f"SELECT min(publish_by) FROM deliveries WHERE {IS_WAITING}")


def source(connection: Connection, name: str) -> SourceRecord | None:
    """Return what is known of a polled source."""
    row = connection.execute(
        f"SELECT {names(SOURCE)} FROM sources WHERE source = ?", (name,)
    ).fetchone()
    return None if row is None else source_of(row)


def remembered(connection: Connection, name: str, identities: Collection[str]) -> Mapping[str, str]:
    """Return the digests of those identities that the source has listed before."""
    return dict(
        connection.execute(
            "SELECT identity, digest FROM remembered"
            " WHERE source = ? AND identity IN (SELECT value FROM json_each(?))",
            (name, orjson.dumps(list(identities)).decode()),
        ).fetchall()
    )


def recipe(connection: Connection, version: str) -> RecipeVersion:
    """Return a stored recipe version."""
    select = f"SELECT {names(RECIPE)} FROM recipes WHERE version = ?"
    return recipe_of(_found(connection, select, version, "recipe version"))


def attempts(connection: Connection, delivery_id: str) -> Sequence[Attempt]:
    """Return a delivery's finished attempts and searches in order."""
    rows = connection.execute(
        f"SELECT {names(ATTEMPT)} FROM attempts WHERE delivery_id = ? ORDER BY place",
        (delivery_id,),
    ).fetchall()
    return [attempt_of(row) for row in rows]


def event(connection: Connection, event_id: str) -> Event:
    """Return one event."""
    select = f"SELECT {names(STORED_EVENT)} FROM events WHERE id = ?"
    return event_of(_found(connection, select, event_id, "event"))


def run(connection: Connection, run_id: str) -> Run:
    """Return one run."""
    select = f"SELECT {names(STORED_RUN)} FROM runs WHERE id = ?"
    return run_of(_found(connection, select, run_id, "run"))


def sent_today(connection: Connection, channel: str, since: float) -> int:
    """Return how many were delivered since a time, are under way, or perhaps published."""
    (count,) = connection.execute(_SENT_TODAY, {"channel": channel, "since": since}).fetchone()
    return int(count)


def deliveries_where(
    connection: Connection, where: str, values: Sequence[object] | Mapping[str, object]
) -> list[Delivery]:
    """Return the deliveries that a clause picks out and orders."""
    select = f"SELECT {names(STORED_DELIVERY)} FROM deliveries {where}"
    return [delivery_of(row) for row in connection.execute(select, values).fetchall()]


def _found(connection: Connection, select: str, key: str, what: str) -> Row:
    row: Row | None = connection.execute(select, (key,)).fetchone()
    if row is None:
        raise NotFound(f"{what} {key}: nothing in the store has this id")
    return row


def _one(connection: Connection, select: str, values: Sequence[object] = ()) -> Any:
    row = connection.execute(select, values).fetchone()
    return None if row is None else row[0]


def _time(connection: Connection, select: str) -> float | None:
    at: float | None = _one(connection, select)
    return None if at is None else said(at)


# Triggers keep the counts, but for what is under way: that is few, and the hot path would pay for them.
_COUNTS = (
    "SELECT state, channel, count FROM delivery_counts WHERE count > 0"
    f" UNION ALL SELECT {SENDING}, channel, count(*) FROM deliveries"
    f" WHERE {IS_BEGUN} AND state = {SENDING} GROUP BY channel"
)
_WAITING = (
    f"SELECT channel, sum(count) FROM ({_COUNTS}) WHERE state <= {LAST_OPEN}"
    " GROUP BY channel ORDER BY channel"
)
_FIRST = (
    f"SELECT due_at, number FROM deliveries WHERE {IS_LISTED} AND channel = ?"
    f" AND state = {READY} AND blocked = 0 ORDER BY due_at, number LIMIT 1"
)
_OLDEST = (
    "SELECT planned_at FROM deliveries"
    f" WHERE number = (SELECT min(number) FROM deliveries WHERE {IS_OPEN})"
)


def queues(connection: sqlite3.Connection) -> Sequence[Queue]:
    """Return what waits, by channel."""
    return [
        Queue(name, count, connection.execute(_FIRST, (name,)).fetchone())
        for name, count in connection.execute(_WAITING).fetchall()
    ]


def backlog(connection: sqlite3.Connection) -> Backlog:
    """Return how much waits, and how much ended without being delivered."""
    rows = connection.execute(_COUNTS).fetchall()
    oldest = connection.execute(_OLDEST).fetchone()
    return Backlog(
        {(STATES[state], channel): count for state, channel, count in rows},
        None if oldest is None else oldest[0],
    )
