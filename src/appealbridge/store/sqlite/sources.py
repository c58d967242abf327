"""Stores polled sources: what they have listed, and when to poll them; and the condition of accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from appealbridge.store.records import LaneRecord, PlanningMark, PollState, SourceRecord
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads, writes
from appealbridge.store.sqlite.bulk import Insert
from appealbridge.store.sqlite.rows import SOURCE, as_json, json_list, names, source_of
from appealbridge.store.sqlite.states import IS_POST, IS_SENT

_remember = Insert(
    "remembered",
    ("source", "identity", "digest", "first_seen", "last_seen"),
    "ON CONFLICT DO UPDATE SET digest = excluded.digest, last_seen = excluded.last_seen",
)
_alarms = Insert("alarms", ("kind", "channel", "message", "at"))
_polled = Insert(
    "sources",
    ("source", "cursor", "looked_at", "next_look_at", "failures", "note", "state"),
    "ON CONFLICT DO UPDATE SET cursor = excluded.cursor, looked_at = excluded.looked_at,"
    " next_look_at = excluded.next_look_at, failures = 0, note = '', state = excluded.state",
)
_FAILED = (
    "INSERT INTO sources (source, cursor, looked_at, next_look_at, failures, note)"
    " VALUES (?, '{}', NULL, ?, 1, ?) ON CONFLICT DO UPDATE SET"
    " next_look_at = excluded.next_look_at, failures = failures + 1, note = excluded.note"
)
_MARK = ("source", "in_progress", "crashes", "paused_until", "hold_reason")
_planning_marks = Insert(
    "planning_marks",
    _MARK,
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _MARK[1:])}",
)
_LANE = "channel, condition, since, reason, alarmed, paused_until"


class SqliteSources(WriteAccess):
    """The `SourceStore` in SQLite."""

    @reads
    def source(self, db: Connection, source: str) -> SourceRecord | None:
        select = f"SELECT {names(SOURCE)} FROM sources WHERE source = ?"
        row = db.execute(select, (source,)).fetchone()
        return None if row is None else source_of(row)

    @reads
    def remembered(
        self, db: Connection, source: str, identities: Collection[str]
    ) -> Mapping[str, str]:
        rows = db.execute(
            "SELECT identity, digest FROM remembered"
            " WHERE source = ? AND identity IN (SELECT value FROM json_each(?))",
            (source, json_list(identities)),
        )
        return dict(rows.fetchall())

    @writes
    def source_failed(
        self, db: Connection, source: str, now: float, next_look_at: float, note: str
    ) -> None:
        del now
        db.execute(_FAILED, (source, next_look_at, note))

    @writes
    def keep_planning_mark(self, db: Connection, mark: PlanningMark) -> None:
        row = (mark.source, mark.in_progress, mark.crashes, mark.paused_until, mark.hold_reason)
        _planning_marks.write(db, [row])

    @reads
    def planning_marks(self, db: Connection) -> list[PlanningMark]:
        rows = db.execute(f"SELECT {names(_MARK)} FROM planning_marks ORDER BY source")
        return [
            PlanningMark(source, bool(in_progress), crashes, paused_until, hold_reason)
            for source, in_progress, crashes, paused_until, hold_reason in rows
        ]


def keep_poll(db: Connection, poll: PollState) -> None:
    """Store the state that a poll, or a part of one, left."""
    source, at = poll.source, poll.looked_at
    if poll.anew:
        db.execute("DELETE FROM remembered WHERE source = ?", (source,))
    _remember.write(
        db, [(source, identity, digest, at, at) for identity, digest in poll.seen.items()]
    )
    if not poll.complete:
        return
    if poll.marked:
        db.execute("DELETE FROM planning_marks WHERE source = ?", (source,))
    cursor, state = as_json(dict(poll.cursor)), as_json(dict(poll.state))
    _polled.write(db, [(source, cursor, at, poll.next_look_at, 0, "", state)])
    _alarms.write(db, [(*alarm, at) for alarm in poll.alarms])


class SqliteLanes(WriteAccess):
    """The `LaneStore` in SQLite."""

    @reads
    def lanes(self, db: Connection) -> Sequence[LaneRecord]:
        rows = db.execute(f"SELECT {_LANE} FROM lanes ORDER BY channel")
        return [
            LaneRecord(channel, condition, since, reason, bool(alarmed), paused_until)
            for channel, condition, since, reason, alarmed, paused_until in rows
        ]

    @writes
    def keep_lane(self, db: Connection, lane: LaneRecord) -> None:
        db.execute(
            f"INSERT OR REPLACE INTO lanes ({_LANE}) VALUES (?, ?, ?, ?, ?, ?)",
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
