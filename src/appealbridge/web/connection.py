"""
Limits on connections, and on the bytes of requests whose sender is not proven yet.

Each connection has a small allowance of its own, enough for a request without a large body. Anything
more is borrowed from one pool that all connections share. When the pool is empty, or too many
connections are open, the oldest connections without a proven request are closed first. So a flood of
unproven requests mainly hurts itself, and short requests always get through: those to `/healthz`, to
the API, and nearly all webhooks.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from appealbridge.model.errors import Refused
from appealbridge.web.problem import problem

MOST_CONNECTIONS = 4096
"""How many connections may be open at once. There is no limit by address: behind a proxy all share one."""

FILES_BESIDE = 256
"""How many file descriptors are kept free for the store and for outgoing connections."""

OWN_BYTES = 8 * 1024
"""How many unproven bytes each connection may hold without borrowing from the pool."""

SHARED_BYTES = 32 * 1024 * 1024
"""The size of the pool: how many unproven bytes all connections may hold beyond their own allowance."""

HEAD_BYTES = 32 * 1024
"""How many bytes the request line and the headers of one request may have together."""

MOST_HEADERS = 100
"""How many headers a request may have."""

HEAD_SECONDS = 15.0
"""How long headers may take: from the connection on for the first request, later from their first byte on."""

ANSWER_SECONDS = 20.0
"""How long a client may stop reading its answer before the connection is closed."""

LINGER_SECONDS = 5.0
"""How long the rest of a rejected request is read and discarded, so that the client can read the answer."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

PREFIX = "/hooks/"
"""Where the paths of webhooks begin."""

RefusedBefore = Callable[[str, int, str], None]
"""Called when something is rejected before it is a whole request: `unknown`, the status, and the reason."""


def overloaded() -> Refused:
    """Return the refusal of a request for which there is no room now."""
    return Refused(
        503, "overloaded", "too many requests arrive at the moment; please send it again", after=5
    )


