"""
What strangers may hold: how many connections, how many bytes before a request is proven, and for how long.

Each connection has a little room of its own, enough for a request without a large body. What is
more comes out of one pool that all share. Where the pool is empty, or too many connections are
open, those go that have held on longest without a proof: so a crowd of strangers harms themselves,
and a short request is always heard, those for `/healthz` and the API among them.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from appealbridge.model.errors import Refused
from appealbridge.web.problem import problem

MOST_CONNECTIONS = 4096
"""How many connections may be open; behind a proxy all of them come from one address."""

FILES_BESIDE = 256
"""How many files are kept for the store and for what is sent; fewer connections where the system allows few files."""

OWN_BYTES = 8 * 1024
"""How many unproven bytes of one connection cost nobody else anything."""

SHARED_BYTES = 32 * 1024 * 1024
"""How many unproven bytes all connections may hold together beyond that."""

HEAD_BYTES = 32 * 1024
"""How many bytes a request's first line and headers may have together."""

MOST_HEADERS = 100
"""How many headers a request may have."""

HEAD_SECONDS = 15.0
"""How long a first request's headers may take from the connection on, a later one's from their first byte on."""

ANSWER_SECONDS = 20.0
"""How long an answer may wait for its reader to take more of it."""

LINGER_SECONDS = 5.0
"""How long what follows a refusal is thrown away before we hang up: at once, its sender would miss the answer."""

RefusedBefore = Callable[[str, int, str], None]
"""Told of what is refused before there is a request: `unknown`, the status, and why."""


def crowded() -> Refused:
    """Return the refusal of what there is no room for."""
    return Refused(
        503, "too much at once", "too much arrives at this moment; please send it again", after=5
    )


