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
from pydantic import BaseModel, Field, ValidationError

from appealbridge.clock import Clock
from appealbridge.practice.answering import answer
from appealbridge.practice.faults import Faults
from appealbridge.practice.policy import policy
from appealbridge.practice.posts import Shelf

NEWEST = 60
"""How many posts of each platform the page shows."""

MOST_HELD = 20
"""How many held messages the page shows."""

HELD_SECONDS = 15.0
"""How long the daemon's last word about what it holds is shown; it says so every few seconds."""

_PAGE = Path(__file__).with_name("wall.html")


class _Held(BaseModel):
    """One message that the daemon holds."""

    number: int = Field(ge=0)
    channel: str = Field(max_length=300)
    about: str = Field(max_length=300)
    why: str = Field(max_length=300)


class _HeldReport(BaseModel):
    """What `PUT /held` takes."""

    held: list[_Held] = Field(max_length=MOST_HELD)
    more: bool = False


class Wall:
    """The page and what it asks for every second."""

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock) -> None:
        self._shelf = shelf
        self._faults = faults
        self._clock = clock
        self._report = _HeldReport(held=[])
        self._reported_at = float("-inf")
        self._page = _PAGE.read_text("utf-8")
        self._policy = policy(self._page)

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the wall."""
        return [
            web.get("/", self._show),
            web.get("/wall.json", self._newest),
            web.put("/held", self._take_held),
        ]

    async def _take_held(self, request: web.Request) -> web.StreamResponse:
        try:
            self._report = _HeldReport.model_validate_json(await request.read())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "body"
            detail = {"status": 422, "detail": f"{place}: {first['msg'].lower()}"}
            return answer(422, detail, kind="application/problem+json")
        self._reported_at = self._clock.now()
        return web.Response(status=204)

    def _held(self) -> dict[str, Any] | None:
        """Return what the daemon holds, `None` if none has said so lately."""
        if self._clock.now() - self._reported_at > HELD_SECONDS:
            return None
        return self._report.model_dump()

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
            "held": self._held(),
        }
        return web.Response(
            body=orjson.dumps(body), content_type="application/json", headers={"ETag": state}
        )

    def _state(self, faults: list[dict[str, Any]]) -> str:
        now = orjson.dumps([self._shelf.version, self._shelf.born, faults, self._held()])
        return f'"{hashlib.sha256(now).hexdigest()[:24]}"'
