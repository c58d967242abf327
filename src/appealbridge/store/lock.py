"""One daemon a store: a lock that the system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from appealbridge.files import PRIVATE, open_own
from appealbridge.model.errors import StoreError, StoreLocked


class StoreLock:
    """The lock beside the store's file, held from `take` to `release`."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store.with_name(store.name + ".lock")
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock; raise `StoreLocked` naming the process that has it."""
        try:
            handle = open_own(self._path, os.O_RDWR, PRIVATE)
        except OSError as error:
            raise StoreError(
                f"{self._path}: {error.strerror}; make the folder and give the daemon's user the "
                f"right to write there, or change `store:` in appealbridge.yaml"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise StoreLocked(
                f"{self._store}: process {holder or 'of unknown number'} works on this store; stop "
                f"it first, or give this daemon another `store:` in appealbridge.yaml"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Let go; the file stays, since removing it would race with the next daemon's `take`."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
