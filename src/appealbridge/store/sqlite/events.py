"""How events come in: with all they caused, whole looks at once, repeats told apart."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from appealbridge.model.run import Run, RunState
from appealbridge.store.records import (
    Accepted,
    Arrival,
    KnownKey,
    PollState,
)
from appealbridge.store.sqlite import runs
from appealbridge.store.sqlite.bulk import Insert, Join
from appealbridge.store.sqlite.ordering import follow
from appealbridge.store.sqlite.rows import (
    DELIVERY,
    EVENT,
    RUN,
    Row,
    as_json,
    delivery_row,
    event_row,
    not_begun,
    run_row,
)
from appealbridge.store.sqlite.states import KEEPS_TURN, LAST_OPEN, READY, SENDING

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


def known_keys(
    connection: sqlite3.Connection, source: str, keys: Collection[str]
) -> Mapping[str, KnownKey]:
    """Return what is known about those of these keys under which the source sent an event before."""
    rows = _past.ask(connection, [(key, hash_of(source, key)) for key in keys])
    found = {key: KnownKey("", received_at) for key, received_at in rows}
    asked = (source, orjson.dumps([*keys]).decode())
    for key, id_, received_at, number in connection.execute(_STORED, asked).fetchall():
        found[key] = KnownKey(id_, received_at, number)
    return found


def keep_keys(connection: sqlite3.Connection, removed: Collection[Sequence[Any]]) -> None:
    """Keep the keys of removed events: rows of source, key and the time of receipt."""
    _keep.write(
        connection, [(hash_of(source, key), received_at) for source, key, received_at in removed]
    )


def free_keys(connection: sqlite3.Connection, source: str, events: Mapping[str, KnownKey]) -> None:
    """Release each of these keys for a new event, if it still belongs to this event."""
    _rename.change(connection, [(one.event_id, key) for key, one in events.items() if one.event_id])
    past = [(hash_of(source, key),) for key, one in events.items() if not one.event_id]
    _let_go.change(connection, past)


def forget_keys(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Delete the keys of removed events that were received before a time; return how many."""
    return connection.execute(_FORGET, {"before": before, "limit": limit}).rowcount


_ID, _EVENT_ID, _STATE = (DELIVERY.index(name) for name in ("id", "event_id", "state"))
_place = itemgetter(*(DELIVERY.index(name) for name in ("channel", "subject", "origin")))

_ABOUT = EVENT.index("subject")
_EVENT, _SOURCE, _RECEIVED_AT = (EVENT.index(name) for name in ("id", "source", "received_at"))
_RUN_STATE = RUN.index("state")

_known = Join(
    ("source", "key", "hash"),
    f"SELECT json_group_array(json_array(v.source, v.key, coalesce(e.id, ''))), {runs.ANY} FROM {{v}}"
    " LEFT JOIN events e ON e.source = v.source AND e.key = v.key"
    " LEFT JOIN past_keys p ON p.hash = v.hash"
    " WHERE e.id IS NOT NULL OR p.hash IS NOT NULL"
    f" HAVING count(*) > 0 OR {runs.ANY}",
)
_waited_for = Join(
    ("channel", "subject", "origin"),
    "SELECT json_group_array(json_array(v.channel, v.subject, v.origin)) FROM {v}"
    " WHERE EXISTS (SELECT 1 FROM deliveries WHERE channel = v.channel AND subject = v.subject"
    f" AND origin = v.origin AND {KEEPS_TURN}) HAVING count(*) > 0",
)
_events = Insert("events", EVENT)
_extras = Join(
    ("id", "cause", "joined"),
    "UPDATE events SET cause = v.cause, joined = v.joined FROM {v} WHERE events.id = v.id",
)
_runs = Insert("runs", RUN)
_marks = Join(("id", "marks"), "UPDATE runs SET marks = v.marks FROM {v} WHERE runs.id = v.id")
_deliveries = Insert("deliveries", (*DELIVERY, "blocked"))
_remember = Insert(
    "remembered",
    ("source", "identity", "digest", "first_seen", "last_seen"),
    "ON CONFLICT DO UPDATE SET digest = excluded.digest, last_seen = excluded.last_seen",
)
_alarms = Insert("alarms", ("kind", "channel", "words", "at"))
_looked = Insert(
    "sources",
    ("source", "cursor", "looked_at", "next_look_at", "failures", "note", "state"),
    "ON CONFLICT DO UPDATE SET cursor = excluded.cursor, looked_at = excluded.looked_at,"
    " next_look_at = excluded.next_look_at, failures = 0, note = '', state = excluded.state",
)


