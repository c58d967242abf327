"""Finds problems that nobody has been notified of, and stores notices about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from appealbridge.model.delivery import Hold
from appealbridge.model.notice import Trouble
from appealbridge.store.records import Arrival, News, NewsSort
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads, writes
from appealbridge.store.sqlite.events import IntakeRows, accept, arrival_rows
from appealbridge.store.sqlite.rows import json_list
from appealbridge.store.sqlite.states import EXPIRED, FAILED, IS_NEWS

_KIND = (
    f"CASE state WHEN {FAILED} THEN '{Trouble.FAILED}' WHEN {EXPIRED} THEN '{Trouble.EXPIRED}'"
    f" ELSE CASE CASE WHEN hold LIKE '{Hold.APPROVAL} %' THEN '{Hold.APPROVAL}'"
    f" WHEN hold LIKE '{Hold.ACCEPTANCE} %' THEN '{Hold.ACCEPTANCE}' ELSE hold END"
    f" WHEN '{Hold.UNKNOWN}' THEN '{Trouble.UNKNOWN}'"
    f" WHEN '{Hold.CANNOT_REMOVE}' THEN '{Trouble.CANNOT_REMOVE}'"
    f" WHEN '{Hold.APPROVAL}' THEN '{Trouble.APPROVAL}' WHEN '{Hold.ACCEPTANCE}' THEN '{Trouble.ACCEPTANCE}'"
    f" ELSE '{Trouble.HELD}' END END"
)
_OF_DELIVERIES = frozenset(Trouble) - {Trouble.RUN_FAILED}
_UNTOLD = f"FROM deliveries WHERE {IS_NEWS} AND notified = 0"
_FAILED_RUNS = "FROM runs WHERE state = 'failed' AND notified = 0"
_VERSION = (
    "coalesce((SELECT version FROM runs"
    " WHERE id = (SELECT run_id FROM deliveries WHERE number = newest)), '')"
)

_DELIVERY_SORTS = (
    f"SELECT sort, many, recipe, channel, {_VERSION} FROM (SELECT {_KIND} AS sort, count(*) AS many,"
    f" recipe, channel, max(number) AS newest {_UNTOLD} GROUP BY recipe, channel, sort)"
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
    "SELECT number, at, message, channel, '', '', '' FROM alarms"
    " WHERE kind = :kind AND channel = :channel ORDER BY number LIMIT :limit"
)

_THESE = "number IN (SELECT value FROM json_each(?))"
# A delivery that a person has released meanwhile may go wrong again, which would be news.
_NOTIFIED_DELIVERIES = f"UPDATE deliveries SET notified = 1 WHERE {_THESE} AND {IS_NEWS}"
_NOTIFIED_RUNS = f"UPDATE runs SET notified = 1 WHERE {_THESE}"
_NOTIFIED_ALARMS = f"DELETE FROM alarms WHERE {_THESE}"
_NOTIFIED_ITSELF = "UPDATE runs SET notified = 1 WHERE id = ?"


class SqliteNotices(WriteAccess):
    """The `NoticeStore` in SQLite."""

    @writes
    def raise_alarm(
        self, db: Connection, kind: str, channel: str, message: str, now: float
    ) -> None:
        db.execute(
            "INSERT INTO alarms (kind, channel, message, at) VALUES (?, ?, ?, ?)",
            (kind, channel, message, now),
        )

    @reads
    def news(self, db: Connection) -> Sequence[NewsSort]:
        return [
            *(
                NewsSort(kind=kind, count=count, recipe=recipe, channel=channel, version=version)
                for kind, count, recipe, channel, version in db.execute(_DELIVERY_SORTS)
            ),
            *(
                NewsSort(kind=Trouble.RUN_FAILED, count=count, recipe=recipe, version=version)
                for count, recipe, version in db.execute(_RUN_SORTS)
            ),
            *(
                NewsSort(kind=kind, count=count, channel=channel)
                for kind, count, channel in db.execute(_ALARM_SORTS)
            ),
        ]

    @reads
    def news_of(self, db: Connection, sorts: Collection[NewsSort], limit: int) -> Sequence[News]:
        news: list[News] = []
        for sort in sorts:
            values = {
                "kind": sort.kind,
                "recipe": sort.recipe,
                "channel": sort.channel,
                "limit": limit - len(news),
            }
            news += [
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
                for number, at, reason, channel, recipe, run_id, subject in db.execute(
                    _statements(sort.kind)[0], values
                )
            ]
        return news

    async def tell(self, news: Collection[News], notice: Arrival | None = None) -> bool:
        numbers: dict[str, list[int]] = {}
        for item in news:
            numbers.setdefault(_statements(item.kind)[1], []).append(item.number)
        rows = None if notice is None else arrival_rows(notice, self._owner)

        def store(db: Connection) -> bool:
            fresh = False
            if rows is not None:
                ((accepted,),) = accept(db, [IntakeRows([rows], None)])
                fresh = not accepted.repeat
                for run in notice.runs if notice is not None else ():
                    db.execute(_NOTIFIED_ITSELF, (run.id,))
            for statement, ids in numbers.items():
                db.execute(statement, (json_list(ids),))
            return fresh

        return await self._write(store)


def _statements(kind: str) -> tuple[str, str]:
    """Return the statements that list the news of a kind, and that mark it as notified."""
    if kind in _OF_DELIVERIES:
        return _DELIVERIES, _NOTIFIED_DELIVERIES
    if kind == Trouble.RUN_FAILED:
        return _RUNS, _NOTIFIED_RUNS
    return _ALARMS, _NOTIFIED_ALARMS
