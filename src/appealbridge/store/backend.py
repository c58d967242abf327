"""What every kind of store can do besides storing: it is found, opened, copied and updated."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from appealbridge.store.base import Store
from appealbridge.store.records import Control, Space
from appealbridge.store.stops import StopFile

OnCommit = Callable[[float, int], None]
"""Called in the event loop's thread with the seconds that a commit took and how many transactions it had."""

Progress = Callable[[int, int], None]
"""Called with how much of a copy is done, and how much it is in all."""


class NotBelieved(OSError):
    """Somebody else may have written where the daemon is, and would get the operator's commands."""


def not_believed(file: Path, why: str) -> NotBelieved:
    """Return the error for a file that may be somebody else's."""
    return NotBelieved(
        errno.EPERM, f"{why}, and is not believed; remove it, and restart the daemon", str(file)
    )


class Backend(Protocol):
    """A store that need not be open, with what only its kind knows: its place, its disk, its maintenance."""

    def __str__(self) -> str:
        """Return the name of the store for messages."""

    def exists(self) -> bool:
        """Return whether there is a store."""

    async def open(self, *, read_only: bool = False, on_commit: OnCommit | None = None) -> Store:
        """
        Open the store; create it if there is none, and update it.

        With `read_only` nothing is changed. Raise `StoreLocked` if another daemon uses it, and `StoreError` if it
        cannot be used.
        """

    def space(self) -> Space:
        """Return the free space of the store's disk; raise `StoreError` if it is not known."""

    def announced(self, control: Control) -> AbstractContextManager[None]:
        """Let the command line find the daemon, from here to the end of the context."""

    def control(self) -> Control | None:
        """
        Return how to reach the daemon that uses this store, `None` if none has been announced.

        Raise `PermissionError` if this user may not know, and `NotBelieved` if somebody else may have written it.
        """

    def stop_file(self) -> StopFile:
        """Return the file that stops everything while it exists."""

    def logins(self) -> Path | None:
        """Return the file in which the daemon keeps the logins of its accounts, `None` if they are not kept."""

    def versions(self) -> tuple[int, int]:
        """Return the version of the store (0 if there is none) and the newest one; change nothing."""

    def migrate(self) -> tuple[int, int]:
        """Create the store, or update it to the newest version; return the versions before and after."""

    def vacuum(self) -> tuple[int, int]:
        """Remove the empty space from the store; return its size in bytes before and after."""

    def back_up(self, file: Path, now: float, progress: Progress | None = None) -> int:
        """Copy the store to a new file, even while a daemon uses it; return its size in bytes."""
