"""
The schema of the SQLite file: numbered migrations, each applied once in one transaction.

`PRAGMA user_version` is the number of the last one applied. A released migration is never edited; a change is a new
entry at the end of `MIGRATIONS`.

Ids nest as in `model/ids.py`: a run's begins with its event's and a dot, a delivery's with its run's. So what an event
or a run caused is a range of ids and needs no other index; and because an event's id begins with the time of receipt,
so is what came since a time. A time that is not known yet is infinite (`9e999` in SQL), never NULL: comparisons stay
simple, and Python passes a number sixteen times as fast as a `None`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.store.sqlite.amending.tables import AMENDMENTS, WITHDRAWN_POSTS
from appealbridge.store.sqlite.decisions.tables import (
    ACCEPTANCES,
    APPROVALS,
    AUDIT,
    CORRECTIONS,
    CORRECTIONS_BY_RUN,
    HOLDS,
    MODES,
)
from appealbridge.store.sqlite.images.tables import IMAGES
from appealbridge.store.sqlite.people.schema import DUTIES, PEOPLE
from appealbridge.store.sqlite.states import (
    IS_ENDED,
    IS_LISTED,
    IS_NEWS,
    IS_OPEN,
    IS_OPEN_REMOVAL,
    IS_REMOVAL,
    IS_SENT,
    IS_WAITING,
    KEEPS_TURN,
)

APPLICATION_ID = 0x41707042
"""Marks our files, unlike other programs' SQLite files; the letters AppB."""

OF_EVENT = "id > :event_id || '.' AND id < :event_id || '/' AND event_id = :event_id"
"""The runs, or the deliveries, of one event."""

OF_RUN = "id > :run_id || '.' AND id < :run_id || '/' AND run_id = :run_id"
"""The deliveries of one run."""

ANY_NUMBER = "number > 0"
"""
True of every row.

SQLite uses an index with this condition only for queries that repeat it. So the hot path never uses the indexes for
lists by mistake.
"""

OF_SUBJECT = (
    "SELECT d.number FROM events e CROSS JOIN deliveries d ON d.id > e.id || '.' AND d.id < e.id || '/'"
    f" WHERE e.subject = :subject AND e.subject > '' AND e.{ANY_NUMBER}"
)
"""Selects the numbers of the deliveries about one subject."""

IS_OF_APPEAL = "type >= 'appeal.' AND type < 'appeal/'"
"""An event about an appeal: its type begins with `appeal.`."""

IS_OF_APPEAL_SOURCE = "source >= 'appeal:' AND source < 'appeal;'"
"""An event from a source of appeals; other sources may use the same event types."""


def origin_of(table: str) -> str:
    """Return the origin of an event as SQL, for a name of the table of events."""
    return f"CASE {table}.joined WHEN '' THEN {table}.source ELSE {table}.joined END"


_WAS_NEWS = "(state BETWEEN 8 AND 9 OR state = 1 AND hold = 'unknown')"
"""The states with notices before every hold caused one."""

_FIRST = f"""
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    time REAL NOT NULL,
    received_at REAL NOT NULL,
    hold TEXT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (source, key)
) STRICT;
CREATE INDEX events_by_time ON events (received_at);

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL,
    recipe TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    begun_at REAL NOT NULL,
    wake_at REAL NOT NULL,
    reason TEXT NOT NULL,
    trace TEXT NOT NULL
) STRICT;
CREATE INDEX runs_to_wake ON runs (wake_at) WHERE state = 'open';

CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    recipe TEXT NOT NULL,
    step TEXT NOT NULL,
    subject TEXT NOT NULL,
    channel TEXT NOT NULL,
    action TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    planned_at REAL NOT NULL,
    due_at REAL NOT NULL,
    publish_by REAL NOT NULL,
    state INTEGER NOT NULL, -- see states.py
    hold TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    begun_at REAL NOT NULL,
    first_begun_at REAL NOT NULL,
    settled_at REAL NOT NULL,
    receipt_id TEXT,
    receipt_url TEXT,
    receipt_time REAL,
    blocked INTEGER NOT NULL, -- 1 while an open delivery of an earlier event stands before it
    content TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_open ON deliveries (channel, subject) WHERE {IS_OPEN};
CREATE INDEX deliveries_blocked ON deliveries (channel, subject) WHERE blocked = 1;
CREATE INDEX deliveries_listed ON deliveries (channel, state, blocked, due_at) WHERE {IS_LISTED};
CREATE INDEX deliveries_to_expire ON deliveries (publish_by) WHERE {IS_WAITING};
CREATE INDEX deliveries_sent ON deliveries (settled_at, channel) WHERE {IS_SENT};

CREATE TABLE attempts (
    place INTEGER PRIMARY KEY,
    delivery_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    begun_at REAL NOT NULL,
    ended_at REAL NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_delivery ON attempts (delivery_id);

CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    cursor TEXT NOT NULL,
    looked_at REAL,
    next_look_at REAL NOT NULL,
    failures INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE remembered (
    source TEXT NOT NULL,
    identity TEXT NOT NULL,
    digest TEXT NOT NULL,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    PRIMARY KEY (source, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE recipes (
    version TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    templates TEXT NOT NULL,
    kept_at REAL NOT NULL
) STRICT;

CREATE TABLE pulse (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO pulse VALUES (1, 0);
"""

