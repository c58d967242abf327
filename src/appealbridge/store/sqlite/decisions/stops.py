"""Stores stops in SQLite."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from appealbridge.model.audit import Decision, canonical
from appealbridge.model.delivery import Delivery, Hold
from appealbridge.model.errors import IllegalMove
from appealbridge.model.notice import NOTICE
from appealbridge.model.stop import EASED_POSTS, EASED_SECONDS, STOP, ChannelStart, Start, TotalStop
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.decisions.entries import record
from appealbridge.store.sqlite.rows import (
    STORED_DELIVERY,
    Row,
    delivery_of,
    json_list,
    names,
    time_or_none,
)
from appealbridge.store.sqlite.settle import give_up_turns
from appealbridge.store.sqlite.states import (
    HELD,
    IS_LISTED,
    IS_REMOVAL,
    IS_SENT,
    IS_WAITING,
    READY,
    UNKNOWN,
)

_COLUMNS = names(STORED_DELIVERY)
_STOP = ("number", "by", "how", "reason", "at", "lifted_by", "lifted_at")
_SELECT = f"SELECT {names(_STOP)} FROM holds WHERE kind = '{STOP}'"
_IN_FORCE = f"{_SELECT} AND lifted_at = 9e999 ORDER BY number DESC LIMIT 1"
_INSERT = (
    "INSERT INTO holds (kind, scope, by, how, reason, at, lifted_by, lifted_at)"
    f" VALUES ('{STOP}', '', ?, ?, ?, ?, '', 9e999)"
)
_LIFT = "UPDATE holds SET lifted_by = ?, lifted_at = ? WHERE number = ?"
_IS_POST = f"NOT {IS_REMOVAL} AND recipe <> '{NOTICE}'"
_WAITS = (
    f"FROM deliveries WHERE {IS_LISTED} AND state = {READY} AND blocked IN (0, 1) AND channel = :channel"
    f" AND {_IS_POST} AND due_at <= :until AND publish_by > :now"
)
_CHANNELS = (
    f"SELECT channel FROM delivery_counts WHERE state = {READY} AND count > 0 AND channel > ''"
    " ORDER BY channel"
)
_OLDEST = f"SELECT {_COLUMNS} {_WAITS} ORDER BY number LIMIT :limit"
_HOW_MANY = f"SELECT count(*) {_WAITS}"
_HOLD = (
    f"UPDATE deliveries SET state = {HELD}, hold = '{Hold.STOP}', reason = :reason, blocked = 0, notified = 0"
    f" WHERE number IN (SELECT number {_WAITS} AND number NOT IN (SELECT value FROM json_each(:goes)))"
    " RETURNING id"
)
_WITH_END = (
    f"SELECT {_COLUMNS} FROM deliveries WHERE {IS_WAITING} AND publish_by < :before AND {_IS_POST}"
    " ORDER BY publish_by LIMIT :limit"
)
_SENT_SINCE = (
    "SELECT (SELECT count(*) FROM deliveries"
    f" WHERE {IS_SENT} AND {_IS_POST} AND channel = :channel AND settled_at >= :since)"
    f" + (SELECT count(*) FROM deliveries WHERE {IS_LISTED} AND channel = :channel AND state = {UNKNOWN}"
    f" AND blocked IN (0, 1) AND {_IS_POST} AND first_begun_at >= :since)"
)


class SqliteStopQueries(ReadAccess):
    """The `StopQueries` in SQLite."""

    @reads
    def stops(self, db: Connection, limit: int = 1) -> Sequence[TotalStop]:
        return [
            _stop(row) for row in db.execute(f"{_SELECT} ORDER BY number DESC LIMIT ?", (limit,))
        ]

    @reads
    def would_start(self, db: Connection, now: float) -> Start:
        return _would_start(db, now)

    @reads
    def waiting_with_end(self, db: Connection, before: float, limit: int) -> Sequence[Delivery]:
        rows = db.execute(_WITH_END, {"before": before, "limit": limit})
        return [delivery_of(row) for row in rows]

    @reads
    def sent_since(self, db: Connection, channel: str, since: float) -> int:
        return int(db.execute(_SENT_SINCE, {"channel": channel, "since": since}).fetchone()[0])


class SqliteStops(WriteAccess):
    """The `StopStore` in SQLite."""

    @writes
    def stop(self, db: Connection, decision: Decision) -> TotalStop:
        return stop(db, decision)

    @writes
    def start(self, db: Connection, decision: Decision, seen: str) -> Start:
        now = decision.at
        would = _would_start(db, now)
        if would.stop is None:
            raise IllegalMove("nothing is stopped, so there is nothing to lift")
        if seen != would.seen:
            raise IllegalMove(
                "what would go out has changed since it was shown; look at it again: appealbridge start"
            )
        by = str(decision.actor)
        db.execute(_LIFT, (by, now, would.stop.number))
        held: list[str] = []
        for channel in would.channels:
            values = {
                "channel": channel.channel,
                "until": now + EASED_SECONDS,
                "now": now,
                "goes": json_list([each.number for each in channel.goes]),
                "reason": _why_held(would.stop, channel.channel),
            }
            held += [id_ for (id_,) in db.execute(_HOLD, values).fetchall()]
        give_up_turns(db, held)
        shown = {
            each.channel: {"goes": [delivery.number for delivery in each.goes], "held": each.held}
            for each in would.channels
        }
        record(db, replace(decision, object=f"stop {would.stop.number}", shown=shown))
        return replace(would, stop=replace(would.stop, lifted_by=by, lifted_at=now))


def stop(db: sqlite3.Connection, decision: Decision) -> TotalStop:
    """Store a stop in the transaction of the caller; return it, or the one that is in force already."""
    row = db.execute(_IN_FORCE).fetchone()
    if row is None:
        actor = decision.actor
        values = (str(actor), actor.how.value, decision.reason, decision.at)
        db.execute(_INSERT, values)
        row = db.execute(_IN_FORCE).fetchone()
    current = _stop(row)
    record(db, replace(decision, object=f"stop {current.number}"))
    return current


def _would_start(db: sqlite3.Connection, now: float) -> Start:
    row = db.execute(_IN_FORCE).fetchone()
    current = None if row is None else _stop(row)
    channels = []
    for (channel,) in db.execute(_CHANNELS).fetchall():
        values = {
            "channel": channel, "until": now + EASED_SECONDS, "now": now, "limit": EASED_POSTS,
        }  # fmt: skip
        goes = [delivery_of(each) for each in db.execute(_OLDEST, values)]
        if goes:
            (count,) = db.execute(_HOW_MANY, values).fetchone()
            channels.append(ChannelStart(channel, goes, count - len(goes)))
    seen = [
        current.number if current else 0,
        [[delivery.id for delivery in each.goes] for each in channels],
    ]
    return Start(current, channels, hashlib.sha256(canonical(seen).encode()).hexdigest()[:16])


def _why_held(stop: TotalStop, channel: str) -> str:
    return (
        f"it waited while everything was stopped (stop {stop.number}); when that was lifted, only the oldest "
        f"{EASED_POSTS} on {channel} went out by themselves"
    )


def _stop(row: Row) -> TotalStop:
    fields = dict(zip(_STOP, row, strict=True))
    return TotalStop(**{**fields, "lifted_at": time_or_none(fields["lifted_at"])})
