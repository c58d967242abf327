"""Stored records as JSON, for the API and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from appealbridge.engine.delivery.health import Condition
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.runs.replays import Replayed
from appealbridge.model.amendment import Version
from appealbridge.model.attempt import Attempt
from appealbridge.model.audit import AuditEntry
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.model.source import source_label
from appealbridge.model.stop import Start, TotalStop
from appealbridge.model.withdrawal import CONFIRMED, Withdrawal
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import Removal, Rendered, Withdrawn

GONE = "no longer in appealbridge.yaml; put the channel back and reload, or cancel its deliveries"
"""The reason for deliveries whose channel is not in the settings."""

_STANDSTILL = {
    Condition.WORKING: "",
    Condition.DOWN: "its account does not answer",
    Condition.LOGIN_EXPIRED: "the login of its account does not work",
    Condition.REFUSED: "its account may not publish",
}


_REMOVALS = {
    State.DELIVERED: "removed",
    State.HELD: "cannot be removed",
    State.CANCELLED: "given up",
}


def moment(at: float | None) -> str | None:
    """Return Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def delivery(
    record: Delivery,
    attempts: Sequence[Attempt] | None = None,
    behind: int | None = None,
    modes: Sequence[tuple[int, str]] = (),
) -> dict[str, Any]:
    """
    Return a delivery, perhaps with its attempts.

    `behind` is the number of the one that it waits for; `modes` says from which number on it was practice or live.
    """
    row: dict[str, Any] = {
        "id": record.id,
        "number": record.number,
        "state": record.state.value,
        "mode": next((mode for first, mode in reversed(modes) if first <= record.number), None),
        "hold": record.hold or None,
        "holds": record.holds,
        "reason": record.reason or None,
        "waits_behind": behind,
        "channel": record.channel,
        "action": record.action,
        "recipe": record.recipe,
        "step": record.step,
        "subject": record.subject,
        "event": record.event_id,
        "run": record.run_id,
        "kind": record.kind.value,
        "target": record.target or None,
        "change": record.change or None,
        "content": orjson.loads(record.content) if record.content else None,
        "removed": not record.content,
        "content_hash": record.content_hash,
        "attempts": record.attempts,
        "planned_at": moment(record.planned_at),
        "due_at": moment(record.due_at),
        "publish_by": moment(record.publish_by),
        "begun_at": moment(record.begun_at),
        "settled_at": moment(record.settled_at),
        "receipt": None,
    }
    if record.receipt is not None:
        row["receipt"] = {
            "id": record.receipt.id,
            "url": record.receipt.url or None,
            "time": moment(record.receipt.time),
            "account": record.receipt.account or None,
        }
    if attempts is not None:
        row["history"] = [attempt(each) for each in attempts]
    return row


def version(record: Version, delivery: int | None) -> dict[str, Any]:
    """Return a version of a post, with the number of the delivery whose content it is."""
    return {
        "number": record.number,
        "delivery": delivery,
        "content_hash": record.content_hash,
        "receipt": record.receipt or None,
        "at": moment(record.at),
    }


def images(row: Mapping[str, Any], rendered: Sequence[Rendered]) -> list[dict[str, Any]]:
    """Return a delivery's images: each with its alt text, its source, and where its rendition is if it has one."""
    renditions = {each.number: each for each in rendered}
    shown = []
    for number, image in enumerate(row["content"]["images"], start=1):
        stored, source = image.get("stored"), image.get("url") or image.get("file")
        if stored is not None and (rendition := renditions.get(number)) is not None:
            source = rendition.source
        shown.append(
            {
                "number": number,
                "alt": image.get("alt") or None,
                "source": source or None,
                "at": f"/api/v1/deliveries/{row['id']}/images/{number}" if stored else None,
                **(stored or {}),
            }
        )
    return shown


def attempt(record: Attempt) -> dict[str, Any]:
    """Return a finished attempt or search."""
    return {
        "number": record.number,
        "kind": record.kind.value,
        "outcome": record.outcome.value,
        "begun_at": moment(record.begun_at),
        "ended_at": moment(record.ended_at),
        "detail": record.detail or None,
    }


