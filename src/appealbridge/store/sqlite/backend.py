"""
One SQLite file as a store that need not be open.

Most commands only ask where the daemon is. So SQLite, and what works with the file, is loaded when it is needed.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.store.backend import OnCommit, Progress
from appealbridge.store.base import Store
from appealbridge.store.records import Control, Space
from appealbridge.store.sqlite.control import announced, read_control
from appealbridge.store.stops import StopFile


@dataclass(frozen=True, slots=True)
class SqliteBackend:
    """The `Backend` of a SQLite file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.exists()

    async def open(self, *, read_only: bool = False, on_commit: OnCommit | None = None) -> Store:
        from appealbridge.store.sqlite.store import SqliteStore

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

    def stop_file(self) -> StopFile:
        return StopFile(self.path.with_name(f"{self.path.name}.stop"))

    def logins(self) -> Path | None:
        return self.path.with_name(f"{self.path.name}.logins")

    def versions(self) -> tuple[int, int]:
        from appealbridge.store.sqlite.maintenance import versions

        return versions(self.path)

    def migrate(self) -> tuple[int, int]:
        from appealbridge.store.sqlite.maintenance import migrate

        return migrate(self.path)

    def vacuum(self) -> tuple[int, int]:
        from appealbridge.store.sqlite.maintenance import vacuum

        return vacuum(self.path)

    def back_up(self, file: Path, now: float, progress: Progress | None = None) -> int:
        from appealbridge.store.sqlite.maintenance import back_up

        return back_up(self.path, file, now, progress)
