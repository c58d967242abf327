"""Stores events with everything they caused, and the keys by which a repeat is known."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from appealbridge.model.delivery import Delivery, Kind
from appealbridge.model.ids import event_id
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import Accepted, Arrival, KnownKey, PollState, RecentPace
from appealbridge.store.sqlite import runs
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads, writes
from appealbridge.store.sqlite.amending.orders import carry_out
from appealbridge.store.sqlite.bulk import Insert, Join
from appealbridge.store.sqlite.images.images import preparation_rows, prepare_these
from appealbridge.store.sqlite.live import withhold
from appealbridge.store.sqlite.ordering import follow
from appealbridge.store.sqlite.rows import (
    DELIVERY,
    EVENT,
    RUN,
    Row,
    as_json,
    delivery_row,
    event_row,
    json_list,
    not_begun,
    run_row,
)
from appealbridge.store.sqlite.settle import leave
from appealbridge.store.sqlite.sources import keep_poll
from appealbridge.store.sqlite.states import KEEPS_TURN, LAST_OPEN, READY, SENDING

AT_ONCE = 8
"""How many events are made into rows before other tasks may run; the rows of large events take time."""

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
_release = Join(("hash",), "DELETE FROM past_keys WHERE hash IN (SELECT hash FROM {v})")
# Ids begin with the time, so recent rows are found without another index.
_EVENT_TIMES = (
    "SELECT source, received_at FROM events WHERE id >= ? AND received_at >= ?"
    " ORDER BY id DESC LIMIT ?"
)
_DELIVERY_TIMES = "SELECT recipe, planned_at FROM deliveries WHERE id >= ? ORDER BY id DESC LIMIT ?"

_ID, _EVENT_ID, _STATE = (DELIVERY.index(name) for name in ("id", "event_id", "state"))
_lane_of = itemgetter(*(DELIVERY.index(name) for name in ("channel", "subject", "origin")))
_EVENT, _SOURCE, _SUBJECT, _RECEIVED_AT = (
    EVENT.index(name) for name in ("id", "source", "subject", "received_at")
)
_RUN_STATE = RUN.index("state")

# One query for both: a second one would cost ten times as much as the second condition.
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
    ("id", "cause", "joined", "author"),
    "UPDATE events SET cause = v.cause, joined = v.joined, author = v.author FROM {v} WHERE events.id = v.id",
)
_runs = Insert("runs", RUN)
_marks = Join(("id", "marks"), "UPDATE runs SET marks = v.marks FROM {v} WHERE runs.id = v.id")
_deliveries = Insert("deliveries", (*DELIVERY, "blocked"))


@dataclass(slots=True)
class ArrivalRows:
    """The rows of one arrival; `key` is the source and key of its event."""

    event: Row
    key: tuple[str, str]
    runs: Sequence[Row]
    deliveries: Sequence[Row]
    cause: str
    joined: str
    decided: Sequence[Run]
    follows: Sequence[tuple[str, str]]
    orders: Sequence[Delivery] = ()
    preparations: Sequence[Sequence[Any]] = ()
    author: str = ""

    @property
    def origin(self) -> str:
        """The `Event.origin`."""
        return self.joined or str(self.event[_SOURCE])


class IntakeRows(NamedTuple):
    """The rows of one call of `accept`."""

    arrivals: Sequence[ArrivalRows]
    memory: PollState | None


class SqliteEvents(WriteAccess):
    """The `EventStore` in SQLite."""

    async def accept(
        self, arrivals: Sequence[Arrival], memory: PollState | None = None
    ) -> Sequence[Accepted]:
        rows = []
        for number, arrival in enumerate(arrivals, start=1):
            rows.append(arrival_rows(arrival, self._owner))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        accepted: Sequence[Accepted] = await self._submit(accept, IntakeRows(rows, memory))
        return accepted

    @reads
    def known(self, db: Connection, source: str, keys: Collection[str]) -> Mapping[str, KnownKey]:
        past = _past.ask(db, [(key, hash_of(source, key)) for key in keys])
        known = {key: KnownKey("", received_at) for key, received_at in past}
        for key, id_, received_at, number in db.execute(_STORED, (source, json_list(keys))):
            known[key] = KnownKey(id_, received_at, number)
        return known

    @writes
    def free_keys(self, db: Connection, source: str, held: Mapping[str, KnownKey]) -> None:
        _rename.change(db, [(known.event_id, key) for key, known in held.items() if known.event_id])
        past = [(hash_of(source, key),) for key, known in held.items() if not known.event_id]
        _release.change(db, past)

    @reads
    def pace(self, db: Connection, since: float, limit: int) -> RecentPace:
        first = event_id(max(0.0, since), 0)
        events = db.execute(_EVENT_TIMES, (first, since, limit)).fetchall()
        deliveries = db.execute(_DELIVERY_TIMES, (first, limit)).fetchall()
        return RecentPace(events[::-1], sorted(deliveries, key=lambda planned: float(planned[1])))


def hash_of(source: str, key: str) -> bytes:
    """Return the hash by which a key is known after its event is removed."""
    return hashlib.sha256(f"{source}\0{key}".encode()).digest()[:16]


def keep_keys(db: Connection, removed: Collection[Sequence[Any]]) -> None:
    """Store the keys of removed events: rows of source, key and time of receipt."""
    _keep.write(db, [(hash_of(source, key), received_at) for source, key, received_at in removed])


def arrival_rows(arrival: Arrival, owner: int = 0) -> ArrivalRows:
    """Return the rows of an arrival; raise `StoreError` if an event's data cannot be JSON."""
    event, runs, deliveries = arrival.event, arrival.runs, arrival.deliveries
    return ArrivalRows(
        event_row(event),
        (event.source, event.key),
        [run_row(run) for run in runs],
        [delivery_row(delivery, owner) for delivery in deliveries] if deliveries else (),
        " ".join(event.cause) if event.cause else "",
        event.joined,
        [run for run in runs if run.marks or run.wake_at is not None],
        [(d.id, d.follows) for d in deliveries if d.follows] if deliveries else (),
        [d for d in deliveries if d.kind is not Kind.POST or d.corrects] if deliveries else (),
        preparation_rows(deliveries) if deliveries else (),
        event.author,
    )


