"""Stores an entry of the audit trail in the transaction of its caller."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import replace

from appealbridge.model.audit import (
    REASON_LIMIT,
    AuditEntry,
    Decision,
    canonical,
    entry_hash,
    object_of,
    reason_hash,
)
from appealbridge.model.delivery import Delivery
from appealbridge.store.sqlite.rows import names

ENTRY = (
    "seq", "at", "actor", "how", "act", "object", "revision", "content_hash", "shown",
    "reason_hash", "previous", "hash",
)  # fmt: skip
"""The columns of an entry."""

HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
"""Selects the number and the hash of the newest entry."""

_INSERT = f"INSERT INTO audit ({names(ENTRY)}) VALUES ({', '.join('?' * len(ENTRY))})"


def record(db: sqlite3.Connection, decision: Decision) -> int:
    """Store the entry of a decision in the transaction of the caller; return its number."""
    seq, previous = db.execute(HEAD).fetchone() or (0, "")
    reason = decision.reason.strip()[:REASON_LIMIT]
    salt = secrets.token_hex(16)
    entry = AuditEntry(
        seq=seq + 1,
        at=float(decision.at),
        actor=decision.actor.person,
        how=decision.actor.how.value,
        act=str(decision.act),
        object=decision.object,
        revision=decision.revision,
        content_hash=decision.content_hash,
        shown=canonical(dict(decision.shown)),
        reason_hash=reason_hash(salt, reason),
        previous=previous,
        hash="",
    )
    entry = replace(entry, hash=entry_hash(entry))
    db.execute(_INSERT, tuple(getattr(entry, name) for name in ENTRY))
    if reason:
        values = (entry.seq, decision.event_id, salt, reason)
        db.execute("INSERT INTO reasons (seq, event_id, salt, text) VALUES (?, ?, ?, ?)", values)
    return entry.seq


def decide(db: sqlite3.Connection, decision: Decision | None, delivery: Delivery) -> None:
    """Store the entry of a decision about a delivery as it was before, if a person decided."""
    if decision is None:
        return
    shown = {"state": delivery.state.value, "channel": delivery.channel, **decision.shown}
    if delivery.hold:
        shown["holds"] = delivery.hold.split()
    record(
        db,
        replace(
            decision,
            object=decision.object or object_of(delivery.number),
            content_hash=decision.content_hash or delivery.content_hash,
            event_id=delivery.event_id,
            shown=shown,
        ),
    )