class Connections:
    """All open connections, and the bytes that they hold unproven."""

    def __init__(self, refused: RefusedBefore) -> None:
        self.refused = refused
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(16, min(MOST_CONNECTIONS, files - FILES_BESIDE))
        self._left = SHARED_BYTES
        # Each in the order in which it was opened, or first took from the pool: the oldest first.
        self._strangers: dict[Connection, None] = {}
        self._proven: dict[Connection, None] = {}
        self._lent: dict[Connection, int] = {}

    def admit(self, connection: Connection) -> bool:
        """Take a new connection, in another one's place where there are too many; return whether there is room."""
        if len(self._strangers) + len(self._proven) >= self._most:
            others = next(iter(self._strangers), None) or self._longest_idle()
            if others is None:
                return False
            self.forget(others)
            others.force_close()
        self._strangers[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """Take note that a connection is closed."""
        self._strangers.pop(connection, None)
        self._proven.pop(connection, None)
        self.give_back(connection)

    def know(self, connection: Connection) -> None:
        """Take note that a request on this connection was proven: it goes after all that never were."""
        if self._strangers.pop(connection, 0) is None:
            self._proven[connection] = None

    def lend(self, connection: Connection, total: int) -> bool:
        """Let a connection hold so many bytes of the pool; the longest holder goes where it is empty."""
        more = total - self._lent.get(connection, 0)
        while self._left < more:
            longest = next(iter(self._lent), connection)
            self.give_back(longest)
            longest.crowd_out()
            if longest is connection:
                return False
        self._left -= more
        self._lent[connection] = total
        return True

    def give_back(self, connection: Connection) -> None:
        """Take back what was lent to a connection."""
        if self._lent:
            self._left += self._lent.pop(connection, 0)

    def _longest_idle(self) -> Connection | None:
        return next((one for one in self._proven if one.idle), None)


class Connection(RequestHandler):
    """One connection, within the bounds of all."""

    __slots__ = ("_all", "_deadline", "_held", "_known", "_stalled", "deaf", "reading")

    def __init__(self, server: Server, connections: Connections, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self.reading: asyncio.Timeout | None = None
        """What bounds the time for the body that is being read; it ends early where there is no room for more."""
        self.deaf = False
        """Whether what still comes is thrown away."""
        self._all = connections
        self._held = 0
        self._known = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is here with all its headers, and none is being answered."""
        waits = self._waiter is not None and not self._waiter.done()
        return waits or not self._request_count

    def proven(self) -> None:
        """Take note that whoever sends the present request has proven who it is."""
        self._held = 0
        self._all.give_back(self)
        if not self._known:
            self._known = True
            self._all.know(self)

    def crowd_out(self) -> None:
        """Let go of all that came, and say so."""
        if self.idle:
            self._turn_away(crowded())
            return
        self.deaf = True
        if self.reading is None:
            self.force_close()
        elif not self.reading.expired():
            self.reading.reschedule(0)

    # -- what the loop and the library call -------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is room for one more connection."""
        if not self._all.admit(self):
            self.deaf = True
            self._all.refused("unknown", 503, "too many connections")
            cast("asyncio.Transport", transport).write(_raw(crowded()))
            transport.close()
            return
        super().connection_made(transport)
        self._deadline = self._loop.call_later(HEAD_SECONDS, self._too_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of everything."""
        self._all.forget(self)
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before it is kept."""
        if self.deaf:
            return
        self._held += len(data)
        if self._held > OWN_BYTES and not self._all.lend(self, self._held - OWN_BYTES):
            return
        super().data_received(data)
        if not self._messages:
            if self.idle:
                self._head_goes_on()
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if type(self._messages[-1][0]) is _ErrInfo:
            self._forget_what_was_no_request()
        if self._held > HEAD_BYTES and any(_head_bytes(one) > HEAD_BYTES for one in self._messages):
            self._messages.clear()
            self._messages.append(_head_too_large())
        if self._upgraded:  # to another protocol, of which there is none here
            self.deaf = True
            self._message_tail = b""

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Answer; a request whose body nobody read is the connection's last."""
        if self.deaf or not request.content.is_eof():
            self.deaf = True
            resp.force_close()
        if not self._messages:
            self._held = 0
            self._all.give_back(self)
        return super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no sound HTTP, or a fault of ours, in the form of all other errors."""
        super().handle_error(request, status, exc, message)
        words = _WORDS.get(status, "a fault of this program; it is in its log")
        answer = problem(status, words)
        answer.force_close()
        return answer

    def pause_writing(self) -> None:
        """Give a reader that takes nothing some time."""
        super().pause_writing()
        self._stalled = self._loop.call_later(ANSWER_SECONDS, self._abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    # -- hanging up -----------------------------------------------------------------------------

    def _head_goes_on(self) -> None:
        """Bound headers that are not here in full yet."""
        if self._held > HEAD_BYTES:
            self._turn_away(Refused(431, "headers too large", _TOO_LARGE))
        elif self._deadline is None:
            self._deadline = self._loop.call_later(HEAD_SECONDS, self._too_late)

    def _forget_what_was_no_request(self) -> None:
        """
        Let go of bytes that are no sound HTTP.

        The library's error quotes them several times over, and its traceback leads back to itself, so
        that they would stay until somebody looks for rubbish.
        """
        for n, (message, body) in enumerate(self._messages):
            if isinstance(message, _ErrInfo):
                error = message.exc.with_traceback(None)
                error.args = ()
                if isinstance(error, HttpProcessingError):
                    error.message = ""
                self._messages[n] = (_ErrInfo(message.status, error, ""), body)

    def _too_late(self) -> None:
        self._deadline = None
        if not self.idle:
            return
        if self._held:
            words = (
                f"the headers did not arrive within {HEAD_SECONDS:g} seconds; please send it again"
            )
            self._turn_away(Refused(408, "too slow", words))
        else:
            self.force_close()

    def _turn_away(self, why: Refused) -> None:
        """Answer what is no request yet, throw away what still comes of it, and hang up."""
        self._all.refused("unknown", why.status, str(why))
        self._all.give_back(self)
        self.deaf = True
        if self.transport is not None:
            self.transport.write(_raw(why))
        self.close()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(LINGER_SECONDS, self.force_close)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Server(web.Server):
    """The library's server, with connections of ours."""

    def __init__(self, plain: web.Server, connections: Connections) -> None:
        # The library makes a server of an application by itself, and lets nobody name another class.
        super().__init__(
            plain.request_handler,
            request_factory=plain.request_factory,
            loop=plain._loop,  # noqa: SLF001
            **plain._kwargs,  # noqa: SLF001
        )
        self._all = connections

    def __call__(self) -> RequestHandler:
        """Return what speaks on a new connection."""
        return Connection(self, self._all, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Serves an application within the bounds of `Connections`."""

    __slots__ = ("_all",)

    def __init__(self, app: web.Application, connections: Connections, **kwargs: Any) -> None:
        super().__init__(app, max_headers=MOST_HEADERS, lingering_time=LINGER_SECONDS, **kwargs)
        self._all = connections

    async def _make_server(self) -> web.Server:
        return Server(await super()._make_server(), self._all)


def connection_of(request: web.Request) -> Connection:
    """Return the connection that a request came on."""
    return cast("Connection", request.protocol)


def _head_bytes(message: tuple[Any, StreamReader]) -> int:
    head = message[0]
    return sum(len(n) + len(v) + 4 for n, v in getattr(head, "raw_headers", ())) + len(
        getattr(head, "path", "")
    )


_TOO_LARGE = (
    f"the headers may have {HEAD_BYTES} bytes together at the most; send fewer or shorter ones"
)


_WORDS = {
    400: "this is not sound HTTP, or it has too many headers or too long ones; look at what the client sends",
    431: _TOO_LARGE,
    504: "this took too long; please send it again",
}
"""What is said of requests that are none, by their status; the library's own words quote what was sent."""


def _head_too_large() -> tuple[_ErrInfo, StreamReader]:
    """Return what stands in for a request in the library's queue."""
    error = BadHttpMessage(_TOO_LARGE)
    error.code = 431
    return _ErrInfo(status=431, exc=error, message=_TOO_LARGE), EMPTY_PAYLOAD


def _raw(why: Refused) -> bytes:
    """Return the answer to what is no request, in the bytes that go out."""
    answer = problem(why.status, str(why), title=why.title, retry_after=why.after)
    body = answer.body if isinstance(answer.body, bytes) else b""
    lines = [
        f"HTTP/1.1 {why.status} {HTTPStatus(why.status).phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
