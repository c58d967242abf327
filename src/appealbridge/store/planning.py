"""How runs go on: what a run planned next, stored together with the run itself; and the recipes it needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import NotFound
from appealbridge.model.run import Run, RunState
from appealbridge.store import waiting
from appealbridge.store.bulk import Insert
from appealbridge.store.following import follow
from appealbridge.store.records import (
    PlanningMark,
    RecipeVersion,
)
from appealbridge.store.rows import (
    DELIVERY,
    RUN,
    Row,
    as_json,
    at,
    delivery_row,
    not_begun,
    run_row,
)
from appealbridge.store.schema import origin_of
from appealbridge.store.states import LAST_OPEN, READY, SENDING
from appealbridge.store.turns import Place, has_to_wait

_STATE = DELIVERY.index("state")
_place = itemgetter(
    *(DELIVERY.index(name) for name in ("channel", "subject", "origin", "event_id"))
)
_deliveries = Insert("deliveries", (*DELIVERY, "blocked"), "ON CONFLICT (id) DO NOTHING")
_runs = Insert("runs", RUN)
_ABOUT = f"SELECT subject, {origin_of('events')} FROM events WHERE id = ?"
_ADVANCE = (
    "UPDATE runs SET state = :state, reason = :reason, trace = :trace, marks = :marks,"
    " wake_at = CASE WHEN wakes > :seen OR :settles THEN 0 ELSE :wake_at END"
    " WHERE id = :run_id AND state = 'open'"
)
_recipes = Insert(
    "recipes",
    ("version", "name", "text", "templates", "kept_at"),
    "ON CONFLICT DO UPDATE SET kept_at = excluded.kept_at",
)
_SOURCE_FAILED = (
    "INSERT INTO sources (source, cursor, looked_at, next_look_at, failures, note)"
    " VALUES (?, '{}', NULL, ?, 1, ?) ON CONFLICT DO UPDATE SET"
    " next_look_at = excluded.next_look_at, failures = failures + 1, note = excluded.note"
)
_MARK = ("source", "in_progress", "crashes", "paused_until", "hold_reason")
_marks = Insert(
    "planning_marks",
    _MARK,
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _MARK[1:])}",
)


@dataclass(frozen=True, slots=True)
class Advance:
    """What one call hands over: the run as it is now, rows of its new deliveries, and what it need not hear."""

    run: Run
    trace: str
    marks: str
    seen: int
    deliveries: Sequence[Row]
    follows: Sequence[tuple[str, str]]
    unheard: Collection[str]


def advancing(
    run: Run, seen: int, deliveries: Sequence[Delivery], unheard: Collection[str] = ()
) -> Advance:
    """Make rows of what a run planned; raise `StoreError` where JSON has no words for its trace."""
    rows = (delivery_row(delivery) for delivery in deliveries)
    # Nobody is told of attempts begun here, so none is: what could go at once is claimed instead.
    return Advance(
        run,
        as_json(run.trace),
        as_json(dict(run.marks)),
        seen,
        [not_begun(row) if row[-4] == SENDING else row for row in rows],
        [(one.id, one.follows) for one in deliveries if one.follows],
        unheard,
    )


def advance(connection: sqlite3.Connection, step: Advance) -> bool:
    """Store the run, awake if it was woken meanwhile, and its new deliveries; return whether it was open."""
    run = step.run
    values = {
        "run_id": run.id,
        "state": run.state.value,
        "reason": run.reason,
        "trace": step.trace,
        "marks": step.marks,
        "wake_at": at(run.wake_at),
        "seen": step.seen,
        "settles": any(row[_STATE] > LAST_OPEN for row in step.deliveries),
    }
    if connection.execute(_ADVANCE, values).rowcount != 1:
        if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run.id,)).fetchone() is None:
            raise NotFound(f"run {run.id}: nothing in the store has this id")
        return False
    _deliveries.write(connection, [_with_turn(connection, row) for row in step.deliveries])
    follow(connection, step.follows)
    waiting.let_go(connection, run.id, step.unheard)
    if run.state is not RunState.OPEN:
        waiting.end(connection, run.id)
    return True


def run_again(
    connection: sqlite3.Connection,
    runs: Sequence[Run],
    waits: Collection[str],
    since: Collection[str],
) -> Sequence[Run]:
    """Store runs of an event that is there already; return those that were not there yet."""
    known = "SELECT 1 FROM runs WHERE id = ?"
    fresh = [run for run in runs if connection.execute(known, (run.id,)).fetchone() is None]
    _runs.write(connection, [run_row(run) for run in fresh])
    for run in fresh:
        if run.id in waits:
            event = connection.execute(_ABOUT, (run.event_id,)).fetchone()
            waiting.begin(connection, [(run.id, run.recipe, *event, run.event_id)])
            waiting.recall(connection, run.id, since)
    return fresh


def _with_turn(connection: sqlite3.Connection, row: Row) -> Row:
    keeps = READY <= row[_STATE] <= LAST_OPEN
    return (*row, 1 if keeps and has_to_wait(connection, Place(*_place(row))) else 0)


def keep_recipes(
    connection: sqlite3.Connection, versions: Sequence[RecipeVersion], now: float
) -> None:
    """Keep recipe versions; of those that are kept already, that they were in force at this time."""
    _recipes.write(
        connection,
        [
            (version.version, version.name, version.text, as_json(dict(version.templates)), now)
            for version in versions
        ],
    )


def source_failed(
    connection: sqlite3.Connection, source: str, next_look_at: float, note: str
) -> None:
    """Count one more look that did not succeed."""
    connection.execute(_SOURCE_FAILED, (source, next_look_at, note))


def keep_planning_mark(connection: sqlite3.Connection, mark: PlanningMark) -> None:
    """Keep the mark of a source whose new items are being planned."""
    row = (mark.source, mark.in_progress, mark.crashes, mark.paused_until, mark.hold_reason)
    _marks.write(connection, [row])


def planning_marks(connection: sqlite3.Connection) -> Sequence[PlanningMark]:
    """Return the marks of all sources, by name."""
    rows = connection.execute(f"SELECT {', '.join(_MARK)} FROM planning_marks ORDER BY source")
    return [
        PlanningMark(source, bool(in_progress), crashes, paused_until, hold_reason)
        for source, in_progress, crashes, paused_until, hold_reason in rows.fetchall()
    ]
