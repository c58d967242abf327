"""Stores in SQLite who wrote and who accepted versions of recipes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import orjson

from appealbridge.model.approval import RecipeAcceptance, RecipeContent
from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery, Hold, State, holds_with
from appealbridge.model.errors import IllegalMove
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.decisions.entries import record
from appealbridge.store.sqlite.deliveries import find, move
from appealbridge.store.sqlite.rows import json_list, names
from appealbridge.store.sqlite.states import HELD

_ACCEPTANCE = ("version", "recipe", "person", "at")
_LISTED = f"SELECT {names(_ACCEPTANCE)} FROM acceptances"
_KNOWN = "SELECT 1 FROM recipe_owners WHERE version = ?"
_NOTE = "INSERT OR IGNORE INTO recipe_owners (version, uid, at) VALUES (?, ?, ?)"
_HELD = (
    f"FROM deliveries d JOIN runs r ON r.id = d.run_id WHERE d.state = {HELD} AND d.number > 0"
    " AND d.hold IN (SELECT value FROM json_each(?))"
)
_CLEARED = (
    "SELECT d.id, a.person FROM deliveries d JOIN runs r ON r.id = d.run_id"
    " JOIN acceptances a ON a.version = r.version"
    f" WHERE d.state = {HELD} AND d.number > 0 AND d.hold IN (SELECT value FROM json_each(?))"
    " ORDER BY d.number LIMIT ?"
)
_HOLDS = holds_with(Hold.ACCEPTANCE)


class SqliteAcceptanceQueries(ReadAccess):
    """The `AcceptanceQueries` in SQLite."""

    @reads
    def acceptances(
        self, db: Connection, after: str = "", limit: int = 1000
    ) -> Sequence[RecipeAcceptance]:
        page = f"{_LISTED} WHERE version > ? ORDER BY version LIMIT ?"
        return [_acceptance(row) for row in db.execute(page, (after, limit))]

    @reads
    def accepted_content(
        self, db: Connection, recipe: str
    ) -> tuple[RecipeAcceptance, RecipeContent] | None:
        select = f"SELECT {names(_ACCEPTANCE)}, content FROM acceptances WHERE recipe = ?"
        row = db.execute(f"{select} ORDER BY number DESC LIMIT 1", (recipe,)).fetchone()
        return row and (_acceptance(row[:-1]), RecipeContent(**orjson.loads(row[-1])))

    @reads
    def owners(self, db: Connection, versions: Collection[str]) -> Mapping[str, frozenset[int]]:
        owners: dict[str, frozenset[int]] = {}
        select = "SELECT version, uid FROM recipe_owners WHERE version IN (SELECT value FROM json_each(?))"
        for version, uid in db.execute(select, (json_list(versions),)):
            owners[version] = owners.get(version, frozenset()) | {uid}
        return owners

    @reads
    def waiting_for_acceptance(self, db: Connection) -> Mapping[tuple[str, str], int]:
        select = f"SELECT d.recipe, r.version, count(*) {_HELD} GROUP BY d.recipe, r.version"
        return {
            (recipe, version): count
            for recipe, version, count in db.execute(select, (json_list(_HOLDS),))
        }


class SqliteAcceptances(WriteAccess):
    """The `AcceptanceStore` in SQLite."""

    @writes
    def note_owners(
        self, db: Connection, owners: Mapping[str, Collection[int]], now: float
    ) -> Collection[str]:
        new = {each for each in owners if db.execute(_KNOWN, (each,)).fetchone() is None}
        rows = [(version, uid, now) for version, uids in owners.items() for uid in sorted(uids)]
        db.executemany(_NOTE, rows)
        return new

    @writes
    def accept_recipe(
        self,
        db: Connection,
        acceptance: RecipeAcceptance,
        content: RecipeContent,
        decision: Decision,
    ) -> None:
        row = db.execute(f"{_LISTED} WHERE version = ?", (acceptance.version,)).fetchone()
        if row is not None:
            by = _acceptance(row).person or "somebody"
            raise IllegalMove(f"recipe {acceptance.recipe}: {by} has accepted this version already")
        whole = {
            "text": content.text,
            "templates": dict(content.templates),
            "lists": {name: [*entries] for name, entries in content.lists.items()},
        }
        db.execute(
            f"INSERT INTO acceptances ({names(_ACCEPTANCE)}, content) VALUES (?, ?, ?, ?, ?)",
            (*(getattr(acceptance, name) for name in _ACCEPTANCE), orjson.dumps(whole).decode()),
        )
        record(db, decision)

    @writes
    def clear_accepted(
        self, db: Connection, now: float, limit: int = 500, name_of: Callable[[str], str] = str
    ) -> Sequence[Delivery]:
        cleared = []
        for id_, person in db.execute(_CLEARED, (json_list(_HOLDS), limit)).fetchall():
            before = find(db, id_)
            left = " ".join(each for each in before.holds if each != Hold.ACCEPTANCE)
            reason = f"{name_of(person) or 'somebody'} accepted its recipe"
            if left:
                statement = "UPDATE deliveries SET hold = ?, reason = ?, notified = 0 WHERE id = ?"
                db.execute(statement, (left, reason, id_))
            else:
                _release(db, before, now, reason)
            cleared.append(find(db, id_))
        return cleared


def _release(db: Connection, held: Delivery, now: float, reason: str) -> None:
    try:
        move(db, held.id, State.READY, now, reason=reason)
    except IllegalMove as error:  # its content was removed, or its subject withdrawn
        move(db, held.id, State.CANCELLED, now, reason=str(error))


def _acceptance(row: tuple[str, str, str, float]) -> RecipeAcceptance:
    version, recipe, person, at = row
    return RecipeAcceptance(version=version, recipe=recipe, person=person, at=at)
