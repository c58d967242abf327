"""What waits, channel by channel: asked by whoever watches that it does not wait in vain."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appealbridge.store.records import Queue
from appealbridge.store.states import IS_LISTED, IS_OPEN, READY

# From each channel to the next in the index, since there are few channels and perhaps very many rows.
_CHANNELS = (
    "WITH RECURSIVE names(name) AS ("
    f"SELECT min(channel) FROM deliveries WHERE {IS_OPEN} UNION ALL"
    f" SELECT (SELECT min(channel) FROM deliveries WHERE {IS_OPEN} AND channel > name)"
    " FROM names WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL"
)
_WAITING = f"SELECT count(*) FROM deliveries WHERE {IS_OPEN} AND channel = ?"
_FIRST = (
    f"SELECT due_at, number FROM deliveries WHERE {IS_LISTED} AND channel = ?"
    f" AND state = {READY} AND blocked = 0 ORDER BY due_at, number LIMIT 1"
)


def queues(connection: sqlite3.Connection) -> Sequence[Queue]:
    """Return what waits, by channel."""
    names = [name for (name,) in connection.execute(_CHANNELS).fetchall()]
    return [
        Queue(
            name,
            connection.execute(_WAITING, (name,)).fetchone()[0],
            connection.execute(_FIRST, (name,)).fetchone(),
        )
        for name in names
    ]
