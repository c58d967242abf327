"""Maintenance of a store's file: update, vacuum, back up, and recover what a restored backup leaves unclear."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from appealbridge.files import PRIVATE, create, open_handle
from appealbridge.model.audit import Act, Decision
from appealbridge.model.errors import StoreError
from appealbridge.model.withdrawal import RESTORED
from appealbridge.store.backend import Progress
from appealbridge.store.sqlite.connections import (
    StoreLock,
    open_reader,
    open_writer,
    prepared,
    require_there,
)
from appealbridge.store.sqlite.decisions.audit import DAEMON
from appealbridge.store.sqlite.decisions.entries import record
from appealbridge.store.sqlite.decisions.stops import stop
from appealbridge.store.sqlite.errors import refusal
from appealbridge.store.sqlite.images.media import add_to_backup
from appealbridge.store.sqlite.ordering import recompute_blocked
from appealbridge.store.sqlite.schema import MIGRATIONS, schema_version
from appealbridge.store.sqlite.states import (
    HELD,
    IS_BEGUN,
    IS_REMOVAL,
    PLANNED,
    READY,
    SENDING,
    UNKNOWN,
)


def versions(path: Path) -> tuple[int, int]:
    """Return a store's version (0 if there is none) and the newest one; change nothing."""
    if not path.exists():
        return 0, len(MIGRATIONS)
    try:
        with closing(open_reader(path)) as connection:
            return schema_version(connection, path), len(MIGRATIONS)
    except sqlite3.Error as error:
        raise refusal(error, path) from error


def migrate(path: Path) -> tuple[int, int]:
    """Create a store, or update it to the newest version; return the versions before and after."""
    before_and_after = versions(path)
    with _locked(path):
        prepared(path).close()
    return before_and_after


def vacuum(path: Path) -> tuple[int, int]:
    """
    Rewrite the file without its empty pages; return its size in bytes before and after.

    Needs as much free space again meanwhile.
    """
    require_there(path)
    with _locked(path):
        before = _size(path)
        with closing(open_writer(path)) as connection:
            schema_version(connection, path)
            # The second copy would otherwise be in memory.
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return before, _size(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = StoreLock(path)
    lock.take()
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    finally:
        lock.release()


def _size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


STOPPED_BY_RESTORE = "the store was restored from a backup; nobody knows what was decided since"
"""Why a restored store is stopped."""

STEP = 1024
"""How many pages are copied between two reports."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_MARK = "CREATE TABLE backup (taken_at REAL NOT NULL) STRICT"
_IS_MARKED = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'backup')"
# A search for one of these may find nothing because the post was withdrawn after the backup was taken.
_BEGUN = (
    "INSERT INTO attempts (delivery_id, number, kind, begun_at, ended_at, outcome, detail)"
    f" SELECT id, attempts, CASE WHEN {IS_REMOVAL} THEN 'remove' ELSE 'send' END, begun_at,"
    f" (SELECT taken_at FROM backup), 'unsure', '{RESTORED}' FROM deliveries WHERE {IS_BEGUN}"
    f" AND state = {SENDING}"
)
_VOID = (
    "UPDATE answers SET withdrawn_at = ? WHERE withdrawn_at = 9e999"
    f" AND delivery_id IN (SELECT id FROM deliveries WHERE state <= {SENDING} AND question > 0)"
)
_PERHAPS_PUBLISHED = (
    f"UPDATE deliveries SET state = {UNKNOWN}, due_at = :look_at, begun_at = 9e999,"
    " first_begun_at = min(first_begun_at, (SELECT taken_at FROM backup)),"
    f" reason = '{RESTORED}'"
    f" WHERE state IN ({PLANNED}, {READY}, {UNKNOWN}, {SENDING}) AND NOT ({IS_REMOVAL} AND state = {PLANNED})"
)

HELD_SINCE = "restored from a backup, so it may have been published since: look on the account before you let it go"
"""Why a person must look before a delivery goes out that was held when a backup was made."""

_PERHAPS_ANSWERED = (
    "UPDATE deliveries SET notified = 0,"
    f" reason = CASE reason WHEN '' THEN '' ELSE reason || '; ' END || '{HELD_SINCE}'"
    f" WHERE state = {HELD} AND NOT {IS_REMOVAL}"
)


def back_up(store: Path, file: Path, now: float, progress: Progress | None = None) -> int:
    """
    Copy a store to a new file, whether or not a daemon uses it; return its size in bytes.

    The copy is of one moment; the daemon can write meanwhile. Raise `StoreError` if there is no store, if the file
    exists, or if the copy is damaged.
    """
    require_there(store)
    if os.path.lexists(file):
        raise StoreError(f"{file}: this file exists already; choose a new name for the backup")
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
            f"{file}: {error.strerror}; choose a folder that can be written and has free space"
        ) from error
    return file.stat().st_size


def recover_backup(connection: sqlite3.Connection, now: float, look_at: float) -> int:
    """
    In a restored backup, make everything that was about to be sent unknown; return how many (otherwise 0).

    Everything is stopped until an operator has seen what would go out, and the trail of decisions says what is missing.
    """
    if not connection.execute(_IS_MARKED).fetchone()[0]:
        return 0
    connection.execute(_BEGUN)
    unclear = connection.execute(_PERHAPS_PUBLISHED, {"look_at": look_at}).rowcount
    connection.execute(_PERHAPS_ANSWERED)
    connection.execute(_VOID, (now,))  # whoever approved may have taken it back since
    recompute_blocked(connection)  # the rest of each thread now has its place in the order, too
    (taken_at,) = connection.execute("SELECT max(taken_at) FROM backup").fetchone()
    shown = {"backup_taken_at": taken_at}
    restore = Decision(actor=DAEMON, act=Act.RESTORE, at=now, object="store", shown=shown)
    record(connection, restore)
    stop(connection, replace(restore, act=Act.STOP, shown={}, reason=STOPPED_BY_RESTORE))
    # What proved somebody then may have been ended or revoked since.
    connection.execute("DELETE FROM sessions")
    connection.execute("DELETE FROM tokens")
    connection.execute("UPDATE people SET code = '', code_ends = 0")
    connection.execute("DROP TABLE backup")
    return unclear


def _copy(store: Path, part: Path, now: float, progress: Progress | None) -> None:
    def report(_: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    try:
        with closing(open_reader(store)) as source:
            schema_version(source, store)
            # One transaction for all steps, or every commit of the daemon would begin the copy anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            address = part.absolute().as_uri()
            with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as copy:
                copy.execute("PRAGMA synchronous = OFF")  # it is synced once, when it is complete
                source.backup(copy, pages=STEP, progress=report)
                add_to_backup(store, copy)
                _finish(copy, part, now)
    except sqlite3.Error as error:
        raise refusal(error, store) from error


def _finish(copy: sqlite3.Connection, part: Path, now: float) -> None:
    copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    if not copy.execute(_IS_MARKED).fetchone()[0]:
        copy.execute(_MARK)
    copy.execute("DELETE FROM backup")
    copy.execute("INSERT INTO backup VALUES (?)", (now,))
    errors = [error for (error,) in copy.execute("PRAGMA integrity_check") if error != "ok"]
    if errors:
        raise StoreError(
            f"{part}: the copy is damaged ({errors[0]}), and the store may be too; keep both and restore "
            f"an older backup"
        )


def _name(part: Path, file: Path) -> None:
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        part.rename(file)


def _sync(path: Path) -> None:
    handle = open_handle(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
