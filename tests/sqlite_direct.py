"""The methods of the SQLite store, run at once on one connection of a test's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from appealbridge.store.records import Arrival, PollState
from appealbridge.store.sqlite.events import IntakeRows, arrival_rows
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.store.sqlite.writer import Together

OWNER = 7


def intake(arrivals: Sequence[Arrival], memory: PollState | None = None) -> IntakeRows:
    """Return what one call of `accept` submits."""
    return IntakeRows([arrival_rows(arrival, OWNER) for arrival in arrivals], memory)


class _Direct(SqliteStore):
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._owner = OWNER

    async def _read(self, query: Callable[[sqlite3.Connection], Any]) -> Any:
        return query(self._db)

    async def _submit(self, together: Together, payload: object) -> Any:  # type: ignore[override]
        (result,) = together(self._db, [payload])
        return result


class On:
    """`On(db).claim(…)` returns what `await store.claim(…)` does, without threads and transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._store = _Direct(db)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)
        return lambda *args, **more: _result(method(*args, **more))


def run(db: sqlite3.Connection, helper: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
    """Run a helper of the store's contract tests on such a store."""
    return _result(helper(_Direct(db), *args))


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
