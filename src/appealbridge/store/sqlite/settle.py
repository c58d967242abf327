"""Stores the results of attempts and searches: the change of state, the attempt, and the runs woken."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from appealbridge.model.delivery import KEEPS_TURN, MOVES, OPEN, State
from appealbridge.model.errors import IllegalMove, NotFound, StoreError
from appealbridge.store.records import Settlement
from appealbridge.store.sqlite.bulk import Insert, Join
from appealbridge.store.sqlite.live import StateChange, live_of
from appealbridge.store.sqlite.ordering import ANY_BLOCKED, ANY_FOLLOWER, pass_on, release_next
from appealbridge.store.sqlite.rows import (
    ATTEMPT,
    UPLOAD,
    Row,
    attempt_row,
    json_list,
    stored_time,
    upload_row,
)
from appealbridge.store.sqlite.states import NUMBERS, STATES

WAKING = frozenset(State) - {State.PLANNED, State.READY, State.SENDING, State.UNKNOWN}
"""The states that a later step of a run may be waiting for."""

_settle = Join(
    (
        "id", "source", "target", "due_at", "hold", "reason", "at", "stays", "keeps",
        "receipt_id", "receipt_url", "receipt_time", "receipt_account",
    ),
    "UPDATE deliveries SET state = v.target, hold = v.hold, reason = v.reason, begun_at = 9e999,"
    " due_at = CASE WHEN v.due_at < 9e999 THEN v.due_at ELSE deliveries.due_at END,"
    " settled_at = CASE v.stays WHEN 1 THEN 9e999 ELSE min(deliveries.settled_at, v.at) END,"
    " blocked = deliveries.blocked * v.keeps,"
    " receipt_id = coalesce(v.receipt_id, deliveries.receipt_id),"
    " receipt_url = coalesce(v.receipt_url, deliveries.receipt_url),"
    " receipt_time = coalesce(v.receipt_time, deliveries.receipt_time),"
    " receipt_account = coalesce(v.receipt_account, deliveries.receipt_account)"
    " FROM {v} WHERE deliveries.id = v.id AND deliveries.state = v.source",
)  # fmt: skip
_SOURCE = 1
"""The place of the former state in a row."""
_attempts = Insert("attempts", ATTEMPT)
_uploads = Insert(
    "uploads",
    UPLOAD,
    "ON CONFLICT DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in UPLOAD[2:]),
)
_OPEN_RUN = "EXISTS (SELECT 1 FROM runs WHERE state = 'open')"
ANY_OPEN_RUN = f"SELECT {_OPEN_RUN}"
ANY_TURN = f"SELECT {ANY_BLOCKED}"
# One query for all three, and no row if nothing waits: each step of a statement releases the interpreter's lock, and
# nearly every settlement needs this.
WHO_WAITS = (
    f"SELECT * FROM (SELECT {ANY_FOLLOWER} AS follows, {_OPEN_RUN} AS runs,"
    f" {ANY_BLOCKED} AS turns) WHERE follows OR runs OR turns"
)
# The plus keeps SQLite from reading all open runs instead of looking up these few. A delivery that took the place of
# others also wakes their runs.
_wake = Join(
    ("id", "at"),
    "UPDATE runs SET wake_at = min(runs.wake_at, v.at), wakes = runs.wakes + 1 FROM {v}"
    " JOIN deliveries d ON d.id = v.id WHERE runs.id IN (SELECT d.run_id UNION ALL"
    " SELECT c.run_id FROM corrections c WHERE d.change > '' AND c.by_run = d.run_id)"
    " AND +runs.state = 'open'",
)


@dataclass(slots=True)
class Ending:
    """
    The rows of one settlement, and what its target state means for others.

    Its run `wakes`, it `leaves` the open states, or it only `stops` because a person has to decide.
    """

    delivery_id: str
    at: float
    row: Row
    attempt: Row | None
    wakes: bool
    leaves: bool
    stops: bool
    upload: Row | None = None
    uploads_expired: bool = False


_EFFECTS = {
    state: (
        NUMBERS[state],
        int(state in OPEN),
        int(state in KEEPS_TURN),
        state in WAKING,
        state not in OPEN,
        state in OPEN and state not in KEEPS_TURN,
    )
    for state in State
}
"""For each target state: its number, whether it `stays` open and `keeps` its place, and the last fields of `Ending`."""


def ending(settlement: Settlement) -> Ending:
    """Return the rows of a settlement; raise `IllegalMove` if the change of state is not allowed."""
    s = settlement
    if s.target not in MOVES[s.source]:
        raise IllegalMove(
            f"delivery {s.delivery_id}: it cannot become {s.target.value} from {s.source.value}"
        )
    number, stays, keeps, wakes, leaves, stops = _EFFECTS[s.target]
    receipt = (None, None, None, None) if s.receipt is None else (
        s.receipt.id, s.receipt.url, s.receipt.time, s.receipt.account,
    )  # fmt: skip
    return Ending(
        s.delivery_id,
        s.at,
        (
            s.delivery_id, NUMBERS[s.source], number, stored_time(s.due_at), s.hold, s.reason,
            s.at, stays, keeps, *receipt,
        ),
        None if s.attempt is None else attempt_row(s.attempt),
        wakes,
        leaves,
        stops,
        None if s.upload is None else upload_row(s.upload),
        s.uploads_expired,
    )  # fmt: skip


def settle(connection: sqlite3.Connection, endings: Sequence[Ending]) -> Sequence[None]:
    """Make many changes of state at once; raise an error if one of them is not possible."""
    live = live_of(connection)  # before the change, or it would know nothing of what ends here
    changed = _settle.change(connection, [e.row for e in endings])
    if changed != len(endings):
        raise _why_not(connection, endings)
    _attempts.write(connection, [e.attempt for e in endings if e.attempt is not None])
    wake(connection, [(e.delivery_id, e.at) for e in endings if e.wakes and not e.leaves])
    leave(connection, [(e.delivery_id, e.at) for e in endings if e.leaves])
    give_up_turns(connection, [e.delivery_id for e in endings if e.stops])
    _keep_uploads(connection, endings)
    if concerned := [e for e in endings if live.concerns(e.delivery_id)]:
        changes = {e.delivery_id: StateChange(e.at, e.row[_SOURCE]) for e in concerned}
        live.after(connection, changes, leave)
    return [None] * len(endings)


def _keep_uploads(connection: sqlite3.Connection, endings: Sequence[Ending]) -> None:
    """Store what these attempts uploaded, and forget what the platform no longer has."""
    if uploaded := [e.upload for e in endings if e.upload is not None]:
        _uploads.write(connection, uploaded)
    if expired := [e.delivery_id for e in endings if e.uploads_expired]:
        statement = "DELETE FROM uploads WHERE delivery_id IN (SELECT value FROM json_each(?))"
        connection.execute(statement, (json_list(expired),))


def leave(connection: sqlite3.Connection, ended: Sequence[tuple[str, float]]) -> None:
    """Update what waits for deliveries that have settled, each with the time."""
    waits = connection.execute(WHO_WAITS).fetchone() if ended else None
    if waits is None:
        return
    follows, runs, in_turn = waits
    everything = [*ended, *release_next(connection, ended)] if follows else ended
    if runs:
        _wake.change(connection, everything)
    if in_turn:
        pass_on(connection, [id_ for id_, _ in everything])


def give_up_turns(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Unblock what waited for these deliveries, because they now wait for a person."""
    if ids and connection.execute(ANY_TURN).fetchone()[0]:
        pass_on(connection, ids)


def wake(connection: sqlite3.Connection, moved: Sequence[tuple[str, float]]) -> None:
    """Wake the open runs of these deliveries, each from the given time on."""
    if moved and connection.execute(ANY_OPEN_RUN).fetchone()[0]:
        _wake.change(connection, moved)


def _why_not(connection: sqlite3.Connection, endings: Sequence[Ending]) -> StoreError:
    """Return the error of the first of these changes that is not possible."""
    for ending in endings:
        id_ = ending.delivery_id
        source, target = STATES[ending.row[1]], STATES[ending.row[2]]
        row = connection.execute("SELECT state FROM deliveries WHERE id = ?", (id_,)).fetchone()
        if row is None:
            return NotFound(f"delivery {id_}: nothing in the store has this id")
        if STATES[row[0]] is not source:
            return IllegalMove(
                f"delivery {id_}: it is {STATES[row[0]].value} and no longer {source.value}, so it "
                f"cannot become {target.value}"
            )
    return StoreError("two settlements of one delivery came at the same time; settle it once")
