"""Errors as problem+json (RFC 9457), for all refusals over HTTP."""

from __future__ import annotations

import math
from http import HTTPStatus

import orjson
from aiohttp import web


def problem(
    status: int, detail: str, *, title: str = "", retry_after: float | None = None
) -> web.Response:
    """Return an answer that says what is wrong; `retry_after` (seconds) adds that header."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    body = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        # It may quote the request, which may contain bytes that are not text.
        "detail": detail.encode("utf-8", "replace").decode(),
    }
    return web.Response(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE),
        headers=headers,
        content_type="application/problem+json",
    )


def answer(value: object, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        status=status,
        body=orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE),
        content_type="application/json",
    )