class ArrivalRows(NamedTuple):
    """The rows of one arrival."""

    event: Row
    runs: Sequence[Row]
    deliveries: Sequence[Row]
    cause: str
    joined: str
    decided: Sequence[Run]
    follows: Sequence[tuple[str, str]]

    @property
    def origin(self) -> str:
        """What `Event.origin` is."""
        return self.joined or str(self.event[_SOURCE])


class IntakeRows(NamedTuple):
    """What one call hands over, as rows already."""

    arrivals: Sequence[ArrivalRows]
    memory: PollState | None


def arrival_rows(arrival: Arrival) -> ArrivalRows:
    """Make rows of an arrival; raise `StoreError` where JSON has no words for an event's data."""
    event, runs, deliveries = arrival.event, arrival.runs, arrival.deliveries
    return ArrivalRows(
        event_row(event),
        [run_row(run) for run in runs],
        [delivery_row(delivery) for delivery in deliveries] if deliveries else (),
        " ".join(event.cause) if event.cause else "",
        event.joined,
        [run for run in runs if run.marks or run.wake_at is not None],
        [(one.id, one.follows) for one in deliveries if one.follows] if deliveries else (),
    )


def intake(arrivals: Sequence[Arrival], memory: PollState | None) -> IntakeRows:
    """Make rows of arrivals; raise `StoreError` where JSON has no words for an event's data."""
    return IntakeRows([arrival_rows(arrival) for arrival in arrivals], memory)


def accept(
    connection: sqlite3.Connection, intakes: Sequence[IntakeRows]
) -> Sequence[Sequence[Accepted]]:
    """Store what several calls handed over, in their order; return what became of each arrival."""
    ids, somebody_waits = _known_ids(connection, intakes)
    fresh: list[ArrivalRows] = []
    places: list[list[tuple[str, int | None]]] = []
    for one in intakes:
        place: list[tuple[str, int | None]] = []
        for arrival in one.arrivals:
            id_, source, _, _, key, *_ = arrival.event
            known = ids.get((source, key))
            if known is None:
                ids[source, key] = id_
                place.append((id_, len(fresh)))
                fresh.append(arrival)
            else:
                place.append((known, None))
        places.append(place)
    begun = _insert(connection, fresh)
    heard: Collection[str] = ()
    if _keep_decisions(connection, fresh) or somebody_waits:
        heard = runs.hear(
            connection,
            [
                (one.event[_EVENT], one.event[_ABOUT], one.origin, one.event[_RECEIVED_AT])
                for one in fresh
            ],
        )
    for one in intakes:
        if one.memory is not None:
            _keep_memory(connection, one.memory)
    return [
        [
            Accepted(id_, True)
            if at is None
            else Accepted(id_, False, begun[at], id_ in heard, _wanted(fresh[at]))
            for id_, at in place
        ]
        for place in places
    ]


def _wanted(arrival: ArrivalRows) -> int:
    return sum(run[_RUN_STATE] != RunState.SKIPPED for run in arrival.runs)


