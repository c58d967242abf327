"""
Keeps the bytes of pictures by their SHA-256, in a second SQLite file beside the store.

The store itself stays small that way: its log and its backups would otherwise hold every picture several times. The
file is made when the first picture is stored. What it has is only ever used if the store refers to it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from appealbridge.model.errors import NotFound, StoreError
from appealbridge.store.sqlite.connections import make_private, opened
from appealbridge.store.sqlite.errors import refusal
from appealbridge.store.sqlite.rows import json_list

T = TypeVar("T")

APPLICATION_ID = 0x41424D44
IN_BACKUP = "backed_up_media"
"""The table in a backup that has all pictures, until the store is opened again."""

_TABLE = "(sha256 TEXT PRIMARY KEY, kept_at REAL NOT NULL, data BLOB NOT NULL) STRICT"
_PUT = (
    "INSERT INTO media VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET kept_at = max(kept_at, excluded.kept_at)"
)


def media_file(store: Path) -> Path:
    """Return the file with the pictures of a store."""
    return store.with_name(f"{store.name}-media")


class MediaFile:
    """The file of a store, used in a thread of its own. With `read_only` nothing is written."""

    def __init__(self, store: Path, *, read_only: bool = False) -> None:
        self.path = media_file(store)
        self._read_only = read_only
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-media")
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def put(self, sha256: str, data: bytes, now: float) -> None:
        """Store bytes durably; bytes that are there count as stored now."""
        if self._read_only:
            raise StoreError(f"{self.path}: the store is open read-only; use the daemon for this")
        await self._do(lambda db: db.execute(_PUT, (sha256, now, data)))

    async def get(self, sha256: str) -> bytes:
        """Return bytes; raise `NotFound`."""
        if self._connection is None and not self.path.exists():
            raise NotFound(f"image {sha256}: nothing in the store has this SHA-256")
        select = "SELECT data FROM media WHERE sha256 = ?"
        row = await self._do(lambda db: db.execute(select, (sha256,)).fetchone())
        if row is None:
            raise NotFound(f"image {sha256}: nothing in the store has this SHA-256")
        return bytes(row[0])

    async def stored_before(self, before: float, after: str, limit: int) -> Sequence[str]:
        """Return, in their order, the SHA-256 of what was stored before a time: those after this one, up to `limit`."""
        if self._connection is None and not self.path.exists():
            return ()
        select = "SELECT sha256 FROM media WHERE sha256 > ? AND kept_at < ? ORDER BY sha256 LIMIT ?"
        values = (after, before, limit)
        return await self._do(lambda db: [row[0] for row in db.execute(select, values)])

    async def forget(self, sha256s: Collection[str], before: float) -> int:
        """Remove these, unless they were stored again since; return how many."""
        statement = (
            "DELETE FROM media WHERE kept_at < ? AND sha256 IN (SELECT value FROM json_each(?))"
        )

        def remove(db: sqlite3.Connection) -> int:
            removed = db.execute(statement, (before, json_list(sha256s))).rowcount
            if removed:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return removed

        return await self._do(remove)

    async def close(self) -> None:
        """Finish what is under way, then close the file."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreError(f"{self.path}: the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._done, work)

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = _open(self.path, read_only=self._read_only)
            return work(self._connection)
        except sqlite3.Error as error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise refusal(error, self.path) from error


def _open(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    if not read_only:
        make_private(path)
    set_up = (
        "PRAGMA auto_vacuum = FULL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        # Nothing of a removed picture can be read later.
        "PRAGMA secure_delete = ON; PRAGMA cache_size = -2000; PRAGMA journal_size_limit = 0;"
        f"CREATE TABLE IF NOT EXISTS media {_TABLE};"
        f"PRAGMA application_id = {APPLICATION_ID};"
    )
    address = f"{path.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
    return opened(address, "" if read_only else set_up, uri=True)


def add_to_backup(store: Path, copy: sqlite3.Connection) -> None:
    """Copy the pictures that a backup refers to into it. The file is read after the store, so none is missing."""
    copy.execute(f"DROP TABLE IF EXISTS {IN_BACKUP}")
    path = media_file(store)
    if not path.exists():
        return
    with _attached(copy, path):
        copy.execute(f"CREATE TABLE {IN_BACKUP} {_TABLE}")
        copy.execute(
            f"INSERT INTO {IN_BACKUP} SELECT sha256, kept_at, data FROM beside.media"
            " WHERE sha256 IN (SELECT sha256 FROM main.images)"
        )


def restore_from_backup(store: sqlite3.Connection, path: Path) -> None:
    """Move the pictures of a restored backup into the file beside it."""
    select = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)"
    if not store.execute(select, (IN_BACKUP,)).fetchone()[0]:
        return
    with closing(_open(media_file(path))) as media:
        for row in store.execute(f"SELECT sha256, kept_at, data FROM {IN_BACKUP}"):
            media.execute(_PUT, row)
    store.execute(f"DROP TABLE {IN_BACKUP}")


@contextmanager
def _attached(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    db.execute("ATTACH ? AS beside", (f"{path.absolute().as_uri()}?mode=ro",))
    try:
        yield
    finally:
        db.execute("DETACH beside")
