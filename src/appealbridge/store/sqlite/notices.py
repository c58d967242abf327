"""Finds problems about which nobody has been told, and stores notices about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import orjson

from appealbridge.model.delivery import Hold
from appealbridge.model.notice import Trouble
from appealbridge.store.records import Arrival, News, NewsSort
from appealbridge.store.sqlite.events import IntakeRows, accept, intake
from appealbridge.store.sqlite.states import EXPIRED, FAILED, IS_NEWS

_KIND = (
    f"CASE state WHEN {FAILED} THEN '{Trouble.FAILED}' WHEN {EXPIRED} THEN '{Trouble.EXPIRED}'"
    f" ELSE CASE hold WHEN '{Hold.UNKNOWN}' THEN '{Trouble.UNKNOWN}'"
    f" WHEN '{Hold.APPROVAL}' THEN '{Trouble.APPROVAL}' ELSE '{Trouble.HELD}' END END"
)
_OF_DELIVERIES = frozenset(Trouble) - {Trouble.RUN_FAILED}
_UNTOLD = f"FROM deliveries WHERE {IS_NEWS} AND told = 0"
_FAILED_RUNS = "FROM runs WHERE state = 'failed' AND told = 0"
_VERSION = (
    "coalesce((SELECT version FROM runs"
    " WHERE id = (SELECT run_id FROM deliveries WHERE number = newest)), '')"
)

_DELIVERY_SORTS = (
    f"SELECT kind, many, recipe, channel, {_VERSION} FROM (SELECT {_KIND} AS kind, count(*) AS many,"
    f" recipe, channel, max(number) AS newest {_UNTOLD} GROUP BY recipe, channel, kind)"
)
_RUN_SORTS = (
    "SELECT many, recipe, (SELECT version FROM runs WHERE number = newest) FROM"
    f" (SELECT count(*) AS many, recipe, max(number) AS newest {_FAILED_RUNS} GROUP BY recipe)"
)
_ALARM_SORTS = "SELECT kind, count(*), channel FROM alarms GROUP BY kind, channel"

_DELIVERIES = (
    "SELECT number, CASE WHEN settled_at < 9e999 THEN settled_at ELSE due_at END, reason, channel,"
    " recipe, run_id, subject"
    f" {_UNTOLD} AND recipe = :recipe AND channel = :channel AND {_KIND} = :kind"
    " ORDER BY number LIMIT :limit"
)
_RUNS = (
    "SELECT number, begun_at, reason, '', recipe, id,"
    " (SELECT subject FROM events WHERE id = event_id)"
    f" {_FAILED_RUNS} AND recipe = :recipe ORDER BY number LIMIT :limit"
)
_ALARMS = (
    "SELECT number, at, words, channel, '', '', '' FROM alarms"
    " WHERE kind = :kind AND channel = :channel ORDER BY number LIMIT :limit"
)

_THESE = "number IN (SELECT value FROM json_each(?))"
# A delivery that a person has released meanwhile may go wrong again, which would be news.
_TOLD_DELIVERIES = f"UPDATE deliveries SET told = 1 WHERE {_THESE} AND {IS_NEWS}"
_TOLD_RUNS = f"UPDATE runs SET told = 1 WHERE {_THESE}"
_TOLD_ALARMS = f"DELETE FROM alarms WHERE {_THESE}"
_TOLD_ITSELF = "UPDATE runs SET told = 1 WHERE id = ?"


class Told(NamedTuple):
    """What one call hands over: numbers as JSON by the statement that takes note of them, and the notice."""

    numbers: Mapping[str, str]
    notice: IntakeRows | None
    runs: Sequence[tuple[str]]


def raise_alarm(
    connection: sqlite3.Connection, kind: str, channel: str, words: str, now: float
) -> None:
    """Keep an alarm until people have been told of it."""
    connection.execute(
        "INSERT INTO alarms (kind, channel, words, at) VALUES (?, ?, ?, ?)",
        (kind, channel, words, now),
    )


def news(connection: sqlite3.Connection) -> Sequence[NewsSort]:
    """Return all sorts of news."""
    deliveries = connection.execute(_DELIVERY_SORTS).fetchall()
    runs = connection.execute(_RUN_SORTS).fetchall()
    alarms = connection.execute(_ALARM_SORTS).fetchall()
    return [
        *(
            NewsSort(kind=kind, count=count, recipe=recipe, channel=channel, version=version)
            for kind, count, recipe, channel, version in deliveries
        ),
        *(
            NewsSort(kind=Trouble.RUN_FAILED, count=count, recipe=recipe, version=version)
            for count, recipe, version in runs
        ),
        *(NewsSort(kind=kind, count=count, channel=channel) for kind, count, channel in alarms),
    ]


def news_of(
    connection: sqlite3.Connection, sorts: Collection[NewsSort], limit: int
) -> Sequence[News]:
    """Return news of these sorts, grouped by sort, oldest first."""
    found: list[News] = []
    for sort in sorts:
        asked = {
            "kind": sort.kind,
            "recipe": sort.recipe,
            "channel": sort.channel,
            "limit": limit - len(found),
        }
        found += [
            News(
                kind=sort.kind,
                number=number,
                at=at,
                reason=reason,
                channel=channel,
                recipe=recipe,
                run_id=run_id,
                subject=subject,
            )
            for number, at, reason, channel, recipe, run_id, subject in connection.execute(
                _select(sort.kind), asked
            ).fetchall()
        ]
    return found


def telling(news: Collection[News], notice: Arrival | None) -> Told:
    """Return the rows for a notice."""
    by_table: dict[str, list[int]] = {}
    for one in news:
        by_table.setdefault(_told(one.kind), []).append(one.number)
    return Told(
        {statement: orjson.dumps(numbers).decode() for statement, numbers in by_table.items()},
        None if notice is None else intake([notice], None),
        () if notice is None else [(run.id,) for run in notice.runs],
    )


def tell(connection: sqlite3.Connection, told: Told) -> bool:
    """Store the notice, and mark its news as told; return whether it is new."""
    fresh = False
    if told.notice is not None:
        ((accepted,),) = accept(connection, [told.notice])
        fresh = not accepted.repeat
        connection.executemany(_TOLD_ITSELF, told.runs)
    for statement, numbers in told.numbers.items():
        connection.execute(statement, (numbers,))
    return fresh


def _select(kind: str) -> str:
    if kind in _OF_DELIVERIES:
        return _DELIVERIES
    return _RUNS if kind == Trouble.RUN_FAILED else _ALARMS


def _told(kind: str) -> str:
    if kind in _OF_DELIVERIES:
        return _TOLD_DELIVERIES
    return _TOLD_RUNS if kind == Trouble.RUN_FAILED else _TOLD_ALARMS
