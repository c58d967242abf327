"""
A daemon in the process of the tests that dies at one of its transactions, as if it had been killed there.

If it dies `before` a transaction, nothing of that one and of those in the same commit is stored. If it dies `after` it,
it is stored, but the daemon did not learn so. From then on every call of its store ends the task that made it, and all
its other tasks are ended too. Transactions that change nothing, such as a claim that finds nothing, are not counted:
to die there is to die at the next one.

The product knows nothing of this: the store is the real one, and only its one method for writing is watched. The
database itself records every change of a delivery's state, so that none is missed.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from appealbridge.daemon.bridge import Bridge
from appealbridge.store.sqlite.events import accept
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.store.sqlite.writer import Together

_NOTE_MOVES = """
CREATE TABLE IF NOT EXISTS noted_moves (delivery TEXT, old INTEGER, new INTEGER);
CREATE TRIGGER IF NOT EXISTS note_moves AFTER UPDATE OF state ON deliveries
 WHEN new.state <> old.state
BEGIN INSERT INTO noted_moves VALUES (new.id, old.state, new.state); END;
"""

_tasks: ContextVar[WeakSet[asyncio.Task[Any]] | None] = ContextVar("tasks", default=None)


class Killed(Exception):
    """Raised in the writer's thread."""


class Death:
    """The transaction at which a daemon dies, and whether before or after it; number 0 is never."""

    def __init__(self, number: int = 0, side: str = "before") -> None:
        self.came = asyncio.Event()
        self.ends: Callable[[], None] = lambda: None
        self.completed = 0
        """How many transactions that changed something are stored, and the daemon learnt so."""
        self._number = number
        self._side = side
        self._made = 0
        self._killed = False

    def watches(self, together: Together) -> Together:
        """Wrap transactions, of which one may be the last; runs in the writer's thread."""

        def watched(connection: sqlite3.Connection, payloads: Sequence[Any]) -> Sequence[Any]:
            results = together(connection, payloads)
            result = range(self._made + 1, self._made + 1 + sum(map(_changes(together), results)))
            self._made += len(result)
            self._killed |= self._side == "before" and self._number in result
            if self._killed:
                raise Killed
            return results

        return watched

    def hears(self, together: Together, done: asyncio.Future[Any]) -> None:
        """Record that a transaction has ended."""
        error = done.exception()
        if error is None:
            self.completed += _changes(together)(done.result())
        after = (self.completed, self._side) == (self._number, "after")
        if after or self._killed:
            self.comes()

    def comes(self) -> None:
        """End the daemon."""
        if not self.came.is_set():
            self.came.set()
            self.ends()


class Mortal(SqliteStore):
    """The SQLite store of a daemon that may die."""

    death: ClassVar[Death]

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._watched: dict[Together, Together] = {}

    @classmethod
    async def open(cls, path: Path, **more: Any) -> SqliteStore:
        store = await super().open(path, **more)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_NOTE_MOVES)
        return store

    async def _read(self, query: Callable[[sqlite3.Connection], Any]) -> Any:
        if self.death.came.is_set():
            raise asyncio.CancelledError
        return await super()._read(query)

    def _submit(self, together: Together, payload: object) -> asyncio.Future[Any]:
        death = self.death
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if death.came.is_set():
            answer.cancel()
            return answer
        watched = self._watched.setdefault(together, death.watches(together))

        def hear(done: asyncio.Future[Any]) -> None:
            death.hears(together, done)
            _pass_on(done, answer, dead=death.came.is_set())

        super()._submit(watched, payload).add_done_callback(hear)
        return answer


def mortal(death: Death) -> type[SqliteStore]:
    """Return the class of a store whose daemon dies so."""
    return type("Mortal", (Mortal,), {"death": death})


def _changes(together: Together) -> Callable[[Any], bool]:
    """Return a function that tells from a transaction's result whether it changed anything."""
    # A poll of a source stores its state even if it found no event.
    return lambda result: together is accept or result not in ([], 0)


def _pass_on(done: asyncio.Future[Any], answer: asyncio.Future[Any], *, dead: bool) -> None:
    if answer.done():
        return  # the caller was cancelled
    if dead:
        answer.cancel()
    elif error := done.exception():
        answer.set_exception(error)
    else:
        answer.set_result(done.result())


class Life:
    """One daemon from its start to its end."""

    def __init__(self, death: Death, make: Callable[[], Bridge]) -> None:
        self._death = death
        self._make = make
        self._leave = asyncio.Event()
        self._ready: asyncio.Future[Bridge] = asyncio.get_running_loop().create_future()
        self._own: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._whole: asyncio.Task[None] | None = None

    async def begins(self) -> Bridge | None:
        """Start; return nothing if it died meanwhile."""
        asyncio.get_running_loop().set_task_factory(_noting)
        self._whole = asyncio.create_task(self._live())
        await asyncio.wait({self._whole, self._ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            return self._ready.result()
        await self.ends()
        return None

    async def ends(self) -> None:
        """Stop as SIGTERM does, if it still runs."""
        self._leave.set()
        assert self._whole is not None
        await asyncio.wait({self._whole})
        if not self._death.came.is_set():
            self._whole.result()

    async def _live(self) -> None:
        # All tasks that it starts are recorded, and end when it dies. Leaving the context closes its files and
        # sockets, as the system does for a dead process.
        _tasks.set(self._own)
        self._death.ends = self._end
        async with self._make() as bridge:
            self._ready.set_result(bridge)
            await self._leave.wait()

    def _end(self) -> None:
        self._leave.set()
        for task in list(self._own):
            task.cancel()


def _noting(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
    own = _tasks.get()
    # If asyncio's own server were ended while it accepts a connection, it would never close that socket.
    if own is not None and coroutine.__name__ != "_accept_connection2":
        own.add(task)
    return task
