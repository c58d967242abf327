"""Queries about recent events and texts, for floods and repeats, and holding what is part of a flood."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

import orjson

from appealbridge.model.delivery import Delivery
from appealbridge.model.ids import event_id
from appealbridge.store.records import HoldFilter, RecentPace, Text
from appealbridge.store.sqlite.rows import STORED_DELIVERY, delivery_of, names
from appealbridge.store.sqlite.settle import give_up_turns
from appealbridge.store.sqlite.states import HELD, IS_OPEN, IS_SENT, PLANNED, READY

_TEXT = "SELECT id, channel, content_hash, origin FROM deliveries"
_SENT_TEXTS = f"{_TEXT} WHERE {IS_SENT} AND settled_at >= ? ORDER BY settled_at DESC LIMIT ?"
_OPEN_TEXTS = f"{_TEXT} INDEXED BY deliveries_open WHERE {IS_OPEN} LIMIT ?"
_EVENTS = (
    "SELECT source, received_at FROM events WHERE received_at >= ?"
    " ORDER BY received_at DESC LIMIT ?"
)
# Ids begin with the time, so that what was planned lately is found without an index more.
_DELIVERIES = "SELECT recipe, planned_at FROM deliveries WHERE id >= ? ORDER BY id DESC LIMIT ?"
_PUBLISHED = (
    "SELECT receipt_url, receipt_id, recipe,"
    " coalesce((SELECT cause FROM events WHERE id = event_id), '')"
    f" FROM deliveries WHERE {IS_SENT} AND settled_at >= :since"
    " AND (receipt_url IN (SELECT value FROM json_each(:addresses))"
    " OR receipt_id IN (SELECT value FROM json_each(:addresses)))"
)
_FOLLOWED = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {IS_SENT} AND settled_at >= :settled_at"
    " AND channel = :channel AND subject = :subject AND content_hash <> :content_hash)"
)
# A delivery that a person released is due from then on, not from when it was planned.
_UNTOUCHED = f"d.state IN ({PLANNED}, {READY}) AND d.attempts = 0 AND d.due_at = d.planned_at AND d.follows = ''"
_OF_RECIPE = (
    "SELECT d.id FROM deliveries d WHERE d.id >= :begin AND d.recipe = :recipe"
    f" AND d.planned_at >= :since AND {_UNTOUCHED}"
)
_OF_SOURCE = (
    "SELECT d.id FROM events e CROSS JOIN deliveries d ON d.id > e.id || '.' AND d.id < e.id || '/'"
    f" WHERE e.received_at >= :since AND e.source = :source AND {_UNTOUCHED}"
)
_HOLD = (
    f"UPDATE deliveries AS d SET state = {HELD}, hold = :hold, reason = :reason, blocked = 0"
    f" WHERE d.id IN (SELECT value FROM json_each(:ids)) AND {_UNTOUCHED}"
    f" RETURNING {names(STORED_DELIVERY)}"
)


def texts(connection: sqlite3.Connection, since: float, limit: int) -> Sequence[Text]:
    """Return open deliveries, then those published since a time, oldest first."""
    sent = connection.execute(_SENT_TEXTS, (since, limit)).fetchall()
    waiting = connection.execute(_OPEN_TEXTS, (limit,)).fetchall()
    return [Text(*row) for row in (*waiting, *reversed(sent))]


def pace(connection: sqlite3.Connection, since: float, limit: int) -> RecentPace:
    """Return when events came and deliveries were planned since a time, the oldest first."""
    events = connection.execute(_EVENTS, (since, limit)).fetchall()
    deliveries = connection.execute(_DELIVERIES, (event_id(since, 0), limit)).fetchall()
    return RecentPace(events[::-1], sorted(deliveries, key=lambda planned: float(planned[1])))


def published(
    connection: sqlite3.Connection, addresses: Collection[str], since: float
) -> Mapping[str, frozenset[str]]:
    """Return the recipes that published at these addresses since a time, and those that led to that."""
    found: dict[str, frozenset[str]] = {}
    rows = connection.execute(_PUBLISHED, {"addresses": _json(addresses), "since": since})
    for url, id_, recipe, cause in rows.fetchall():
        for address in {url, id_} & {*addresses}:
            found[address] = found.get(address, frozenset()) | {recipe, *cause.split()}
    return found


def followed(connection: sqlite3.Connection, delivery: Delivery, subject: str) -> bool:
    """Return whether another message about this subject was published on a delivery's channel after it."""
    if not subject or delivery.settled_at is None:
        return False
    asked = {
        "settled_at": delivery.settled_at,
        "channel": delivery.channel,
        "subject": subject,
        "content_hash": delivery.content_hash,
    }
    return bool(connection.execute(_FOLLOWED, asked).fetchone()[0])


def untouched(connection: sqlite3.Connection, which: HoldFilter) -> Sequence[str]:
    """Return the ids of waiting deliveries that were not changed since they were planned."""
    values = {"begin": event_id(which.since, 0), "since": which.since}
    if which.source:
        rows = connection.execute(_OF_SOURCE, {**values, "source": which.source})
    else:
        rows = connection.execute(_OF_RECIPE, {**values, "recipe": which.recipe})
    return [id_ for (id_,) in rows.fetchall()]


def hold(
    connection: sqlite3.Connection, ids: Collection[str], why: str, reason: str
) -> Sequence[Delivery]:
    """Hold those of these deliveries that still wait unchanged; return them, oldest first."""
    rows = connection.execute(_HOLD, {"ids": _json(ids), "hold": why, "reason": reason}).fetchall()
    held = sorted(map(delivery_of, rows), key=lambda delivery: delivery.number)
    give_up_turns(connection, [delivery.id for delivery in held])
    return held


def _json(words: Collection[str]) -> str:
    return orjson.dumps([*words]).decode()
