"""
The keys of events: of those that are stored, and of those that were removed.

When an event is removed, a hash of its source and key is kept, so that a recorded request is still
recognised as a repeat when somebody sends it again. The hash is the first half of a SHA-256.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Mapping

import orjson

from appealbridge.store.bulk import Insert, Join, Row
from appealbridge.store.records import KnownKey

_STORED = (
    "SELECT key, id, received_at, number FROM events"
    " WHERE source = ? AND key IN (SELECT value FROM json_each(?))"
)
_past = Join(
    ("key", "hash"),
    "SELECT v.key, p.received_at FROM {v} CROSS JOIN past_keys p ON p.hash = v.hash",
)
_keep = Insert(
    "past_keys",
    ("hash", "received_at"),
    "ON CONFLICT DO UPDATE SET received_at = max(received_at, excluded.received_at)",
)
_rename = Join(
    ("id", "key"),
    "UPDATE events SET key = v.key || ' ' || v.id FROM {v}"
    " WHERE events.id = v.id AND events.key = v.key",
)
_let_go = Join(("hash",), "DELETE FROM past_keys WHERE hash IN (SELECT hash FROM {v})")
_OLD = "SELECT hash FROM past_keys WHERE received_at < :before ORDER BY received_at LIMIT :limit"
_FORGET = f"DELETE FROM past_keys WHERE hash IN ({_OLD})"


def hash_of(source: str, key: str) -> bytes:
    """Return the hash that is kept for a source and key when their event is removed."""
    return hashlib.sha256(f"{source}\0{key}".encode()).digest()[:16]


def known(
    connection: sqlite3.Connection, source: str, keys: Collection[str]
) -> Mapping[str, KnownKey]:
    """Return what is known about those of these keys under which the source sent an event before."""
    rows = _past.ask(connection, [(key, hash_of(source, key)) for key in keys])
    found = {key: KnownKey("", received_at) for key, received_at in rows}
    asked = (source, orjson.dumps([*keys]).decode())
    for key, id_, received_at, number in connection.execute(_STORED, asked).fetchall():
        found[key] = KnownKey(id_, received_at, number)
    return found


def keep(connection: sqlite3.Connection, removed: Collection[Row]) -> None:
    """Keep the keys of removed events: rows of source, key and the time of receipt."""
    _keep.write(
        connection, [(hash_of(source, key), received_at) for source, key, received_at in removed]
    )


def free(connection: sqlite3.Connection, source: str, events: Mapping[str, KnownKey]) -> None:
    """Release each of these keys for a new event, if it still belongs to this event."""
    _rename.change(connection, [(one.event_id, key) for key, one in events.items() if one.event_id])
    past = [(hash_of(source, key),) for key, one in events.items() if not one.event_id]
    _let_go.change(connection, past)


def forget(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Delete the keys of removed events that were received before a time; return how many."""
    return connection.execute(_FORGET, {"before": before, "limit": limit}).rowcount
