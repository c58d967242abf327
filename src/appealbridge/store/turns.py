"""
Whose turn it is: one subject's deliveries on one channel go out event by event.

`blocked` marks a delivery while an open one of an earlier event stands before it, so that a claim
finds what may go without looking at what waits, however much that is. Deliveries of one event go
side by side, and those without a subject wait for nobody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from appealbridge.store.bulk import Join
from appealbridge.store.states import IS_OPEN

ANY_BLOCKED = "EXISTS (SELECT 1 FROM deliveries WHERE blocked = 1)"

_followed = Join(
    ("id",),
    "SELECT DISTINCT d.channel, d.subject FROM {v} CROSS JOIN deliveries d ON d.id = v.id"
    " WHERE EXISTS (SELECT 1 FROM deliveries b"
    " WHERE b.blocked = 1 AND b.channel = d.channel AND b.subject = d.subject)",
)

_FIRST_BLOCKED = (
    "SELECT event_id FROM deliveries WHERE blocked = 1 AND channel = ? AND subject = ?"
    " ORDER BY number LIMIT 1"
)
_FIRST_OPEN = (
    f"SELECT event_id FROM deliveries WHERE {IS_OPEN} AND channel = ? AND subject = ?"
    " ORDER BY number LIMIT 1"
)
_UNBLOCK = (
    "UPDATE deliveries SET blocked = 0"
    " WHERE blocked = 1 AND channel = :channel AND subject = :subject AND number < coalesce("
    " (SELECT min(number) FROM deliveries WHERE blocked = 1 AND channel = :channel"
    " AND subject = :subject AND event_id <> :event), 9223372036854775807)"
)
_EARLIER_OPEN = (
    "SELECT EXISTS (SELECT 1 FROM deliveries WHERE channel = ? AND subject = ?"
    f" AND {IS_OPEN} AND number < ? AND event_id <> ?)"
)
_BLOCK_LATER = (
    "UPDATE deliveries SET blocked = 1 WHERE blocked = 0 AND channel = ? AND subject = ?"
    f" AND {IS_OPEN} AND number > ? AND event_id <> ?"
)


def has_to_wait(
    connection: sqlite3.Connection,
    event_id: str,
    channel: str,
    subject: str,
    number: int = 2**63 - 1,
) -> bool:
    """Whether an open delivery of another event stands before this number; without one, before a new delivery."""
    place = (channel, subject, number, event_id)
    return bool(subject and connection.execute(_EARLIER_OPEN, place).fetchone()[0])


def pass_on(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Give the turn to whoever waited behind deliveries that are no longer open, or no longer blocked."""
    for channel, subject in _followed.ask(connection, [(id_,) for id_ in ids]):
        pass_turn(connection, channel, subject)


def pass_turn(connection: sqlite3.Connection, channel: str, subject: str) -> None:
    """Unblock the deliveries of the first event that waits, if nothing of an earlier one is open."""
    blocked = connection.execute(_FIRST_BLOCKED, (channel, subject)).fetchone()
    first = connection.execute(_FIRST_OPEN, (channel, subject)).fetchone()
    # All that stand before the first blocked one are of one event, or one of them would be blocked.
    if blocked is not None and first == blocked:
        connection.execute(_UNBLOCK, {"channel": channel, "subject": subject, "event": blocked[0]})


def take_turn_back(
    connection: sqlite3.Connection, event_id: str, channel: str, subject: str, number: int
) -> None:
    """Let later events wait again behind a delivery that had ended and is open once more."""
    if subject:
        connection.execute(_BLOCK_LATER, (channel, subject, number, event_id))
