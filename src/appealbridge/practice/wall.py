"""
The wall: a page that shows all posts as they would look on the real platforms.

One page without anything from outside. Posts are hostile input: the page makes text nodes of them,
never markup, and its policy lets no other script or style run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from appealbridge.practice.faults import Faults
from appealbridge.practice.policy import policy
from appealbridge.practice.posts import Shelf

NEWEST = 60
"""How many posts of each platform the page shows."""

_PAGE = Path(__file__).with_name("wall.html")


class Wall:
    """The page and what it asks for every second."""

    def __init__(self, shelf: Shelf, faults: Faults) -> None:
        self._shelf = shelf
        self._faults = faults
        self._page = _PAGE.read_text("utf-8")
        self._policy = policy(self._page)

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the wall."""
        return [web.get("/", self._show), web.get("/wall.json", self._newest)]

    async def _show(self, _: web.Request) -> web.StreamResponse:
        headers = {
            "Content-Security-Policy": self._policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(text=self._page, content_type="text/html", headers=headers)

    async def _newest(self, request: web.Request) -> web.StreamResponse:
        faults = self._faults.shown()
        known = request.headers.get("If-None-Match")
        state = self._state(faults)
        if known == state:
            return web.Response(status=304, headers={"ETag": state})
        body: dict[str, Any] = {
            "posts": [post.shown() for post in self._shelf.newest(NEWEST)],
            "counts": self._shelf.counts(),
            "totals": self._shelf.totals(),
            "faults": faults,
        }
        return web.Response(
            body=orjson.dumps(body), content_type="application/json", headers={"ETag": state}
        )

    def _state(self, faults: list[dict[str, Any]]) -> str:
        now = orjson.dumps([self._shelf.version, self._shelf.born, faults])
        return f'"{hashlib.sha256(now).hexdigest()[:24]}"'
