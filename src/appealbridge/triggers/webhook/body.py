"""
Reads the JSON of a request's raw bytes, and refuses anything else or anything dangerous.

The sender is authenticated before this is called, and the size of the body is limited before it is
read.
"""

from __future__ import annotations

import binascii
import json
from typing import Any

import orjson

from appealbridge.model.errors import Refused
from appealbridge.plugin.receiver import Request
from appealbridge.triggers.webhook.signature import media_type

DEPTH_LIMIT = 32
"""How many levels of lists and objects a body may have."""

MOST_VALUES = 200_000
"""How many values a body may have; parsing more would block everything else for too long."""

_BETWEEN_VALUES = (b",", b"[", b"{")

_JSON = frozenset({"application/json", "text/json", "application/octet-stream", ""})
# Without a type, or with the one that says only "bytes", the body may speak for itself.


_FORM = "application/x-www-form-urlencoded"
_MARK = b"\xef\xbb\xbf"


def json_body(request: Request, *, form: str = "") -> Any:
    """
    Return the body's JSON value; raise `Refused` with 415, or 400 and what is wrong.

    With `form`, the JSON may also be the value of this form field.
    """
    body = json_bytes(request, form=form)
    if len(body) > MOST_VALUES and sum(map(body.count, _BETWEEN_VALUES)) > MOST_VALUES:
        message = f"the JSON has more than {MOST_VALUES} values; send less at once"
        raise Refused(413, "too large", message)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unreadable(body, error) from None
    if body.count(b"{") + body.count(b"[") > DEPTH_LIMIT and _deeper(value, DEPTH_LIMIT):
        raise Refused(400, "too deep", f"the JSON has more than {DEPTH_LIMIT} levels; flatten it")
    return value


def json_bytes(request: Request, *, form: str = "") -> bytes:
    """Return the JSON text as bytes, without a byte order mark; raise `Refused` with 415 or 400."""
    media = media_type(request)
    if form and media == _FORM:
        return _field(request.body, form)
    if media not in _JSON and not (media.startswith("application/") and media.endswith("+json")):
        raise Refused(415, "not JSON", f"content type {media[:80]}; send application/json")
    return request.body.removeprefix(_MARK)  # RFC 8259 allows us to ignore it


class Written(float):
    """A number that is not a 64-bit integer, with its text as written in the JSON."""

    text: str


def numbers_as_written(body: bytes) -> Any:
    """Return the JSON value of a body that was parsed before, with `Written` for such numbers."""
    return json.loads(body, parse_float=_written, parse_int=_whole)


def _written(digits: str) -> Written:
    number = Written(digits)
    number.text = digits
    return number


def _whole(digits: str) -> int | Written:
    return int(digits) if len(digits) < 19 else _written(digits)


def _field(form: bytes, name: str) -> bytes:
    """Return a form field. Decoded by binascii, since urllib takes 100 ms for 1 MB of escapes."""
    start = f"{name}=".encode()
    for part in form.split(b"&", 16)[:16]:
        if part.startswith(start):
            quoted = part[len(start) :].replace(b"+", b" ").replace(b"=", b"=3D")
            return binascii.a2b_qp(quoted.replace(b"%", b"=")).removeprefix(_MARK)
    raise Refused(400, "not JSON", f"the form has no field {name}, which should contain the JSON")


def _unreadable(body: bytes, error: orjson.JSONDecodeError) -> Refused:
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return Refused(400, "not UTF-8", f"byte {wrong.start} of the body is not UTF-8")
    return Refused(400, "not JSON", f"the body is not JSON: {error}")


def _deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects nest deeper than `levels`."""
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
