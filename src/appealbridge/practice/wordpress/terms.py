"""The categories and tags of the practice WordPress."""

from __future__ import annotations

import html
import re
from typing import Any

from aiohttp import web

from appealbridge.practice.answering import Declined, answer
from appealbridge.practice.wordpress.errors import error

_NO_SLUG = re.compile(r"[^a-z0-9_-]+")


class PracticeTerms:
    """All terms of a site, by their kind. Names are kept as HTML; a term's number is its place."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {"categories": ["Uncategorized"], "tags": []}

    def __contains__(self, kind: str) -> bool:
        return kind in self._names

    def find(self, kind: str, term: str) -> web.Response:
        """List those whose name contains a text."""
        names = enumerate(self._names[kind], 1)
        part = term.lower()
        return answer(200, [_term(number, name) for number, name in names if part in name.lower()])

    def add(self, kind: str, name: str, user: str) -> web.Response:
        """Add one; a second of the same name is declined with the number of the first."""
        stored = html.escape(name, quote=False).strip()
        if not user:
            message = "Sorry, you are not allowed to create terms in this taxonomy."
            raise Declined(error(401, "rest_cannot_create", message))
        if not stored:
            raise Declined(error(400, "rest_missing_callback_param", "Missing parameter(s): name"))
        known = [name.lower() for name in self._names[kind]]
        if stored.lower() in known:
            message = "A term with the name provided already exists with this parent."
            data = {"status": 400, "term_id": known.index(stored.lower()) + 1}
            raise Declined(answer(400, {"code": "term_exists", "message": message, "data": data}))
        self._names[kind].append(stored)
        return answer(201, _term(len(self._names[kind]), stored))

    def known(self, kind: str, numbers: list[int]) -> list[int]:
        """Return the numbers of which there is a term; the others are left out without a word."""
        return [number for number in numbers if 0 < number <= len(self._names[kind])]

    def names(self, kind: str, numbers: list[int]) -> list[str]:
        """Return the names of terms as people read them."""
        names = self._names[kind]
        return [html.unescape(names[number - 1]) for number in self.known(kind, numbers)]


def _term(number: int, name: str) -> dict[str, Any]:
    slug = _NO_SLUG.sub("-", html.unescape(name).lower()).strip("-")
    return {"id": number, "name": name, "slug": slug}
