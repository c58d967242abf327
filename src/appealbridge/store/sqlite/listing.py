"""
The listings for people: deliveries, runs and events, newest first, with filters.

Each question is driven by one index that has what is asked for in the order of the rows' numbers, so
that the first few are found without walking through the rest; or, for what is rare, by one from which
all numbers are gathered first. What else is asked for is then looked at row by row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import TooMuch
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import DeliveryFilter, EventPage, RecipeVersion
from appealbridge.store.sqlite.rows import (
    RECIPE,
    STORED_DELIVERY,
    STORED_EVENT,
    STORED_RUN,
    Row,
    delivery_of,
    event_of,
    names,
    recipe_of,
    run_of,
)
from appealbridge.store.sqlite.schema import ANY_NUMBER, OF_EVENT, OF_RUN
from appealbridge.store.sqlite.states import HELD, IS_BEGUN, IS_ENDED, IS_LISTED, NUMBERS, SENDING

_HOT = frozenset({State.SENDING, State.DELIVERED})
_ENDED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
_IN_STATES = "state IN (SELECT value FROM json_each(:states))"
_OF_SUBJECT = (
    "SELECT d.number FROM events e CROSS JOIN deliveries d ON d.id > e.id || '.' AND d.id < e.id || '/'"
    f" WHERE e.subject = :subject AND e.subject > '' AND e.{ANY_NUMBER}"
)
# The index begins with the channel, so it is read channel by channel.
_LISTED = f"deliveries INDEXED BY deliveries_listed WHERE {IS_LISTED}"
_RARE = (
    f"WITH RECURSIVE names(name) AS (SELECT min(channel) FROM {_LISTED} UNION ALL"
    f" SELECT (SELECT min(channel) FROM {_LISTED} AND channel > name) FROM names WHERE name IS NOT NULL)"
    " SELECT number FROM names CROSS JOIN deliveries INDEXED BY deliveries_listed"
    f" ON channel = name AND {IS_LISTED} AND {_IN_STATES}"
)
_RARE_OF_CHANNEL = f"SELECT number FROM {_LISTED} AND channel = :channel AND {_IN_STATES}"

LONGEST = 16_000_000
"""How many characters one answer may have."""

CLOCK_SET_BACK = 600.0
"""By how many seconds a clock may have been set back without hiding what was stored meanwhile."""


class _Driver(NamedTuple):
    """
    What finds the rows: the index that is read in `order`, or a selection of numbers that are `gathered`.

    `tests` is what the rest of the question need not ask again.
    """

    tests: Sequence[str] = ()
    order: str = ""
    gathered: str = ""


def deliveries(connection: sqlite3.Connection, which: DeliveryFilter) -> Sequence[Delivery]:
    """List deliveries, newest first."""
    states = frozenset(which.states)
    asked: dict[str, object] = {
        _IN_STATES: states,
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
    tests = [test for test, wanted in asked.items() if wanted]
    if which.since is not None:
        tests.append("number >= :first")
        values["first"] = _first_since(connection, "deliveries", "planned_at", which.since)
    clauses = _newest_first(_driver(which, states), tests)
    select = f"SELECT {names(STORED_DELIVERY)} FROM deliveries {clauses}"
    return [delivery_of(row) for row in _rows(connection, select, values)]


def _driver(which: DeliveryFilter, states: frozenset[State]) -> _Driver:
    """Return the index or selection that finds the fewest unneeded rows."""
    if which.event_id or which.run_id:
        return _Driver()
    if which.subject:
        return _Driver(["subject = :subject"], gathered=_OF_SUBJECT)
    if states and not _HOT & states:
        return _rare(which, states)
    if states == {State.SENDING}:
        return _Driver([_IN_STATES, IS_BEGUN, f"state = {SENDING}"])
    if which.channel:
        return _Driver(["channel = :channel"], order="deliveries_by_channel")
    if which.recipe:
        return _Driver(["recipe = :recipe"], order="deliveries_by_recipe")
    return _Driver()


def _rare(which: DeliveryFilter, states: frozenset[State]) -> _Driver:
    """Return what finds deliveries that are neither under way nor delivered."""
    if which.hold and states == {State.HELD}:
        tests = [_IN_STATES, "hold = :hold", f"state = {HELD}"]
        return _Driver(tests, order="deliveries_held")
    if which.channel:
        return _Driver([_IN_STATES, "channel = :channel"], gathered=_RARE_OF_CHANNEL)
    if len(states) == 1 and states <= _ENDED:
        (number,) = (NUMBERS[state] for state in states)
        tests = [_IN_STATES, f"state = {number}", IS_ENDED]
        if which.recipe:
            return _Driver([*tests, "recipe = :recipe"], order="deliveries_ended_by_recipe")
        return _Driver(tests, order="deliveries_ended")
    return _Driver([_IN_STATES], gathered=_RARE)


def runs(
    connection: sqlite3.Connection,
    event_id: str,
    recipe_name: str,
    limit: int,
    state: RunState | None = None,
) -> Sequence[Run]:
    """List runs, newest first."""
    # The state is written out, since an index over one state is not used for one that is only handed over.
    of_state, of_recipe = f"state = '{state}'", "recipe = :recipe"
    asked = {OF_EVENT: event_id, of_recipe: recipe_name, of_state: state is not None}
    tests = [test for test, wanted in asked.items() if wanted]
    driver = _Driver()
    if event_id:
        driver = _Driver([OF_EVENT])
    elif recipe_name and state in (RunState.FAILED, RunState.OPEN):
        driver = _Driver(tests, order=f"runs_{state}_by_recipe")
    elif recipe_name:
        driver = _Driver([of_recipe], order="runs_by_recipe")
    elif state is not None:
        driver = _Driver([of_state], order=f"runs_{state}")
    values = {"event_id": event_id, "recipe": recipe_name, "limit": limit}
    select = f"SELECT {names(STORED_RUN)} FROM runs {_newest_first(driver, tests)}"
    return [run_of(row) for row in _rows(connection, select, values)]


def events(
    connection: sqlite3.Connection,
    *,
    subject: str = "",
    source: str = "",
    type_: str = "",
    since: float | None = None,
    limit: int = 100,
) -> Sequence[Event]:
    """List events, newest first."""
    asked = {"subject = :subject": subject, "source = :source": source, "type = :type": type_}
    tests = [test for test, wanted in asked.items() if wanted]
    values: dict[str, Any] = {
        "subject": subject,
        "source": source,
        "type": type_,
        "since": since,
        "limit": limit,
    }
    driver = _Driver()
    if subject:
        driver = _Driver([tests[0], "subject > ''"], order="events_by_subject")
    elif source:
        driver = _Driver([tests[0]], order="events_by_source")
    elif type_:
        driver = _Driver([tests[0]], order="events_by_type")
    if since is not None:
        tests += ["received_at >= :since", "number >= :first"]
        values["first"] = _first_since(connection, "events", "received_at", since)
    select = f"SELECT {names(STORED_EVENT)} FROM events {_newest_first(driver, tests)}"
    return [event_of(row) for row in _rows(connection, select, values)]


def _newest_first(driver: _Driver, asked: Sequence[str]) -> str:
    """Return the clauses after a table's name."""
    rest = [test for test in asked if test not in driver.tests]
    first = [*driver.tests, *([ANY_NUMBER] if driver.order else [])]
    if driver.gathered:
        # Where nothing else is asked for, only so many are gathered as are wanted.
        limit = "" if rest else " ORDER BY 1 DESC LIMIT :limit"
        first = [f"number IN ({driver.gathered}{limit})"]
    index = f"INDEXED BY {driver.order} " if driver.order else ""
    where = " AND ".join([*first, *rest])
    return f"{index}{'WHERE ' if where else ''}{where} ORDER BY number DESC LIMIT :limit"