def _known_ids(
    connection: sqlite3.Connection, intakes: Sequence[IntakeRows]
) -> tuple[dict[tuple[str, str], str], bool]:
    """
    Return the stored ids of those events that are stored already, by source and key.

    And whether any run waits, which is asked here since a question of its own would cost ten times as much.
    """
    wanted = [
        (source, key, hash_of(source, key))
        for one in intakes
        for _, source, _, _, key, *_ in [arrival.event for arrival in one.arrivals]
    ]
    ids: dict[tuple[str, str], str] = {}
    somebody_waits = False
    for found, waits in _known.ask(connection, wanted):
        somebody_waits = bool(waits)
        ids |= {(source, key): id_ for source, key, id_ in orjson.loads(found)}
    return ids, somebody_waits


def _insert(
    connection: sqlite3.Connection, fresh: Sequence[ArrivalRows]
) -> Sequence[frozenset[str]]:
    """Insert events with their runs and deliveries; return the ids of those begun, event by event."""
    first = _first_events(connection, fresh)
    begun: list[frozenset[str]] = []
    deliveries: list[Row] = []
    for arrival in fresh:
        started = []
        for row in arrival.deliveries:
            event = row[_EVENT_ID]
            blocked = READY <= row[_STATE] <= LAST_OPEN and first.get(_place(row), event) != event
            if row[_STATE] == SENDING:
                if blocked:
                    deliveries.append((*not_begun(row), 1))
                    continue
                started.append(row[_ID])
            deliveries.append((*row, 1 if blocked else 0))
        begun.append(frozenset(started))
    _events.write(connection, [arrival.event for arrival in fresh])
    # Hardly any event has one of these, so that the others do not pay for the columns.
    _extras.change(
        connection,
        [(one.event[_EVENT], one.cause, one.joined) for one in fresh if one.cause or one.joined],
    )
    _runs.write(connection, [row for arrival in fresh for row in arrival.runs])
    _deliveries.write(connection, deliveries)
    follow(connection, [row for one in fresh for row in one.follows])
    return begun


def _keep_decisions(connection: sqlite3.Connection, fresh: Sequence[ArrivalRows]) -> bool:
    """Keep what few runs have: decisions that they took at once, and that they wait. Return whether any waits."""
    decided = [(one, run) for one in fresh if one.decided for run in one.decided]
    if not decided:
        return False
    _marks.change(connection, [(run.id, as_json(dict(run.marks))) for _, run in decided])
    waits = [
        (run.id, run.recipe, one.event[_ABOUT], one.origin, run.event_id)
        for one, run in decided
        if run.wake_at is not None and run.state is RunState.OPEN
    ]
    runs.begin(connection, waits)
    return bool(waits)


def _first_events(
    connection: sqlite3.Connection, fresh: Sequence[ArrivalRows]
) -> dict[tuple[str, str, str], str]:
    """
    Return the event that has the turn, for each place of the fresh deliveries.

    The turn is an earlier stored event's where a delivery of one keeps it (empty: its id does not
    matter), and otherwise that of the first fresh one.
    """
    first: dict[tuple[str, str, str], str] = {}
    for arrival in fresh:
        for row in arrival.deliveries:
            place = _place(row)
            if READY <= row[_STATE] <= LAST_OPEN and place[1]:
                first.setdefault(place, row[_EVENT_ID])
    for (found,) in _waited_for.ask(connection, list(first)):
        for channel, subject, origin in orjson.loads(found):
            first[channel, subject, origin] = ""
    return first


def _keep_memory(connection: sqlite3.Connection, memory: PollState) -> None:
    at = memory.looked_at
    if memory.anew:
        connection.execute("DELETE FROM remembered WHERE source = ?", (memory.source,))
    _remember.write(
        connection,
        [(memory.source, identity, digest, at, at) for identity, digest in memory.seen.items()],
    )
    if not memory.complete:
        return
    if memory.marked:
        connection.execute("DELETE FROM planning_marks WHERE source = ?", (memory.source,))
    _looked.write(
        connection,
        [
            (
                memory.source,
                as_json(dict(memory.cursor)),
                at,
                memory.next_look_at,
                0,
                "",
                as_json(dict(memory.state)),
            )
        ],
    )
    _alarms.write(connection, [(*alarm, at) for alarm in memory.alarms])
