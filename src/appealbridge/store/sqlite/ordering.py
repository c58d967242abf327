"""
Keeps the order of deliveries about one subject: what was planned together goes out before what was planned later.

The rule is in `store/base.py`. `blocked` marks a delivery that has to wait for an older one, so that a claim finds what
can be sent without reading what waits, however much that is. Different senders do not mean the same thing by one
subject, unless the settings join them: so the origin is part of the key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from appealbridge.model.delivery import Delivery
from appealbridge.store.sqlite.bulk import Join
from appealbridge.store.sqlite.schema import OF_EVENT
from appealbridge.store.sqlite.states import (
    CANCELLED,
    IS_OPEN,
    IS_PUBLISHED,
    KEEPS_TURN,
    LAST_OPEN,
    PLANNED,
    READY,
    STATES,
    WITHDRAW,
)

ANY_BLOCKED = "EXISTS (SELECT 1 FROM deliveries WHERE blocked = 1)"

_HERE = "channel = :channel AND subject = :subject AND origin = :origin"

_any_blocked = Join(
    ("id",),
    "SELECT DISTINCT d.channel, d.subject, d.origin FROM {v}"
    " CROSS JOIN deliveries d ON d.id = v.id WHERE EXISTS (SELECT 1 FROM deliveries b"
    " WHERE b.blocked = 1 AND b.channel = d.channel AND b.subject = d.subject"
    " AND b.origin = d.origin)",
)

_APART = "(event_id <> :event OR planned_at <> :planned_at)"
"""Not planned together: of another event, or of the same one after a wait."""

_BOTH_APART = "(b.event_id <> d.event_id OR b.planned_at <> d.planned_at)"

_FIRST_BLOCKED = (
    "SELECT event_id, planned_at FROM deliveries"
    f" WHERE blocked = 1 AND {_HERE} ORDER BY number LIMIT 1"
)
_FIRST = (
    "SELECT event_id, planned_at FROM deliveries"
    f" WHERE {KEEPS_TURN} AND {_HERE} ORDER BY number LIMIT 1"
)
_UNBLOCK = (
    f"UPDATE deliveries SET blocked = 0 WHERE blocked = 1 AND {_HERE} AND number < coalesce("
    f" (SELECT min(number) FROM deliveries WHERE blocked = 1 AND {_HERE} AND {_APART}),"
    " 9223372036854775807)"
)
_EARLIER = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {KEEPS_TURN} AND {_HERE}"
    f" AND number < :number AND {_APART})"
)
_BLOCK_LATER = (
    f"UPDATE deliveries SET blocked = 1 WHERE blocked = 0 AND {KEEPS_TURN} AND {_HERE}"
    f" AND number > :number AND {_APART}"
)
BEHIND = (
    "SELECT d.id, (SELECT b.number FROM deliveries b WHERE b.state <= 4 AND (b.state >= 2) = 1"
    " AND b.channel = d.channel AND b.subject = d.subject AND b.origin = d.origin"
    f" AND b.number < d.number AND {_BOTH_APART} ORDER BY b.number LIMIT 1) AS first"
    " FROM json_each(?) v CROSS JOIN deliveries d ON d.id = v.value"
    f" WHERE d.blocked = 1 AND d.state = {READY}"
)
# No index has published deliveries by subject; this runs only when a person looks at a held one.
OVERTAKEN = (
    f"SELECT number FROM deliveries WHERE number > :number AND {IS_PUBLISHED} AND {_HERE}"
    f" AND {_APART} ORDER BY number DESC LIMIT 1"
)
_RECOMPUTE = (
    f"UPDATE deliveries AS d SET blocked = EXISTS (SELECT 1 FROM deliveries b WHERE b.{IS_OPEN}"
    " AND (b.state >= 2) = 1 AND b.channel = d.channel AND b.subject = d.subject"
    " AND b.origin = d.origin AND b.number < d.number"
    f" AND {_BOTH_APART}) WHERE {KEEPS_TURN} AND subject <> ''"
)

LAST = 2**63 - 1


class OrderingKey(NamedTuple):
    """A channel, subject and origin, and the event, the time of planning and the number of a delivery there."""

    channel: str
    subject: str
    origin: str
    event: str
    planned_at: float
    number: int = LAST


def has_to_wait(connection: sqlite3.Connection, place: OrderingKey) -> bool:
    """Return whether a delivery planned before goes before this number, or before a new one."""
    if not place.subject:
        return False
    return bool(connection.execute(_EARLIER, place._asdict()).fetchone()[0])


def take_turn(connection: sqlite3.Connection, place: OrderingKey) -> bool:
    """Block later deliveries behind one that is now in the order; return whether it has to wait itself."""
    if not place.subject:
        return False
    connection.execute(_BLOCK_LATER, place._asdict())
    return has_to_wait(connection, place)


def pass_on(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Unblock deliveries that waited for these, which are no longer in the order."""
    for channel, subject, origin in _any_blocked.ask(connection, [(id_,) for id_ in ids]):
        _pass_turn(connection, OrderingKey(channel, subject, origin, "", 0.0))


