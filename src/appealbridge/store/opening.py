"""What is made sure of before anything is asked of a store's file: it is there, it is ours, it has the newest shape."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.store.connections import open_reader, open_writer
from appealbridge.store.schema import migrate, require_current
from appealbridge.store.trouble import refusal


def prepared(path: Path) -> sqlite3.Connection:
    """Return the writing connection to a file that is made or brought up to date."""
    try:
        _private(path)
        connection = open_writer(path)
        try:
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    return connection


def _private(path: Path) -> None:
    """Make a file that is not there yet for its owner's eyes only; the log beside it gets the same rights."""
    with suppress(OSError):  # SQLite says what is in its way, and so does a file that is there
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def check_readable(path: Path) -> None:
    """Raise `StoreError` where there is no store of ours in the newest shape."""
    require_there(path)
    try:
        with closing(open_reader(path)) as connection:
            require_current(connection, path)
    except sqlite3.Error as error:
        raise refusal(error, path) from error


def require_there(path: Path) -> None:
    """Raise `StoreError` where there is no file."""
    if not path.exists():
        raise StoreError(
            f"{path}: there is no store here; start the daemon once, or change `store:` in appealbridge.yaml"
        )
