"""The listings, for the API and for the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from appealbridge.engine.delivery.lane import Lane
from appealbridge.model.audit import AuditEntry, object_of, withdrawal_object
from appealbridge.model.delivery import OPEN, Delivery, Hold, Kind, State, in_order
from appealbridge.model.errors import NotFound
from appealbridge.model.notice import NOTICE
from appealbridge.model.run import Run, RunState
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.recipes.planning.quiet_hours import REASON as QUIET
from appealbridge.store.base import StoreQueries
from appealbridge.store.records import DeliveryFilter, Removal
from appealbridge.web import views
from appealbridge.web.subjects import subject_of, whole_subject

MOST = 1000
"""The largest number of rows in a listing."""

TRACED = 20
"""How many events about one subject a trace has."""

Query = Mapping[str, str]

_HELD = frozenset({State.HELD})

_EVENT_ID = 16
"""How many characters an event's id has. Anything shorter that has only digits is a delivery's number."""


async def deliveries(store: StoreQueries, query: Query) -> list[dict[str, Any]]:
    """List deliveries, newest first."""
    subject = await subject_of(store, query.get("subject", ""))
    return await rows(store, await store.deliveries(_which({**query, "subject": subject})))


async def rows(
    store: StoreQueries, listed: Sequence[Delivery], *, history: bool = False
) -> list[dict[str, Any]]:
    """
    Return deliveries for display, each with the delivery that it waits for.

    With `history` each has its attempts, the number of the one that it changes, and its versions if it was edited; a
    held one has the newest later one about the same subject that went out.
    """
    ready = [record.id for record in listed if record.state is State.READY]
    behind = await store.turns_behind(ready) if ready else {}
    modes = await store.modes() if listed else ()
    if not history:
        return [views.delivery(record, None, behind.get(record.id), modes) for record in listed]
    shown = []
    for record in listed:
        row = views.delivery(record, await store.attempts(record.id), behind.get(record.id), modes)
        held = record.state is State.HELD
        row["overtaken_by"] = await store.overtaken_by(record) if held else None
        row["target_number"] = await _number(store, record.target) if record.target else None
        row["versions"] = [
            views.version(each, await _number(store, each.delivery))
            for each in await store.versions(record.id)
        ]
        if (row["content"] or {}).get("images"):
            row["images"] = views.images(row, await store.images(record.id))
        shown.append(row)
    decisions = await store.decisions([object_of(record.number) for record in listed])
    for row in shown:
        about = object_of(row["number"])
        row["decisions"] = [views.decision(each) for each in decisions if each.object == about]
    return shown


async def row(store: StoreQueries, delivery: Delivery) -> dict[str, Any]:
    """Return one delivery for display."""
    return (await rows(store, [delivery]))[0]


async def _number(store: StoreQueries, delivery_id: str) -> int | None:
    try:
        return (await store.delivery(delivery_id)).number
    except NotFound:  # its retention is over
        return None


async def delivery(store: StoreQueries, delivery_id: str) -> dict[str, Any]:
    """Return one delivery with its attempts."""
    (row,) = await rows(store, [await store.delivery(delivery_id)], history=True)
    return row


async def runs(store: StoreQueries, query: Query) -> list[dict[str, Any]]:
    """List runs, newest first."""
    listed = await store.runs(
        event_id=query.get("event", ""),
        recipe=query.get("recipe", ""),
        state=_run_state(query.get("state", "")),
        limit=limit_of(query),
    )
    return [views.run(record) for record in listed]


async def run(store: StoreQueries, run_id: str) -> dict[str, Any]:
    """Return one run with its event and its deliveries, each with its attempts."""
    run_ = await store.run(run_id)
    result = await _with_deliveries(store, run_)
    result["about"] = views.event(await store.event(run_.event_id))
    return result


async def _with_deliveries(store: StoreQueries, run: Run) -> dict[str, Any]:
    caused: Sequence[Delivery] = ()
    if run.state is not RunState.SKIPPED:
        caused = await store.deliveries(DeliveryFilter(run_id=run.id, limit=MOST))
    result = views.run(run)
    result["deliveries"] = await rows(store, [*reversed(caused)], history=True)
    return result


async def trace(store: StoreQueries, id_: str) -> dict[str, Any]:
    """
    Return an `event` with its `runs`, each with its deliveries and their attempts.

    The id is an event's, or a run's, a delivery's, or the number of one, of which only that run is shown. Or
    it is a subject, perhaps shortened as in a listing: then the `traces` of the latest events about it are shown, the
    oldest first. `withdrawals` are those of the subject, or of a post that is shown.
    """
    try:
        result = await _trace(store, id_)
    except NotFound:
        about = await store.events(subject=id_, limit=TRACED)
        if not about and (whole := await whole_subject(store, id_)):
            id_ = whole
            about = await store.events(subject=id_, limit=TRACED)
        if not about:
            raise
        traces = [await _trace(store, record.id) for record in reversed(about)]
        return {
            "subject": id_,
            "traces": traces,
            "withdrawals": await _withdrawals_of(store, id_, traces),
        }
    return {
        **result,
        "withdrawals": await _withdrawals_of(store, result["event"]["subject"], [result]),
    }


async def _withdrawals_of(
    store: StoreQueries, subject: str, traces: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the withdrawals of a subject, and of single posts in these traces, oldest first."""
    runs = [run for trace in traces for run in trace["runs"]]
    posts = {row["id"] for run in runs for row in run["deliveries"]}
    listed = await store.withdrawals(subject, MOST) if subject else await _of_posts(store, posts)
    shown = [record for record in reversed(listed) if not record.target or record.target in posts]
    decisions = await store.decisions([withdrawal_object(record.number) for record in shown])
    about: dict[str, list[AuditEntry]] = {}
    for entry in decisions:
        about.setdefault(entry.object, []).append(entry)
    return [
        views.withdrawal_decided(record, about.get(withdrawal_object(record.number), ()))
        for record in shown
    ]


