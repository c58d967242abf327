"""Finds the parts of an event in JSON without a preset: at the given paths, or the usual ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from appealbridge.model.event import ALWAYS, NOT_NAMED, EventDraft, Repeats, one_line
from appealbridge.plugin import Options
from appealbridge.plugin.jsonpath import JsonPath, PathText, compile_path
from appealbridge.plugin.receiver import Received, Request
from appealbridge.plugin.timestamps import moment
from appealbridge.triggers.webhook.body import json_bytes, numbers_as_written
from appealbridge.triggers.webhook.presets import OWN_ID, WHOLE_REQUEST, Read, bounded, unfit, word
from appealbridge.triggers.webhook.signature import signed_id

READ_TWICE_BYTES = 128 * 1024
"""Up to this size a body is parsed again if the exact digits of a number in it are needed."""


class Paths(Options):
    """The paths of the parts of an event in the body; what is left out is found by default."""

    key: PathText | None = Field(
        None,
        description="A value that is the same in a repeat of the event.",
        examples=["$.message_id"],
    )
    subject: PathText | None = Field(
        None, description="What the event is about.", examples=["$.incident.number"]
    )
    type: PathText | None = Field(None, description="The event's type.", examples=["$.kind"])
    time: PathText | None = Field(
        None,
        description="When it happened, as ISO 8601 or seconds since 1970.",
        examples=["$.raised_at"],
    )
    author: PathText | None = Field(
        None,
        description="Who wrote it, by id or email address of `people`: they cannot approve what it causes. If "
        "an event does not say, nobody can.",
        examples=["$.raised_by.email"],
    )


def mapped(
    paths: Paths, *, within: float = 600.0, replayable: bool = False, usual_key: str = ""
) -> Read:
    """
    Return the reader for these paths.

    A given path must lead to a text or a number, or the request is refused. By default the type is
    `$.type` or `webhook`, the time `$.timestamp` or `$.time`, the subject `$.subject` or the key.
    The key is the id that the signature covers, the value at `usual_key`, or the body's hash. With
    the hash, the same body is a repeat for `within` seconds only. `replayable` says that anybody
    who saw the request could send it again.
    """
    find_type = _finder(paths.type, "type") or _usual("$.type")
    find_subject = _finder(paths.subject, "subject") or _usual("$.subject")
    find_key = _finder(paths.key, "key")
    find_id = _usual(usual_key) if usual_key else None
    find_author = None if paths.author is None else compile_path(paths.author).first
    times = [compile_path(p) for p in (paths.time, "$.timestamp", "$.time") if p]
    by_body = Repeats(within=within, replayable=replayable)

    def key_of(request: Request, body: Any, vouched: str) -> tuple[str, Repeats]:
        if find_key is not None:
            return find_key(request, body), OWN_ID
        if own := _message_id(request, vouched):
            return own, OWN_ID
        if find_id is not None and (own := find_id(request, body)):
            return own, ALWAYS
        return hashlib.sha256(request.body).hexdigest(), by_body

    def read(request: Request, body: Any, vouched: str) -> Received:
        if type(body) is not dict:
            raise unfit("the body is JSON, but not one object in braces")
        key, repeats = key_of(request, body, vouched)
        return Received(
            (
                EventDraft(
                    type=find_type(request, body) or "webhook",
                    subject=find_subject(request, body) or key,
                    key=key,
                    data=body,
                    time=_time(times, body),
                    repeats=repeats,
                    author="" if find_author is None else _author(find_author(body)),
                ),
            )
        )

    return read


def with_author(read: Read, path: str) -> Read:
    """Return a reader that adds the author at a path in the data of each event."""
    find = compile_path(path).first

    def read_all(request: Request, body: Any, vouched: str) -> Received:
        received = read(request, body, vouched)
        events = [replace(each, author=_author(find(each.data))) for each in received.events]
        return replace(received, events=events)

    return read_all


def _message_id(request: Request, vouched: str) -> str:
    if vouched == WHOLE_REQUEST:
        vouched = signed_id(request.headers)
    return bounded(vouched) if vouched else ""


_Find = Callable[[Request, Any], str]


def _finder(path: str | None, name: str) -> _Find | None:
    if path is None:
        return None
    first = compile_path(path).first
    as_word = bounded if name == "key" else word

    def find(request: Request, body: Any) -> str:
        value = first(body)
        if type(value) is float:
            # A long integer has lost digits here, and two ids must not become one.
            if len(request.body) > READ_TWICE_BYTES:
                raise unfit(f"{name} at {path} is not a 64-bit integer; send it as a text")
            value = first(numbers_as_written(json_bytes(request, form="payload")))
            value = getattr(value, "text", value)
        if type(value) is bool and name != "type":
            raise unfit(f"{name} at {path} is {word(value)}; a text or number is wanted there")
        text = value if type(value) is str else word(value)
        if not text.strip():
            raise unfit(f"no {name} at {path}: a text or number is wanted there")
        return as_word(text)

    return find


def _author(value: Any) -> str:
    """Return who wrote an event; one without an author must not be lost, but somebody has to look at it."""
    return (one_line(word(value)) if type(value) in (str, int) else "") or NOT_NAMED


def _usual(path: str) -> _Find:
    first = compile_path(path).first

    def find(request: Request, body: Any) -> str:
        del request
        value = first(body)
        return word(value) if type(value) is str else ""

    return find


def _time(paths: Sequence[JsonPath], body: Any) -> float | None:
    for path in paths:
        at = moment(path.first(body))
        if at is not None:
            return at
    return None
