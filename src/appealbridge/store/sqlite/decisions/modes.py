"""Stores in SQLite which deliveries were practice, and which live."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.model.errors import StoreError
from appealbridge.model.notice import NOTICE
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.states import IS_OPEN

_MODES = "SELECT number, mode FROM modes ORDER BY number"
_LAST = "SELECT mode FROM modes ORDER BY number DESC LIMIT 1"
_WAITING = (
    f"SELECT (SELECT count(*) FROM deliveries WHERE {IS_OPEN} AND recipe <> '{NOTICE}'),"
    " (SELECT count(*) FROM runs WHERE state = 'open')"
)
_ADD = (
    "INSERT OR REPLACE INTO modes VALUES (coalesce("
    "(SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'), 0) + 1, ?)"
)


class SqliteModeQueries(ReadAccess):
    """The `ModeQueries` in SQLite."""

    @reads
    def modes(self, db: Connection) -> Sequence[tuple[int, str]]:
        return [(number, mode) for number, mode in db.execute(_MODES)]


class SqliteModes(WriteAccess):
    """The `ModeStore` in SQLite."""

    @writes
    def adopt_mode(self, db: Connection, mode: str) -> None:
        row = db.execute(_LAST).fetchone()
        if row is None:
            # What a store from before this table has is taken for what the settings say now.
            db.execute("INSERT INTO modes VALUES (0, ?)", (mode,))
            return
        (before,) = row
        if before == mode:
            return
        deliveries, runs = db.execute(_WAITING).fetchone()
        if deliveries or runs:
            raise StoreError(
                f"this store is of {before} mode, and {deliveries} deliveries and {runs} runs in it still wait: "
                f"they must not become {mode}. Put `practice:` in appealbridge.yaml back as it was and let them go "
                f"out or cancel them, or give another `store:` for {mode}"
            )
        db.execute(_ADD, (mode,))