async def _of_posts(store: StoreQueries, posts: Collection[str]) -> Sequence[Withdrawal]:
    """Return the withdrawals of these posts, which are about no subject."""
    return [record for record in await store.withdrawals(limit=MOST) if record.target in posts]


async def _trace(store: StoreQueries, id_: str) -> dict[str, Any]:
    if "." not in id_ and not (id_.isdecimal() and len(id_) < _EVENT_ID):
        about = await store.event(id_)
        runs_ = [*reversed(await store.runs(event_id=id_, limit=MOST))]
    else:
        is_run = id_.count(".") == 1
        runs_ = [await store.run(id_ if is_run else (await store.delivery(id_)).run_id)]
        about = await store.event(runs_[0].event_id)
    return {
        "event": views.event(about),
        "runs": [await _with_deliveries(store, each) for each in runs_],
    }


async def events(store: StoreQueries, query: Query) -> list[dict[str, Any]]:
    """List events, newest first."""
    listed = await store.events(
        subject=await subject_of(store, query.get("subject", "")),
        source=query.get("source", ""),
        type_=query.get("type", ""),
        since=since_of(query),
        limit=limit_of(query),
    )
    return [views.event(each) for each in listed]


async def event(store: StoreQueries, event_id: str) -> dict[str, Any]:
    """Return one event."""
    return views.event(await store.event(event_id))


async def withdrawals(store: StoreQueries, query: Query) -> list[dict[str, Any]]:
    """List withdrawals, newest first, each with what became of its posts."""
    subject = await subject_of(store, query.get("subject", ""))
    listed = await store.withdrawals(subject, limit_of(query))
    removals: dict[int, list[Removal]] = {}
    for each in await store.removals(subject, limit=MOST):
        removals.setdefault(each.withdrawal, []).append(each)
    others = await store.from_other_sources(listed)
    return [
        views.withdrawal(record, removals.get(record.number, ()), others.get(record.number, ()))
        for record in listed
    ]


async def audit(store: StoreQueries, query: Query) -> dict[str, Any]:
    """Return entries of the audit trail `after` a number, in order; its checkpoints, and the last number given."""
    entries = await store.audit(number_of(query, "after"), limit_of(query))
    return {
        "entries": [asdict(each) for each in entries],
        "checkpoints": [asdict(each) for each in await store.checkpoints()],
        "issued": await store.audit_issued(),
    }


