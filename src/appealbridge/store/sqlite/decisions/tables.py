"""The tables of decisions, as migrations; `schema.py` has their order."""

from __future__ import annotations

AUDIT = """
-- The trail of decisions; see model/audit.py. Reasons are apart, so that they can be removed.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    how TEXT NOT NULL,
    act TEXT NOT NULL,
    object TEXT NOT NULL,
    revision INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    shown TEXT NOT NULL,
    reason_hash TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_object ON audit (object);
CREATE INDEX audit_by_time ON audit (at);

CREATE TABLE reasons (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL, -- the event with whose content the reason is removed, empty for none
    salt TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX reasons_by_event ON reasons (event_id);

CREATE TABLE checkpoints (
    number INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
"""

HOLDS = """
-- What keeps deliveries back; as yet only the stop of everything, with an empty scope.
CREATE TABLE holds (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    by TEXT NOT NULL,
    how TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL,
    lifted_by TEXT NOT NULL,
    lifted_at REAL NOT NULL
) STRICT;
"""

MODES = """
-- From which delivery on it was practice or live. It changes only while nothing waits, so one row says it for all.
CREATE TABLE modes (
    number INTEGER PRIMARY KEY,
    mode TEXT NOT NULL
) STRICT;
"""