def decision(record: AuditEntry) -> dict[str, Any]:
    """Return a decision of the audit trail, for a trace."""
    return {
        "at": moment(record.at),
        "by": record.actor or None,
        "how": record.how,
        "act": record.act,
        "object": record.object,
        "revision": record.revision or None,
        "content_hash": record.content_hash or None,
        "reason": record.reason,
        "entry": record.seq,
    }


def stop(record: TotalStop | None) -> dict[str, Any] | None:
    """Return a stop, and who lifted it; `None` for none."""
    if record is None:
        return None
    return {
        "number": record.number or None,
        "by": record.by or None,
        "how": record.how,
        "reason": record.reason or None,
        "at": moment(record.at),
        "lifted_by": record.lifted_by or None,
        "lifted_at": moment(record.lifted_at),
    }


def start(record: Start, in_force: TotalStop | None) -> dict[str, Any]:
    """Return what lifting the stop does or would do; the deliveries are those that go out first."""
    return {
        "stopped": in_force is not None,
        "stop": stop(record.stop),
        "channels": [
            {
                "channel": each.channel,
                "goes": [delivery(post) for post in each.goes],
                "held": each.held,
            }
            for each in record.channels
        ],
        "seen": record.seen,
    }


def run(record: Run) -> dict[str, Any]:
    """Return a run with its trace; `wake_at` is until when it waits, if it does."""
    return {
        "id": record.id,
        "event": record.event_id,
        "recipe": record.recipe,
        "version": record.version,
        "state": record.state.value,
        "reason": record.reason or None,
        "begun_at": moment(record.begun_at),
        "wake_at": moment(record.wake_at or None) if record.state is RunState.OPEN else None,
        "trace": [{**entry, "at": moment(entry.get("at"))} for entry in record.trace],
    }


def event(record: Event) -> dict[str, Any]:
    """Return an event with its data."""
    return {
        "id": record.id,
        "source": source_label(record.source),
        "type": record.type,
        "subject": record.subject,
        "key": record.key,
        "time": moment(record.time),
        "received_at": moment(record.received_at),
        "hold": record.hold or None,
        "cause": list(record.cause),
        "data": record.data,
        "removed": record.removed,
    }


def withdrawal(
    record: Withdrawal, removals: Sequence[Removal] = (), others: Sequence[Delivery] = ()
) -> dict[str, Any]:
    """Return a withdrawal with what became of each post, and the posts of `others` that it leaves as they are."""
    return {
        "number": record.number or None,
        "subject": record.subject,
        "whole_subject": record.whole,
        "reason": record.reason,
        "by": record.by or None,
        "at": moment(record.at),
        "lifted_by": record.lifted_by or None,
        "lifted_at": moment(record.lifted_at),
        "posts": [_removal(each, record) for each in removals],
        "from_other_sources": [
            {"number": each.number, "channel": each.channel, "state": each.state.value}
            for each in others
        ],
    }


def withdrawal_decided(record: Withdrawal, decisions: Sequence[AuditEntry]) -> dict[str, Any]:
    """Return a withdrawal for a trace: with who decided what, and which deliveries it was about."""
    shown = withdrawal(record)
    del shown["posts"], shown["from_other_sources"]
    return {
        **shown,
        "decisions": [{**decision(each), "shown": orjson.loads(each.shown)} for each in decisions],
    }


def _removal(record: Removal, of: Withdrawal) -> dict[str, Any]:
    removal, receipt = record.removal, record.post.receipt
    label = _REMOVALS.get(removal.state, "being removed")
    if removal.state is State.DELIVERED and removal.reason.startswith(CONFIRMED):
        label = "confirmed"
    return {
        "number": removal.number,
        "post": record.post.number,
        "channel": removal.channel,
        **_recipients(record.post),
        "address": None if receipt is None else receipt.url or receipt.id,
        "state": label,
        "reason": _waits_for(record) or removal.reason or None,
        "owner": of.by or None,
        "since": moment(removal.planned_at),
        "ended_at": moment(removal.settled_at),
    }