def key_of(delivery: Delivery) -> OrderingKey:
    """Return the key of a delivery."""
    d = delivery
    return OrderingKey(d.channel, d.subject, d.origin, d.event_id, d.planned_at, d.number)


def recompute_blocked(connection: sqlite3.Connection) -> None:
    """Compute which deliveries are blocked, after many changes at once."""
    connection.execute(_RECOMPUTE)


def _pass_turn(connection: sqlite3.Connection, place: OrderingKey) -> None:
    """Unblock those planned together that wait first, if nothing goes before them."""
    here = place._asdict()
    blocked = connection.execute(_FIRST_BLOCKED, here).fetchone()
    # All that go before the first blocked one were planned together, or one of them would be blocked.
    if blocked is not None and connection.execute(_FIRST, here).fetchone() == blocked:
        connection.execute(_UNBLOCK, {**here, "event": blocked[0], "planned_at": blocked[1]})


FOLLOWS = f"follows > '' AND state = {PLANNED}"
"""Waits for the post before it."""

ANY_FOLLOWER = f"EXISTS (SELECT 1 FROM deliveries WHERE {FOLLOWS})"
_WAITS = (
    f"deliveries.follows = v.id AND deliveries.follows > '' AND deliveries.state = {PLANNED}"
    f" AND deliveries.kind <> {WITHDRAW}"
)
_FOLLOWING = "the post before it in the thread is "
_STATE = " ".join(f"WHEN {number} THEN '{state.value}'" for number, state in enumerate(STATES))

_follow = Join(
    ("id", "follows"),
    "UPDATE deliveries SET follows = v.follows FROM {v} WHERE deliveries.id = v.id",
)
_release = Join(
    ("id", "at"),
    f"UPDATE deliveries SET state = {READY}, due_at = v.at FROM {{v}}"
    f" JOIN deliveries b ON b.id = v.id AND b.{IS_PUBLISHED} WHERE {_WAITS}"
    # A reply whose images are being prepared goes on once they are.
    " AND NOT EXISTS (SELECT 1 FROM preparations p WHERE p.delivery_id = deliveries.id)"
    " RETURNING channel, subject, origin, event_id, planned_at, number",
)
_WAIT = "UPDATE deliveries SET blocked = 1 WHERE number = ?"
_cancel = Join(
    ("id", "at"),
    f"UPDATE deliveries SET state = {CANCELLED}, hold = '', settled_at = v.at, blocked = 0,"
    # All behind the one that failed give the same reason, however many there are.
    f" reason = CASE WHEN b.reason LIKE '{_FOLLOWING}%' THEN b.reason"
    f" ELSE '{_FOLLOWING}' || CASE b.state {_STATE} END"
    " || CASE b.reason WHEN '' THEN '' ELSE ': ' || b.reason END END FROM {v}"
    f" JOIN deliveries b ON b.id = v.id AND b.state > {LAST_OPEN} AND NOT b.{IS_PUBLISHED}"
    f" WHERE {_WAITS} RETURNING id, settled_at",
)

_OF_THREAD = f"state = {CANCELLED} AND reason LIKE '{_FOLLOWING}%' AND content <> '' AND {OF_EVENT}"
_RESTORE = (
    "WITH RECURSIVE thread (id) AS (VALUES (:id) UNION ALL SELECT d.id FROM thread t, deliveries d"
    f" WHERE d.follows = t.id AND d.id IN (SELECT id FROM deliveries WHERE {_OF_THREAD}))"
    f" UPDATE deliveries SET state = {PLANNED}, settled_at = 9e999, reason = '',"
    " blocked = 0"
    " WHERE id <> :id AND id IN (SELECT id FROM thread)"
)

Ended = Sequence[tuple[str, float]]
"""Ids of deliveries, each with the time when it settled."""


def follow(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
    """Record which stored deliveries follow others, each by its id and the other's."""
    _follow.change(connection, rows)


def release_next(connection: sqlite3.Connection, ended: Ended) -> Ended:
    """Make ready what follows published deliveries; cancel and return what follows the others."""
    for row in _release.ask(connection, ended):
        place = OrderingKey(*row)
        if take_turn(connection, place):
            connection.execute(_WAIT, (place.number,))
    cancelled: list[tuple[str, float]] = []
    while ended := _cancel.ask(connection, ended):
        cancelled += ended
    return cancelled


def restore(connection: sqlite3.Connection, delivery_id: str, event_id: str) -> None:
    """Restore the rest of a thread, which was cancelled when this post failed."""
    connection.execute(_RESTORE, {"id": delivery_id, "event_id": event_id})
