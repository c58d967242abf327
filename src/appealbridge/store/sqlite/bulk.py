"""
Writes or reads many rows with one SQL statement.

Each step of a SQLite statement releases the interpreter's lock and takes it again, which is slow beside a busy event
loop; so rows of one kind are written together. A statement has one of a few numbers of rows, so that the connection
keeps it prepared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

Row = Sequence[Any]

_SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)


@lru_cache(maxsize=1024)
def _parts(count: int) -> Sequence[int]:
    """Return how many rows each statement has for so many rows."""
    parts: list[int] = []
    for size in _SIZES:
        parts += [size] * ((count - sum(parts)) // size)
    return parts


class _Statement:
    def __init__(self, before: str, width: int, after: str) -> None:
        row = f"({','.join('?' * width)})"
        self._texts = {size: f"{before}{','.join([row] * size)}{after}" for size in _SIZES}

    def _run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Iterator[sqlite3.Cursor]:
        start = 0
        for size in _parts(len(rows)):
            values = tuple(chain.from_iterable(rows[start : start + size]))
            yield connection.execute(self._texts[size], values)
            start += size


class Insert(_Statement):
    """`INSERT INTO … VALUES` for any number of rows, in their order."""

    def __init__(self, table: str, columns: Sequence[str], after: str = "") -> None:
        before = f"INSERT INTO {table} ({','.join(columns)}) VALUES "
        super().__init__(before, len(columns), f" {after}" if after else "")

    def write(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        for _ in self._run(connection, rows):
            pass


class Join(_Statement):
    """A statement over a table `v` of given rows; its text has `{v}` where that table belongs."""

    def __init__(self, columns: Sequence[str], statement: str) -> None:
        before, after = statement.split("{v}")
        super().__init__(
            f"{before}(WITH v({','.join(columns)}) AS (VALUES ",
            len(columns),
            f") SELECT * FROM v) AS v{after}",
        )

    def change(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Run a statement that changes rows and return how many it changed."""
        return sum(cursor.rowcount for cursor in self._run(connection, rows))

    def ask(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> list[Any]:
        """Run a statement that returns rows, and return all of them."""
        return [row for cursor in self._run(connection, rows) for row in cursor]
