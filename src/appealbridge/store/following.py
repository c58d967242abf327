"""
Threads: a delivery that follows another waits, `planned`, until that one is published.

It is let go, or called off, in the very transaction in which the one before it ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appealbridge.store.bulk import Join
from appealbridge.store.schema import OF_EVENT
from appealbridge.store.states import CANCELLED, IS_PUBLISHED, LAST_OPEN, PLANNED, READY, STATES
from appealbridge.store.turns import Place, take_turn

FOLLOWS = f"follows > '' AND state = {PLANNED}"
"""What waits for the post before it."""

ANY_FOLLOWER = f"EXISTS (SELECT 1 FROM deliveries WHERE {FOLLOWS})"
_WAITS = f"deliveries.follows = v.id AND deliveries.follows > '' AND deliveries.state = {PLANNED}"
_BEHIND = "the post before it in the thread is "
_STATE = " ".join(f"WHEN {number} THEN '{state.value}'" for number, state in enumerate(STATES))

_follow = Join(
    ("id", "follows"),
    "UPDATE deliveries SET follows = v.follows FROM {v} WHERE deliveries.id = v.id",
)
_let_go = Join(
    ("id", "at"),
    f"UPDATE deliveries SET state = {READY}, due_at = v.at FROM {{v}}"
    f" JOIN deliveries b ON b.id = v.id AND b.{IS_PUBLISHED} WHERE {_WAITS}"
    " RETURNING channel, subject, origin, event_id, number",
)
_WAIT = "UPDATE deliveries SET blocked = 1 WHERE number = ?"
_call_off = Join(
    ("id", "at"),
    f"UPDATE deliveries SET state = {CANCELLED}, hold = '', settled_at = v.at, blocked = 0,"
    # All behind the one that failed say the same of it, however many there are.
    f" reason = CASE WHEN b.reason LIKE '{_BEHIND}%' THEN b.reason"
    f" ELSE '{_BEHIND}' || CASE b.state {_STATE} END"
    " || CASE b.reason WHEN '' THEN '' ELSE ': ' || b.reason END END FROM {v}"
    f" JOIN deliveries b ON b.id = v.id AND b.state > {LAST_OPEN} AND NOT b.{IS_PUBLISHED}"
    f" WHERE {_WAITS} RETURNING id, settled_at",
)

_OF_THREAD = f"state = {CANCELLED} AND reason LIKE '{_BEHIND}%' AND content <> '' AND {OF_EVENT}"
_BRING_BACK = (
    "WITH RECURSIVE thread (id) AS (VALUES (:id) UNION ALL SELECT d.id FROM thread t, deliveries d"
    f" WHERE d.follows = t.id AND d.id IN (SELECT id FROM deliveries WHERE {_OF_THREAD}))"
    f" UPDATE deliveries SET state = {PLANNED}, settled_at = 9e999, reason = '',"
    " blocked = 0"
    " WHERE id <> :id AND id IN (SELECT id FROM thread)"
)

Ended = Sequence[tuple[str, float]]
"""Ids of deliveries, each with when it ended."""


def follow(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
    """Have stored deliveries follow others, each by its id and the other's."""
    _follow.change(connection, rows)


def lead_on(connection: sqlite3.Connection, ended: Ended) -> Ended:
    """Let go what follows deliveries that are published; call off, and return, what follows others."""
    for row in _let_go.ask(connection, ended):
        place = Place(*row)
        if take_turn(connection, place):
            connection.execute(_WAIT, (place.number,))
    called_off: list[tuple[str, float]] = []
    while ended := _call_off.ask(connection, ended):
        called_off += ended
    return called_off


def bring_back(connection: sqlite3.Connection, delivery_id: str, event_id: str) -> None:
    """Have the rest of a thread, called off when this post failed, wait for it once more."""
    connection.execute(_BRING_BACK, {"id": delivery_id, "event_id": event_id})
