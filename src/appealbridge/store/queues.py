"""What waits, channel by channel: asked by whoever watches that it does not wait in vain."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appealbridge.store.records import Backlog, Queue
from appealbridge.store.states import (
    IS_BEGUN,
    IS_LISTED,
    IS_OPEN,
    LAST_OPEN,
    READY,
    SENDING,
    STATES,
)

# Triggers keep the counts, but for what is under way: that is few, and the hot path would pay for them.
_COUNTS = (
    "SELECT state, channel, count FROM delivery_counts WHERE count > 0"
    f" UNION ALL SELECT {SENDING}, channel, count(*) FROM deliveries"
    f" WHERE {IS_BEGUN} AND state = {SENDING} GROUP BY channel"
)
_WAITING = (
    f"SELECT channel, sum(count) FROM ({_COUNTS}) WHERE state <= {LAST_OPEN}"
    " GROUP BY channel ORDER BY channel"
)
_FIRST = (
    f"SELECT due_at, number FROM deliveries WHERE {IS_LISTED} AND channel = ?"
    f" AND state = {READY} AND blocked = 0 ORDER BY due_at, number LIMIT 1"
)
_OLDEST = (
    "SELECT planned_at FROM deliveries"
    f" WHERE number = (SELECT min(number) FROM deliveries WHERE {IS_OPEN})"
)


def queues(connection: sqlite3.Connection) -> Sequence[Queue]:
    """Return what waits, by channel."""
    return [
        Queue(name, count, connection.execute(_FIRST, (name,)).fetchone())
        for name, count in connection.execute(_WAITING).fetchall()
    ]


def backlog(connection: sqlite3.Connection) -> Backlog:
    """Return how much waits, and how much ended without being delivered."""
    rows = connection.execute(_COUNTS).fetchall()
    oldest = connection.execute(_OLDEST).fetchone()
    return Backlog(
        {(STATES[state], channel): count for state, channel, count in rows},
        None if oldest is None else oldest[0],
    )
