"""What is made sure of before anything is asked of a store's file: it is there, it is ours, it has the newest shape."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

from appealbridge.files import PRIVATE, open_own
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
    """
    Make a file that is not there yet for its owner's eyes only; the log beside it gets the same rights.

    One that is there keeps what its owner gave to others, but for everybody's rights. Raise `StoreError`
    for a link that somebody else made.
    """
    with suppress(OSError):  # SQLite says what is in its way
        try:
            about = path.lstat()
        except FileNotFoundError:
            os.close(open_own(path, os.O_RDWR, PRIVATE))
            return
        if stat.S_ISLNK(about.st_mode):
            if about.st_uid not in (0, os.geteuid()):
                raise StoreError(f"{path}: this is a link that somebody else made; remove it")
            about = path.stat()
        if stat.S_ISREG(about.st_mode) and about.st_mode & stat.S_IRWXO:
            path.chmod(stat.S_IMODE(about.st_mode) & ~stat.S_IRWXO)


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
