"""Turns SQLite's errors into ours, with what people can do about each."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appealbridge.model.errors import StoreError, StoreFull, StoreLocked, Unkeepable

_WHOLE_STORE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (
        StoreFull,
        "the disk has no room; free some space, what was accepted before stays",
    ),
    sqlite3.SQLITE_BUSY: (
        StoreLocked,
        "another program holds the store; close whatever has the file open for writing",
    ),
    sqlite3.SQLITE_LOCKED: (
        StoreLocked,
        "another program holds the store; close whatever has the file open for writing",
    ),
    sqlite3.SQLITE_IOERR: (
        StoreError,
        "the disk refuses; look at the system log for the disk's own errors, and at quotas",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StoreError,
        "the file is damaged; stop the daemon, keep the file, and restore the last backup",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreError,
        "this is not a SQLite file; look at `store:` in appealbridge.yaml, or restore the last backup",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreError,
        "the file may not be written; give the daemon's user the right to write it and its folder",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreError,
        "the file cannot be opened; make its folder, and let both belong to the daemon's user",
    ),
    sqlite3.SQLITE_PERM: (
        StoreError,
        "the file may not be opened; give the daemon's user the right to read and write it",
    ),
    sqlite3.SQLITE_INTERRUPT: (
        StoreError,
        "this takes too long; ask for less: say what is wanted more closely, or from when on",
    ),
    sqlite3.SQLITE_NOMEM: (StoreError, "the machine has no memory left; free some and try again"),
}


def trouble(error: BaseException, path: Path) -> StoreError | None:
    """Return the error to raise if the whole store is in trouble, `None` if only one operation is."""
    if not isinstance(error, sqlite3.Error):
        return None
    # Some errors of the module itself carry no code of SQLite's.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    known = _WHOLE_STORE.get(code & 0xFF)
    if known is None:
        return None
    kind, cure = known
    return kind(f"{path}: {cure} ({error})")


_OF_WHAT_IS_HANDED_OVER = (
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

    `alone` says that it was tried by itself, and no other operation can have been the cause.
    """
    if isinstance(error, StoreError):
        return error
    wider = trouble(error, path)
    if wider is not None:
        return wider
    if isinstance(error, sqlite3.Error | ValueError | TypeError | OverflowError):
        kind = Unkeepable if alone and isinstance(error, _OF_WHAT_IS_HANDED_OVER) else StoreError
        return kind(f"{path}: the store cannot keep this: {error}")
    return error