def _rows(connection: sqlite3.Connection, select: str, values: Mapping[str, Any]) -> Iterator[Row]:
    """Yield rows; raise `TooMuch` where all of them together are longer than an answer may be."""
    room = LONGEST
    for row in connection.execute(select, values):
        room -= sum([len(column) for column in row if type(column) is str])
        if room < 0:
            raise TooMuch(
                f"this is more than {LONGEST // 1_000_000} MB in one answer; ask for fewer with a smaller limit"
            )
        yield row


def _first_since(connection: sqlite3.Connection, table: str, column: str, since: float) -> int:
    """Return a number below which no row of a table is as young as this, found by halving."""
    ends = f"SELECT (SELECT min(number) FROM {table}), (SELECT max(number) FROM {table})"
    low, high = connection.execute(ends).fetchone()
    if low is None:
        return 0
    select = f"SELECT number, {column} FROM {table} WHERE number >= ? ORDER BY number LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        number, at = connection.execute(select, (middle,)).fetchone()
        if at >= since - CLOCK_SET_BACK:
            high = middle
        else:
            low = number + 1
    return int(low)


# The clock may have been set back meanwhile; what was stored a little before may have come later.
_BEFORE = (
    "SELECT min(number) - 1 FROM"
    " (SELECT number FROM events WHERE received_at >= ? ORDER BY received_at LIMIT 1000)"
)
_LAST = "SELECT max(number) FROM events"
_PAGE = (
    f"SELECT number, {names(STORED_EVENT)} FROM events WHERE number > ? AND received_at >= ?"
    " ORDER BY number LIMIT ?"
)
_LATEST = (
    f"SELECT {names(RECIPE)} FROM recipes WHERE name = ? ORDER BY kept_at DESC, rowid DESC LIMIT 1"
)


def page_of_events(
    connection: sqlite3.Connection, since: float, after: int, limit: int
) -> EventPage:
    """Return events received since a time, in the order in which they were stored."""
    last = connection.execute(_LAST).fetchone()[0] or 0
    if after == 0:
        after = connection.execute(_BEFORE, (since,)).fetchone()[0] or 0
    rows = connection.execute(_PAGE, (after, since, limit)).fetchall()
    events = [event_of(tuple(row)) for _, *row in rows]
    return EventPage(events, rows[-1][0] if rows else after, last)


def latest_recipe(connection: sqlite3.Connection, name: str) -> RecipeVersion | None:
    """Return the version of a recipe that was put in force last."""
    row = connection.execute(_LATEST, (name,)).fetchone()
    return None if row is None else recipe_of(row)
