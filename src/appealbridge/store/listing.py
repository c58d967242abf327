"""
What people list: deliveries and runs, the newest first, by whatever they ask for.

What is rare is read off the indexes that have only what is rare. All else is walked through from the
newest on until there is enough of it; an index over recipes or subjects would cost every event more
than the half second that a walk through a million rows takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.run import Run, RunState
from appealbridge.store.reading import deliveries_where
from appealbridge.store.records import DeliveryFilter
from appealbridge.store.rows import STORED_RUN, names, run_of
from appealbridge.store.schema import OF_EVENT, OF_RUN
from appealbridge.store.states import IS_BEGUN, IS_LISTED, NUMBERS

_HOT = frozenset({State.SENDING, State.DELIVERED})
_IN_STATES = "state IN (SELECT value FROM json_each(:states))"
# The index over what is neither under way nor delivered has few rows, and is read by itself.
_RARE = (
    "number IN (SELECT number FROM deliveries INDEXED BY deliveries_listed"
    f" WHERE {IS_LISTED} AND {_IN_STATES})"
)
_INDEXED = {RunState.FAILED: "runs_failed", RunState.OPEN: "runs_still_open"}


def deliveries(connection: sqlite3.Connection, which: DeliveryFilter) -> Sequence[Delivery]:
    """List deliveries, newest first."""
    states = frozenset(which.states)
    rare = bool(states) and not _HOT & states
    tests: dict[str, object] = {
        _IN_STATES: states,
        IS_BEGUN: states == {State.SENDING},
        _RARE: rare and not (which.event_id or which.run_id),
        "channel = :channel": which.channel,
        "subject = :subject": which.subject,
        "recipe = :recipe": which.recipe,
        "hold = :hold": which.hold,
        OF_EVENT: which.event_id,
        OF_RUN: which.run_id,
        "planned_at >= :since": which.since is not None,
    }
    values: dict[str, Any] = {
        "states": orjson.dumps([NUMBERS[state] for state in which.states]).decode(),
        "channel": which.channel,
        "subject": which.subject,
        "recipe": which.recipe,
        "hold": which.hold,
        "event_id": which.event_id,
        "run_id": which.run_id,
        "since": which.since,
        "limit": which.limit,
    }

    return deliveries_where(connection, _newest_first(tests), values)


def runs(
    connection: sqlite3.Connection,
    event_id: str,
    recipe_name: str,
    limit: int,
    state: RunState | None = None,
) -> Sequence[Run]:
    """List runs, newest first."""
    tests: dict[str, object] = {
        OF_EVENT: event_id,
        "recipe = :recipe": recipe_name,
        # Written out, since an index over one state is not used for one that is only handed over.
        f"state = '{state}'": state is not None,
    }
    values = {"event_id": event_id, "recipe": recipe_name, "limit": limit}
    index = _INDEXED.get(state) if state and not event_id else None
    indexed = f" INDEXED BY {index}" if index else ""

    select = f"SELECT {names(STORED_RUN)} FROM runs{indexed} {_newest_first(tests)}"
    return [run_of(row) for row in connection.execute(select, values).fetchall()]


def _newest_first(tests: Mapping[str, object]) -> str:
    where = " AND ".join(test for test, asked in tests.items() if asked)
    return f"{'WHERE ' if where else ''}{where} ORDER BY number DESC LIMIT :limit"
