"""
Turns the JSON of well-known senders into events, with a preset for each.

A preset refuses what it does not know (a version, a status, a shape): the sender gets the reason,
and nothing is published.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import unquote

import orjson

from appealbridge.model.errors import Refused
from appealbridge.model.event import ALWAYS, EventDraft, Repeats
from appealbridge.plugin.jsonpath import compile_path
from appealbridge.plugin.receiver import Received, Request
from appealbridge.plugin.timestamps import moment
from appealbridge.triggers.webhook.signature import media_type

Read = Callable[[Request, Any, str], Received]
"""Turns a request, its body as JSON, and the id that its signature covers (or empty) into events."""

MOST_EVENTS = 500
"""How many events one request may contain: all are planned and stored before the sender gets an answer."""

MOST_ALERTS = 2000
"""How many alerts of one request are used. Monitoring does not send the others again, so a notice is sent."""

MONITORING = frozenset({"alertmanager", "grafana"})
"""The presets of monitoring systems, which send large groups and do not send a refused one again."""

MONITORING_BYTES = 4 * 1024 * 1024
"""How many bytes a body from a monitoring system may have."""

OWN_ID = Repeats(one_content=True)
"""For events that carry an id given by their sender."""

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
    if len(text) > _LONGEST:
        return bounded(text)
    return (text if text.isprintable() else _printable(text)).strip()


def bounded(text: str) -> str:
    """Return a text as a short, printable word; different texts give different words."""
    if len(text) <= _LONGEST and text.isprintable() and "…" not in text and text.strip() == text:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_printable(text[:_LONGEST]).strip()}…{digest[:16]}"


def joined(*parts: str) -> str:
    """Return one key for several parts; different parts give different keys."""
    text = " ".join(parts)
    if text.count(" ") == len(parts) - 1 and "[" not in text and all(parts):
        return bounded(text)
    # Joined by blanks, parts that are empty or contain blanks could give the key of other parts.
    return bounded(orjson.dumps(parts).decode())


def identity(value: Any, what: str) -> str:
    """Return an id, a text or an integer; empty if absent. Refuse a number that may have lost digits."""
    if isinstance(value, bool | float):
        raise unfit(f"{what} is {word(value)}, which cannot be an id; send ids as texts")
    return bounded(value) if isinstance(value, str) else word(value)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


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


def _alertmanager(request: Request, body: Any, vouched: str) -> Received:
    del request, vouched
    return _alerts(object_of(body, "the body"), "alertmanager", {"4"})


def _grafana(request: Request, body: Any, vouched: str) -> Received:
    del request, vouched
    fields = object_of(body, "the body")
    alerts = fields.get("alerts")
    if isinstance(alerts, list) and alerts and all(map(_is_grafanas_test, alerts)):
        return Received(why_none="a test of a Grafana contact point")
    return _alerts(fields, "grafana", {"1"})


def _is_grafanas_test(alert: Any) -> bool:
    return (
        isinstance(alert, dict)
        and alert.get("labels") == {"alertname": "TestAlert", "instance": "Grafana"}
        and isinstance(alert.get("annotations"), dict)
        and alert["annotations"].get("summary") == "Notification test"
    )


def _alerts(body: Mapping[str, Any], sender: str, versions: set[str]) -> Received:
    try:
        return _readable_alerts(body, sender, versions)
    except Refused as refused:
        refused.lost = True
        raise


def _readable_alerts(body: Mapping[str, Any], sender: str, versions: set[str]) -> Received:
    version = body.get("version")
    if version is not None and (not isinstance(version, str) or version not in versions):
        raise unfit(f"version is {word(version)!r}; this preset knows {', '.join(versions)}")
    alerts = body.get("alerts")
    if not isinstance(alerts, list) or not alerts:
        raise unfit("alerts is not a list with at least one alert")
    shared = {name: body[name] for name in _SHARED if name in body}
    fit = min(MOST_ALERTS, max(1, _MOST_COPIED // len(orjson.dumps(shared))))
    drafts: list[EventDraft] = []
    wrong: list[Refused] = []
    for number, alert in enumerate(alerts[:fit]):
        try:
            drafts.append(_alert(alert, f"alerts[{number}]", sender, shared))
        except Refused as refused:
            wrong.append(refused)
    if not drafts:
        raise wrong[0]
    parts = []
    if wrong:
        parts.append(
            f"{len(wrong)} alerts of {sender} cannot be read, the first because {wrong[0]}"
        )
    return Received(drafts, left_out=_left_out(parts, sender, len(alerts) - fit, body))


def _left_out(parts: list[str], sender: str, too_many: int, body: Mapping[str, Any]) -> str:
    """Return the text of a notice about alerts that are not used; empty if all are."""
    if too_many > 0:
        parts.append(f"{sender} sent {too_many} alerts more in one request than are taken")
    cut = body.get("truncatedAlerts")
    if isinstance(cut, int) and cut > 0:
        parts.append(f"{sender} itself left out {cut} alerts because of its max_alerts")
    if not parts:
        return ""
    cure = ". Send smaller groups: see group_by" if too_many > 0 or cut else ""
    return f"{'; '.join(parts)}. Nothing is published about these{cure}"


_SHARED = ("groupLabels", "commonLabels", "commonAnnotations", "externalURL", "receiver")


def _alert(alert: Any, where: str, sender: str, shared: Mapping[str, Any]) -> EventDraft:
    fields = object_of(alert, where)
    labels = object_of(fields.get("labels", {}), f"{where}.labels")
    object_of(fields.get("annotations", {}), f"{where}.annotations")
    status = fields.get("status")
    if status not in ("firing", "resolved"):
        raise unfit(f"{where}.status is {word(status)!r}, not firing or resolved")
    starts = word(fields.get("startsAt"))
    mark = fields.get("fingerprint")
    mark = bounded(mark) if isinstance(mark, str) and mark.strip() else _fingerprint(labels)
    firing = status == "firing"
    stem = joined(mark, starts)
    return EventDraft(
        type=f"{sender}.{status}",
        subject=mark,
        key=f"{stem} {status}",
        data={**shared, **fields},
        time=moment(fields.get("startsAt" if firing else "endsAt")),
        # It is sent again while it goes on firing. If it fires again later, it may have the same start.
        repeats=Repeats(ended_by=f"{stem} resolved") if firing else ALWAYS,
    )


def _fingerprint(labels: Mapping[str, Any]) -> str:
    """Replace the sender's own fingerprint, which is a hash of the labels too."""
    return hashlib.sha256(orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _cloudevents(request: Request, body: Any, vouched: str) -> Received:
    media = media_type(request)
    if media == "application/cloudevents-batch+json":
        if body == []:
            return Received(why_none="a batch of CloudEvents with none in it")
        batch = some(body, "the body", "CloudEvent")
        return _readable_cloudevents(batch)
    if "ce-specversion" in request.headers and media != "application/cloudevents+json":
        return Received([_binary_cloudevent(request, body, vouched)])
    return Received([_cloudevent(body, "the body")])


def _readable_cloudevents(batch: list[Any]) -> Received:
    """Return the events of a batch, and the refusal of those that cannot be read; raise it if none can."""
    drafts: list[EventDraft] = []
    wrong: list[Refused] = []
    for number, event in enumerate(batch):
        try:
            drafts.append(_cloudevent(event, f"[{number}]"))
        except Refused as refused:
            wrong.append(refused)
    if not wrong:
        return Received(drafts)
    if not drafts:
        raise wrong[0]
    count = f"{len(wrong)} of {len(batch)} CloudEvents cannot be read, the first because {wrong[0]}"
    return Received(
        drafts,
        left_out=f"{count}. Nothing is published about {'it' if len(wrong) == 1 else 'these'}",
        refused=unfit(f"{count}. The other events of this request are stored"),
    )


def _binary_cloudevent(request: Request, body: Any, vouched: str) -> EventDraft:
    if not vouched:
        raise unfit(
            "this webhook's signature does not cover the ce- headers; send structured CloudEvents"
        )
    attributes = {
        name.removeprefix("ce-"): _attribute(name, value)
        for name, value in request.headers.items()
        if name.startswith("ce-")
    }
    draft = _cloudevent({**attributes, "data": body}, "the request")
    if vouched == WHOLE_REQUEST:
        return draft
    # The headers could be swapped in a replay: only the id under the signature tells repeats.
    return EventDraft(
        draft.type, draft.subject, bounded(vouched), draft.data, draft.time, repeats=OWN_ID
    )


def _attribute(name: str, value: str) -> str:
    """Return a CloudEvents attribute from its header: quotes removed, then percent-decoded."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise unfit(f"the {name} header is not percent-encoded UTF-8") from None


WHOLE_REQUEST = "*"
"""Stands for the id if the sender authenticates the whole request, headers included."""


def _cloudevent(value: Any, where: str) -> EventDraft:
    fields = object_of(value, where)
    version = fields.get("specversion")
    if version != "1.0":
        raise unfit(f"specversion of {where} is {word(version)!r}, not '1.0'")
    for name in ("id", "source", "type"):
        if not isinstance(fields.get(name), str) or not word(fields[name]):
            raise unfit(f"{where} has no {name}, which every CloudEvent must have")
    key = joined(fields["source"], fields["id"])
    subject = fields.get("subject")
    return EventDraft(
        type=word(fields["type"]),
        subject=(word(subject) if isinstance(subject, str) else "") or key,
        key=key,
        data=_data(fields, where),
        time=moment(fields.get("time")),
        repeats=OWN_ID,
    )


def _data(fields: Mapping[str, Any], where: str) -> Any:
    """Return the data of a CloudEvent; an empty object if it has none."""
    if fields.get("data_base64") is None:
        data = fields.get("data")
        return {} if data is None else data
    try:
        return orjson.loads(base64.b64decode(fields["data_base64"], validate=True))
    except (binascii.Error, ValueError, TypeError):
        message = f"data_base64 of {where} is not JSON; send JSON, as data"
        raise unfit(message) from None


def _pagerduty(request: Request, body: Any, vouched: str) -> Received:
    del request, vouched
    if is_pagerdutys_test(body):
        return Received(why_none="a test ping of PagerDuty")
    event = object_of(object_of(body, "the body").get("event"), "event")
    key, kind = identity(event.get("id"), "event.id"), word(event.get("event_type"))
    if not key or not kind:
        raise unfit("event has no id or no event_type")
    subject = identity(compile_path("$.data.id").first(event), "event.data.id")
    occurred = moment(event.get("occurred_at"))
    return Received(
        [EventDraft(f"pagerduty.{kind}", subject or key, key, event, occurred, repeats=OWN_ID)]
    )


def is_pagerdutys_test(body: Any) -> bool:
    """Return whether a body is PagerDuty's test of a webhook."""
    event = body.get("event") if isinstance(body, dict) else None
    return isinstance(event, dict) and event.get("event_type") == "pagey.ping"


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
"""The names in the data of their events, for `Trigger.fields`; a sender may add others at any time."""
