"""Stores runs: what they plan next, those that wait, and the events kept for those; and the recipes they began with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter

from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery, Kind
from appealbridge.model.errors import NotFound
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import OpenRun, RecipeVersion
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads
from appealbridge.store.sqlite.amending.orders import carry_out
from appealbridge.store.sqlite.amending.superseded import in_their_place
from appealbridge.store.sqlite.bulk import Insert, Join
from appealbridge.store.sqlite.decisions.entries import record
from appealbridge.store.sqlite.deliveries import deliveries_where
from appealbridge.store.sqlite.images.images import preparation_rows, prepare_these
from appealbridge.store.sqlite.live import withhold
from appealbridge.store.sqlite.ordering import OrderingKey, follow, has_to_wait
from appealbridge.store.sqlite.rows import (
    DELIVERY,
    RECIPE,
    RUN,
    STORED_EVENT,
    STORED_RUN,
    Row,
    as_json,
    delivery_row,
    event_of,
    json_list,
    named_row,
    names,
    not_begun,
    recipe_of,
    run_of,
    run_row,
    stored_time,
    time_or_none,
)
from appealbridge.store.sqlite.schema import OF_RUN, origin_of
from appealbridge.store.sqlite.states import IS_REMOVAL, LAST_OPEN, READY, SENDING

ANY = "EXISTS (SELECT 1 FROM waiting_runs)"

_begin = Join(
    ("run_id", "recipe", "subject", "origin", "event_id"),
    "INSERT INTO waiting_runs (run_id, recipe, subject, origin, after)"
    " SELECT v.run_id, v.recipe, v.subject, v.origin, e.number FROM {v}"
    " CROSS JOIN events e ON e.id = v.event_id",
)
_keep_later = Join(
    ("id", "subject", "origin"),
    "INSERT INTO later_events (run_id, event_id) SELECT w.run_id, v.id FROM {v}"
    " CROSS JOIN events e ON e.id = v.id"
    " CROSS JOIN waiting_runs w ON w.subject = v.subject AND w.origin = v.origin"
    " AND w.after < e.number"
    " WHERE TRUE RETURNING run_id, event_id",
)
_wake = Join(
    ("run_id", "at"),
    "UPDATE runs SET wake_at = min(wake_at, v.at), wakes = wakes + 1 FROM {v}"
    " WHERE runs.id = v.run_id AND +runs.state = 'open'",
)
_OF_THE_SAME = (
    "FROM waiting_runs w CROSS JOIN waiting_runs o"
    " ON o.subject = w.subject AND o.origin = w.origin AND o.recipe = w.recipe"
    " CROSS JOIN runs r ON r.id = o.run_id"
    " WHERE w.run_id = :run_id AND w.subject <> '' AND o.run_id <> :run_id"
)
_BEFORE = (
    f"SELECT {names(STORED_RUN, 'r')} {_OF_THE_SAME}"
    " AND r.number < (SELECT number FROM runs WHERE id = :run_id) ORDER BY r.number"
)
_WAKE_NEXT = (
    "UPDATE runs SET wake_at = 0, wakes = wakes + 1"
    f" WHERE number = (SELECT min(r.number) {_OF_THE_SAME})"
)
_LATER_EVENTS = (
    f"SELECT {names(STORED_EVENT, 'e')} FROM later_events h CROSS JOIN events e ON e.id = h.event_id"
    " WHERE h.run_id = ? ORDER BY e.number"
)
# No index has the subjects of all events; this runs only when a person asks for it.
_SINCE = (
    "SELECT o.id FROM events e CROSS JOIN events o ON o.number > e.number"
    f" WHERE e.id = ? AND e.subject <> '' AND o.subject = e.subject"
    f" AND {origin_of('o')} = {origin_of('e')} ORDER BY o.number LIMIT 1000"
)
_KEEP_EARLIER = (
    "INSERT OR IGNORE INTO later_events (run_id, event_id)"
    " SELECT ?, value FROM json_each(?) WHERE value IN (SELECT id FROM events)"
)
_FORGET = (
    "DELETE FROM later_events WHERE run_id = ? AND event_id IN (SELECT value FROM json_each(?))"
)
# What a run had planned and nobody had sent may have been corrected since: it goes on with what is right now.
_WOKEN = (
    "SELECT wakes, (SELECT max(by_run) FROM corrections WHERE run_id = runs.id),"
    f" {names(STORED_RUN)} FROM runs WHERE state = 'open' AND wake_at <= ?"
    " ORDER BY wake_at, number LIMIT ?"
)
_STATE = DELIVERY.index("state")
_place = itemgetter(
    *(DELIVERY.index(name) for name in ("channel", "subject", "origin", "event_id", "planned_at"))
)
_deliveries = Insert("deliveries", (*DELIVERY, "blocked"), "ON CONFLICT (id) DO NOTHING")
_runs = Insert("runs", RUN)
_EVENT = f"SELECT {names(STORED_EVENT)} FROM events WHERE id = ?"
_ABOUT = f"SELECT subject, {origin_of('events')} FROM events WHERE id = ?"
_ADVANCE = (
    "UPDATE runs SET state = :state, reason = :reason, trace = :trace, marks = :marks,"
    " wake_at = CASE WHEN wakes > :seen OR :settles THEN 0 ELSE :wake_at END"
    " WHERE id = :run_id AND state = 'open'"
)
_WAKE_AGAIN = "UPDATE runs SET wake_at = 0 WHERE id = ? AND state = 'open'"
_KNOWN = "SELECT 1 FROM runs WHERE id = ?"
_recipes = Insert(
    "recipes", (*RECIPE, "kept_at"), "ON CONFLICT DO UPDATE SET kept_at = excluded.kept_at"
)


class SqliteRuns(WriteAccess):
    """The `RunStore` in SQLite."""

    @reads
    def woken_runs(self, db: Connection, now: float, limit: int) -> Sequence[OpenRun]:
        rows = db.execute(_WOKEN, (now, limit)).fetchall()
        return [_open_run(db, wakes, run_of(row), newest) for wakes, newest, *row in rows]

    @reads
    def any_open_run(self, db: Connection, before: float) -> bool:
        select = "SELECT EXISTS (SELECT 1 FROM runs WHERE state = 'open' AND begun_at <= ?)"
        return bool(db.execute(select, (before,)).fetchone()[0])

    @reads
    def next_wake(self, db: Connection) -> float | None:
        select = "SELECT min(wake_at) FROM runs WHERE state = 'open'"
        return time_or_none(db.execute(select).fetchone()[0])

    @reads
    def runs_before(self, db: Connection, run_id: str) -> Sequence[Run]:
        return [run_of(row) for row in db.execute(_BEFORE, {"run_id": run_id})]

    async def run_again(
        self, runs: Sequence[Run], waits: Collection[str], decision: Decision | None = None
    ) -> Sequence[Run]:
        since = await self._read(lambda db: events_since(db, runs[0].event_id)) if waits else ()
        return await self._write(lambda db: run_again(db, runs, waits, since, decision))

    async def advance(
        self, run: Run, seen: int, deliveries: Sequence[Delivery], unneeded: Collection[str] = ()
    ) -> bool:
        rows = [delivery_row(delivery) for delivery in deliveries]
        # Nobody would make attempts begun here: the lane claims what can be sent at once.
        rows = [not_begun(row) if row[_STATE] == SENDING else row for row in rows]
        values = {
            "run_id": run.id,
            "state": run.state.value,
            "reason": run.reason,
            "trace": as_json(run.trace),
            "marks": as_json(dict(run.marks)),
            "wake_at": stored_time(run.wake_at),
            "seen": seen,
            "settles": any(row[_STATE] > LAST_OPEN for row in rows),
        }
        follows = [(d.id, d.follows) for d in deliveries if d.follows]
        orders = [d for d in deliveries if d.kind is not Kind.POST or d.corrects]
        preparations = preparation_rows(deliveries)

        def store(db: Connection) -> bool:
            if db.execute(_ADVANCE, values).rowcount != 1:
                if db.execute(_KNOWN, (run.id,)).fetchone() is None:
                    raise NotFound(f"run {run.id}: nothing in the store has this id")
                return False
            visible, withheld = withhold(db, rows)
            if withheld:
                db.execute(_WAKE_AGAIN, (run.id,))
            _deliveries.write(db, [(*row, _has_to_wait(db, row)) for row in visible])
            follow(db, follows)
            prepare_these(db, preparations)
            carry_out(db, orders, orders[0].planned_at if orders else 0.0)
            if unneeded:
                db.execute(_FORGET, (run.id, json_list(unneeded)))
            if run.state is not RunState.OPEN:
                _end(db, run.id)
            return True

        return await self._write(store)


class SqliteRecipes(WriteAccess):
    """The `RecipeStore` in SQLite."""

    async def keep_recipes(self, versions: Iterable[RecipeVersion], now: float) -> None:
        rows = [(v.version, v.name, v.text, as_json(dict(v.templates)), now) for v in versions]
        await self._write(lambda db: _recipes.write(db, rows))

    @reads
    def recipe(self, db: Connection, version: str) -> RecipeVersion:
        select = f"SELECT {names(RECIPE)} FROM recipes WHERE version = ?"
        return recipe_of(named_row(db, select, version, "recipe version"))


def begin(db: Connection, rows: Sequence[Row]) -> None:
    """Make runs wait; a row has a run's id, its recipe, subject and origin, and its event's id."""
    _begin.change(db, rows)


def keep_for_waiting_runs(
    db: Connection, events: Sequence[tuple[str, str, str, float]]
) -> Collection[str]:
    """
    Keep stored events (id, subject, origin, time of receipt) for the runs that wait for them, and wake those.

    Return the ids of those events.
    """
    received_at = {id_: time for id_, _, _, time in events}
    visible = _keep_later.ask(
        db, [(id_, subject, origin) for id_, subject, origin, _ in events if subject]
    )
    _wake.change(db, [(run_id, received_at[event_id]) for run_id, event_id in visible])
    return {event_id for _, event_id in visible}


def events_since(db: Connection, event_id: str) -> Sequence[str]:
    """Return the ids of later events of this one's subject and origin."""
    return [id_ for (id_,) in db.execute(_SINCE, (event_id,))]


