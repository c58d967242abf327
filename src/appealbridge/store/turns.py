"""
Whose turn it is: deliveries of one place go out event by event.

A place is a channel, a subject and an origin: what different senders say about one subject is not
about the same thing, unless the settings join them. `blocked` marks a delivery that keeps its turn
while one of another event, older and likewise, stands before it. So a claim finds what may go
without looking at what waits, however much that is. Deliveries of one event go side by side, those
without a subject wait for nobody, and nothing waits for what a person has to decide about.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from appealbridge.model.delivery import Delivery
from appealbridge.store.bulk import Join
from appealbridge.store.states import IS_OPEN, IS_PUBLISHED, KEEPS_TURN, READY

ANY_BLOCKED = "EXISTS (SELECT 1 FROM deliveries WHERE blocked = 1)"

_HERE = "channel = :channel AND subject = :subject AND origin = :origin"

_followed = Join(
    ("id",),
    "SELECT DISTINCT d.channel, d.subject, d.origin FROM {v}"
    " CROSS JOIN deliveries d ON d.id = v.id WHERE EXISTS (SELECT 1 FROM deliveries b"
    " WHERE b.blocked = 1 AND b.channel = d.channel AND b.subject = d.subject"
    " AND b.origin = d.origin)",
)

_FIRST_BLOCKED = (
    f"SELECT event_id FROM deliveries WHERE blocked = 1 AND {_HERE} ORDER BY number LIMIT 1"
)
_FIRST = f"SELECT event_id FROM deliveries WHERE {KEEPS_TURN} AND {_HERE} ORDER BY number LIMIT 1"
_UNBLOCK = (
    f"UPDATE deliveries SET blocked = 0 WHERE blocked = 1 AND {_HERE} AND number < coalesce("
    f" (SELECT min(number) FROM deliveries WHERE blocked = 1 AND {_HERE} AND event_id <> :event),"
    " 9223372036854775807)"
)
_EARLIER = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {KEEPS_TURN} AND {_HERE}"
    " AND number < :number AND event_id <> :event)"
)
_BLOCK_LATER = (
    f"UPDATE deliveries SET blocked = 1 WHERE blocked = 0 AND {KEEPS_TURN} AND {_HERE}"
    " AND number > :number AND event_id <> :event"
)
_BEHIND = (
    "SELECT d.id, (SELECT b.number FROM deliveries b WHERE b.state <= 4 AND (b.state >= 2) = 1"
    " AND b.channel = d.channel AND b.subject = d.subject AND b.origin = d.origin"
    " AND b.number < d.number AND b.event_id <> d.event_id ORDER BY b.number LIMIT 1) AS first"
    " FROM json_each(?) v CROSS JOIN deliveries d ON d.id = v.value"
    f" WHERE d.blocked = 1 AND d.state = {READY}"
)
# No index has what was published by subject; whoever looks at one that is held can wait for a walk.
_OVERTAKEN = (
    f"SELECT number FROM deliveries WHERE number > :number AND {IS_PUBLISHED} AND {_HERE}"
    " AND event_id <> :event ORDER BY number DESC LIMIT 1"
)
_RECOMPUTE = (
    f"UPDATE deliveries SET blocked = EXISTS (SELECT 1 FROM deliveries b WHERE b.{IS_OPEN}"
    " AND (b.state >= 2) = 1 AND b.channel = deliveries.channel AND b.subject = deliveries.subject"
    " AND b.origin = deliveries.origin AND b.number < deliveries.number"
    f" AND b.event_id <> deliveries.event_id) WHERE {KEEPS_TURN} AND subject <> ''"
)

LAST = 2**63 - 1


class Place(NamedTuple):
    """Where deliveries take turns, and whose delivery, of which number, is asked about."""

    channel: str
    subject: str
    origin: str
    event: str
    number: int = LAST


def has_to_wait(connection: sqlite3.Connection, place: Place) -> bool:
    """Whether a delivery of another event stands before this number, or before a new one."""
    if not place.subject:
        return False
    return bool(connection.execute(_EARLIER, place._asdict()).fetchone()[0])


def take_turn(connection: sqlite3.Connection, place: Place) -> bool:
    """
    Let later deliveries wait behind one that keeps its turn from now on.

    Return whether it has to wait itself.
    """
    if not place.subject:
        return False
    connection.execute(_BLOCK_LATER, place._asdict())
    return has_to_wait(connection, place)


def pass_on(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Give the turn to whoever waited behind deliveries that do not keep it any more."""
    for channel, subject, origin in _followed.ask(connection, [(id_,) for id_ in ids]):
        _pass_turn(connection, Place(channel, subject, origin, ""))


def behind(connection: sqlite3.Connection, ids: Iterable[str]) -> Mapping[str, int]:
    """Return, for those of these deliveries that wait for their turn, the number that goes first."""
    rows = connection.execute(_BEHIND, (orjson.dumps([*ids]).decode(),))
    return {id_: first for id_, first in rows if first is not None}


def overtaken_by(connection: sqlite3.Connection, one: Delivery) -> int | None:
    """Return the number of the newest delivery about the same that was published though this one is older."""
    if not one.subject:
        return None
    place = Place(one.channel, one.subject, one.origin, one.event_id, one.number)
    found = connection.execute(_OVERTAKEN, place._asdict()).fetchone()
    return None if found is None else int(found[0])


def recompute_blocked(connection: sqlite3.Connection) -> None:
    """Find out anew who has to wait, where very much has changed at once."""
    connection.execute(_RECOMPUTE)


def _pass_turn(connection: sqlite3.Connection, place: Place) -> None:
    """Unblock the deliveries of the first event that waits, if nothing of another stands before it."""
    here = place._asdict()
    blocked = connection.execute(_FIRST_BLOCKED, here).fetchone()
    # All that stand before the first blocked one are of one event, or one of them would be blocked.
    if blocked is not None and connection.execute(_FIRST, here).fetchone() == blocked:
        connection.execute(_UNBLOCK, {**here, "event": blocked[0]})
