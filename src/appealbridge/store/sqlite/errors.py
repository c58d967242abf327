"""Converts SQLite's errors to ours, with what to do about each."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appealbridge.model.errors import StoreError, StoreFull, StoreLocked, Unkeepable

_LOCKED = (
    StoreLocked,
    "another program is using the store; close whatever has the file open for writing",
)
_WHOLE_STORE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (
        StoreFull,
        "the disk is full; free some space; everything accepted before is safe",
    ),
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "the disk failed; check the system log for errors of the disk, and check quotas",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StoreError,
        "the file is damaged; stop the daemon, keep the file, and restore the last backup",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreError,
        "this is not a SQLite file; check `store:` in appealbridge.yaml, or restore the last backup",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreError,
        "the file may not be written; allow the daemon's user to write it and its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "the file cannot be opened; make its folder, and let both belong to the daemon's user",
    ),
    sqlite3.SQLITE_PERM: (
        StoreError,
        "the file may not be opened; allow the daemon's user to read and write it",
    ),
    sqlite3.SQLITE_INTERRUPT: (
        StoreError,
        "this takes too long; ask for less, with more filters or a shorter time",
    ),
    sqlite3.SQLITE_NOMEM: (StoreError, "the machine has no memory left; free some and try again"),
}
"""Errors of the whole store, each with what to do about it."""


def store_failure(error: BaseException, path: Path) -> StoreError | None:
    """Return the error to raise if the whole store has failed, `None` if only one operation has."""
    # Some errors of the module itself have no code of SQLite's.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if not isinstance(error, sqlite3.Error) or code & 0xFF not in _WHOLE_STORE:
        return None
    kind, cure = _WHOLE_STORE[code & 0xFF]
    return kind(f"{path}: {cure} ({error})")


_OF_THE_VALUES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    TypeError,
    OverflowError,
)
"""Errors that the same operation always causes, even if the store works."""


def refusal(error: Exception, path: Path, *, alone: bool = False) -> Exception:
    """
    Return the error for the caller of one operation.

    `alone` says that the operation was tried by itself, so that no other one can have caused the error.
    """
    if isinstance(error, StoreError):
        return error
    failure = store_failure(error, path)
    if failure is not None:
        return failure
    if isinstance(error, sqlite3.Error | ValueError | TypeError | OverflowError):
        kind = Unkeepable if alone and isinstance(error, _OF_THE_VALUES) else StoreError
        return kind(f"{path}: this cannot be stored: {error}")
    return error
