"""What is done to a store's file while no daemon works on it: made smaller, brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from appealbridge.store.connections import open_reader, open_writer
from appealbridge.store.lock import StoreLock
from appealbridge.store.opening import prepared, require_there
from appealbridge.store.schema import MIGRATIONS, shape
from appealbridge.store.trouble import refusal

NEWEST = len(MIGRATIONS)
"""The number of the newest shape."""


def vacuum(path: Path) -> tuple[int, int]:
    """
    Write the file anew without what is empty in it; return its size in bytes before and after.

    Needs as much room again while it lasts. Raise `StoreLocked` where a daemon works on it.
    """
    require_there(path)
    with _alone(path):
        before = _size(path)
        with closing(open_writer(path)) as connection:
            shape(connection, path)
            # The second copy would otherwise be held in memory.
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return before, _size(path)


def bring_up_to_date(path: Path) -> tuple[int, int]:
    """
    Give a store the newest shape, and make it where there is none; return the shapes before and after.

    Raise `StoreLocked` where a daemon works on it, `StoreError` where it is not for this program.
    """
    before = shape_of(path)
    with _alone(path):
        prepared(path).close()
    return before, NEWEST


def shape_of(path: Path) -> int:
    """Return the number of a store's shape, 0 where there is no store; change nothing."""
    if not path.exists():
        return 0
    try:
        with closing(open_reader(path)) as connection:
            return shape(connection, path)
    except sqlite3.Error as error:
        raise refusal(error, path) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = StoreLock(path)
    lock.take()
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    finally:
        lock.release()


def _size(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
