"""
Queries that only read: lists for people, newest first, and single rows.

Each list is found by one index that has its rows in the order of their numbers, so that the first few are found
without reading the rest; or, for what is rare, by an index from which all numbers are collected first. The other
conditions are then tested row by row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import Delivery, State, holds_with
from appealbridge.model.errors import TooMuch
from appealbridge.model.event import Event
from appealbridge.model.ids import event_id as event_id_at
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import Backlog, DeliveryFilter, EventPage, Queue, RecipeVersion
from appealbridge.store.sqlite.access import Connection, reads
from appealbridge.store.sqlite.decisions.acceptances import SqliteAcceptanceQueries
from appealbridge.store.sqlite.decisions.approvals import SqliteApprovalQueries
from appealbridge.store.sqlite.decisions.audit import SqliteAuditQueries
from appealbridge.store.sqlite.decisions.stops import SqliteStopQueries
from appealbridge.store.sqlite.deliveries import find
from appealbridge.store.sqlite.images.images import SqliteImageQueries
from appealbridge.store.sqlite.ordering import BEHIND, OVERTAKEN, key_of
from appealbridge.store.sqlite.rows import (
    ATTEMPT,
    RECIPE,
    STORED_DELIVERY,
    STORED_EVENT,
    STORED_RUN,
    Row,
    attempt_of,
    delivery_of,
    event_of,
    json_list,
    named_row,
    names,
    recipe_of,
    run_of,
)
from appealbridge.store.sqlite.schema import ANY_NUMBER, OF_EVENT, OF_RUN, OF_SUBJECT
from appealbridge.store.sqlite.states import (
    HELD,
    IS_BEGUN,
    IS_ENDED,
    IS_LISTED,
    IS_OPEN,
    IS_POST,
    IS_SENT,
    LAST_OPEN,
    NUMBERS,
    READY,
    SENDING,
    STATES,
    UNKNOWN,
)
from appealbridge.store.sqlite.withdrawals import WithdrawalQueries

_HOT = frozenset({State.SENDING, State.DELIVERED})
_ENDED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
_IN_STATES = "state IN (SELECT value FROM json_each(:states))"
# The index begins with the channel, so it is read channel by channel.
_LISTED = f"deliveries INDEXED BY deliveries_listed WHERE {IS_LISTED}"
_RARE = (
    f"WITH RECURSIVE names(name) AS (SELECT min(channel) FROM {_LISTED} UNION ALL"
    f" SELECT (SELECT min(channel) FROM {_LISTED} AND channel > name) FROM names WHERE name IS NOT NULL)"
    " SELECT number FROM names CROSS JOIN deliveries INDEXED BY deliveries_listed"
    f" ON channel = name AND {IS_LISTED} AND {_IN_STATES}"
)
_RARE_OF_CHANNEL = f"SELECT number FROM {_LISTED} AND channel = :channel AND {_IN_STATES}"

_HAS_HOLD = "hold IN (SELECT value FROM json_each(:hold))"
_TESTS = {
    "states": _IN_STATES,
    **{name: f"{name} = :{name}" for name in ("channel", "subject", "recipe")},
    "hold": _HAS_HOLD,
    "event_id": OF_EVENT,
    "run_id": OF_RUN,
    "since": "planned_at >= :since",
    "before": "number < :before",
}
"""The condition for each field of a `DeliveryFilter`."""

_OF_CHANNEL = (
    f"SELECT count(*) FROM deliveries WHERE {IS_LISTED} AND channel = :channel AND state ="
)
# What is in progress settles at a time that has not come, so it counts as after any.
_SENT_TODAY = (
    "SELECT (SELECT count(*) FROM deliveries"
    f" WHERE {IS_SENT} AND {IS_POST} AND channel = :channel AND settled_at >= :since)"
    f" + ({_OF_CHANNEL} {UNKNOWN} AND blocked IN (0, 1) AND {IS_POST})"
    f" + ({_OF_CHANNEL} {HELD} AND blocked IN (0, 1) AND hold = 'unknown'"
    " AND first_begun_at >= :since)"
)
# Triggers keep the counts, except of what is in progress: that is little, and the hot path would pay for them.
_COUNTS = (
    "SELECT state, channel, count FROM delivery_counts WHERE count > 0"
    f" UNION ALL SELECT {SENDING}, channel, count(*) FROM deliveries"
    f" WHERE {IS_BEGUN} AND state = {SENDING} GROUP BY channel"
)
_WAITING = (
    f"SELECT channel, sum(count) FROM ({_COUNTS}) WHERE state <= {LAST_OPEN} AND channel > ''"
    " GROUP BY channel ORDER BY channel"
)
_FIRST = (
    f"SELECT due_at, number FROM deliveries WHERE {IS_LISTED} AND channel = ?"
    f" AND state = {READY} AND blocked = 0 ORDER BY due_at, number LIMIT 1"
)
_OLDEST = (
    "SELECT planned_at FROM deliveries"
    f" WHERE number = (SELECT min(number) FROM deliveries WHERE {IS_OPEN})"
)
_ATTEMPTS = f"SELECT {names(ATTEMPT)} FROM attempts WHERE delivery_id = ? ORDER BY place"
_LATEST = (
    f"SELECT {names(RECIPE)} FROM recipes WHERE name = ? ORDER BY kept_at DESC, rowid DESC LIMIT 1"
)
# The clock may have been set back meanwhile: what was stored a little earlier may have come later.
_BEFORE = (
    "SELECT min(number) - 1 FROM"
    " (SELECT number FROM events WHERE id >= ? AND received_at >= ? ORDER BY id LIMIT 1000)"
)
_LAST = "SELECT max(number) FROM events"
_PAGE = (
    f"SELECT number, {names(STORED_EVENT)} FROM events WHERE number > ? AND received_at >= ?"
    " ORDER BY number LIMIT ?"
)

LONGEST = 16_000_000
"""How many characters one result may have."""

CLOCK_SET_BACK = 600.0
"""How many seconds a clock may have been set back without hiding what was stored meanwhile."""


class _Driver(NamedTuple):
    """
    What finds the rows: an index that is read in `order`, or a query for numbers that are `gathered`.

    It guarantees the `tests`, so these are not tested again.
    """

    tests: Sequence[str] = ()
    order: str = ""
    gathered: str = ""


class SqliteQueries(
    WithdrawalQueries,
    SqliteAuditQueries,
    SqliteStopQueries,
    SqliteImageQueries,
    SqliteApprovalQueries,
    SqliteAcceptanceQueries,
):
    """The `StoreQueries` in SQLite."""

    @reads
    def deliveries(self, db: Connection, which: DeliveryFilter) -> Sequence[Delivery]:
        values: dict[str, Any] = {name: getattr(which, name) for name in _TESTS}
        tests = [test for name, test in _TESTS.items() if values[name]]
        values["states"] = json_list(NUMBERS[state] for state in which.states)
        values["hold"] = json_list(holds_with(which.hold))
        values["limit"] = which.limit
        if which.since:
            tests.append("number >= :first")
            values["first"] = _first_since(db, "deliveries", "planned_at", which.since)
        clauses = _newest_first(_driver(which, frozenset(which.states)), tests)
        select = f"SELECT {names(STORED_DELIVERY)} FROM deliveries {clauses}"
        return [delivery_of(row) for row in _rows(db, select, values)]

    @reads
    def delivery(self, db: Connection, delivery_id: str) -> Delivery:
        return find(db, delivery_id)

    @reads
    def turns_behind(self, db: Connection, delivery_ids: Collection[str]) -> Mapping[str, int]:
        rows = db.execute(BEHIND, (json_list(delivery_ids),))
        return {id_: first for id_, first in rows if first is not None}

    @reads
    def overtaken_by(self, db: Connection, delivery: Delivery) -> int | None:
        if not delivery.subject:
            return None
        row = db.execute(OVERTAKEN, key_of(delivery)._asdict()).fetchone()
        return None if row is None else int(row[0])

    @reads
    def attempts(self, db: Connection, delivery_id: str) -> Sequence[Attempt]:
        return [attempt_of(row) for row in db.execute(_ATTEMPTS, (delivery_id,))]

    @reads
    def event(self, db: Connection, event_id: str) -> Event:
        select = f"SELECT {names(STORED_EVENT)} FROM events WHERE id = ?"
        return event_of(named_row(db, select, event_id, "event"))

    @reads
    def events(
        self,
        db: Connection,
        *,
        subject: str = "",
        source: str = "",
        type_: str = "",
        since: float | None = None,
        limit: int = 100,
    ) -> Sequence[Event]:
        values: dict[str, Any] = {"subject": subject, "source": source, "type": type_}
        tests = [f"{name} = :{name}" for name, value in values.items() if value]
        values |= {"since": since, "limit": limit}
        driver = _Driver()
        if subject:
            driver = _Driver([tests[0], "subject > ''"], order="events_by_subject")
        elif source:
            driver = _Driver([tests[0]], order="events_by_source")
        elif type_:
            driver = _Driver([tests[0]], order="events_by_type")
        if since is not None:
            tests += ["received_at >= :since", "number >= :first"]
            values["first"] = _first_since(db, "events", "received_at", since)
        select = f"SELECT {names(STORED_EVENT)} FROM events {_newest_first(driver, tests)}"
        return [event_of(row) for row in _rows(db, select, values)]

    @reads
    def page_of_events(self, db: Connection, since: float, after: int, limit: int) -> EventPage:
        last = db.execute(_LAST).fetchone()[0] or 0
        if after == 0:
            first = (event_id_at(max(0.0, since), 0), since)
            after = db.execute(_BEFORE, first).fetchone()[0] or 0
        rows = db.execute(_PAGE, (after, since, limit)).fetchall()
        events = [event_of(tuple(row)) for _, *row in rows]
        return EventPage(events, rows[-1][0] if rows else after, last)

    @reads
    def latest_recipe(self, db: Connection, name: str) -> RecipeVersion | None:
        row = db.execute(_LATEST, (name,)).fetchone()
        return None if row is None else recipe_of(row)

    @reads
    def run(self, db: Connection, run_id: str) -> Run:
        select = f"SELECT {names(STORED_RUN)} FROM runs WHERE id = ?"
        return run_of(named_row(db, select, run_id, "run"))

    @reads
    def runs(
        self,
        db: Connection,
        *,
        event_id: str = "",
        recipe: str = "",
        state: RunState | None = None,
        limit: int = 100,
    ) -> Sequence[Run]:
        # The state is written out, because SQLite uses an index over one state only if the query names that state.
        of_state, of_recipe = f"state = '{state}'", "recipe = :recipe"
        conditions = {OF_EVENT: event_id, of_recipe: recipe, of_state: state is not None}
        tests = [test for test, value in conditions.items() if value]
        driver = _Driver()
        if event_id:
            driver = _Driver([OF_EVENT])
        elif recipe and state in (RunState.FAILED, RunState.OPEN):
            driver = _Driver(tests, order=f"runs_{state}_by_recipe")
        elif recipe:
            driver = _Driver([of_recipe], order="runs_by_recipe")
        elif state is not None:
            driver = _Driver([of_state], order=f"runs_{state}")
        values = {"event_id": event_id, "recipe": recipe, "limit": limit}
        select = f"SELECT {names(STORED_RUN)} FROM runs {_newest_first(driver, tests)}"
        return [run_of(row) for row in _rows(db, select, values)]

    @reads
    def modes(self, db: Connection) -> Sequence[tuple[int, str]]:
        return db.execute("SELECT number, mode FROM modes ORDER BY number").fetchall()

    @reads
    def sent_today(self, db: Connection, channel: str, since: float) -> int:
        (count,) = db.execute(_SENT_TODAY, {"channel": channel, "since": since}).fetchone()
        return int(count)

    @reads
    def backlog(self, db: Connection) -> Backlog:
        counts = {(STATES[state], channel): n for state, channel, n in db.execute(_COUNTS)}
        oldest = db.execute(_OLDEST).fetchone()
        return Backlog(counts, None if oldest is None else oldest[0])

    @reads
    def queues(self, db: Connection) -> Sequence[Queue]:
        return [
            Queue(name, count, db.execute(_FIRST, (name,)).fetchone())
            for name, count in db.execute(_WAITING).fetchall()
        ]


def _driver(which: DeliveryFilter, states: frozenset[State]) -> _Driver:
    """Return the index or selection that finds the fewest unneeded rows."""
    if which.event_id or which.run_id:
        return _Driver()
    if which.subject:
        return _Driver(["subject = :subject"], gathered=OF_SUBJECT)
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
    """Return what finds deliveries that are neither in progress nor delivered."""
    if which.hold and states == {State.HELD}:
        tests = [_IN_STATES, _HAS_HOLD, f"state = {HELD}"]
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


def _newest_first(driver: _Driver, tests: Sequence[str]) -> str:
    """Return the clauses after a table's name."""
    rest = [test for test in tests if test not in driver.tests]
    first = [*driver.tests, *([ANY_NUMBER] if driver.order else [])]
    if driver.gathered:
        # Without other conditions, no more are gathered than wanted.
        limit = "" if rest else " ORDER BY 1 DESC LIMIT :limit"
        first = [f"number IN ({driver.gathered}{limit})"]
    index = f"INDEXED BY {driver.order} " if driver.order else ""
    where = " AND ".join([*first, *rest])
    return f"{index}{'WHERE ' if where else ''}{where} ORDER BY number DESC LIMIT :limit"


def _rows(db: Connection, select: str, values: Mapping[str, Any]) -> Iterator[Row]:
    """Yield rows; raise `TooMuch` if together they are longer than a result may be."""
    available = LONGEST
    for row in db.execute(select, values):
        available -= sum([len(column) for column in row if type(column) is str])
        if available < 0:
            raise TooMuch(f"this is more than {LONGEST // 1_000_000} MB; use a smaller limit")
        yield row


def _first_since(db: Connection, table: str, column: str, since: float) -> int:
    """Return a number below which no row of a table is that recent, by bisection."""
    ends = f"SELECT (SELECT min(number) FROM {table}), (SELECT max(number) FROM {table})"
    low, high = db.execute(ends).fetchone()
    if low is None:
        return 0
    select = f"SELECT number, {column} FROM {table} WHERE number >= ? ORDER BY number LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        number, at = db.execute(select, (middle,)).fetchone()
        if at >= since - CLOCK_SET_BACK:
            high = middle
        else:
            low = number + 1
    return int(low)