def accept(db: Connection, intakes: Sequence[IntakeRows]) -> Sequence[Sequence[Accepted]]:
    """Store what several calls submitted, in their order; return the result of each arrival."""
    ids, any_waiting_run = _known_ids(db, intakes)
    fresh: list[ArrivalRows] = []
    # For each arrival the stored event's id, and its index in `fresh` unless it is a repeat.
    places: list[list[tuple[str, int | None]]] = []
    for intake in intakes:
        place: list[tuple[str, int | None]] = []
        for arrival in intake.arrivals:
            known = ids.get(arrival.key)
            if known is None:
                id_ = ids[arrival.key] = arrival.event[_EVENT]
                place.append((id_, len(fresh)))
                fresh.append(arrival)
            else:
                place.append((known, None))
        places.append(place)
    if any(arrival.orders for arrival in fresh):
        # What comes after a withdrawal must meet it.
        begun = [ids for arrival in fresh for ids in _insert(db, [arrival])]
    else:
        begun = [*_insert(db, fresh)]
    woken_by: Collection[str] = ()
    if _keep_decisions(db, fresh) or any_waiting_run:
        woken_by = runs.keep_for_waiting_runs(
            db,
            [(a.event[_EVENT], a.event[_SUBJECT], a.origin, a.event[_RECEIVED_AT]) for a in fresh],
        )
    for intake in intakes:
        if intake.memory is not None:
            keep_poll(db, intake.memory)
    return [
        [
            Accepted(id_, True)
            if index is None
            else Accepted(id_, False, begun[index], id_ in woken_by, _recipes(fresh[index]))
            for id_, index in place
        ]
        for place in places
    ]


