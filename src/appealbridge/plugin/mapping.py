"""The parts of an event in JSON that no preset knows: at the paths that are given, or the usual ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field

from appealbridge.model.event import EventDraft
from appealbridge.plugin.jsonpath import JsonPath, PathText, compile_path
from appealbridge.plugin.options import Options
from appealbridge.plugin.preset import WHOLE_REQUEST, Read, moment, unfit, word
from appealbridge.plugin.trigger import Request


class Paths(Options):
    """Where in the body the parts of an event stand; what is left out is found by default."""

    key: PathText | None = Field(
        None, description="What makes a repeat the same event.", examples=["$.message_id"]
    )
    subject: PathText | None = Field(
        None, description="What the event is about.", examples=["$.incident.number"]
    )
    type: PathText | None = Field(
        None, description="What sort of event it is.", examples=["$.kind"]
    )
    time: PathText | None = Field(
        None,
        description="When it happened, as ISO 8601 or seconds since 1970.",
        examples=["$.raised_at"],
    )


def mapped(paths: Paths) -> Read:
    """
    Return the reader for these paths.

    A path that is given must lead to a text or a number, or the request is refused. By default the
    type is `$.type` or `webhook`, the time `$.timestamp` or `$.time`, the key the id that the
    signature vouches for or the body's hash, the subject `$.subject` or the key.
    """
    find_type = _finder(paths.type, "type") or _usual("$.type")
    find_subject = _finder(paths.subject, "subject") or _usual("$.subject")
    find_key = _finder(paths.key, "key")
    times = [compile_path(p) for p in (paths.time, "$.timestamp", "$.time") if p]

    def read(request: Request, body: Any, vouched: str) -> Sequence[EventDraft]:
        if type(body) is not dict:
            raise unfit("the body is JSON, but not one object in braces")
        key = find_key(body) if find_key else _message_id(request, vouched)
        return (
            EventDraft(
                type=find_type(body) or "webhook",
                subject=find_subject(body) or key,
                key=key,
                data=body,
                time=_time(times, body),
            ),
        )

    return read


def _message_id(request: Request, vouched: str) -> str:
    if vouched == WHOLE_REQUEST:
        vouched = request.headers.get("webhook-id", "")
    return word(vouched) or hashlib.sha256(request.body).hexdigest()


def _finder(path: str | None, name: str) -> Callable[[Any], str] | None:
    if path is None:
        return None
    first = compile_path(path).first

    def find(body: Any) -> str:
        text = word(first(body))
        if not text:
            raise unfit(f"no {name} at {path}: a text or number is wanted there")
        return text

    return find


def _usual(path: str) -> Callable[[Any], str]:
    first = compile_path(path).first

    def find(body: Any) -> str:
        value = first(body)
        return word(value) if type(value) is str else ""

    return find


def _time(paths: Sequence[JsonPath], body: Any) -> float | None:
    for path in paths:
        at = moment(path.first(body))
        if at is not None:
            return at
    return None