class Connections:
    """All open connections, and the bytes that they borrowed from the pool."""

    def __init__(self, refused: RefusedBefore) -> None:
        self.refused = refused
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(16, min(MOST_CONNECTIONS, files - FILES_BESIDE))
        self._left = SHARED_BYTES
        # Dictionaries keep the order of insertion, so the oldest connection, or loan, comes first.
        self._unproven: dict[Connection, None] = {}
        self._proven: dict[Connection, None] = {}
        self._borrowed: dict[Connection, int] = {}

    def admit(self, connection: Connection) -> bool:
        """Register a new connection, closing an older one if there are too many; return whether there is room."""
        if len(self._unproven) + len(self._proven) >= self._most:
            oldest = next(iter(self._unproven), None) or self._oldest_idle()
            if oldest is None:
                return False
            self.forget(oldest)
            oldest.force_close()
        self._unproven[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """Remove a closed connection and return its loan."""
        self._unproven.pop(connection, None)
        self._proven.pop(connection, None)
        self.give_back(connection)

    def mark_proven(self, connection: Connection) -> None:
        """Record that a request on this connection was proven: it is closed last when there are too many."""
        if self._unproven.pop(connection, 0) is None:
            self._proven[connection] = None

    def lend(self, connection: Connection, total: int) -> bool:
        """Lend a connection this many bytes in total, evicting the oldest borrowers if the pool is empty."""
        more = total - self._borrowed.get(connection, 0)
        while self._left < more:
            oldest = next(iter(self._borrowed), connection)
            self.give_back(oldest)
            oldest.evict()
            if oldest is connection:
                return False
        self._left -= more
        self._borrowed[connection] = total
        return True

    def give_back(self, connection: Connection) -> None:
        """Return a connection's loan to the pool."""
        if self._borrowed:
            self._left += self._borrowed.pop(connection, 0)

    def _oldest_idle(self) -> Connection | None:
        return next((connection for connection in self._proven if connection.idle), None)


class Connection(RequestHandler):
    """One connection that keeps within the limits."""

    __slots__ = (
        "_all",
        "_bytes",
        "_deadline",
        "_stalled",
        "_was_proven",
        "body_timeout",
        "discarding",
    )

    def __init__(self, server: Server, connections: Connections, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self.body_timeout: asyncio.Timeout | None = None
        """The timeout of whoever is reading a body; it is made to expire at once when the connection is evicted."""
        self.discarding = False
        """Whether everything that still arrives is discarded."""
        self._all = connections
        self._bytes = 0
        self._was_proven = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no request has arrived with all its headers, and none is being answered."""
        waits = self._waiter is not None and not self._waiter.done()
        return waits or not self._request_count

    def proven(self) -> None:
        """Record that the sender of the current request is proven."""
        self._bytes = 0
        self._all.give_back(self)
        if not self._was_proven:
            self._was_proven = True
            self._all.mark_proven(self)

    def evict(self) -> None:
        """Give up the request that is arriving, with a 503 where that is still possible."""
        if self.idle:
            self._reject(overloaded())
            return
        self.discarding = True
        if self.body_timeout is None:
            self.force_close()
        elif not self.body_timeout.expired():
            self.body_timeout.reschedule(0)

    # -- what the loop and the library call -------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, if there is room for another connection."""
        if not self._all.admit(self):
            self.discarding = True
            self._all.refused("unknown", 503, "too many connections")
            cast("asyncio.Transport", transport).write(_raw(overloaded()))
            transport.close()
            return
        super().connection_made(transport)
        self._deadline = self._loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release everything."""
        self._all.forget(self)
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes before they are kept."""
        if self.discarding:
            return
        self._bytes += len(data)
        if self._bytes > OWN_BYTES and not self._all.lend(self, self._bytes - OWN_BYTES):
            return
        super().data_received(data)
        if not self._messages:
            if self.idle:
                self._check_partial_head()
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if type(self._messages[-1][0]) is _ErrInfo:
            self._drop_invalid_input()
        if self._bytes > HEAD_BYTES and any(
            _head_bytes(message) > HEAD_BYTES for message in self._messages
        ):
            self._messages.clear()
            self._messages.append(_head_too_large())
        if self._upgraded:  # no other protocol is spoken here
            self.discarding = True
            self._message_tail = b""

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Send the answer, and close the connection after it if the request's body was not read."""
        if self.discarding or not request.content.is_eof():
            self.discarding = True
            resp.force_close()
        if not self._messages:
            self._bytes = 0
            self._all.give_back(self)
        return super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP, or a fault of this program, as problem+json like all other errors."""
        super().handle_error(request, status, exc, message)
        answer = problem(status, _DETAILS.get(status, "a fault of this program; it is in its log"))
        answer.force_close()
        return answer

    def pause_writing(self) -> None:
        """Start the time that a client has to go on reading."""
        super().pause_writing()
        self._stalled = self._loop.call_later(ANSWER_SECONDS, self._abort)

    def resume_writing(self) -> None:
        """Stop that time."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    # -- hanging up -----------------------------------------------------------------------------

    def _check_partial_head(self) -> None:
        """Limit the size and the time of headers that have not arrived completely."""
        if self._bytes > HEAD_BYTES:
            self._reject(Refused(431, "headers too large", _TOO_LARGE))
        elif self._deadline is None:
            self._deadline = self._loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def _drop_invalid_input(self) -> None:
        """
        Release the bytes of malformed HTTP.

        The library's exception quotes them several times and is part of a reference cycle, so they would
        stay in memory until the next garbage collection.
        """
        for n, (message, body) in enumerate(self._messages):
            if isinstance(message, _ErrInfo):
                error = message.exc.with_traceback(None)
                error.args = ()
                if isinstance(error, HttpProcessingError):
                    error.message = ""
                self._messages[n] = (_ErrInfo(message.status, error, ""), body)

    def _head_timed_out(self) -> None:
        self._deadline = None
        if not self.idle:
            return
        if self._bytes:
            detail = (
                f"the headers did not arrive within {HEAD_SECONDS:g} seconds; please send it again"
            )
            self._reject(Refused(408, "too slow", detail))
        else:
            self.force_close()

    def _reject(self, why: Refused) -> None:
        """Answer before there is a whole request, discard the rest of it, then close the connection."""
        self._all.refused("unknown", why.status, str(why))
        self._all.give_back(self)
        self.discarding = True
        self._parser = None  # it keeps the headers that have arrived, twice
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
    """aiohttp's server, with our class of connections, and with a handler of its own for webhooks."""

    def __init__(
        self, plain: web.Server, connections: Connections, webhooks: Handler | None
    ) -> None:
        def handler(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
            if webhooks is not None and request.rel_url.raw_path.startswith(PREFIX):
                return webhooks(request)
            return plain.request_handler(request)

        # AppRunner creates the server itself and offers no way to choose its class.
        super().__init__(
            handler,
            request_factory=plain.request_factory,
            loop=plain._loop,  # noqa: SLF001
            **plain._kwargs,  # noqa: SLF001
        )
        self._all = connections

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, self._all, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Serves webhooks and an application within the limits."""

    __slots__ = ("_all", "_webhooks")

    def __init__(
        self,
        app: web.Application,
        webhooks: Handler | None,
        connections: Connections,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, max_headers=MOST_HEADERS, lingering_time=LINGER_SECONDS, **kwargs)
        self._all = connections
        self._webhooks = webhooks

    async def _make_server(self) -> web.Server:
        return Server(await super()._make_server(), self._all, self._webhooks)


def connection_of(request: web.BaseRequest) -> Connection:
    """Return the connection that a request came on."""
    return cast("Connection", request.protocol)


def _head_bytes(message: tuple[Any, StreamReader]) -> int:
    head = message[0]
    return sum(len(n) + len(v) + 4 for n, v in getattr(head, "raw_headers", ())) + len(
        getattr(head, "path", "")
    )


_TOO_LARGE = f"the headers may have at most {HEAD_BYTES} bytes together; send fewer or shorter ones"


_DETAILS = {
    400: "this is not valid HTTP, or it has too many headers, or one that is too long; check the client",
    431: _TOO_LARGE,
    504: "this took too long; please send it again",
}
"""The detail of each error that the library raises, by status; its own messages quote what was sent."""


def _head_too_large() -> tuple[_ErrInfo, StreamReader]:
    """Return the entry that replaces a request in the library's queue."""
    error = BadHttpMessage(_TOO_LARGE)
    error.code = 431
    return _ErrInfo(status=431, exc=error, message=_TOO_LARGE), EMPTY_PAYLOAD


def _raw(why: Refused) -> bytes:
    """Return a complete HTTP response, for where there is no request to answer."""
    answer = problem(why.status, str(why), title=why.title, retry_after=why.after)
    body = answer.body if isinstance(answer.body, bytes) else b""
    lines = [
        f"HTTP/1.1 {why.status} {HTTPStatus(why.status).phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
