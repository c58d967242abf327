"""Errors as problem+json (RFC 9457), for all refusals over HTTP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from aiohttp import hdrs, web

from appealbridge.model.errors import IllegalMove, NotFound, StoreError, TooMuch


def problem(
    status: int,
    detail: str,
    *,
    title: str = "",
    retry_after: float | None = None,
    **more: object,
) -> web.Response:
    """Return an answer that says what is wrong; `retry_after` (seconds) adds that header, `more` other members."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    body = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        # It may quote the request, which may contain bytes that are not text.
        "detail": detail.encode("utf-8", "replace").decode(),
        **more,
    }
    return web.Response(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE),
        headers=headers,
        content_type="application/problem+json",
    )


STATUSES: Mapping[type[Exception], int] = {
    NotFound: 404,
    IllegalMove: 409,
    TooMuch: 422,
    ValueError: 422,
    StoreError: 503,
}
"""How the API and the pages answer what the engine raises; the first that fits counts."""


def status_of(error: Exception) -> int:
    """Return the status of the answer to an error of `STATUSES`."""
    return next(status for kind, status in STATUSES.items() if isinstance(error, kind))


def nothing_at(request: web.BaseRequest) -> web.Response:
    """Return the answer to a request for an address where nothing is."""
    detail = f"nothing is at {request.path}"
    if request.path.startswith("/hooks"):
        detail += "; the address of a webhook is /hooks/NAME"
    return problem(404, detail)


def not_allowed(request: web.BaseRequest, allowed: str) -> web.Response:
    """Return the answer to a request with another method than those `allowed`."""
    refused = problem(405, f"{request.method} is not allowed here; allowed: {allowed}")
    refused.headers[hdrs.ALLOW] = allowed
    return refused


def answer(value: object, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        status=status,
        body=orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE),
        content_type="application/json",
    )
