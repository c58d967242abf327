"""Opens the SQLite file: one connection to write, and one for each reader."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from appealbridge.files import PRIVATE, open_own, own_user
from appealbridge.model.errors import StoreError, StoreLocked
from appealbridge.store.sqlite.errors import refusal
from appealbridge.store.sqlite.live import WritingConnection, live_of
from appealbridge.store.sqlite.schema import migrate, require_current

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long to wait for another program, such as a backup, before the store counts as locked."""

READERS = 2
"""How many queries run at the same time, and how many queries for people besides."""

STEPS = 100_000
"""After how many steps of SQLite's machine (some milliseconds) it checks whether a query takes too long."""

CHECKPOINT_PAGES = 4000
"""How many pages the log may grow to before they are copied into the file, 16 MB of them."""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the connection that writes, and that copies the log into the file now and then."""
    set_up = (
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000;"
        "PRAGMA journal_size_limit = 67108864;"
        # Overwrites what is removed or moved within a page, so that no copy can be read later.
        "PRAGMA secure_delete = FAST;"
    )
    return opened(path, set_up, factory=WritingConnection, cached_statements=512)


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    return opened(address, "PRAGMA query_only = ON", uri=True, cached_statements=64)


def opened(address: Path | str, set_up: str, **options: Any) -> sqlite3.Connection:
    """Open a connection for any thread, without transactions that begin by themselves, and set it up."""
    connection: sqlite3.Connection = sqlite3.connect(
        address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, **options
    )
    try:
        connection.executescript(set_up)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Readers:
    """
    A few threads that read; each query is one transaction.

    With `within`, a query is abandoned after that many seconds.
    """

    def __init__(
        self, path: Path, name: str = "store-reader", *, within: float | None = None
    ) -> None:
        self._path = path
        self._within = within
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix=name)
        self._closed = False

    async def ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run one query and return its result."""
        if self._closed:
            raise StoreError(f"{self._path}: the store is closed; nothing more can be read")
        loop = asyncio.get_running_loop()
        end = None if self._within is None else loop.time() + self._within

        def late() -> bool:
            return end is not None and loop.time() > end

        return await loop.run_in_executor(self._threads, partial(self._answer, query, late))

    async def close(self) -> None:
        """Finish the queries, then end the threads and close their connections."""
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._threads.shutdown)
        while not self._idle.empty():
            self._idle.get().close()

    def _answer(self, query: Callable[[sqlite3.Connection], T], late: Callable[[], bool]) -> T:
        try:
            connection = self._connection()
            connection.set_progress_handler(late, 0 if self._within is None else STEPS)
        except sqlite3.Error as error:
            raise refusal(error, self._path) from error
        try:
            connection.execute("BEGIN")
            result = query(connection)
            connection.execute("COMMIT")
        except Exception as error:
            connection.close()
            raise refusal(error, self._path) from error
        self._idle.put(connection)
        return result

    def _connection(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except Empty:
            return open_reader(self._path)


class StoreLock:
    """The lock on the file beside the store, held from `take` to `release` or to the end of the process."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store.with_name(store.name + ".lock")
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock; raise `StoreLocked` naming the process that has it."""
        import fcntl  # not on Windows, where stores are only read

        try:
            handle = open_own(self._path, os.O_RDWR, PRIVATE)
        except OSError as error:
            raise StoreError(
                f"{self._path}: {error.strerror}; make the folder and allow the daemon's user to "
                f"write there, or change `store:` in appealbridge.yaml"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise StoreLocked(
                f"{self._store}: process {holder or 'of unknown number'} uses this store; stop it first, "
                f"or give this daemon another `store:` in appealbridge.yaml"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Release the lock. The file stays, because removing it would race with the next daemon's `take`."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def prepared(path: Path) -> sqlite3.Connection:
    """Return the writing connection, after creating or updating the file."""
    try:
        make_private(path)
        connection = open_writer(path)
        try:
            migrate(connection, path)
            live_of(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    return connection


def make_private(path: Path) -> None:
    """
    Create a missing file that only its owner can read; the log beside it gets the same permissions.

    A file that exists keeps its permissions, except those for everybody. Raise `StoreError` for another user's link.
    """
    with suppress(OSError):  # SQLite reports the reason
        try:
            about = path.lstat()
        except FileNotFoundError:
            os.close(open_own(path, os.O_RDWR, PRIVATE))
            return
        if stat.S_ISLNK(about.st_mode):
            if about.st_uid not in (0, own_user()):
                raise StoreError(f"{path}: this link belongs to another user; remove it")
            about = path.stat()
        if stat.S_ISREG(about.st_mode) and about.st_mode & stat.S_IRWXO:
            path.chmod(stat.S_IMODE(about.st_mode) & ~stat.S_IRWXO)


def check_readable(path: Path) -> None:
    """Raise `StoreError` if the file is not a store of this version."""
    require_there(path)
    try:
        with closing(open_reader(path)) as connection:
            require_current(connection, path)
    except sqlite3.Error as error:
        raise refusal(error, path) from error


def require_there(path: Path) -> None:
    """Raise `StoreError` if the file is missing."""
    if not path.exists():
        raise StoreError(
            f"{path}: there is no store here; start the daemon once, or change `store:` in appealbridge.yaml"
        )
