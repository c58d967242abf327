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

ACCEPTANCES = """
-- Which versions of recipes were accepted, what that was, and to whom the files of versions belonged.
CREATE TABLE acceptances (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    version TEXT NOT NULL UNIQUE,
    recipe TEXT NOT NULL,
    person TEXT NOT NULL,
    at REAL NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX acceptances_by_recipe ON acceptances (recipe);

CREATE TABLE recipe_owners (
    version TEXT NOT NULL,
    uid INTEGER NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (version, uid)
) STRICT, WITHOUT ROWID;
"""

APPROVALS = """
-- What is asked about the deliveries of a run, each version of it, and the answers; see model/approval.py.
ALTER TABLE deliveries ADD COLUMN question INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN author TEXT NOT NULL DEFAULT ''; -- who wrote it, if the source said
CREATE INDEX deliveries_by_question ON deliveries (question) WHERE question > 0;

CREATE TABLE questions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    mode TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at REAL NOT NULL,
    next_at REAL NOT NULL,
    level INTEGER NOT NULL,
    lapses_at REAL NOT NULL,
    ended_at REAL NOT NULL,
    reached INTEGER NOT NULL
) STRICT;
CREATE INDEX questions_open ON questions (run_id) WHERE state = 'open';

CREATE TABLE revisions (
    delivery_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    content TEXT NOT NULL, -- empty once its retention is over
    account TEXT NOT NULL,
    thread TEXT NOT NULL,
    publish_at REAL NOT NULL,
    publish_by REAL NOT NULL,
    authors TEXT NOT NULL,
    at REAL NOT NULL,
    why TEXT NOT NULL,
    question INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    at REAL NOT NULL,
    publish_at REAL NOT NULL,
    withdrawn_at REAL NOT NULL
) STRICT;
CREATE INDEX answers_by_delivery ON answers (delivery_id);
"""

CORRECTIONS = """
-- Which later runs corrected what a run had planned and nobody had sent yet; see amending/revised.py.
CREATE TABLE corrections (
    run_id TEXT NOT NULL,
    by_run TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (run_id, by_run)
) STRICT, WITHOUT ROWID;
"""

CORRECTIONS_BY_RUN = """
-- Whom to wake when the later run has published what took the place of their posts.
CREATE INDEX corrections_by_run ON corrections (by_run);
"""
