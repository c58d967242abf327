"""The default store: one SQLite file with one writer and several readers."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.model.notice import NOTICE
from appealbridge.store.backend import OnCommit
from appealbridge.store.records import Writing
from appealbridge.store.sqlite.access import Connection, writes
from appealbridge.store.sqlite.connections import (
    Readers,
    StoreLock,
    check_readable,
    open_writer,
    prepared,
)
from appealbridge.store.sqlite.decisions.acceptances import SqliteAcceptances
from appealbridge.store.sqlite.decisions.approvals import SqliteApprovals
from appealbridge.store.sqlite.decisions.audit import SqliteAudit
from appealbridge.store.sqlite.decisions.stops import SqliteStops
from appealbridge.store.sqlite.deliveries import SqliteDeliveries
from appealbridge.store.sqlite.errors import refusal
from appealbridge.store.sqlite.events import SqliteEvents
from appealbridge.store.sqlite.images.images import SqliteImages
from appealbridge.store.sqlite.images.media import restore_from_backup
from appealbridge.store.sqlite.notices import SqliteNotices
from appealbridge.store.sqlite.people.people import SqlitePeople
from appealbridge.store.sqlite.queries import SqliteQueries
from appealbridge.store.sqlite.retention import SqliteRetention
from appealbridge.store.sqlite.runs import SqliteRecipes, SqliteRuns
from appealbridge.store.sqlite.sources import SqliteLanes, SqliteSources
from appealbridge.store.sqlite.states import IS_OPEN
from appealbridge.store.sqlite.withdrawals import SqliteWithdrawals
from appealbridge.store.sqlite.writer import Writer


def _prepared(path: Path) -> sqlite3.Connection:
    connection = prepared(path)
    try:
        restore_from_backup(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise refusal(error, path) from error
    return connection


READ_ONLY = Writing(failure="the store is open read-only", waits_for=0.0, idle_for=0.0)

_LAST_MODE = "SELECT mode FROM modes ORDER BY number DESC LIMIT 1"
_WAITING = (
    f"SELECT (SELECT count(*) FROM deliveries WHERE {IS_OPEN} AND recipe <> '{NOTICE}'),"
    " (SELECT count(*) FROM runs WHERE state = 'open')"
)
_ADD_MODE = (
    "INSERT OR REPLACE INTO modes VALUES (coalesce("
    "(SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'), 0) + 1, ?)"
)

LISTED_WITHIN = 10.0
"""Seconds after which a query for people is abandoned."""


class SqliteStore(
    SqliteEvents,
    SqliteDeliveries,
    SqliteRuns,
    SqliteLanes,
    SqliteNotices,
    SqliteSources,
    SqliteRecipes,
    SqliteRetention,
    SqliteWithdrawals,
    SqliteAudit,
    SqliteStops,
    SqliteApprovals,
    SqliteAcceptances,
    SqlitePeople,
    SqliteImages,
    SqliteQueries,
):
    """The `Store` in one SQLite file. Use `open` and `close`."""

    def __init__(self, path: Path, writer: Writer | None, lock: StoreLock | None) -> None:
        super().__init__(path, Readers(path), writer)
        self._list_readers = Readers(path, "store-listing", within=LISTED_WITHIN)
        self.listings = SqliteQueries(self._list_readers)
        self._lock = lock

    @classmethod
    async def open(
        cls, path: Path, *, read_only: bool = False, on_commit: OnCommit | None = None
    ) -> SqliteStore:
        """Open a file as `Backend.open` says; `read_only` takes no lock."""
        if read_only:
            await asyncio.to_thread(check_readable, path)
            return cls(path, None, None)
        lock = StoreLock(path)
        lock.take()
        try:
            connection = await asyncio.to_thread(_prepared, path)
        except BaseException:
            lock.release()
            raise
        writer = Writer(path, lambda: open_writer(path), on_commit)
        writer.start(connection)
        return cls(path, writer, lock)

    @property
    def busy(self) -> bool:
        """Whether any transaction waits for its commit."""
        return self._writer is not None and self._writer.busy

    def writing(self) -> Writing:
        return READ_ONLY if self._writer is None else self._writer.writing()

    @writes
    def check(self, db: Connection) -> None:
        db.execute("UPDATE pulse SET beats = beats + 1")

    @writes
    def adopt_mode(self, db: Connection, mode: str) -> None:
        row = db.execute(_LAST_MODE).fetchone()
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
        db.execute(_ADD_MODE, (mode,))

    async def close(self) -> None:
        # The last connection to close merges the log into the file, which a read-only one cannot.
        await self._list_readers.close()
        await self._readers.close()
        await self._media.close()
        if self._writer is not None:
            await self._writer.close()
        if self._lock is not None:
            self._lock.release()
