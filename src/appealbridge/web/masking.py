"""
Masks secrets in answers of the API, except in what a sender or a recipe wrote itself.

What is stored was cleaned where it came in, if strangers said it. What quotes an event is not: the
trace of a run tells which value decided, and a sender may have put anything into its own event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from appealbridge.plugin.offload import ANSWERS, offload
from appealbridge.web.problem import answer

OWN_WORDS = frozenset({"data", "content"})
"""An event's data and a message are shown unchanged, because people must see exactly what they are."""


LARGE = 64 * 1024
"""How many bytes an answer may have to be searched at once, on the event loop."""


async def masked(response: web.StreamResponse, clean: Callable[[str], str]) -> web.StreamResponse:
    """Return the answer, with secrets masked in every other text."""
    body = (
        response.body
        if isinstance(response, web.Response) and "json" in response.content_type
        else None
    )
    if not isinstance(body, bytes):
        return response
    if len(body) > LARGE:
        # Text by text: one search of the whole would keep even other threads waiting.
        return await offload(ANSWERS, _masked_texts, body, clean, response.status)
    text = body.decode()
    # Few answers contain a secret, and one search of the whole shows whether this one does.
    return (
        response
        if clean(text) == text
        else answer(cleaned(orjson.loads(body), clean), response.status)
    )


def _masked_texts(body: bytes, clean: Callable[[str], str], status: int) -> web.Response:
    return answer(cleaned(orjson.loads(body), clean), status)


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Return a JSON answer with secrets masked in every text that is not a sender's or a recipe's own."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [cleaned(each, clean) for each in value]
    if isinstance(value, dict):
        return {
            name: inner if name in OWN_WORDS else cleaned(inner, clean)
            for name, inner in value.items()
        }
    return value
