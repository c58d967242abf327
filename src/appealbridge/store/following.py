"""
Threads: a delivery that follows another waits, `planned`, until that one is published.

It is let go, or called off, in the very transaction in which the one before it ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appealbridge.store.bulk import Join
from appealbridge.store.states import CANCELLED, IS_PUBLISHED, LAST_OPEN, PLANNED, READY, STATES

FOLLOWS = f"follows > '' AND state = {PLANNED}"
"""What waits for the post before it."""

ANY_FOLLOWER = f"EXISTS (SELECT 1 FROM deliveries WHERE {FOLLOWS})"
_WAITS = f"deliveries.follows = v.id AND deliveries.follows > '' AND deliveries.state = {PLANNED}"
_STATE = " ".join(f"WHEN {number} THEN '{state.value}'" for number, state in enumerate(STATES))

_follow = Join(
    ("id", "follows"),
    "UPDATE deliveries SET follows = v.follows FROM {v} WHERE deliveries.id = v.id",
)
_let_go = Join(
    ("id", "at"),
    f"UPDATE deliveries SET state = {READY}, due_at = v.at FROM {{v}}"
    f" JOIN deliveries b ON b.id = v.id AND b.{IS_PUBLISHED} WHERE {_WAITS}",
)
_call_off = Join(
    ("id", "at"),
    f"UPDATE deliveries SET state = {CANCELLED}, hold = '', settled_at = v.at, blocked = 0,"
    f" reason = 'the post before it in the thread is ' || CASE b.state {_STATE} END"
    " || CASE b.reason WHEN '' THEN '' ELSE ': ' || b.reason END FROM {v}"
    f" JOIN deliveries b ON b.id = v.id AND b.state > {LAST_OPEN} AND NOT b.{IS_PUBLISHED}"
    f" WHERE {_WAITS} RETURNING id, settled_at",
)

Ended = Sequence[tuple[str, float]]
"""Ids of deliveries, each with when it ended."""


def follow(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
    """Have stored deliveries follow others, each by its id and the other's."""
    _follow.change(connection, rows)


def lead_on(connection: sqlite3.Connection, ended: Ended) -> Ended:
    """Let go what follows deliveries that are published; call off, and return, what follows others."""
    _let_go.change(connection, ended)
    called_off: list[tuple[str, float]] = []
    while ended := _call_off.ask(connection, ended):
        called_off += ended
    return called_off
