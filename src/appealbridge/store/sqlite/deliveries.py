"""Changes the states of deliveries: claims, expiry, people's commands, and recovery after a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appealbridge.model.delivery import KEEPS_TURN, MOVES, OPEN, Delivery, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.store.sqlite.maintenance import take_up
from appealbridge.store.sqlite.ordering import OrderingKey, restore, take_turn
from appealbridge.store.sqlite.rows import STORED_DELIVERY, delivery_of, names
from appealbridge.store.sqlite.settle import WAKING, give_up_turns, leave, wake
from appealbridge.store.sqlite.states import (
    EXPIRED,
    FAILED,
    IS_BEGUN,
    IS_LISTED,
    IS_WAITING,
    NUMBERS,
    READY,
    SENDING,
    UNKNOWN,
)

_COLUMNS = names(STORED_DELIVERY)

_CLAIM = (
    f"UPDATE deliveries SET state = {SENDING}, attempts = attempts + 1, begun_at = :now,"
    " first_begun_at = min(first_begun_at, :now) WHERE number IN (SELECT number FROM deliveries"
    f" WHERE {IS_LISTED} AND channel = :channel AND state = {READY} AND blocked = 0"
    " AND due_at <= :now AND publish_by > :now ORDER BY due_at, number LIMIT :limit)"
    f" RETURNING {_COLUMNS}"
)
_EXPIRE = (
    f"UPDATE deliveries SET state = {EXPIRED}, hold = '', settled_at = :now, blocked = 0,"
    " reason = 'its publish_within had passed' WHERE number IN (SELECT number FROM deliveries"
    f" WHERE {IS_WAITING} AND publish_by <= :now ORDER BY publish_by LIMIT :limit)"
    f" RETURNING {_COLUMNS}"
)
_BY_ITSELF = {State.SENDING, State.UNKNOWN, State.PLANNED}
_CRASH = "the program ended during the attempt"
_CRASHED = f"SELECT number FROM deliveries WHERE {IS_BEGUN} LIMIT :limit"
_KEEP_CRASHED = (
    "INSERT INTO attempts (delivery_id, number, kind, begun_at, ended_at, outcome, detail)"
    " SELECT id, attempts, 'send', begun_at, :now, 'unsure', :reason FROM deliveries"
    f" WHERE number IN ({_CRASHED})"
)
_RECOVER = (
    f"UPDATE deliveries SET state = {UNKNOWN}, begun_at = 9e999, due_at = :look_at, reason = :reason"
    f" WHERE number IN ({_CRASHED})"
)
_MOVE = (
    "UPDATE deliveries SET state = :target, hold = :hold, reason = :reason, begun_at = 9e999,"
    f" due_at = CASE :target WHEN {READY} THEN :now ELSE due_at END,"
    " settled_at = CASE :open WHEN 1 THEN 9e999 ELSE min(settled_at, :now) END,"
    # A failed delivery is certainly not published, so a retry begins anew.
    f" first_begun_at = CASE state WHEN {FAILED} THEN 9e999 ELSE first_begun_at END,"
    " blocked = :keeps * (:blocked OR blocked),"
    # If it fails again, people are told again.
    f" told = CASE :target WHEN {READY} THEN 0 ELSE told END WHERE number = :number"
)


def claim(
    connection: sqlite3.Connection, channel: str, now: float, limit: int
) -> Sequence[Delivery]:
    """Begin up to `limit` attempts; the longest due first."""
    rows = connection.execute(_CLAIM, {"channel": channel, "now": now, "limit": limit}).fetchall()
    claimed = [delivery_of(row) for row in rows]
    return sorted(claimed, key=lambda delivery: (delivery.due_at, delivery.number))


def expire(connection: sqlite3.Connection, now: float, limit: int) -> Sequence[Delivery]:
    """End up to `limit` waiting deliveries whose `publish_by` has passed; the longest past first."""
    rows = connection.execute(_EXPIRE, {"now": now, "limit": limit}).fetchall()
    expired = [delivery_of(row) for row in rows]
    leave(connection, [(delivery.id, now) for delivery in expired])
    return sorted(expired, key=lambda delivery: (delivery.publish_by or 0.0, delivery.number))


def recover(connection: sqlite3.Connection, now: float, look_at: float, limit: int) -> int:
    """
    Mark attempts that never ended as unsure, and their deliveries as unknown until a search.

    Up to `limit` at once; return how many there were, 0 when none is left.
    """
    unclear = take_up(connection, look_at)
    values = {"now": now, "look_at": look_at, "reason": _CRASH, "limit": limit}
    connection.execute(_KEEP_CRASHED, values)
    return unclear + connection.execute(_RECOVER, values).rowcount


def move(
    connection: sqlite3.Connection,
    delivery_id: str,
    target: State,
    now: float,
    hold: str,
    reason: str,
) -> Delivery:
    """Make a change of state that a person asked for."""
    before = find(connection, delivery_id)
    if before.state is State.SENDING or target is State.SENDING:
        raise IllegalMove(
            f"delivery {before.number}: an attempt begins and ends by itself; look again in a moment"
        )
    if target not in MOVES[before.state]:
        raise IllegalMove(
            f"delivery {before.number}: it is {before.state.value}, from where no way leads to "
            f"{target.value}; {_ways(before.state)}"
        )
    if target is State.READY and not before.content:
        raise IllegalMove(
            f"delivery {before.number}: its content was removed when its retention was over; there is "
            f"nothing left to send"
        )
    keeps, kept = target in KEEPS_TURN, before.state in KEEPS_TURN
    place = OrderingKey(
        before.channel, before.subject, before.origin, before.event_id, before.number
    )
    connection.execute(
        _MOVE,
        {
            "target": NUMBERS[target],
            "hold": hold,
            "reason": reason,
            "now": now,
            "open": target in OPEN,
            "keeps": keeps,
            "blocked": keeps and not kept and take_turn(connection, place),
            "number": before.number,
        },
    )
    if before.state is State.FAILED and target is State.READY:
        restore(connection, before.id, before.event_id)
    if target not in OPEN:
        leave(connection, [(before.id, now)])
        return find(connection, before.id)
    if kept and not keeps:
        give_up_turns(connection, [before.id])
    if target in WAKING:
        wake(connection, [(before.id, now)])
    return find(connection, before.id)


def find(connection: sqlite3.Connection, delivery_id: str) -> Delivery:
    """Return a delivery by its id or its number; raise `NotFound`."""
    select = f"SELECT {_COLUMNS} FROM deliveries WHERE"
    row = connection.execute(f"{select} id = ?", (delivery_id,)).fetchone()
    if row is None and delivery_id.isdecimal() and len(delivery_id) < 19:
        row = connection.execute(f"{select} number = ?", (int(delivery_id),)).fetchone()
    if row is None:
        raise NotFound(
            f"delivery {delivery_id}: nothing in the store has this id or number; "
            f"`appealbridge deliveries` lists them"
        )
    return delivery_of(row)


def _ways(state: State) -> str:
    ways = sorted(way.value for way in MOVES[state] - _BY_ITSELF)
    return f"it can become {', '.join(ways)}" if ways else "its story is over"
