"""Stores how attempts and searches end: the change of state, the attempt, and the runs woken."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from appealbridge.model.delivery import KEEPS_TURN, MOVES, OPEN, State
from appealbridge.model.errors import IllegalMove, NotFound, StoreError
from appealbridge.store.records import Settlement
from appealbridge.store.sqlite.bulk import Insert, Join
from appealbridge.store.sqlite.ordering import ANY_BLOCKED, ANY_FOLLOWER, pass_on, release_next
from appealbridge.store.sqlite.rows import ATTEMPT, Row, at, attempt_row
from appealbridge.store.sqlite.states import NUMBERS, STATES

WAKING = frozenset(State) - {State.PLANNED, State.READY, State.SENDING, State.UNKNOWN}
"""The states that a later step of a run may be waiting for."""

_settle = Join(
    (
        "id", "source", "target", "due_at", "hold", "reason", "at", "stays", "keeps",
        "receipt_id", "receipt_url", "receipt_time",
    ),
    "UPDATE deliveries SET state = v.target, hold = v.hold, reason = v.reason, begun_at = 9e999,"
    " due_at = CASE WHEN v.due_at < 9e999 THEN v.due_at ELSE deliveries.due_at END,"
    " settled_at = CASE v.stays WHEN 1 THEN 9e999 ELSE min(deliveries.settled_at, v.at) END,"
    " blocked = deliveries.blocked * v.keeps,"
    " receipt_id = coalesce(v.receipt_id, deliveries.receipt_id),"
    " receipt_url = coalesce(v.receipt_url, deliveries.receipt_url),"
    " receipt_time = coalesce(v.receipt_time, deliveries.receipt_time)"
    " FROM {v} WHERE deliveries.id = v.id AND deliveries.state = v.source",
)  # fmt: skip
_attempts = Insert("attempts", ATTEMPT)
_OPEN_RUN = "EXISTS (SELECT 1 FROM runs WHERE state = 'open')"
ANY_OPEN_RUN = f"SELECT {_OPEN_RUN}"
ANY_TURN = f"SELECT {ANY_BLOCKED}"
# One question, without an answer where nobody waits: each step of a statement lets go of the
# interpreter's lock, and nearly every ending passes through here.
WHO_WAITS = (
    f"SELECT * FROM (SELECT {ANY_FOLLOWER} AS follows, {_OPEN_RUN} AS runs,"
    f" {ANY_BLOCKED} AS turns) WHERE follows OR runs OR turns"
)
# The plus keeps SQLite from walking through all open runs instead of looking up these few.
_wake = Join(
    ("id", "at"),
    "UPDATE runs SET wake_at = min(runs.wake_at, v.at), wakes = runs.wakes + 1 FROM {v}"
    " JOIN deliveries d ON d.id = v.id WHERE runs.id = d.run_id AND +runs.state = 'open'",
)


class Ending(NamedTuple):
    """
    One settlement, as rows already; the last three say what its target state means to others.

    Its run `wakes`, it `leaves` what is open, or it only `stops`, since a person has to decide.
    """

    delivery_id: str
    at: float
    row: Row
    attempt: Row | None
    wakes: bool
    leaves: bool
    stops: bool


def ending(settlement: Settlement) -> Ending:
    """Make rows of a settlement; raise `IllegalMove` where the table lacks its move."""
    s = settlement
    if s.target not in MOVES[s.source]:
        raise IllegalMove(
            f"delivery {s.delivery_id}: no way leads from {s.source.value} to {s.target.value}"
        )
    leaves = s.target not in OPEN
    receipt = (None, None, None) if s.receipt is None else (
        s.receipt.id, s.receipt.url, s.receipt.time,
    )  # fmt: skip
    return Ending(
        s.delivery_id,
        s.at,
        (
            s.delivery_id, NUMBERS[s.source], NUMBERS[s.target], at(s.due_at), s.hold, s.reason,
            s.at, 0 if leaves else 1, 1 if s.target in KEEPS_TURN else 0, *receipt,
        ),
        None if s.attempt is None else attempt_row(s.attempt),
        s.target in WAKING,
        leaves,
        not leaves and s.target not in KEEPS_TURN,
    )  # fmt: skip


def settle(connection: sqlite3.Connection, endings: Sequence[Ending]) -> Sequence[None]:
    """Make many changes of state at once; raise if one of them is not possible."""
    changed = _settle.change(connection, [one.row for one in endings])
    if changed != len(endings):
        raise _why_not(connection, endings)
    _attempts.write(connection, [one.attempt for one in endings if one.attempt is not None])
    wake(connection, [(o.delivery_id, o.at) for o in endings if o.wakes and not o.leaves])
    leave(connection, [(one.delivery_id, one.at) for one in endings if one.leaves])
    give_up_turns(connection, [one.delivery_id for one in endings if one.stops])
    return [None] * len(endings)


def leave(connection: sqlite3.Connection, ended: Sequence[tuple[str, float]]) -> None:
    """Update what waits for deliveries that are no longer open, each with the time of its end."""
    waits = connection.execute(WHO_WAITS).fetchone() if ended else None
    if waits is None:
        return
    follows, runs, turns = waits
    everything = [*ended, *release_next(connection, ended)] if follows else ended
    if runs:
        _wake.change(connection, everything)
    if turns:
        pass_on(connection, [id_ for id_, _ in everything])


def give_up_turns(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Give the turn to others where these wait for a person from now on."""
    if ids and connection.execute(ANY_TURN).fetchone()[0]:
        pass_on(connection, ids)


def wake(connection: sqlite3.Connection, moved: Sequence[tuple[str, float]]) -> None:
    """Wake the open runs of these deliveries, each from the given time on."""
    if moved and connection.execute(ANY_OPEN_RUN).fetchone()[0]:
        _wake.change(connection, moved)


def _why_not(connection: sqlite3.Connection, endings: Sequence[Ending]) -> StoreError:
    """Raise the error of the first of these changes that is not possible; meant for one at a time."""
    for one in endings:
        source, target = STATES[one.row[1]].value, STATES[one.row[2]].value
        found = connection.execute(
            "SELECT state FROM deliveries WHERE id = ?", (one.delivery_id,)
        ).fetchone()
        if found is None:
            return NotFound(f"delivery {one.delivery_id}: nothing in the store has this id")
        if found[0] != one.row[1]:
            return IllegalMove(
                f"delivery {one.delivery_id}: it is {STATES[found[0]].value} and not {source}, so it cannot "
                f"become {target}; somebody else has moved it meanwhile"
            )
    return StoreError("two of these settle one delivery; let one of them be first")
