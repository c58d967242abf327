"""Maintenance of a store's file: shrink, update, back up."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from appealbridge.files import PRIVATE, create
from appealbridge.model.errors import StoreError
from appealbridge.store.records import Space
from appealbridge.store.sqlite.connections import (
    StoreLock,
    open_reader,
    open_writer,
    prepared,
    require_there,
)
from appealbridge.store.sqlite.errors import refusal
from appealbridge.store.sqlite.ordering import recompute_blocked
from appealbridge.store.sqlite.schema import MIGRATIONS, shape
from appealbridge.store.sqlite.states import PLANNED, READY, UNKNOWN

NEWEST = len(MIGRATIONS)
"""The number of the newest shape."""


def vacuum(path: Path) -> tuple[int, int]:
    """
    Rewrite the file without its empty pages; return its size in bytes before and after.

    Needs as much free space again meanwhile. Raise `StoreLocked` if a daemon uses it.
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
    Update a store to the newest version, or create it; return the versions before and after.

    Raise `StoreLocked` if a daemon uses it, `StoreError` if it is not a store of this program.
    """
    before = shape_of(path)
    with _alone(path):
        prepared(path).close()
    return before, NEWEST


def shape_of(path: Path) -> int:
    """Return a store's version, 0 if there is no store; change nothing."""
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


def free_space(store: Path) -> Space:
    """Return the free space of a store's file system; raise `StoreError` if it is not known."""
    try:
        told = os.statvfs(store.parent)
    except OSError as error:
        raise StoreError(
            f"{store.parent}: {error.strerror}; how much room the disk has cannot be asked"
        ) from error
    # Space reserved for root is not free for the daemon.
    return Space(told.f_bavail * told.f_frsize, told.f_blocks * told.f_frsize)


Progress = Callable[[int, int], None]
"""Called with how many pages are copied, and how many there are."""

STEP = 1024
"""How many pages are copied between two reports."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_MARK = "CREATE TABLE backup (taken_at REAL NOT NULL) STRICT"
_IS_MARKED = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'backup')"
_PERHAPS_GONE_OUT = (
    f"UPDATE deliveries SET state = {UNKNOWN}, due_at = :look_at,"
    " first_begun_at = min(first_begun_at, (SELECT taken_at FROM backup)),"
    " reason = 'restored from a backup; it may have gone out since'"
    f" WHERE state IN ({PLANNED}, {READY})"
)


def back_up(store: Path, file: Path, now: float, progress: Progress | None = None) -> int:
    """
    Copy a store to a new file, whether or not a daemon uses it; return its size in bytes.

    The copy is of one moment; the daemon's writing goes on meanwhile. Raise `StoreError` where
    there is no store, where the file exists, or where the copy is not whole.
    """
    require_there(store)
    if os.path.lexists(file):
        raise StoreError(f"{file}: this exists already; give the backup a new name")
    part = file.with_name(f"{file.name}.part-{os.getpid()}")
    try:
        try:
            os.close(create(part, PRIVATE))
            _copy(store, part, now, progress)
            _sync(part)
            _name(part, file)
            _sync(file.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{file}: {error.strerror}; choose a folder that may be written and has room"
        ) from error
    return file.stat().st_size


def take_up(connection: sqlite3.Connection, look_at: float) -> int:
    """In a restored copy, make everything that was about to go out unknown; return how many (elsewhere 0)."""
    if not connection.execute(_IS_MARKED).fetchone()[0]:
        return 0
    unclear = connection.execute(_PERHAPS_GONE_OUT, {"look_at": look_at}).rowcount
    recompute_blocked(connection)  # the rest of each thread takes its turn now, too
    connection.execute("DROP TABLE backup")
    return unclear


def _copy(store: Path, part: Path, now: float, progress: Progress | None) -> None:
    try:
        with closing(open_reader(store)) as source:
            shape(source, store)
            # One transaction for all steps, or every commit of the daemon would begin the copy anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                copy.execute("PRAGMA synchronous = OFF")  # it is synced once, when it is whole
                source.backup(copy, pages=STEP, progress=_told(progress))
                _finish(copy, part, now)
    except sqlite3.Error as error:
        raise refusal(error, store) from error


def _finish(copy: sqlite3.Connection, part: Path, now: float) -> None:
    copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    if not copy.execute(_IS_MARKED).fetchone()[0]:
        copy.execute(_MARK)
    copy.execute("DELETE FROM backup")
    copy.execute("INSERT INTO backup VALUES (?)", (now,))
    wrong = [words for (words,) in copy.execute("PRAGMA integrity_check") if words != "ok"]
    if wrong:
        raise StoreError(
            f"{part}: the copy is damaged ({wrong[0]}), and so may be the store; keep both and restore "
            f"an older backup"
        )


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _, remaining, total: progress(total - remaining, total)


def _name(part: Path, file: Path) -> None:
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        part.rename(file)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
