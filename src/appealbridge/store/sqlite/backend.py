"""One SQLite file as a store: opened, maintained, and the files beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.store.opening import OnCommit, Progress
from appealbridge.store.records import Control, Space
from appealbridge.store.sqlite.backup import back_up
from appealbridge.store.sqlite.connections import (
    StoreLock,
    open_reader,
    open_writer,
    prepared,
    require_there,
)
from appealbridge.store.sqlite.control import announced, read_control
from appealbridge.store.sqlite.errors import refusal
from appealbridge.store.sqlite.schema import MIGRATIONS, schema_version
from appealbridge.store.sqlite.store import SqliteStore


@dataclass(frozen=True, slots=True)
class SqliteBackend:
    """The `Backend` of a SQLite file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.exists()

    async def open(
        self, *, read_only: bool = False, on_commit: OnCommit | None = None
    ) -> SqliteStore:
        return await SqliteStore.open(self.path, read_only=read_only, on_commit=on_commit)

    def space(self) -> Space:
        folder = self.path.parent
        try:
            disk = os.statvfs(folder)
        except OSError as error:
            raise StoreError(
                f"{folder}: {error.strerror}; the free space of its disk is not known"
            ) from error
        # Space reserved for root is not free for the daemon.
        return Space(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)

    def announced(self, control: Control) -> AbstractContextManager[None]:
        return announced(self.path, control)

    def control(self) -> Control | None:
        return read_control(self.path)

    def versions(self) -> tuple[int, int]:
        if not self.path.exists():
            return 0, len(MIGRATIONS)
        try:
            with closing(open_reader(self.path)) as connection:
                return schema_version(connection, self.path), len(MIGRATIONS)
        except sqlite3.Error as error:
            raise refusal(error, self.path) from error

    def migrate(self) -> tuple[int, int]:
        versions = self.versions()
        with self._locked():
            prepared(self.path).close()
        return versions

    def vacuum(self) -> tuple[int, int]:
        require_there(self.path)
        with self._locked():
            before = self._size()
            with closing(open_writer(self.path)) as connection:
                schema_version(connection, self.path)
                # The second copy would otherwise be in memory.
                connection.execute("PRAGMA temp_store = FILE")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return before, self._size()

    def back_up(self, file: Path, now: float, progress: Progress | None = None) -> int:
        return back_up(self.path, file, now, progress)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = StoreLock(self.path)
        lock.take()
        try:
            yield
        except sqlite3.Error as error:
            raise refusal(error, self.path) from error
        finally:
            lock.release()

    def _size(self) -> int:
        log = self.path.with_name(f"{self.path.name}-wal")
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)
