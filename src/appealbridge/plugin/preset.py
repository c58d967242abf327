"""
What well-known senders mean by their JSON: each preset turns one checked body into events.

A preset refuses what it does not know: a version, a status or a shape that is new to it is told
back to the sender, and nothing of it is ever published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote

import orjson

from appealbridge.model.errors import Refused
from appealbridge.model.event import EventDraft
from appealbridge.plugin.jsonpath import compile_path
from appealbridge.plugin.trigger import Request

Read = Callable[[Request, Any, str], Sequence[EventDraft]]
"""From a request, its body as JSON, and the id that its signature vouches for (or empty), to events."""

MOST_EVENTS = 500
"""How many events one request may bring: each is planned and stored before the sender hears of it."""

_MOST_COPIED = 16 * 1024 * 1024
"""How many bytes the events of one request may have together."""

_LONGEST = 300
"""How many characters a type, subject or key may have before its tail is replaced by a hash."""


def unfit(detail: str) -> Refused:
    """Return the refusal of a body that is JSON but not what was asked for."""
    return Refused(422, "not what this webhook takes", detail)


def word(value: Any) -> str:
    """Return a JSON scalar as a short, printable word; empty for anything else."""
    if value is None or isinstance(value, dict | list):
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    tail = ""
    if len(text) > _LONGEST:
        tail = f"…{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        text = text[:_LONGEST]
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"{text}{tail}" if tail else text.strip()


def moment(value: Any) -> float | None:
    """
    Return Unix seconds UTC from an ISO 8601 text (UTC unless it says otherwise) or from such seconds.

    `None` for all else: a date that is written in one number is no number of seconds.
    """
    try:
        if isinstance(value, str):
            if value[4:5] != "-" or value[7:8] != "-":
                return None
            told = datetime.fromisoformat(value)
            stamp = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
        elif isinstance(value, int | float) and not isinstance(value, bool):
            stamp = float(value)
            return stamp if _EARLIEST <= stamp < _LATEST else None
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return stamp if 0 <= stamp < _FAR_FUTURE else None


_EARLIEST, _LATEST = 1e9, 4e9
"""From 2001 to 2096: seconds that are no hour, no date written in one and no thousandths of seconds."""


_FAR_FUTURE = 253_402_300_800.0  # the year 10000: past it, nothing can print a time


def object_of(value: Any, what: str) -> dict[str, Any]:
    """Return a JSON object as it is; refuse anything else."""
    if not isinstance(value, dict):
        raise unfit(f"{what} is not a JSON object")
    return value


def some(value: Any, what: str, each: str) -> list[Any]:
    """Return a JSON list of one to `MOST_EVENTS` entries; refuse anything else."""
    if not isinstance(value, list) or not value:
        raise unfit(f"{what} is not a list with at least one {each}")
    if len(value) > MOST_EVENTS:
        raise unfit(f"{what} has {len(value)} entries; send at most {MOST_EVENTS} at once")
    return value


def _alertmanager(request: Request, body: Any, vouched: str) -> Sequence[EventDraft]:
    del request, vouched
    return _alerts(object_of(body, "the body"), "alertmanager", {"4"})


def _grafana(request: Request, body: Any, vouched: str) -> Sequence[EventDraft]:
    del request, vouched
    return _alerts(object_of(body, "the body"), "grafana", {"1"})


def _alerts(body: Mapping[str, Any], sender: str, versions: set[str]) -> Sequence[EventDraft]:
    version = body.get("version")
    if version is not None and (not isinstance(version, str) or version not in versions):
        raise unfit(f"version is {word(version)!r}; this preset knows {', '.join(versions)}")
    alerts = some(body.get("alerts"), "alerts", "alert")
    shared = {name: body[name] for name in _SHARED if name in body}
    if len(alerts) > 16 and len(orjson.dumps(shared)) * len(alerts) > _MOST_COPIED:
        raise unfit("the alerts have too much in common, which would be kept with each; send fewer")
    return [_alert(alert, f"alerts[{n}]", sender, shared) for n, alert in enumerate(alerts)]


_SHARED = ("groupLabels", "commonLabels", "commonAnnotations", "externalURL", "receiver")


def _alert(alert: Any, where: str, sender: str, shared: Mapping[str, Any]) -> EventDraft:
    fields = object_of(alert, where)
    labels = object_of(fields.get("labels", {}), f"{where}.labels")
    object_of(fields.get("annotations", {}), f"{where}.annotations")
    status = fields.get("status")
    if status not in ("firing", "resolved"):
        raise unfit(f"{where}.status is {word(status)!r}, not firing or resolved")
    starts = word(fields.get("startsAt"))
    mark = word(fields.get("fingerprint")) or _fingerprint(labels)
    return EventDraft(
        type=f"{sender}.{status}",
        subject=mark,
        key=f"{mark} {starts} {status}",
        data={**shared, **fields},
        time=moment(fields.get("startsAt" if status == "firing" else "endsAt")),
    )


def _fingerprint(labels: Mapping[str, Any]) -> str:
    """Stand in for the sender's own fingerprint, which is a hash of the labels too."""
    return hashlib.sha256(orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _cloudevents(request: Request, body: Any, vouched: str) -> Sequence[EventDraft]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/cloudevents-batch+json":
        batch = some(body, "the body", "CloudEvent")
        return [_cloudevent(one, f"[{n}]") for n, one in enumerate(batch)]
    if "ce-specversion" in request.headers and media != "application/cloudevents+json":
        return [_binary_cloudevent(request, body, vouched)]
    return [_cloudevent(body, "the body")]


def _binary_cloudevent(request: Request, body: Any, vouched: str) -> EventDraft:
    if not vouched:
        raise unfit(
            "this webhook's signature does not cover the ce- headers; send structured CloudEvents"
        )
    attributes = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in request.headers.items()
        if name.startswith("ce-")
    }
    draft = _cloudevent({**attributes, "data": body}, "the request")
    if vouched == WHOLE_REQUEST:
        return draft
    # The headers could be swapped in a replay: only the id under the signature tells repeats.
    return EventDraft(draft.type, draft.subject, vouched, draft.data, draft.time)


