"""Hides from viewers, and from whoever is nobody, to whom a mail goes."""

from __future__ import annotations

import re
from typing import Any

import orjson
from aiohttp import web

from appealbridge.plugin.offload import ANSWERS, offload
from appealbridge.web.masking import LARGE
from appealbridge.web.problem import answer

HIDDEN = "(recipient)"

_OPTIONS = frozenset({"to", "cc", "bcc", "reply_to", "recipient", "recipients"})
"""The options of a message that say who gets it."""

_ADDRESS = re.compile(r"[^\s<>@,;:/\"'()\[\]]{1,64}@[^\s<>@,;:\"'()\[\]]{1,255}")


async def hidden(response: web.StreamResponse) -> web.StreamResponse:
    """Return a JSON answer without recipients."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes) or response.content_type != "application/json":
        return response
    if len(body) > LARGE:
        return await offload(ANSWERS, _hidden, body, response.status)
    return _hidden(body, response.status)


def _hidden(body: bytes, status: int) -> web.Response:
    return answer(without_recipients(orjson.loads(body)), status)


def without_recipients(value: Any) -> Any:
    """Return a JSON value with every email address, and every option that names a recipient, replaced."""
    if isinstance(value, str):
        return _ADDRESS.sub(HIDDEN, value) if "@" in value else value
    if isinstance(value, list):
        return [without_recipients(each) for each in value]
    if isinstance(value, dict):
        return {
            without_recipients(name): HIDDEN if name in _OPTIONS else without_recipients(inner)
            for name, inner in value.items()
        }
    return value
