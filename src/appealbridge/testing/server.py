"""A real HTTP server on this machine that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web

from appealbridge.clock import SystemClock
from appealbridge.plugin.egress import EgressPolicy
from appealbridge.testing.channel_case import NOW

PATIENCE = 10.0
"""How many real seconds a test waits for a request at the most."""


_REAL = SystemClock()


def this_machine() -> EgressPolicy:
    """Allow connections to this machine, by its address or as localhost, and to nothing else inside the network."""
    return EgressPolicy(this_machine=True)


class Spoilt(Enum):
    """Ways of not answering."""

    HANG_UP = "read the request, then close the connection without a word"
    HANG_UP_EARLY = "close the connection before the request is read to its end"
    DAWDLE = "read the request, then say nothing for as long as the client waits"
    TRUNCATE = "promise a whole answer and close the connection in its middle"
    ENDLESS = "answer without an end, for as long as the client reads"


HANG_UP, DAWDLE, TRUNCATE, ENDLESS = Spoilt.HANG_UP, Spoilt.DAWDLE, Spoilt.TRUNCATE, Spoilt.ENDLESS
HANG_UP_EARLY = Spoilt.HANG_UP_EARLY


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came; `connection` is the client's port."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.body)


Answer = int | tuple[int, Any] | tuple[int, Any, Mapping[str, str]] | Spoilt
"""A status; or with a body (JSON, text or bytes); or with headers as well; or no answer."""

Script = Answer | Callable[[ReceivedRequest], Answer]


class ScriptedServer:
    """
    Answers requests from a queue: `server.answers((201, {"id": "1"}), HANG_UP)`.

    When the queue is empty it answers `otherwise`. Requests for which `aside` returns an answer get that one; they are
    not in `requests`. Answers are dated `NOW` unless they say another Date. Use it as an asynchronous context.
    """

    def __init__(
        self,
        otherwise: Script = (200, {}),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        aside: Callable[[ReceivedRequest], Answer | None] = lambda _: None,
    ) -> None:
        self.otherwise = otherwise
        self._aside = aside
        self._place = host, port
        self.requests: list[ReceivedRequest] = []
        self.url = ""
        self._queue: deque[Script] = deque()
        self._news = asyncio.Condition()
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = web.Server(self._handle, handler_cancellation=True)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._place)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        await self._runner.cleanup()

    @property
    def heard(self) -> list[ReceivedRequest]:
        """The earlier name of `requests`, for tests of plug-ins that were written before it changed."""
        message = "ScriptedServer.heard is now ScriptedServer.requests"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self.requests

    def answers(self, *answers: Script) -> None:
        """Answer the next requests with these, in order."""
        self._queue.extend(answers)

    def answers_only(self, *answers: Script) -> None:
        """Answer the next requests with these, whatever was to be answered before."""
        self._queue = deque(answers)

    async def hears(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)

    async def is_left(self) -> None:
        """Wait until no connection is open any more."""
        async with asyncio.timeout(PATIENCE):
            while self.connections:
                await _REAL.sleep(0.001)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.connections)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        has_body = request.body_exists and request.method == "POST"
        if has_body and self._queue and self._queue[0] is HANG_UP_EARLY:
            self._queue.popleft()
            await request.content.readany()
            return await self._spoil(request, HANG_UP_EARLY)
        request_ = ReceivedRequest(
            request.method,
            request.path,
            dict(request.query),
            request.headers,
            await request.read(),
            _port(request),
        )
        beside = self._aside(request_)
        if beside is not None and not isinstance(beside, Spoilt):
            return _response(beside)
        script = self._queue.popleft() if self._queue else self.otherwise
        async with self._news:
            self.requests.append(request_)
            self._news.notify_all()
        answer = script(request_) if callable(script) else script
        if isinstance(answer, Spoilt):
            return await self._spoil(request, answer)
        return _response(answer)

    async def _spoil(self, request: web.BaseRequest, answer: Spoilt) -> web.StreamResponse:
        if answer is DAWDLE:
            await self._stopping.wait()
        if answer is TRUNCATE:
            part = web.StreamResponse(headers={"Content-Type": "application/json"})
            part.content_length = 1000
            await part.prepare(request)
            await part.write(b'{"id": "')
        if request.transport is not None:
            request.transport.close()
        return web.Response()


def _port(request: web.BaseRequest) -> int:
    """Return the client's port, which names the connection."""
    if request.transport is None:
        return 0
    port: int = request.transport.get_extra_info("peername")[1]
    return port


def _response(answer: int | tuple[Any, ...]) -> web.Response:
    parts = answer if isinstance(answer, tuple) else (answer,)
    status, body, more = (*parts, None, None)[:3]
    headers = {"Date": formatdate(NOW, usegmt=True), **(more or {})}
    if body is None or isinstance(body, bytes):
        return web.Response(status=status, body=body, headers=headers)
    if isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers)
    typed = {"Content-Type": "application/json", **headers}
    return web.Response(status=status, body=orjson.dumps(body), headers=typed)