_RETENTION = f"""
CREATE INDEX events_of_appeals ON events (subject) WHERE {IS_OF_APPEAL};
"""

_LANES = """
CREATE TABLE lanes (
    channel TEXT PRIMARY KEY,
    condition TEXT NOT NULL,
    since REAL NOT NULL,
    reason TEXT NOT NULL,
    alarmed INTEGER NOT NULL,
    paused_until REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""

_NOTICES = f"""
ALTER TABLE deliveries ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET told = 1 WHERE {_WAS_NEWS};
UPDATE runs SET told = 1 WHERE state = 'failed';
CREATE INDEX deliveries_untold ON deliveries (recipe, channel, state) WHERE {_WAS_NEWS} AND told = 0;
CREATE INDEX runs_untold ON runs (recipe) WHERE state = 'failed' AND told = 0;

CREATE TABLE alarms (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    words TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX alarms_by_kind ON alarms (kind, channel);
"""

_CAUSES = """
ALTER TABLE events ADD COLUMN cause TEXT NOT NULL DEFAULT '';
"""

_WAITS = """
ALTER TABLE runs ADD COLUMN marks TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN wakes INTEGER NOT NULL DEFAULT 0;

CREATE TABLE waiting_runs (
    run_id TEXT PRIMARY KEY,
    recipe TEXT NOT NULL,
    subject TEXT NOT NULL,
    after INTEGER NOT NULL -- the number of its own event: it hears those of higher numbers
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_by_subject ON waiting_runs (subject, recipe);

CREATE TABLE heard (
    run_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (run_id, event_id)
) STRICT, WITHOUT ROWID;
"""

_OPEN_RUNS = """
CREATE INDEX runs_still_open ON runs (begun_at) WHERE state = 'open';
"""

_THREADS = """
-- The delivery whose post this one answers; empty for nearly all.
ALTER TABLE deliveries ADD COLUMN follows TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_following ON deliveries (follows) WHERE follows > '' AND state = 0;
"""

_FAILED_RUNS = """
CREATE INDEX runs_failed ON runs (begun_at) WHERE state = 'failed';
"""

_SOURCE_STATES = """
ALTER TABLE sources ADD COLUMN state TEXT NOT NULL DEFAULT '{}';
"""

_ORIGINS = f"""
-- The name that an event's source shares with those it is joined with; empty for nearly all.
ALTER TABLE events ADD COLUMN joined TEXT NOT NULL DEFAULT '';

-- Where the event of a delivery came from. It is needed of what may still go out, or go out again,
-- and of what was said within the last day.
ALTER TABLE deliveries ADD COLUMN origin TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET origin = coalesce((SELECT source FROM events WHERE id = event_id), '')
    WHERE state <= 4 OR state = 8 OR number > (SELECT max(number) FROM deliveries) - 50000;
DROP INDEX deliveries_open;
CREATE INDEX deliveries_open ON deliveries (channel, subject, origin, (state >= 2)) WHERE {IS_OPEN};
DROP INDEX deliveries_blocked;
UPDATE deliveries SET blocked = 0 WHERE blocked = 1;
UPDATE deliveries SET blocked = 1 WHERE {KEEPS_TURN} AND subject <> ''
    AND EXISTS (SELECT 1 FROM deliveries b WHERE b.state <= 4 AND (b.state >= 2) = 1
    AND b.channel = deliveries.channel AND b.subject = deliveries.subject
    AND b.origin = deliveries.origin
    AND b.number < deliveries.number AND b.event_id <> deliveries.event_id);
CREATE INDEX deliveries_blocked ON deliveries (channel, subject, origin) WHERE blocked = 1;

ALTER TABLE waiting_runs ADD COLUMN origin TEXT NOT NULL DEFAULT '';
UPDATE waiting_runs SET origin = coalesce((SELECT e.source FROM runs r JOIN events e
    ON e.id = r.event_id WHERE r.id = waiting_runs.run_id), '');
DROP INDEX waiting_by_subject;
CREATE INDEX waiting_by_subject ON waiting_runs (subject, origin, recipe);

DROP INDEX deliveries_untold;
CREATE INDEX deliveries_untold ON deliveries (recipe, channel, state, hold)
    WHERE {IS_NEWS} AND told = 0;
"""

_PAST_KEYS = """
-- The keys of events that were removed, so that a request sent again does nothing; see events.py.
CREATE TABLE past_keys (
    hash BLOB PRIMARY KEY,
    received_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX past_keys_by_time ON past_keys (received_at);
"""

_LISTS = f"""
-- What people list by, the newest first: behind its columns each of these has the rows' numbers in order.
CREATE INDEX events_by_subject ON events (subject) WHERE subject > '' AND {ANY_NUMBER};
CREATE INDEX events_by_source ON events (source) WHERE {ANY_NUMBER};
CREATE INDEX events_by_type ON events (type) WHERE {ANY_NUMBER};
DROP INDEX runs_failed;
CREATE INDEX runs_by_recipe ON runs (recipe) WHERE {ANY_NUMBER};
CREATE INDEX runs_planned ON runs (state) WHERE state = 'planned' AND {ANY_NUMBER};
CREATE INDEX runs_skipped ON runs (state) WHERE state = 'skipped' AND {ANY_NUMBER};
CREATE INDEX runs_failed ON runs (state) WHERE state = 'failed' AND {ANY_NUMBER};
CREATE INDEX runs_failed_by_recipe ON runs (recipe) WHERE state = 'failed' AND {ANY_NUMBER};
CREATE INDEX runs_open ON runs (state) WHERE state = 'open' AND {ANY_NUMBER};
CREATE INDEX runs_open_by_recipe ON runs (recipe) WHERE state = 'open' AND {ANY_NUMBER};
CREATE INDEX deliveries_by_recipe ON deliveries (recipe) WHERE {ANY_NUMBER};
CREATE INDEX deliveries_by_channel ON deliveries (channel) WHERE {ANY_NUMBER};
CREATE INDEX deliveries_held ON deliveries (hold) WHERE state = 1 AND {ANY_NUMBER};
CREATE INDEX deliveries_ended ON deliveries (state) WHERE {IS_ENDED} AND {ANY_NUMBER};
CREATE INDEX deliveries_ended_by_recipe ON deliveries (state, recipe)
    WHERE {IS_ENDED} AND {ANY_NUMBER};
"""

_COUNTS = f"""
-- How many deliveries there are that are neither under way nor delivered, so that nobody has to count them.
CREATE TABLE delivery_counts (
    state INTEGER NOT NULL,
    channel TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (state, channel)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_counts SELECT state, channel, count(*) FROM deliveries
    WHERE {IS_LISTED} GROUP BY state, channel;
CREATE TRIGGER delivery_counted AFTER INSERT ON deliveries WHEN new.{IS_LISTED} BEGIN
    INSERT INTO delivery_counts VALUES (new.state, new.channel, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER delivery_moved AFTER UPDATE OF state ON deliveries
    WHEN new.state <> old.state AND (new.{IS_LISTED} OR old.{IS_LISTED}) BEGIN
    INSERT INTO delivery_counts SELECT new.state, new.channel, 1 WHERE new.{IS_LISTED}
        ON CONFLICT DO UPDATE SET count = count + 1;
    UPDATE delivery_counts SET count = count - 1 WHERE state = old.state AND channel = old.channel;
END;
CREATE TRIGGER delivery_removed AFTER DELETE ON deliveries WHEN old.{IS_LISTED} BEGIN
    UPDATE delivery_counts SET count = count - 1 WHERE state = old.state AND channel = old.channel;
END;
"""

_PLANNING_MARKS = """
-- Sources whose new items are being planned, or were when the last process ended.
CREATE TABLE planning_marks (
    source TEXT PRIMARY KEY,
    in_progress INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    paused_until REAL NOT NULL,
    hold_reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_STANDARD_WORDS = """
-- Traces and attempts from before these words were the field's own.
UPDATE runs SET trace = replace(trace, '"said":', '"message":') WHERE instr(trace, '"said":') > 0;
UPDATE attempts SET outcome = 'deferred' WHERE outcome = 'put_off';
UPDATE attempts SET kind = 'find' WHERE kind = 'seek';
"""

_OWNERS = """
-- Which opening of the store has begun the attempt; see base.py. 0 for none, and for attempts from before.
ALTER TABLE deliveries ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;

-- Ids begin with the time of receipt, so they find the same rows.
DROP INDEX events_by_time;
"""

_WITHDRAWALS = f"""
-- What a delivery does (see states.py), and the delivery that it changes; who published it, as the channel names them.
ALTER TABLE deliveries ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN receipt_account TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_to_remove ON deliveries (state, channel, due_at, target)
    WHERE {IS_OPEN_REMOVAL};
CREATE INDEX deliveries_targets ON deliveries (target) WHERE {IS_REMOVAL};

CREATE TABLE withdrawals (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    origin TEXT NOT NULL, -- empty for all origins
    target TEXT NOT NULL, -- the delivery whose post alone is withdrawn, empty for the whole subject
    whole INTEGER NOT NULL, -- 1 if it keeps back later posts about the subject
    run TEXT NOT NULL, -- the run that withdrew, empty if a person did
    reason TEXT NOT NULL,
    by TEXT NOT NULL,
    at REAL NOT NULL,
    lifted_by TEXT NOT NULL,
    lifted_at REAL NOT NULL
) STRICT;
CREATE INDEX withdrawals_by_subject ON withdrawals (subject);
"""

_LATER_EVENTS = "ALTER TABLE heard RENAME TO later_events"

_NOTIFIED = """
ALTER TABLE deliveries RENAME COLUMN told TO notified;
ALTER TABLE runs RENAME COLUMN told TO notified;
ALTER TABLE alarms RENAME COLUMN words TO message;
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _RETENTION,
    _LANES,
    _NOTICES,
    _CAUSES,
    _WAITS,
    _OPEN_RUNS,
    _THREADS,
    _FAILED_RUNS,
    _SOURCE_STATES,
    _ORIGINS,
    _PAST_KEYS,
    _LISTS,
    _COUNTS,
    _PLANNING_MARKS,
    _STANDARD_WORDS,
    _OWNERS,
    _WITHDRAWALS,
    _LATER_EVENTS,
    AUDIT,
    HOLDS,
    MODES,
    AMENDMENTS,
    PEOPLE,
    IMAGES,
    APPROVALS,
    ACCEPTANCES,
    CORRECTIONS,
    DUTIES,
    WITHDRAWN_POSTS,
    CORRECTIONS_BY_RUN,
    _NOTIFIED,
)


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...] = MIGRATIONS
) -> None:
    """Update the file to the newest schema, each migration in one transaction."""
    version = schema_version(connection, path, migrations)
    for number, script in enumerate(migrations[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script};"
            f" PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )


def require_current(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `StoreError` if the file has not the newest schema."""
    version = schema_version(connection, path)
    if version < len(MIGRATIONS):
        raise StoreError(
            f"{path}: the store is from an older appealbridge (version {version}, this one uses "
            f"{len(MIGRATIONS)}); update it with `appealbridge db migrate`, or start the daemon"
        )


def schema_version(
    connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...] = MIGRATIONS
) -> int:
    """Return how many migrations were applied to the file; raise `StoreError` if it is not our store."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreError(
            f"{path}: this is another program's SQLite file; choose another `store:` in "
            f"appealbridge.yaml"
        )
    if version > len(migrations):
        raise StoreError(
            f"{path}: the store was written by a newer appealbridge (version {version}, this one "
            f"knows {len(migrations)}); install the newer one, or restore a backup made before it"
        )
    return int(version)
