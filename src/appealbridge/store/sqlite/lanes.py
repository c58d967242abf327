"""The stored conditions of accounts, and when their deliveries went out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appealbridge.store.records import LaneRecord
from appealbridge.store.sqlite.states import IS_LISTED, IS_SENT, READY, UNKNOWN

_COLUMNS = "channel, condition, since, reason, alarmed, paused_until"
_KEEP = f"INSERT OR REPLACE INTO lanes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
_LATER = (
    f"SELECT number, due_at FROM deliveries WHERE {IS_LISTED} AND channel = :channel"
    " AND state = {state} AND blocked = 0 AND due_at > :now ORDER BY due_at LIMIT :limit"
)
_HASTEN = (
    "UPDATE deliveries SET due_at = :now WHERE number IN (SELECT number FROM"
    f" (SELECT * FROM ({_LATER.format(state=READY)})"
    f" UNION ALL SELECT * FROM ({_LATER.format(state=UNKNOWN)}))"
    " ORDER BY due_at, number LIMIT :limit)"
)


def lanes(connection: sqlite3.Connection) -> Sequence[LaneRecord]:
    """Return every account that was ever in trouble, by name."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM lanes ORDER BY channel").fetchall()
    return [
        LaneRecord(channel, condition, since, reason, bool(alarmed), paused_until)
        for channel, condition, since, reason, alarmed, paused_until in rows
    ]


def keep_lane(connection: sqlite3.Connection, lane: LaneRecord) -> None:
    """Replace the stored condition of an account."""
    connection.execute(
        _KEEP,
        (
            lane.channel, lane.condition, lane.since, lane.reason, int(lane.alarmed),
            lane.paused_until,
        ),
    )  # fmt: skip


def hasten(connection: sqlite3.Connection, channel: str, now: float, limit: int) -> int:
    """Make deliveries that wait for a later time due now, soonest first."""
    values = {"channel": channel, "now": now, "limit": limit}
    return connection.execute(_HASTEN, values).rowcount


def sent_times(
    connection: sqlite3.Connection, channel: str, since: float, limit: int
) -> Sequence[float]:
    """Return when the latest deliveries went out, the earliest first."""
    rows = connection.execute(
        f"SELECT settled_at FROM deliveries WHERE {IS_SENT} AND channel = ? AND settled_at > ?"
        " AND settled_at < 9e999 ORDER BY settled_at DESC LIMIT ?",
        (channel, since, limit),
    ).fetchall()
    return [at for (at,) in reversed(rows)]
