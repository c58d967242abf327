"""Which deliveries have to wait for an older one, in Python, as the store's interface promises it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from appealbridge.model.delivery import KEEPS_TURN, State
from appealbridge.store.sqlite.states import STATES

Row = dict[str, Any]


def delivery_rows(connection: sqlite3.Connection) -> list[Row]:
    """Read every delivery, the oldest first, with the name of its state instead of its number."""
    cursor = connection.execute("SELECT * FROM deliveries ORDER BY number")
    names = [column for column, *_ in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return [{**row, "state": STATES[row["state"]]} for row in rows]


def have_to_wait(rows: Sequence[Row]) -> set[str]:
    """Return the ids of those that keep a turn and have an older one before them that was not planned with them."""
    waiting = set()
    plans: dict[tuple[str, str, str], set[tuple[str, float]]] = {}
    for row in rows:
        if row["state"] in KEEPS_TURN and row["subject"]:
            place = (row["channel"], row["subject"], row["origin"])
            before = plans.setdefault(place, set())
            plan = (row["event_id"], row["planned_at"])
            if before - {plan}:
                waiting.add(row["id"])
            before.add(plan)
    return waiting


def marked_as_waiting(rows: Sequence[Row]) -> set[str]:
    """Return the ids of the deliveries that the store has marked as blocked."""
    return {row["id"] for row in rows if row["blocked"]}


def in_state(rows: Sequence[Row], *states: State) -> list[Row]:
    """Return those in one of these states."""
    return [row for row in rows if row["state"] in states]
