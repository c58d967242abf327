"""
A practice platform for channels that have none of their own: `/generic/<platform>/<account>`, and all below it.

It takes any body, puts it on the wall, and answers as the channel says that its platform does.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.answering import Answering, Declined, answer
from appealbridge.practice.faults import Faults
from appealbridge.practice.posts import Shelf, readable

_TEXTS = ("title", "subject", "text", "message", "content", "status", "body")
"""Under these names bodies have what people read, in most APIs."""
_DEEPEST = 8
_LONGEST = 20_000
"""How many characters of a text the wall keeps."""


class PracticeGeneric:
    """The practice platform for all that have none of their own."""

    name = "generic"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock
        self._answering = Answering(self, faults, clock)

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the platform."""
        guarded = self._answering.guard(self._take)
        there = "/generic/{platform:[a-z][a-z0-9_]*}/{account:[A-Za-z0-9._-]{1,64}}"
        return [
            web.route("*", f"{there}/answer/{{status:2[0-9][0-9]}}/{{answer}}", guarded),
            web.route(
                "*", f"{there}/answer/{{status:2[0-9][0-9]}}/{{answer}}/{{rest:.*}}", guarded
            ),
            web.route("*", there, guarded),
            web.route("*", f"{there}/{{rest:.*}}", guarded),
            web.route("*", "/generic/{rest:.*}", self._answering.guard(_nowhere)),
        ]

    async def stop(self, _: web.Application) -> None:
        """Leave undone what was to be done later."""
        await self._answering.stop()

    def throttled(self, seconds: float | None) -> web.Response:
        """Say that there were too many requests."""
        headers = None if seconds is None else {"Retry-After": str(int(seconds))}
        return answer(429, {"error": "too many requests"}, headers)

    def read_only(self) -> web.Response:
        """Say that the login may only read."""
        return answer(403, {"error": "this login may only read"})

    def suspended(self) -> web.Response:
        """Say that the account is suspended."""
        return answer(403, {"error": "this account is suspended"})

    def unavailable(self) -> web.Response:
        """Say that the service is down for now."""
        return answer(503, {"error": "the service is not available"})

    def expired(self) -> web.Response:
        """Say that the login is no longer good."""
        return answer(401, {"error": "this login has expired"})

    def out_of_credits(self) -> web.Response:
        """Say that the account has to be paid for."""
        return answer(402, {"error": "this account has no credit left"})

    def crashed(self) -> web.Response:
        """Say that something went wrong inside."""
        return answer(500, {"error": "something went wrong"})

    def forbidden(self) -> web.Response:
        """Say that the login may not delete this post."""
        return answer(403, {"error": "this login may not delete this post"})

    async def _take(self, request: web.Request) -> web.StreamResponse:
        if request.method in ("GET", "HEAD"):
            # An empty list would say that nothing was published, which this platform cannot know.
            raise Declined(
                answer(404, {"error": "the generic practice platform cannot be searched"})
            )
        if request.method == "DELETE":
            return self._delete(request)
        status, content = _wanted_answer(request)
        sent = _sent(await request.read(), request.content_type)
        where = request.match_info
        texts = list(dict.fromkeys(_texts(sent))) or [_shown(sent)]
        post = self._shelf.add(
            self.name,
            where["account"],
            readable("\n\n".join(texts))[:_LONGEST],
            client_key=readable(request.headers.get("Idempotency-Key", "")) or None,
            more={
                "plug_in": where["platform"],
                "method": request.method,
                "path": where.get("rest", ""),
                "sent": sent,
            },
        )
        if content is None:
            content = {"id": "{id}", "url": f"{request.scheme}://{request.host}/#generic-{{id}}"}
        content = _numbered(content, post.id)
        if isinstance(content, str):
            return web.Response(status=status, text=content)
        return answer(status, content)

    def _delete(self, request: web.Request) -> web.Response:
        """Delete the post whose id is the last part of the address, as in most APIs."""
        where = request.match_info
        post = self._shelf.live(self.name, where.get("rest", "").rpartition("/")[2])
        if post is None or post.account != where["account"]:
            raise Declined(answer(404, {"error": "no post of this account has this id"}))
        self._answering.delete(self._shelf, post)
        return answer(200, {"deleted": True})


def _wanted_answer(request: web.Request) -> tuple[int, Any]:
    """Return the status and the body that an address asks for, `None` for the usual one."""
    where = request.match_info
    if "answer" not in where:
        return 200, None
    try:
        padded = where["answer"] + "=" * (-len(where["answer"]) % 4)
        return int(where["status"]), orjson.loads(base64.urlsafe_b64decode(padded))
    except ValueError:
        raise Declined(
            answer(404, {"error": "the answer in this address cannot be read"})
        ) from None


def _numbered(value: Any, number: str) -> Any:
    """Return an answer with the post's id for each `{id}`."""
    if isinstance(value, str):
        return value.replace("{id}", number)
    if isinstance(value, list):
        return [_numbered(inner, number) for inner in value]
    if isinstance(value, dict):
        return {name: _numbered(inner, number) for name, inner in value.items()}
    return value


def _sent(body: bytes, kind: str) -> Any:
    """Return a body as JSON, as a form's fields, or as text."""
    text = body.decode("utf-8", "replace")
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True))
    try:
        content = orjson.loads(body)
        orjson.dumps(content)  # JSON that is nested too deeply to be written again is kept as text
    except (orjson.JSONDecodeError, TypeError):
        return text
    return content


def _texts(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """Yield what people would read of a body, in its order."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _texts(item, inner, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name, depth + 1)
    elif isinstance(value, str) and value and (name in _TEXTS or depth == 0):
        yield value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def _nowhere(_: web.Request) -> web.StreamResponse:
    return answer(404, {"error": "use /generic/<platform>/<account>"})
