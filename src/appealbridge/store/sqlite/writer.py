"""
The writer thread, which commits all waiting transactions together.

A commit costs one sync of the disk, however many transactions it has. While one is in progress, the next transactions
gather. Each caller gets its result only after the commit with its transaction has returned.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from appealbridge.model.errors import StoreError
from appealbridge.store.backend import OnCommit
from appealbridge.store.records import Writing
from appealbridge.store.sqlite.errors import refusal, store_failure
from appealbridge.store.sqlite.live import forget

Together = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""Does many transactions of one kind at once: takes their arguments and returns their results, in order."""


@dataclass(slots=True, eq=False)
class Job:
    """A waiting transaction: its kind, its arguments, and the future of its caller."""

    together: Together
    payload: Any
    future: asyncio.Future[Any]


Outcome = tuple[Job, Any, Exception | None]


class Writer:
    """
    Takes transactions from the event loop's thread and commits them in groups.

    Transactions of one kind are done together, the kinds in the order in which they first came. If anything raises,
    all is rolled back and done again one by one, so that a transaction that fails does not affect the others.
    `connect` opens a new connection after a failure that cannot be rolled back.
    """

    def __init__(
        self,
        path: Path,
        connect: Callable[[], sqlite3.Connection],
        on_commit: OnCommit | None,
    ) -> None:
        self._path = path
        self._connect = connect
        self._on_commit = on_commit
        self._loop = asyncio.get_running_loop()
        self._gathering: list[Job] = []
        self._queue: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._under_way = 0
        self._busy_since = self._ended_at = self._loop.time()
        self._trouble = ""
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)

    def start(self, connection: sqlite3.Connection) -> None:
        """Begin to write on a connection, which belongs to the writer from now on."""
        self._connection = connection
        self._thread.start()

    def submit(self, together: Together, payload: Any) -> asyncio.Future[Any]:
        """Submit one transaction; the future has its result once it is durable."""
        if self._closed:
            raise StoreError(f"{self._path}: the store is closed; nothing more can be stored")
        future: asyncio.Future[Any] = self._loop.create_future()
        if not self._under_way:
            self._busy_since = self._loop.time()
        if not self._gathering:
            # Only when every task that can run now has run, so that they share a commit.
            self._loop.call_soon(self._hand_over)
        self._gathering.append(Job(together, payload, future))
        self._under_way += 1
        return future

    @property
    def busy(self) -> bool:
        """Whether any transaction waits for its commit."""
        return self._under_way > 0

    def writing(self) -> Writing:
        """Return the state of writing, without using the disk."""
        now = self._loop.time()
        return Writing(
            failure=self._trouble,
            waits_for=now - self._busy_since if self.busy else 0.0,
            idle_for=now - self._ended_at,
        )

    async def close(self) -> None:
        """Finish what was submitted, then end the thread and its connection."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.shield(self._ended)

    def _hand_over(self) -> None:
        if self._gathering:
            self._queue.put(self._gathering)
            self._gathering = []

    # -- in the writer's thread -----------------------------------------------------------------

    def _work(self) -> None:
        more = True
        while more:
            jobs, more = self._take()
            if jobs:
                begun = self._loop.time()
                outcomes = self._commit(jobs)
                self._call(self._resolve, outcomes, self._loop.time() - begun)
        if self._connection is not None:
            self._connection.close()
        self._call(self._end)

    def _take(self) -> tuple[list[Job], bool]:
        """Wait for a job, then take all that are there; also return whether more can come."""
        jobs: list[Job] = []
        part = self._queue.get()
        while part is not None:
            jobs += part
            try:
                part = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _commit(self, jobs: Sequence[Job]) -> Sequence[Outcome]:
        try:
            connection = self._connection = self._connection or self._connect()
            try:
                outcomes = self._at_once(connection, jobs)
            except Exception as error:
                self._undo()
                if store_failure(error, self._path) is not None:
                    raise
                outcomes = self._one_by_one(connection, jobs)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - every caller gets it, and the thread must go on
            self._undo()
            refused = refusal(error, self._path)
            self._trouble = str(refused)
            return [(job, None, refused) for job in jobs]
        self._trouble = ""
        return outcomes

    def _at_once(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> Sequence[Outcome]:
        connection.execute("BEGIN IMMEDIATE")
        kinds: dict[Together, list[Job]] = {}
        for job in jobs:
            kinds.setdefault(job.together, []).append(job)
        outcomes: list[Outcome] = []
        for together, same in kinds.items():
            results = together(connection, [job.payload for job in same])
            outcomes += [(job, result, None) for job, result in zip(same, results, strict=True)]
        return outcomes

    def _one_by_one(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> Sequence[Outcome]:
        connection.execute("BEGIN IMMEDIATE")
        return [self._try(connection, job) for job in jobs]

    def _try(self, connection: sqlite3.Connection, job: Job) -> Outcome:
        connection.execute("SAVEPOINT alone")
        try:
            (result,) = job.together(connection, [job.payload])
        except Exception as error:
            if store_failure(error, self._path) is not None:
                raise
            connection.execute("ROLLBACK TO alone")
            forget(connection)
            return job, None, refusal(error, self._path, alone=True)
        connection.execute("RELEASE alone")
        return job, result, None

    def _undo(self) -> None:
        """Roll back; replace a connection that cannot."""
        connection = self._connection
        if connection is None or not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
            forget(connection)
        except sqlite3.Error:
            self._connection = None
            connection.close()

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            # The loop is closed: nobody waits any more. What was committed stays.
            return

    # -- in the event loop's thread -------------------------------------------------------------

    def _resolve(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        self._under_way -= len(outcomes)
        self._busy_since = self._ended_at = self._loop.time()
        for job, result, error in outcomes:
            if job.future.done():
                continue  # its caller was cancelled meanwhile
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        if self._on_commit is not None:
            self._on_commit(seconds, len(outcomes))

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
