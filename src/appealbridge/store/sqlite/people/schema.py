"""The tables of people, sessions and tokens: a migration of `store/sqlite/schema.py`."""

DUTIES = """
-- Until when somebody is on duty; those are asked first.
CREATE TABLE duties (
    person TEXT PRIMARY KEY,
    ends REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""

PEOPLE = """
-- Everybody whom the settings ever named; who was removed stays so. Hashes, except the secret of the second factor.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    totp TEXT NOT NULL,
    totp_step INTEGER NOT NULL,
    code TEXT NOT NULL,
    code_ends REAL NOT NULL,
    removed_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    seen REAL NOT NULL,
    ends REAL NOT NULL,
    strong_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_person ON sessions (person, strong_at);

CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    scopes TEXT NOT NULL,
    made_at REAL NOT NULL,
    ends REAL NOT NULL,
    used_at REAL NOT NULL,
    revoked_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""
