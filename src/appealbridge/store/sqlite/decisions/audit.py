"""The audit trail in SQLite, for those who read it, and for the daemon."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import (
    Act,
    AuditEntry,
    Checkpoint,
    Decision,
)
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.decisions.entries import ENTRY, HEAD, record
from appealbridge.store.sqlite.live import forget
from appealbridge.store.sqlite.rows import Row, json_list, names
from appealbridge.store.sqlite.states import IS_OPEN, IS_REMOVAL

_SELECT = (
    f"SELECT {names(ENTRY, 'a')}, r.text, r.salt FROM audit a LEFT JOIN reasons r ON r.seq = a.seq"
)
# While something is being taken back, people have to know why.
_FORGET_OF_WITHDRAWALS = (
    "UPDATE withdrawals SET reason = '' WHERE at < ? AND reason > '' AND NOT EXISTS (SELECT 1 FROM withdrawn_posts w"
    f" JOIN deliveries d ON d.target = w.delivery AND d.{IS_REMOVAL}"
    f" WHERE w.withdrawal = withdrawals.number AND d.{IS_OPEN})"
)
_KEPT_CHECKPOINTS = 10_000
"""How many checkpoints the store keeps: those of more than a year, if one is made every hour."""

DAEMON = Actor("", How.DAEMON)


class SqliteAuditQueries(ReadAccess):
    """The `AuditQueries` in SQLite."""

    @reads
    def audit(self, db: Connection, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        rows = db.execute(f"{_SELECT} WHERE a.seq > ? ORDER BY a.seq LIMIT ?", (after, limit))
        return [_entry(row) for row in rows]

    @reads
    def decisions(self, db: Connection, objects: Collection[str]) -> Sequence[AuditEntry]:
        where = "WHERE a.object IN (SELECT value FROM json_each(?)) ORDER BY a.seq"
        return [_entry(row) for row in db.execute(f"{_SELECT} {where}", (json_list(objects),))]

    @reads
    def checkpoints(self, db: Connection) -> Sequence[Checkpoint]:
        return [
            Checkpoint(*row)
            for row in db.execute("SELECT seq, hash, at FROM checkpoints ORDER BY number")
        ]

    @reads
    def audit_issued(self, db: Connection) -> int:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone()
        return 0 if row is None else int(row[0])


class SqliteAudit(WriteAccess):
    """The `AuditStore` in SQLite."""

    @writes
    def record(self, db: Connection, decision: Decision) -> int:
        return record(db, decision)

    @writes
    def checkpoint(self, db: Connection, now: float) -> Checkpoint | None:
        head: tuple[int, str] | None = db.execute(HEAD).fetchone()
        last = db.execute(
            "SELECT seq, hash FROM checkpoints ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if head is None or head == last:
            return None
        db.execute("INSERT INTO checkpoints (seq, hash, at) VALUES (?, ?, ?)", (*head, now))
        db.execute(
            "DELETE FROM checkpoints WHERE number <= (SELECT max(number) FROM checkpoints) - ?",
            (_KEPT_CHECKPOINTS,),
        )
        return Checkpoint(*head, now)

    @writes
    def prune_audit(self, db: Connection, before: float, now: float, limit: int = 1000) -> int:
        old = db.execute(
            "SELECT seq, hash FROM audit WHERE seq < coalesce((SELECT min(seq) FROM audit WHERE at >= ?),"
            " 9223372036854775807) ORDER BY seq LIMIT ?",
            (before, limit),
        ).fetchall()
        if not old:
            return 0
        to, last = old[-1]
        shown = {"to": to, "hash": last}
        record(db, Decision(actor=DAEMON, act=Act.PRUNE, at=now, object="audit", shown=shown))
        db.execute("DELETE FROM reasons WHERE seq <= ?", (to,))
        db.execute("DELETE FROM audit WHERE seq <= ?", (to,))
        return len(old)

    @writes
    def forget_reasons(self, db: Connection, before: float) -> int:
        if db.execute(_FORGET_OF_WITHDRAWALS, (before,)).rowcount:
            forget(db)
        return db.execute(
            "DELETE FROM reasons WHERE event_id = '' AND seq IN (SELECT seq FROM audit WHERE at < ?)",
            (before,),
        ).rowcount


def _entry(row: Row) -> AuditEntry:
    *fields, reason, salt = row
    return AuditEntry(**dict(zip(ENTRY, fields, strict=True)), reason=reason, salt=salt)
