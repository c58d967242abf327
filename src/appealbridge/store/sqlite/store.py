"""
The default store: one SQLite file, with one writer and several readers.

The SQL stands in `accepting`, `keys`, `settling`, `moving`, `planning`, `pruning`, `lanes`, `telling`,
`reading`, `listing` and `paging`; here each promise of `Store` is put to the writer or to the readers.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import StoreError
from appealbridge.model.run import Run
from appealbridge.store.records import (
    Accepted,
    Arrival,
    HoldFilter,
    KnownKey,
    LaneRecord,
    News,
    OpenRun,
    Over,
    PlanningMark,
    PollState,
    Pruned,
    QueueStatus,
    RecipeVersion,
    Settlement,
    SourceRecord,
    Writing,
)
from appealbridge.store.sqlite import deliveries as delivery_rows
from appealbridge.store.sqlite import events, lanes, notices, queries, recent, retention
from appealbridge.store.sqlite import runs as run_rows
from appealbridge.store.sqlite.connections import (
    Readers,
    StoreLock,
    check_readable,
    open_writer,
    prepared,
)
from appealbridge.store.sqlite.events import IntakeRows, accept, arrival_rows
from appealbridge.store.sqlite.settle import ending, settle
from appealbridge.store.sqlite.store_queries import SqliteQueries
from appealbridge.store.sqlite.writer import OnCommit, Together, Writer

T = TypeVar("T")

READING = Writing(trouble="the store is open to read only", waits_for=0.0, idle_for=0.0)

LISTED_WITHIN = 10.0
"""Seconds after which a query from people is abandoned."""
AT_ONCE = 8
"""For how many events rows are made before other tasks may run."""

RECOVERED = 2000
"""How many attempts that a crash cut off are taken up in one transaction."""


class SqliteStore(SqliteQueries):
    """
    The store in one SQLite file; its promises are those of `Store`.

    Use `open` and `close`. A store opened read-only refuses every write.
    """

    def __init__(self, path: Path, writer: Writer | None, lock: StoreLock | None) -> None:
        self._readers = Readers(path)
        super().__init__(self._readers)
        self._path = path
        self._list_readers = Readers(path, "store-listing", within=LISTED_WITHIN)
        self.listings = SqliteQueries(self._list_readers)
        self._writer = writer
        self._lock = lock

    @classmethod
    async def open(
        cls, path: Path, *, read_only: bool = False, on_commit: OnCommit | None = None
    ) -> SqliteStore:
        """
        Open the store's file, made where there is none, and bring it up to date.

        `read_only` takes no lock and changes nothing. `on_commit` is told of every commit, in the
        event loop's thread, how many seconds it took and how many transactions it held. Raise
        `StoreLocked` where another daemon works on it, `StoreError` where it cannot be used.
        """
        if read_only:
            await asyncio.to_thread(check_readable, path)
            return cls(path, None, None)
        lock = StoreLock(path)
        lock.take()
        try:
            connection = await asyncio.to_thread(prepared, path)
        except BaseException:
            lock.release()
            raise
        writer = Writer(path, lambda: open_writer(path), on_commit)
        writer.start(connection)
        return cls(path, writer, lock)

    # -- the hot path ---------------------------------------------------------------------------

    async def accept(
        self, arrivals: Sequence[Arrival], memory: PollState | None = None
    ) -> Sequence[Accepted]:
        """Store events with all they caused, and a look's memory, in one transaction."""
        rows = []
        for number, arrival in enumerate(arrivals, start=1):
            rows.append(arrival_rows(arrival))
            if number % AT_ONCE == 0:  # the rows of many or large events take time
                await asyncio.sleep(0)
        accepted: Sequence[Accepted] = await self._submit(accept, IntakeRows(rows, memory))
        return accepted

    async def claim(self, channel: str, now: float, limit: int) -> Sequence[Delivery]:
        """Begin attempts, the longest due first."""
        return await self._write(lambda db: delivery_rows.claim(db, channel, now, limit))

    async def settle(self, settlement: Settlement) -> None:
        """End an attempt or a look."""
        await self._submit(settle, ending(settlement))

    # -- what waits -----------------------------------------------------------------------------

    async def claim_unknown(self, channel: str, now: float, limit: int) -> Sequence[Delivery]:
        """Return `unknown` deliveries whose look is due."""
        return await self._ask(lambda db: queries.claim_unknown(db, channel, now, limit))

    async def begun_before(self, at: float, limit: int) -> Sequence[Delivery]:
        """Return deliveries whose attempt was begun long ago and has not ended."""
        return await self._ask(lambda db: queries.begun_before(db, at, limit))

    async def outlook(self, channel: str, now: float) -> QueueStatus:
        """Return what waits on a channel after a claim at `now`, and when to ask again."""
        return await self._ask(lambda db: queries.outlook(db, channel, now))

    async def hasten(self, channel: str, now: float, limit: int) -> int:
        """Let what waits for a later time be due now."""
        return await self._write(lambda db: lanes.hasten(db, channel, now, limit))

    async def woken_runs(self, now: float, limit: int) -> Sequence[OpenRun]:
        """Return open runs that something happened to, or whose time came."""
        return await self._ask(lambda db: queries.woken_runs(db, now, limit))

    async def any_open_run(self, before: float) -> bool:
        """Return whether a run that began at a time or before is still open."""
        return await self._ask(lambda db: queries.any_open_run(db, before))

    async def next_wake(self) -> float | None:
        """Return when the next open run is to be looked at."""
        return await self._ask(queries.next_wake)

    async def runs_before(self, run_id: str) -> Sequence[Run]:
        """Return the open runs that wait before this one."""
        return await self._ask(lambda db: run_rows.before(db, run_id))

    async def run_again(self, runs: Sequence[Run], waits: Collection[str]) -> Sequence[Run]:
        """Store runs of an event that is there already."""
        since = await self._ask(lambda db: run_rows.since(db, runs[0].event_id)) if waits else ()
        return await self._write(lambda db: run_rows.run_again(db, runs, waits, since))

    async def advance(
        self, run: Run, seen: int, deliveries: Sequence[Delivery], unheard: Collection[str] = ()
    ) -> bool:
        """Store what a run planned next."""
        step = run_rows.advancing(run, seen, deliveries, unheard)
        return await self._write(lambda db: run_rows.advance(db, step))

    async def expire(self, now: float, limit: int = 1000) -> Sequence[Delivery]:
        """End waiting deliveries whose `publish_by` has passed."""
        return await self._write(lambda db: delivery_rows.expire(db, now, limit))

    async def next_expiry(self) -> float | None:
        """Return the earliest `publish_by` of a waiting delivery."""
        return await self._ask(queries.next_expiry)

    async def recover(self, now: float, look_at: float) -> int:
        """Make every attempt that never ended unsure, and its delivery unknown."""
        count = 0
        # Step by step, since one change of very many rows takes memory for each of them; what a crash
        # leaves undone is found again by the next start.
        while step := await self._write(
            lambda db: delivery_rows.recover(db, now, look_at, RECOVERED)
        ):
            count += step
        return count

    async def move(
        self, delivery_id: str, target: State, now: float, *, hold: str = "", reason: str = ""
    ) -> Delivery:
        """Make one move on a person's word."""
        return await self._write(
            lambda db: delivery_rows.move(db, delivery_id, target, now, hold, reason)
        )

    # -- lanes ----------------------------------------------------------------------------------

    async def lanes(self) -> Sequence[LaneRecord]:
        """Return how every account was doing that was ever in trouble."""
        return await self._ask(lanes.lanes)

    async def keep_lane(self, lane: LaneRecord) -> None:
        """Keep how an account is doing."""
        await self._write(lambda db: lanes.keep_lane(db, lane))

    async def sent_times(self, channel: str, since: float, limit: int) -> Sequence[float]:
        """Return when the latest deliveries of a channel went out."""
        return await self._ask(lambda db: lanes.sent_times(db, channel, since, limit))

    # -- telling people -------------------------------------------------------------------------

    async def raise_alarm(self, kind: str, channel: str, words: str, now: float) -> None:
        """Keep an alarm until people have been told of it."""
        await self._write(lambda db: notices.raise_alarm(db, kind, channel, words, now))

    async def tell(self, news: Collection[News], notice: Arrival | None = None) -> bool:
        """Take note that people are told of these, and store the notice that tells them."""
        told = notices.telling(news, notice)
        return await self._write(lambda db: notices.tell(db, told))

    async def hold_untouched(
        self, which: HoldFilter, *, hold: str, reason: str
    ) -> Sequence[Delivery]:
        """Hold what waits and was never touched; looked for by a reader, since there may be much of it."""
        found = await self._ask(lambda db: recent.untouched(db, which))
        return await self._write(lambda db: recent.hold(db, found, hold, reason))

    async def free_keys(self, source: str, held: Mapping[str, KnownKey]) -> None:
        """Release these keys for new events."""
        await self._write(lambda db: events.free_keys(db, source, held))

    # -- sources and recipes --------------------------------------------------------------------

    async def source(self, source: str) -> SourceRecord | None:
        """Return what is known of a polled source."""
        return await self._ask(lambda db: queries.source(db, source))

    async def remembered(self, source: str, identities: Collection[str]) -> Mapping[str, str]:
        """Return the digests of those identities that the source has listed before."""
        return await self._ask(lambda db: queries.remembered(db, source, identities))

    async def source_failed(self, source: str, now: float, next_look_at: float, note: str) -> None:
        """Note that a look did not succeed."""
        del now
        await self._write(lambda db: run_rows.source_failed(db, source, next_look_at, note))

    async def keep_planning_mark(self, mark: PlanningMark) -> None:
        """Keep the mark of a source whose new items are being planned."""
        await self._write(lambda db: run_rows.keep_planning_mark(db, mark))

    async def planning_marks(self) -> Sequence[PlanningMark]:
        """Return the marks of all sources."""
        return await self._ask(run_rows.planning_marks)

    async def keep_recipes(self, versions: Iterable[RecipeVersion], now: float) -> None:
        """Keep recipe versions."""
        kept = list(versions)
        await self._write(lambda db: run_rows.keep_recipes(db, kept, now))

    async def recipe(self, version: str) -> RecipeVersion:
        """Return a kept recipe version."""
        return await self._ask(lambda db: queries.recipe(db, version))

    # -- retention ------------------------------------------------------------------------------

    async def empty(self, over: Over, after: int = 0, limit: int = 200) -> Pruned:
        """Take the content out of events that are over, and out of all they caused."""
        found = await self._ask(lambda db: retention.find_full(db, over, after, limit))
        return await self._prune(retention.empty, found)

    async def forget(
        self, over: Over, *, emptied: bool, after: int = 0, limit: int = 200
    ) -> Pruned:
        """Remove events that are over with all they caused."""
        found = await self._ask(lambda db: retention.find_old(db, over, emptied, after, limit))
        return await self._prune(retention.delete, found)

    async def forget_keys(self, before: float, limit: int = 2000) -> int:
        """Delete keys of removed events."""
        return await self._write(lambda db: events.forget_keys(db, before, limit))

    async def forget_skipped(self, before: float, after: int = 0, limit: int = 200) -> Pruned:
        """Remove runs that were skipped."""
        runs, then = await self._ask(lambda db: retention.find_skipped(db, before, after, limit))
        removed = await self._write(lambda db: retention.delete_skipped(db, runs)) if runs else 0
        return Pruned(removed, then)

    async def forget_recipes(self, before: float, in_force: Collection[str]) -> int:
        """Remove recipe versions that no run was made by."""
        unused = await self._ask(lambda db: retention.unused_recipes(db, before, in_force))
        if not unused:
            return 0
        return await self._write(lambda db: retention.forget_recipes(db, unused, before))

    async def scrub(self) -> None:
        """Shorten the log, which has what was written before."""
        await asyncio.to_thread(retention.scrub, self._path)

    async def _prune(
        self,
        change: Callable[[sqlite3.Connection, retention.ExpiredRows], Pruned],
        found: retention.ExpiredRows,
    ) -> Pruned:
        if not (found.events or found.deliveries):
            return Pruned(0, found.then)
        return await self._write(lambda db: change(db, found))

    @property
    def busy(self) -> bool:
        """Whether any transaction waits for its commit."""
        return self._writer is not None and self._writer.busy

    def writing(self) -> Writing:
        """Return how writing has gone lately."""
        return READING if self._writer is None else self._writer.writing()

    async def check(self) -> None:
        """Write one beat; raise `StoreError` where that is not possible."""
        await self._write(lambda db: db.execute("UPDATE pulse SET beats = beats + 1"))

    async def close(self) -> None:
        """Finish what was handed over, then let go of everything."""
        # The last connection to go folds the log into the file, which one that only reads may not.
        await self._list_readers.close()
        await self._readers.close()
        if self._writer is not None:
            await self._writer.close()
        if self._lock is not None:
            self._lock.release()

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result: T = await self._submit(_each, work)
        return result

    def _submit(self, together: Together, payload: object) -> asyncio.Future[Any]:
        if self._writer is None:
            raise StoreError(
                f"{self._path}: the store is open to read only; ask the daemon to do this"
            )
        return self._writer.submit(together, payload)


def _each(
    connection: sqlite3.Connection, works: Sequence[Callable[[sqlite3.Connection], object]]
) -> Sequence[object]:
    return [work(connection) for work in works]
