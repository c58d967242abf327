"""The trainer's API: lists all posts, and switches faults on."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appealbridge.practice.answering import answer
from appealbridge.practice.faults import FaultName, Faults
from appealbridge.practice.posts import PLATFORMS, Shelf


class _Asked(BaseModel):
    """What `POST /faults` takes."""

    model_config = ConfigDict(extra="forbid")

    platform: str
    fault: str
    count: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, ge=0, le=86_400, allow_inf_nan=False)


class Desk:
    """The addresses that belong to no platform."""

    def __init__(self, shelf: Shelf, faults: Faults, smtp_url: str) -> None:
        self._shelf = shelf
        self._faults = faults
        self._smtp_url = smtp_url

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the desk."""
        return [
            web.get("/posts", self._posts),
            web.delete("/posts", self._clear_posts),
            web.get("/faults", self._shown_faults),
            web.post("/faults", self._add_fault),
            web.delete("/faults", self._clear_faults),
            web.get("/smtp", self._mail_server),
        ]

    async def _mail_server(self, _: web.Request) -> web.StreamResponse:
        return answer(200, {"smtp": self._smtp_url})

    async def _posts(self, request: web.Request) -> web.StreamResponse:
        tag = f'"{self._shelf.born}/{self._shelf.version}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return answer(200, [post.shown() for post in self._shelf.everything()], headers)

    async def _clear_posts(self, _: web.Request) -> web.StreamResponse:
        self._shelf.clear()
        return web.Response(status=204)

    async def _shown_faults(self, _: web.Request) -> web.StreamResponse:
        return answer(200, self._faults.shown())

    async def _clear_faults(self, _: web.Request) -> web.StreamResponse:
        self._faults.clear()
        return web.Response(status=204)

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        try:
            query = _Asked.model_validate(orjson.loads(await request.read()))
        except orjson.JSONDecodeError:
            return _unknown("not JSON; send an object with platform and fault")
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            return _unknown(f"{place}: {first['msg'].lower()}")
        if query.platform not in PLATFORMS:
            return _unknown(f"unknown platform {query.platform!r}")
        if query.fault not in list(FaultName):
            return _unknown(f"unknown fault {query.fault!r}")
        self._faults.add(query.platform, FaultName(query.fault), query.count, query.seconds)
        return answer(201, self._faults.shown()[-1])


def _unknown(detail: str) -> web.Response:
    body: dict[str, Any] = {
        "title": "Unprocessable Content",
        "status": 422,
        "detail": detail,
        "platforms": list(PLATFORMS),
        "faults": [name.value for name in FaultName],
    }
    return answer(422, body, kind="application/problem+json")
