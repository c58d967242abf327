"""Converts the values of the model to rows, and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from math import inf
from typing import Any

import orjson

from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import OPEN, Delivery, State
from appealbridge.model.errors import NotFound, Unkeepable
from appealbridge.model.event import Event
from appealbridge.model.receipt import Receipt
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import RecipeVersion, SourceRecord, StoredUpload
from appealbridge.store.sqlite.states import KINDS, NUMBERS, READY, SENDING, STATES

Row = tuple[Any, ...]

EVENT = ("id", "source", "type", "subject", "key", "time", "received_at", "hold", "data")
STORED_EVENT = (*EVENT, "cause", "joined", "author")
RUN = (
    "id", "event_id", "recipe", "version", "state", "begun_at", "wake_at", "reason", "trace",
)  # fmt: skip
STORED_RUN = (*RUN, "marks")
DELIVERY = (
    "id", "run_id", "event_id", "recipe", "step", "subject", "origin", "channel", "action",
    "content", "content_hash", "planned_at", "due_at", "publish_by", "hold", "reason", "settled_at",
    "state", "attempts", "begun_at", "first_begun_at", "owner",
)  # fmt: skip
"""The last five are those that beginning an attempt changes; see `not_begun`."""
STORED_DELIVERY = (
    "number", *DELIVERY[:-1], "receipt_id", "receipt_url", "receipt_time", "follows", "kind", "target",
    "receipt_account", "change", "question",
)  # fmt: skip
ATTEMPT = ("delivery_id", "number", "kind", "begun_at", "ended_at", "outcome", "detail")
UPLOAD = ("delivery_id", "number", "id", "url", "ready", "expires_at", "at", "published")
SOURCE = ("source", "cursor", "looked_at", "next_look_at", "failures", "note", "state")
RECIPE = ("version", "name", "text", "templates")


def names(columns: tuple[str, ...], table: str = "") -> str:
    """Return the columns as SQL, `d.id, d.run_id, …` for the table `d`."""
    return ", ".join(f"{table}.{column}" if table else column for column in columns)


def stored_time(time: float | None) -> float:
    """Return a time as it is stored: infinite if there is none."""
    return inf if time is None else time


def time_or_none(time: float | None) -> float | None:
    """Return a stored time, `None` if it is infinite."""
    return None if time == inf else time


def as_json(value: Any) -> str:
    """Return a value as JSON text; raise `Unkeepable` if it cannot be JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise Unkeepable(f"this cannot be stored as JSON: {error}") from error


def json_list(values: Iterable[Any]) -> str:
    """Return texts or numbers as a JSON list, for `json_each`."""
    return orjson.dumps([*values]).decode()


def named_row(connection: sqlite3.Connection, select: str, key: str, what: str) -> Row:
    """Return the row that a query finds for a key; raise `NotFound`."""
    row: Row | None = connection.execute(select, (key,)).fetchone()
    if row is None:
        raise NotFound(f"{what} {key}: nothing in the store has this id")
    return row


def event_row(event: Event) -> Row:
    """Return an event in the order of `EVENT`."""
    return (
        event.id, event.source, event.type, event.subject, event.key, event.time,
        event.received_at, event.hold, as_json(event.data),
    )  # fmt: skip


def event_of(row: Row) -> Event:
    """Return the event of a row in the order of `STORED_EVENT`."""
    id_, source, type_, subject, key, time, received_at, hold, data, cause, joined, author = row
    removed = not data
    value = None if removed else orjson.loads(data)
    caused_by = tuple(cause.split())
    return Event(
        id_, source, type_, subject, key, time, value, received_at, hold, removed, caused_by, joined,
        author,
    )  # fmt: skip


def run_row(run: Run) -> Row:
    """Return a run in the order of `RUN`."""
    return (
        run.id, run.event_id, run.recipe, run.version, run.state.value, run.begun_at, stored_time(run.wake_at),
        run.reason, as_json(run.trace) if run.trace else "[]",
    )  # fmt: skip


def run_of(row: Row) -> Run:
    """Return the run of a row in the order of `STORED_RUN`."""
    id_, event_id, recipe, version, state, begun_at, wake_at, reason, trace, marks = row
    return Run(
        id=id_,
        event_id=event_id,
        recipe=recipe,
        version=version,
        state=RunState(state),
        begun_at=begun_at,
        wake_at=time_or_none(wake_at),
        reason=reason,
        trace=tuple(orjson.loads(trace)),
        marks=orjson.loads(marks),
    )


