"""
The last look at an answer of the API: no secret leaves in it, but for what a sender or a recipe says itself.

What is stored was cleaned where it came in, if strangers said it. What quotes an event is not: the
trace of a run tells which value decided, and a sender may have put anything into its own event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from appealbridge.web.problem import answer

OWN_WORDS = frozenset({"data", "content"})
"""An event's data as it came, and a message as it will be published: who looks has to see just that."""


def masked(told: web.StreamResponse, clean: Callable[[str], str]) -> web.StreamResponse:
    """Return the answer, or one like it in which every other text was cleaned."""
    body = told.body if isinstance(told, web.Response) else None
    if not isinstance(body, bytes):
        return told
    text = body.decode()
    # Hardly any answer holds a secret, and one look at the whole tells.
    return told if clean(text) == text else answer(cleaned(orjson.loads(body), clean), told.status)


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Return an answer, as JSON has it, in which every text but a sender's and a recipe's own is cleaned."""
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
