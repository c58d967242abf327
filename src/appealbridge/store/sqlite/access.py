"""
How the methods of the SQLite store reach the database.

A method marked `reads` or `writes` is written as plain code with a connection, and called without it:

    @reads
    def run(self, db: Connection, run_id: str) -> Run: ...

    await store.run(run_id)

It runs as one transaction in a reader's or the writer's thread.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from appealbridge.model.errors import StoreError
from appealbridge.store.sqlite.connections import Readers
from appealbridge.store.sqlite.writer import Together, Writer

P = ParamSpec("P")
R = TypeVar("R", bound="ReadAccess")
W = TypeVar("W", bound="WriteAccess")
T = TypeVar("T")

Connection = sqlite3.Connection


class ReadAccess:
    """Runs queries on the connections that can only read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await self._readers.ask(query)


class WriteAccess(ReadAccess):
    """Also submits transactions to the writer; without one, the store is read-only."""

    def __init__(self, path: Path, readers: Readers, writer: Writer | None) -> None:
        super().__init__(readers)
        self._path = path
        self._writer = writer
        self._owner = secrets.randbits(62)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        result: T = await self._submit(_each, work)
        return result

    def _submit(self, together: Together, payload: object) -> asyncio.Future[Any]:
        if self._writer is None:
            raise StoreError(f"{self._path}: the store is open read-only; use the daemon for this")
        return self._writer.submit(together, payload)


def reads(
    method: Callable[Concatenate[R, Connection, P], T],
) -> Callable[Concatenate[R, P], Coroutine[Any, Any, T]]:
    """Run a method in a reader's thread."""

    @wraps(method)
    async def read(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(lambda db: method(self, db, *args, **kwargs))

    return read


def writes(
    method: Callable[Concatenate[W, Connection, P], T],
) -> Callable[Concatenate[W, P], Coroutine[Any, Any, T]]:
    """Run a method in the writer's thread."""

    @wraps(method)
    async def write(self: W, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._write(lambda db: method(self, db, *args, **kwargs))

    return write


def _each(
    connection: Connection, works: Sequence[Callable[[Connection], object]]
) -> Sequence[object]:
    return [work(connection) for work in works]