def delivery_row(delivery: Delivery, owner: int = 0) -> Row:
    """
    Return a delivery in the order of `DELIVERY`.

    If it is `sending`, its first attempt is in progress for this owner, begun at its `begun_at` or else when it was
    planned. If it has settled and has no time for that, it settled when it was planned.
    """
    d = delivery
    settled_at = inf
    progress: Row
    if d.state is State.SENDING:
        begun = d.planned_at if d.begun_at is None else d.begun_at
        progress = (SENDING, 1, begun, begun, owner)
    else:
        if d.state not in OPEN:
            settled_at = d.planned_at if d.settled_at is None else d.settled_at
        progress = (NUMBERS[d.state], d.attempts, inf, stored_time(d.first_begun_at), 0)
    return (
        d.id, d.run_id, d.event_id, d.recipe, d.step, d.subject, d.origin, d.channel, d.action,
        d.content, d.content_hash, d.planned_at, d.due_at, stored_time(d.publish_by), d.hold, d.reason,
        settled_at, *progress,
    )  # fmt: skip


def not_begun(row: Row) -> Row:
    """Return the row of a delivery whose first attempt has to wait."""
    return (*row[:-5], READY, 0, inf, inf, 0)


def delivery_of(row: Row) -> Delivery:
    """Return the delivery of a row in the order of `STORED_DELIVERY`."""
    (
        number, id_, run_id, event_id, recipe, step, subject, origin, channel, action, content,
        content_hash, planned_at, due_at, publish_by, hold, reason, settled_at,
        state, attempts, begun_at, first_begun_at, receipt_id, receipt_url, receipt_time,
        follows, kind, target, account, change, question,
    ) = row  # fmt: skip
    receipt = (
        None
        if receipt_id is None
        else Receipt(receipt_id, receipt_url or "", receipt_time, account)
    )
    return Delivery(
        id=id_,
        run_id=run_id,
        event_id=event_id,
        recipe=recipe,
        step=step,
        subject=subject,
        channel=channel,
        action=action,
        content=content,
        content_hash=content_hash,
        state=STATES[state],
        planned_at=planned_at,
        due_at=due_at,
        number=number,
        hold=hold,
        reason=reason,
        publish_by=time_or_none(publish_by),
        attempts=attempts,
        begun_at=time_or_none(begun_at),
        first_begun_at=time_or_none(first_begun_at),
        settled_at=time_or_none(settled_at),
        receipt=receipt,
        follows=follows,
        origin=origin,
        kind=KINDS[kind],
        target=target,
        change=change,
        question=question,
    )


def attempt_row(attempt: Attempt) -> Row:
    """Return an attempt in the order of `ATTEMPT`."""
    return (
        attempt.delivery_id, attempt.number, attempt.kind.value, attempt.begun_at,
        attempt.ended_at, attempt.outcome.value, attempt.detail,
    )  # fmt: skip


def attempt_of(row: Row) -> Attempt:
    """Return the attempt of a row in the order of `ATTEMPT`."""
    delivery_id, number, kind, begun_at, ended_at, outcome, detail = row
    return Attempt(
        delivery_id, number, AttemptKind(kind), begun_at, ended_at, Outcome(outcome), detail
    )


def upload_row(upload: StoredUpload) -> Row:
    """Return an upload in the order of `UPLOAD`."""
    return (
        upload.delivery_id, upload.number, upload.id, upload.url, int(upload.ready),
        stored_time(upload.expires), upload.at, int(upload.published),
    )  # fmt: skip


def upload_of(row: Row) -> StoredUpload:
    """Return the upload of a row in the order of `UPLOAD`."""
    delivery_id, number, id_, url, ready, expires_at, at, published = row
    return StoredUpload(
        delivery_id=delivery_id,
        number=number,
        id=id_,
        at=at,
        url=url,
        ready=bool(ready),
        expires=time_or_none(expires_at),
        published=bool(published),
    )


def source_of(row: Row) -> SourceRecord:
    """Return the source of a row in the order of `SOURCE`."""
    source, cursor, looked_at, next_look_at, failures, note, state = row
    return SourceRecord(
        source, orjson.loads(cursor), looked_at, next_look_at, failures, note, orjson.loads(state)
    )


def recipe_of(row: Row) -> RecipeVersion:
    """Return the recipe version of a row in the order of `RECIPE`."""
    version, name, text, templates = row
    return RecipeVersion(version, name, text, orjson.loads(templates))
