"""Stores the condition of accounts, and when their deliveries were sent."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.store.records import LaneRecord
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads, writes
from appealbridge.store.sqlite.states import IS_POST, IS_SENT

_COLUMNS = "channel, condition, since, reason, alarmed, paused_until"


class SqliteLanes(WriteAccess):
    """The `LaneStore` in SQLite."""

    @reads
    def lanes(self, db: Connection) -> Sequence[LaneRecord]:
        rows = db.execute(f"SELECT {_COLUMNS} FROM lanes ORDER BY channel")
        return [
            LaneRecord(channel, condition, since, reason, bool(alarmed), paused_until)
            for channel, condition, since, reason, alarmed, paused_until in rows
        ]

    @writes
    def keep_lane(self, db: Connection, lane: LaneRecord) -> None:
        db.execute(
            f"INSERT OR REPLACE INTO lanes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
            (
                lane.channel, lane.condition, lane.since, lane.reason, int(lane.alarmed),
                lane.paused_until,
            ),
        )  # fmt: skip

    @reads
    def sent_times(self, db: Connection, channel: str, since: float, limit: int) -> Sequence[float]:
        rows = db.execute(
            f"SELECT settled_at FROM deliveries WHERE {IS_SENT} AND {IS_POST} AND channel = ? AND settled_at > ?"
            " AND settled_at < 9e999 ORDER BY settled_at DESC LIMIT ?",
            (channel, since, limit),
        ).fetchall()
        return [at for (at,) in reversed(rows)]
