"""Stores how people and systems prove who they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from appealbridge.model.audit import Decision
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.people import Credentials, LogInSession, Token, TokenScope
from appealbridge.store.people import MOST_SESSIONS
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads, writes
from appealbridge.store.sqlite.decisions.entries import record
from appealbridge.store.sqlite.rows import Row, json_list, names, time_or_none

_PERSON = ("id", "password", "totp", "totp_step", "code", "code_ends", "removed_at")
_SESSION = ("hash", "person", "seen", "ends", "strong_at")
_TOKEN = ("name", "hash", "owner", "scopes", "made_at", "ends", "used_at", "revoked_at")
_TOKENS = f"SELECT {names(_TOKEN)} FROM tokens"
_OF_SETTINGS = "id IN (SELECT value FROM json_each(?))"
_REMOVE = (
    "UPDATE people SET removed_at = ?, password = '', totp = '', code = '', code_ends = 0"
    f" WHERE removed_at = 9e999 AND NOT {_OF_SETTINGS} RETURNING id"
)
_ADD = (
    "INSERT INTO people (id, password, totp, totp_step, code, code_ends, removed_at)"
    " SELECT value, '', '', 0, '', 0, 9e999 FROM json_each(?) WHERE true ON CONFLICT DO NOTHING"
)
_ENROL = (
    "UPDATE people SET password = ?, totp = ?, totp_step = ?, code = '', code_ends = 0"
    " WHERE id = ? AND code = ? AND code <> '' AND code_ends > ? AND removed_at = 9e999"
)
_TOO_MANY = (
    "DELETE FROM sessions WHERE person = ? AND (ends <= ? OR hash NOT IN"
    f" (SELECT hash FROM sessions WHERE person = ? ORDER BY strong_at DESC LIMIT {MOST_SESSIONS}))"
)


class SqlitePeople(WriteAccess):
    """The `PeopleStore` in SQLite."""

    @writes
    def keep_people(
        self, db: Connection, ids: Collection[str], now: float, decision: Decision | None = None
    ) -> Sequence[str]:
        named = json_list(ids)
        removed = sorted(id_ for (id_,) in db.execute(_REMOVE, (now, named)))
        statement = "DELETE FROM sessions WHERE person IN (SELECT value FROM json_each(?))"
        db.execute(statement, (json_list(removed),))
        db.execute(_ADD, (named,))
        if decision is not None:
            record(db, decision)
        return removed

    @reads
    def people(self, db: Connection) -> Mapping[str, Credentials]:
        rows = db.execute(f"SELECT {names(_PERSON)} FROM people ORDER BY id")
        return {row[0]: _credentials(row) for row in rows}

    @writes
    def give_code(
        self,
        db: Connection,
        person: str,
        code: str,
        ends: float,
        *,
        reset: bool = False,
        decision: Decision | None = None,
    ) -> None:
        cleared = ", password = '', totp = ''" if reset else ""
        update = f"UPDATE people SET code = ?, code_ends = ?{cleared} WHERE id = ? AND removed_at = 9e999"
        if not db.execute(update, (code, ends, person)).rowcount:
            raise NotFound(f"person {person}: nobody of this name is in appealbridge.yaml")
        if reset:
            db.execute("DELETE FROM sessions WHERE person = ?", (person,))
        if decision is not None:
            record(db, decision)

    @writes
    def enrol(
        self, db: Connection, fresh: Credentials, now: float, decision: Decision | None = None
    ) -> bool:
        row = (fresh.password, fresh.totp, fresh.totp_step, fresh.id, fresh.code, now)
        if not db.execute(_ENROL, row).rowcount:
            return False
        db.execute("DELETE FROM sessions WHERE person = ?", (fresh.id,))
        if decision is not None:
            record(db, decision)
        return True

    @writes
    def use_step(self, db: Connection, person: str, step: int) -> bool:
        update = "UPDATE people SET totp_step = ? WHERE id = ? AND totp_step < ?"
        return bool(db.execute(update, (step, person, step)).rowcount)

    @writes
    def new_password(self, db: Connection, person: str, password: str, before: str) -> None:
        update = "UPDATE people SET password = ? WHERE id = ? AND password = ?"
        db.execute(update, (password, person, before))

    @writes
    def begin_session(self, db: Connection, session: LogInSession) -> None:
        row = tuple(getattr(session, name) for name in _SESSION)
        db.execute(f"INSERT INTO sessions ({names(_SESSION)}) VALUES (?, ?, ?, ?, ?)", row)
        db.execute(_TOO_MANY, (session.person, session.strong_at, session.person))

    @reads
    def session(self, db: Connection, hash_: str) -> LogInSession | None:
        select = f"SELECT {names(_SESSION)} FROM sessions WHERE hash = ?"
        row = db.execute(select, (hash_,)).fetchone()
        return None if row is None else LogInSession(**dict(zip(_SESSION, row, strict=True)))

    @writes
    def see_session(self, db: Connection, hash_: str, now: float) -> None:
        db.execute("UPDATE sessions SET seen = ? WHERE hash = ?", (now, hash_))

    @writes
    def end_session(self, db: Connection, hash_: str) -> None:
        db.execute("DELETE FROM sessions WHERE hash = ?", (hash_,))

    @writes
    def keep_duty(
        self, db: Connection, person: str, ends: float, decision: Decision | None = None
    ) -> None:
        db.execute("INSERT OR REPLACE INTO duties (person, ends) VALUES (?, ?)", (person, ends))
        if decision is not None:
            record(db, decision)

    @reads
    def on_duty(self, db: Connection, now: float) -> Mapping[str, float]:
        rows = db.execute("SELECT person, ends FROM duties WHERE ends > ? ORDER BY person", (now,))
        return dict(rows.fetchall())

    @writes
    def keep_token(self, db: Connection, token: Token, decision: Decision | None = None) -> None:
        row = (
            token.name, token.hash, token.owner, " ".join(sorted(token.scopes)), token.made_at, token.ends,
        )  # fmt: skip
        insert = (
            f"INSERT INTO tokens ({names(_TOKEN)}) VALUES (?, ?, ?, ?, ?, ?, 9e999, 9e999)"
            " ON CONFLICT DO NOTHING"
        )
        if not db.execute(insert, row).rowcount:
            raise IllegalMove(f"token {token.name}: this name was used before; choose another one")
        if decision is not None:
            record(db, decision)

    @reads
    def token(self, db: Connection, hash_: str) -> Token | None:
        row = db.execute(f"{_TOKENS} WHERE hash = ?", (hash_,)).fetchone()
        return None if row is None else _token(row)

    @reads
    def tokens(self, db: Connection) -> Sequence[Token]:
        return [_token(row) for row in db.execute(f"{_TOKENS} ORDER BY name")]

    @writes
    def see_token(self, db: Connection, name: str, now: float) -> None:
        db.execute("UPDATE tokens SET used_at = ? WHERE name = ?", (now, name))

    @writes
    def revoke_token(
        self, db: Connection, name: str, now: float, decision: Decision | None = None
    ) -> Token:
        db.execute("UPDATE tokens SET revoked_at = min(revoked_at, ?) WHERE name = ?", (now, name))
        row = db.execute(f"{_TOKENS} WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound(f"token {name}: there is none of this name")
        if decision is not None:
            record(db, decision)
        return _token(row)


def _credentials(row: Row) -> Credentials:
    fields = dict(zip(_PERSON, row, strict=True))
    return Credentials(**{**fields, "removed_at": time_or_none(fields["removed_at"])})


def _token(row: Row) -> Token:
    fields = dict(zip(_TOKEN, row, strict=True))
    fields["scopes"] = frozenset(map(TokenScope, fields["scopes"].split()))
    for name in ("used_at", "revoked_at"):
        fields[name] = time_or_none(fields[name])
    return Token(**fields)