def run_again(
    db: Connection,
    runs: Sequence[Run],
    waits: Collection[str],
    since: Collection[str],
    decision: Decision | None = None,
) -> Sequence[Run]:
    """Store runs of a stored event; keep the events with ids in `since` for those that wait."""
    fresh = [run for run in runs if db.execute(_KNOWN, (run.id,)).fetchone() is None]
    _runs.write(db, [run_row(run) for run in fresh])
    for run in fresh:
        if run.marks:
            db.execute("UPDATE runs SET marks = ? WHERE id = ?", (as_json(dict(run.marks)), run.id))
    if decision is not None:
        shown = {"runs": [run.id for run in fresh], **decision.shown}
        record(db, replace(decision, object=f"event {runs[0].event_id}", shown=shown))
    for run in fresh:
        if run.id in waits:
            about = db.execute(_ABOUT, (run.event_id,)).fetchone()
            begin(db, [(run.id, run.recipe, *about, run.event_id)])
            db.execute(_KEEP_EARLIER, (run.id, json_list(since)))
    return fresh


def _open_run(db: Connection, wakes: int, run: Run, corrected_by: str | None) -> OpenRun:
    event = event_of(db.execute(_EVENT, (run.event_id,)).fetchone())
    deliveries: Sequence[Delivery] = deliveries_where(
        db, f"WHERE {OF_RUN} AND NOT {IS_REMOVAL} ORDER BY number", {"run_id": run.id}
    )
    if corrected_by is not None:
        event, deliveries = _corrected(db, event, corrected_by), in_their_place(db, deliveries)
    return OpenRun(
        run,
        event,
        deliveries,
        wakes,
        tuple(event_of(row) for row in db.execute(_LATER_EVENTS, (run.id,))),
    )


def _corrected(db: Connection, event: Event, by_run: str) -> Event:
    """Return an event with the data of a later one that corrected it."""
    row = db.execute(_EVENT, (by_run.partition(".")[0],)).fetchone()
    newest = event if row is None else event_of(row)
    if newest.removed:
        return event
    return replace(event, data=newest.data, time=newest.time, received_at=newest.received_at)


def _end(db: Connection, run_id: str) -> None:
    """Wake the run that waits behind a finished one, and forget what was kept for that."""
    db.execute(_WAKE_NEXT, {"run_id": run_id})
    if db.execute("DELETE FROM waiting_runs WHERE run_id = ?", (run_id,)).rowcount:
        db.execute("DELETE FROM later_events WHERE run_id = ?", (run_id,))


def _has_to_wait(db: Connection, row: Row) -> bool:
    return READY <= row[_STATE] <= LAST_OPEN and has_to_wait(db, OrderingKey(*_place(row)))