def _waits_for(record: Removal) -> str:
    """Return what a removal waits for, empty if it waits for nothing."""
    if record.removal.state is not State.PLANNED:
        return ""
    match record.post.state:
        case State.SENDING:
            return "its post is being sent; it is removed once it is published"
        case State.UNKNOWN:
            return "nobody knows yet whether its post is published; it is looked for, and removed if it is there"
    return "the post that follows it is removed first"


def _recipients(post: Delivery) -> dict[str, Any]:
    """Return whom a mail went to: whoever is to ask them to delete it has to know."""
    content = orjson.loads(post.content) if post.content else {}
    return {"to": content["to"]} if content.get("to") else {}


def withdrawn(result: Withdrawn, can_remove: Callable[[str], bool]) -> dict[str, Any]:
    """Return what a withdrawal does, or would do; `can_remove` says whether posts on a channel can be removed."""
    removing = [each for each in result.removing if can_remove(each.channel)]
    tasks = [each for each in result.removing if not can_remove(each.channel)]
    sending = [each for each in result.awaited if each.state is State.SENDING]
    unclear = [each for each in result.awaited if each.state is not State.SENDING]
    return {
        **withdrawal(result.withdrawal),
        "posts": [
            {
                "number": each.number,
                "channel": each.channel,
                **_recipients(each),
                "address": each.receipt and (each.receipt.url or each.receipt.id),
                "state": label,
            }
            for label, deliveries in (
                ("being removed", removing),
                ("cannot be removed", tasks),
                ("being sent: removed once it is published", sending),
                ("perhaps published: removed if it is found", unclear),
                ("perhaps published: a task for a person", result.tasks),
                ("cancelled", result.cancelled),
            )
            for each in deliveries
        ],
    }


def replayed(record: Replayed) -> dict[str, Any]:
    """Return a replay's result for one recipe: what goes out, and what is left out because it was already published."""
    return {
        "recipe": record.recipe,
        "run": record.run and record.run.id,
        "why_not": record.why_not or None,
        "deliveries": [delivery(each) for each in record.deliveries],
        "left_out": [
            {
                "number": each.number,
                "channel": each.channel,
                "step": each.step,
                "state": each.state.value,
            }
            for each in record.left_out
        ],
    }


def channel(name: str, lane: Lane | None, waiting: int, now: float) -> dict[str, Any]:
    """Return the condition of an account, and how many deliveries wait for it; without a lane it is gone."""
    if lane is None:
        removed = dict.fromkeys(("platform", "since", "paused_until"))
        return {"name": name, "condition": "gone", "reason": GONE, "under_way": 0, **removed} | {
            "waiting": waiting
        }
    health = lane.health
    paused = lane.pace.until > now
    return {
        "name": lane.name,
        "platform": lane.channel.platform,
        "condition": health.condition.value,
        "since": None if health.works else moment(health.since),
        "reason": health.reason or (lane.pause_reason if paused else None) or None,
        "paused_until": moment(lane.pace.until) if paused else None,
        "under_way": lane.in_flight,
        "waiting": waiting,
    }


def standstill(state: State, lane: Lane | None, now: float) -> str:
    """Return why its account keeps a delivery in this state waiting; empty if it does not."""
    if lane is None:
        return GONE
    if state is not State.READY:
        return ""
    paused = "its account is paused, as the platform asked" if lane.pace.until > now else ""
    why = _STANDSTILL[lane.health.condition] or paused
    return f"{why}: appealbridge channels" if why else ""


def recipes(book: Book) -> list[dict[str, Any]]:
    """Return the recipes that are loaded, switched off, or quarantined with their problems."""
    loaded = [
        {
            "name": record.name,
            "alias": record.alias,
            "file": record.file,
            "version": record.version,
            "state": "loaded" if record.enabled else "off",
        }
        for record in book.loaded.values()
    ]
    return loaded + [
        {
            "file": file,
            "state": "quarantined",
            "problems": [problem.as_json() for problem in problems],
        }
        for file, problems in book.quarantined.items()
    ]