_LISTS = {
    "audit": audit,
    "deliveries": deliveries,
    "runs": runs,
    "events": events,
    "withdrawals": withdrawals,
}
_SINGLE = {"deliveries": delivery, "runs": run, "events": event, "traces": trace}


async def read(store: StoreQueries, path: str, query: Query) -> Any:
    """Return the listing that the API has at `path`; raise `NotFound`, or `ValueError` with a message."""
    kind, _, id_ = path.removeprefix("/").partition("/")
    if id_ and kind in _SINGLE:
        return await _SINGLE[kind](store, id_)
    if not id_ and kind in _LISTS:
        return await _LISTS[kind](store, query)
    raise NotFound(f"nothing is listed at {path}")


def pointed_out(result: Any, lanes: Mapping[str, Lane], stopped: str, now: float) -> Any:
    """
    Return deliveries, adding the reason if a stop or their account keeps them waiting.

    `stopped` says why everything is stopped, empty if it is not. `now` is in Unix seconds.
    """
    for row in _rows(result):
        if row.get("state") == State.READY and (row["reason"] or "").startswith(QUIET):
            row["holds"] = [str(Hold.TIME)]
        if stopped and _is_stopped(row):
            row["holds"] = in_order({Hold.STOP, *row["holds"]})
            row["reason"] = row["reason"] or f"{stopped}: appealbridge start"
        if (
            row.get("channel")
            and "hold" in row
            and State(row["state"]) in OPEN
            and not row["reason"]
        ):
            row["reason"] = (
                views.standstill(State(row["state"]), lanes.get(row["channel"]), now) or None
            )
    return result


def _is_stopped(row: Mapping[str, Any]) -> bool:
    return (
        "holds" in row
        and State(row["state"]) in (State.PLANNED, State.HELD, State.READY)
        and row["kind"] != Kind.WITHDRAW
        and row["recipe"] != NOTICE
    )


def _rows(result: Any) -> Iterator[dict[str, Any]]:
    """Yield the deliveries in an answer."""
    if isinstance(result, list):
        yield from result
    elif "traces" in result:
        for trace_ in result["traces"]:
            yield from _rows(trace_)
    elif "runs" in result:
        for run in result["runs"]:
            yield from run["deliveries"]
    else:
        yield from result.get("deliveries", [result])


def _run_state(word: str) -> RunState | None:
    if word and word not in set(RunState):
        raise ValueError(f"unknown state of a run: {word}; known: {', '.join(RunState)}")
    return RunState(word) if word else None


def _which(query: Query) -> DeliveryFilter:
    states = [word for word in query.get("state", "").split(",") if word]
    unknown = [word for word in states if word not in set(State)]
    if unknown:
        raise ValueError(f"unknown state: {unknown[0]}; known: {', '.join(State)}")
    return DeliveryFilter(
        states=frozenset(map(State, states)) or (_HELD if query.get("hold") else frozenset()),
        channel=query.get("channel", ""),
        subject=query.get("subject", ""),
        recipe=query.get("recipe", ""),
        hold=query.get("hold", ""),
        event_id=query.get("event", ""),
        run_id=query.get("run", ""),
        since=since_of(query),
        limit=limit_of(query),
    )


def limit_of(query: Query) -> int:
    """Return how many rows a listing has; raise `ValueError` with a message."""
    text = query.get("limit", "100")
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ValueError(f"limit must be a whole number from 1 to {MOST}, not {text!r}")
    return int(text)


def number_of(query: Query, name: str) -> int:
    """Return a whole number, 0 if there is none; raise `ValueError` with a message."""
    text = query.get(name, "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise ValueError(f"{name}: {text!r:.40} is not a number")
    return int(text)


def since_of(query: Query) -> float | None:
    """Return the time at which a listing begins, in Unix seconds; raise `ValueError` with a message."""
    text = query.get("since")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"since must be in Unix seconds, not {text!r}") from None
