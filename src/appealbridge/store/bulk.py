"""
Many rows in one statement, from few texts.

Each step of a SQLite statement lets go of the interpreter's lock and asks for it again, which a
busy event loop makes dear; so rows of one kind go in together. The number of rows in a statement
is always a power of two, so that its text is among the connection's prepared ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

Row = Sequence[Any]

_SIZES = (64, 32, 16, 8, 4, 2, 1)


def _texts(before: str, width: int, after: str = "") -> dict[int, str]:
    row = f"({','.join('?' * width)})"
    return {size: f"{before}{','.join([row] * size)}{after}" for size in _SIZES}


class Insert:
    """`INSERT INTO … VALUES` for any number of rows, in their order."""

    def __init__(self, table: str, columns: Sequence[str], after: str = "") -> None:
        before = f"INSERT INTO {table} ({','.join(columns)}) VALUES "
        self._texts = _texts(before, len(columns), f" {after}" if after else "")

    def write(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Insert the rows and return how many the table took."""
        taken = 0
        start = 0
        for size in _SIZES:
            while len(rows) - start >= size:
                values = tuple(chain.from_iterable(rows[start : start + size]))
                taken += connection.execute(self._texts[size], values).rowcount
                start += size
        return taken


class Join:
    """
    A statement over a table `v` of rows handed in; `{v}` stands for that table in its text.

    The table is filled up with rows of NULL, which equal nothing.
    """

    def __init__(self, columns: Sequence[str], statement: str) -> None:
        before, after = statement.split("{v}")
        self._texts = _texts(
            f"{before}(WITH v({','.join(columns)}) AS (VALUES ",
            len(columns),
            f") SELECT * FROM v) AS v{after}",
        )
        self._empty = (None,) * len(columns)

    def change(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Run a statement that changes rows and return how many it changed."""
        return sum(cursor.rowcount for cursor in self._run(connection, rows))

    def ask(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> list[Any]:
        """Run a statement that answers and return all its rows."""
        return [row for cursor in self._run(connection, rows) for row in cursor]

    def _run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Iterator[sqlite3.Cursor]:
        for start in range(0, len(rows), _SIZES[0]):
            part = rows[start : start + _SIZES[0]]
            size = 1 << (len(part) - 1).bit_length()
            values = (*chain.from_iterable(part), *self._empty * (size - len(part)))
            yield connection.execute(self._texts[size], values)