WHOLE_REQUEST = "*"
"""What vouches where a sender proves itself for the whole request, headers included."""


def _cloudevent(value: Any, where: str) -> EventDraft:
    fields = object_of(value, where)
    version = fields.get("specversion")
    if version != "1.0":
        raise unfit(f"specversion of {where} is {word(version)!r}, not '1.0'")
    for name in ("id", "source", "type"):
        if not isinstance(fields.get(name), str) or not word(fields[name]):
            raise unfit(f"{where} has no {name}, which every CloudEvent must have")
    if "data_base64" in fields:
        raise unfit(f"{where} has data_base64; only JSON data can be read, send it as data")
    key = word(f"{fields['source']} {fields['id']}")
    subject = fields.get("subject")
    return EventDraft(
        type=word(fields["type"]),
        subject=(word(subject) if isinstance(subject, str) else "") or key,
        key=key,
        data=fields.get("data", {}),
        time=moment(fields.get("time")),
    )


def _pagerduty(request: Request, body: Any, vouched: str) -> Sequence[EventDraft]:
    del request, vouched
    event = object_of(object_of(body, "the body").get("event"), "event")
    key, kind = word(event.get("id")), word(event.get("event_type"))
    if not key or not kind:
        raise unfit("event has no id or no event_type")
    subject = word(compile_path("$.data.id").first(event))
    return [
        EventDraft(
            f"pagerduty.{kind}", subject or key, key, event, moment(event.get("occurred_at"))
        )
    ]


PresetName = Literal["alertmanager", "cloudevents", "grafana", "pagerduty"]

PRESETS: Mapping[PresetName, Read] = {
    "alertmanager": _alertmanager,
    "cloudevents": _cloudevents,
    "grafana": _grafana,
    "pagerduty": _pagerduty,
}
"""The senders whose JSON is known, by the word in appealbridge.yaml."""

_ALERT = frozenset(
    {"status", "labels", "annotations", "startsAt", "endsAt", "fingerprint", *_SHARED}
)

PRESET_FIELDS: Mapping[PresetName, frozenset[str]] = {
    "alertmanager": _ALERT | {"generatorURL", "*"},
    "grafana": _ALERT
    | {
        "generatorURL",
        "values",
        "valueString",
        "silenceURL",
        "dashboardURL",
        "panelURL",
        "imageURL",
        "*",
    },
    "pagerduty": frozenset(
        {"id", "event_type", "resource_type", "occurred_at", "agent", "client", "data", "*"}
    ),
}
"""The names in the data of their events, as `Trigger.fields` tells them; a sender may add others any day."""
