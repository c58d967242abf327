"""
From a request's raw bytes to its JSON, with everything refused that is none or that could hurt.

The sender is proven before this is called; a body's size is bounded before it is read.
"""

from __future__ import annotations

from typing import Any

import orjson

from appealbridge.model.errors import Refused
from appealbridge.plugin.trigger import Request

DEPTH_LIMIT = 32
"""How many levels of lists and objects a body may have."""

_JSON = frozenset({"application/json", "text/json", "application/octet-stream", ""})
# Without a type, or with the one that says only "bytes", the body may speak for itself.


def json_body(request: Request) -> Any:
    """Return the body's JSON value; raise `Refused` with 415, or 400 and what is wrong."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _JSON and not (media.startswith("application/") and media.endswith("+json")):
        raise Refused(415, "not JSON", f"content type {media[:80]}; send application/json")
    body = request.body
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unreadable(body, error) from None
    if body.count(b"{") + body.count(b"[") > DEPTH_LIMIT and _deeper(value, DEPTH_LIMIT):
        raise Refused(400, "too deep", f"the JSON has more than {DEPTH_LIMIT} levels; flatten it")
    return value


def _unreadable(body: bytes, error: orjson.JSONDecodeError) -> Refused:
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return Refused(400, "not UTF-8", f"byte {wrong.start} of the body is not UTF-8")
    return Refused(400, "not JSON", f"the body is not JSON: {error}")


def _deeper(value: Any, levels: int) -> bool:
    """Tell whether lists and objects nest deeper than `levels`, one level at a time."""
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True