def _recipes(arrival: ArrivalRows) -> int:
    return sum(run[_RUN_STATE] != RunState.SKIPPED for run in arrival.runs)


def _known_ids(
    db: Connection, intakes: Sequence[IntakeRows]
) -> tuple[dict[tuple[str, str], str], bool]:
    """Return the ids of events that are stored already by source and key, and whether any run waits."""
    keys = [
        (*arrival.key, hash_of(*arrival.key)) for intake in intakes for arrival in intake.arrivals
    ]
    ids: dict[tuple[str, str], str] = {}
    any_waiting_run = False
    for known, waits in _known.ask(db, keys):
        any_waiting_run = bool(waits)
        ids |= {(source, key): id_ for source, key, id_ in orjson.loads(known)}
    return ids, any_waiting_run


def _insert(db: Connection, fresh: Sequence[ArrivalRows]) -> Sequence[frozenset[str]]:
    """Insert events with their runs and deliveries; return the ids of those begun, event by event."""
    first = _first_events(db, fresh)
    begun: list[frozenset[str]] = []
    deliveries: list[Row] = []
    woken: list[tuple[str, float]] = []
    for arrival in fresh:
        started = []
        rows, withheld = withhold(db, arrival.deliveries) if arrival.deliveries else ((), ())
        woken += [(row[_ID], arrival.event[_RECEIVED_AT]) for row in withheld]
        for row in rows:
            event = row[_EVENT_ID]
            blocked = READY <= row[_STATE] <= LAST_OPEN and first.get(_lane_of(row), event) != event
            if row[_STATE] == SENDING:
                if blocked:
                    deliveries.append((*not_begun(row), 1))
                    continue
                started.append(row[_ID])
            deliveries.append((*row, 1 if blocked else 0))
        begun.append(frozenset(started))
    _events.write(db, [arrival.event for arrival in fresh])
    # Few events have one of these, so the others do not pay for the columns.
    _extras.change(
        db,
        [
            (a.event[_EVENT], a.cause, a.joined, a.author)
            for a in fresh
            if a.cause or a.joined or a.author
        ],
    )
    _runs.write(db, [row for arrival in fresh for row in arrival.runs])
    _deliveries.write(db, deliveries)
    follow(db, [row for arrival in fresh for row in arrival.follows])
    prepare_these(db, [row for arrival in fresh for row in arrival.preparations])
    if woken:
        leave(db, woken)
    for arrival in fresh:
        if arrival.orders:
            carry_out(db, arrival.orders, arrival.event[_RECEIVED_AT])
    return begun


def _keep_decisions(db: Connection, fresh: Sequence[ArrivalRows]) -> bool:
    """Store what few runs have: decisions made at once, and that they wait. Return whether any waits."""
    decided = [(arrival, run) for arrival in fresh if arrival.decided for run in arrival.decided]
    if not decided:
        return False
    _marks.change(db, [(run.id, as_json(dict(run.marks))) for _, run in decided])
    waits = [
        (run.id, run.recipe, arrival.event[_SUBJECT], arrival.origin, run.event_id)
        for arrival, run in decided
        if run.wake_at is not None and run.state is RunState.OPEN
    ]
    runs.begin(db, waits)
    return bool(waits)


def _first_events(db: Connection, fresh: Sequence[ArrivalRows]) -> dict[tuple[str, str, str], str]:
    """
    Return which event goes first, by channel, subject and origin of the fresh deliveries.

    It is the first fresh one, unless a delivery of a stored event goes before it; then it is the empty text.
    """
    first: dict[tuple[str, str, str], str] = {}
    for arrival in fresh:
        for row in arrival.deliveries:
            lane = _lane_of(row)
            if READY <= row[_STATE] <= LAST_OPEN and lane[1]:
                first.setdefault(lane, row[_EVENT_ID])
    for (waited_for,) in _waited_for.ask(db, list(first)):
        for channel, subject, origin in orjson.loads(waited_for):
            first[channel, subject, origin] = ""
    return first
