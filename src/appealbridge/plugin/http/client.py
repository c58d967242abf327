"""
The HTTP client for plug-ins.

Every answer is read to its end within a limit, no redirect is followed, and every error text is cleaned of secrets.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp.http_exceptions import HttpProcessingError

from appealbridge.model.errors import (
    AddressNotAllowed,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.http.failures import failure_reason
from appealbridge.plugin.http.reply import Effect, Reply, bare, readable
from appealbridge.plugin.http.session import (
    Destination,
    NotAllowed,
    NotAnAddress,
    Session,
    header_line,
    open_session,
)
from appealbridge.plugin.options import Secret

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader

ANSWER_LIMIT = 1024 * 1024
"""How many bytes of an unpacked answer are read, unless the caller says otherwise."""

_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WRONG_REQUEST = (ValueError, TypeError, LookupError, AttributeError)
"""The errors of a request that cannot be written."""
_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""The errors of a connection, and of an answer that is not HTTP. A `TimeoutError` is an `OSError`."""
_LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

Failure = Callable[[Reply], DeliveryError]
"""Returns what an answer that was not accepted means."""

_ADDRESS = re.compile(r"https?://[^\s'\"<>)]+")


class _Options(TypedDict, total=False):
    """The options of `Http.request`."""

    params: Mapping[str, str] | None
    json: Any
    form: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    bearer: Secret | None
    accept: Collection[int]
    failure: Failure
    limit: int


class Http:
    """
    Makes one request and returns the whole answer, or raises an error of a delivery.

    `clean` takes every secret known to the program out of a text, `now` returns Unix seconds UTC,
    `timeout` is the limit for one whole request in seconds. `on_answer` is called with every answer to a
    request that was to create something. `session` comes from `open_session`.
    """

    def __init__(
        self,
        session: Session,
        clean: Callable[[str], str],
        *,
        now: Callable[[], float],
        timeout: float = 30.0,
        on_answer: Callable[[Reply], None] | None = None,
    ) -> None:
        if not isinstance(session, Session):
            raise TypeError("an Http needs a session of open_session, which checks each connection")
        self._session = session
        self.clean = clean
        self.now = now
        self._seconds = timeout
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(10.0, timeout * 2 / 3))
        self._on_answer = on_answer

    def reporting_to(self, on_answer: Callable[[Reply], None]) -> Http:
        """Return the same client with a callback for the answers to its creating requests."""
        return Http(
            self._session, self.clean, now=self.now, timeout=self._seconds, on_answer=on_answer
        )

    async def get(self, url: str, **options: Unpack[_Options]) -> Reply:
        """Read something; an unclear answer is `TryAgain`. The options are those of `request`."""
        return await self.request("GET", url, Effect.READ, **options)

    async def get_outside(self, url: str, **options: Unpack[_Options]) -> Reply:
        """Read something at an address that a stranger gave: nothing inside the network is connected to."""
        public = self._session.policy().public_only()
        async with open_session(
            agent=self._session.agent, policy=lambda: public, resolver=self._session.resolver
        ) as session:
            http = Http(session, self.clean, now=self.now, timeout=self._seconds)
            return await http.get(url, **options)

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """
        Return a socket that is connected to a host, for other protocols than HTTP.

        Raise `OSError` in plain words if it cannot be connected, and `AddressNotAllowed` if it must not be.
        """
        try:
            return await self._session.open_socket(host, port)
        except NotAllowed as error:
            raise AddressNotAllowed(str(error), reason=error.reason) from None

    def tls(self) -> ssl.SSLContext | None:
        """Return the context for TLS on such a socket; `None` if the authorities of this machine are enough."""
        return self._session.tls()

    async def post(self, url: str, **options: Unpack[_Options]) -> Reply:
        """Create something; an unclear answer is `Unsure`. The options are those of `request`."""
        return await self.request("POST", url, Effect.CREATE, **options)

    async def change(self, method: str, url: str, **options: Unpack[_Options]) -> Reply:
        """
        Change or remove something that is there (PUT, POST, DELETE); an unclear answer is `Unsure`.

        404 and 410 are `AlreadyGone`. The options are those of `request`.
        """
        return await self.request(method, url, Effect.CHANGE, **options)

    async def request(
        self,
        method: str,
        url: str,
        effect: Effect,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        failure: Failure = Reply.failure,
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """
        Make one request with `json`, a `form` or no body.

        Return answers of 2xx and with a status in `accept`. For all others raise what `failure` makes of them: a
        platform whose answers say more than their status has a function of its own.
        """
        try:
            destination = self._session.destination(url, params)
            content = _content(method, destination, json, form, headers, bearer)
        except NotAnAddress:
            raise Rejected(self._message(method, url, "this is not a web address")) from None
        except _WRONG_REQUEST as error:
            # A login with a wrong header fails for every message, so the account is at fault, not this message.
            login = isinstance(error, _BadHeader) and error.name.lower() == "authorization"
            wrong = LoginExpired if login else Rejected
            raise wrong(self._message(method, url, f"not sent: {_reason(error)}")) from None
        status, answer_headers, body = await self._exchange(
            method, url, effect, destination, content, limit
        )
        reply = Reply(
            status, answer_headers, body, destination.url,
            method=method, effect=effect, now=self.now(), clean=self.clean,
        )  # fmt: skip
        if self._on_answer is not None and effect is Effect.CREATE:
            self._on_answer(reply)
        if 200 <= status < 300 or status in accept:
            return reply
        raise failure(reply)

    async def _exchange(
        self,
        method: str,
        url: str,
        effect: Effect,
        destination: Destination,
        content: bytes,
        limit: int,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request and return the answer's status, headers and body; raise what its failure means."""
        session = self._session
        if session.closed:
            raise TryAgain(self._message(method, url, "the program is stopping"))
        sent, again = False, True
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    connection = await session.connect(destination.request, [], self._timeout)
                    try:
                        protocol = connection.protocol
                        if protocol is None or protocol.transport is None or protocol.should_close:
                            # An answer that came before its request would be taken for ours.
                            raise aiohttp.ServerDisconnectedError
                        protocol.set_response_params(
                            skip_payload=method == "HEAD", read_until_eof=True
                        )
                        sent = True
                        protocol.transport.write(content)
                        answer = await _answer(protocol, limit)
                    except _LOST:  # the server may have closed an idle connection
                        connection.close()
                        if not again or (sent and effect is not Effect.READ):
                            raise
                        again = False
                    except BaseException:
                        connection.close()
                        raise
                    else:
                        connection.release()
                        destination.check_login(answer[0])
                        return answer
        except NotAllowed as error:
            message = self._message(method, url, str(error))
            raise AddressNotAllowed(message, reason=self.clean(error.reason)) from None
        except (*_BROKEN, *_WRONG_REQUEST) as error:
            unclear = Unsure if sent and effect is not Effect.READ else TryAgain
            reason = _reason(error if sent else destination.late(error))
            raise unclear(self._message(method, url, reason)) from None

    def _message(self, method: str, url: str, reason: str) -> str:
        # The library's messages may quote a whole answer with its headers, so they are cut.
        return self.clean(f"{method} {bare(url)}: {readable(reason, self.clean)}")


def _content(
    method: str,
    destination: Destination,
    json: Any,
    form: Mapping[str, str] | None,
    headers: Mapping[str, str] | None,
    bearer: Secret | None,
) -> bytes:
    """Return a whole request as it is sent; raise one of `_WRONG_REQUEST` if it cannot be."""
    own = dict(headers) if headers else {}
    if bearer is not None:
        own["Authorization"] = f"Bearer {bearer.get_secret_value()}"
    body = b""
    if json is not None:
        own.setdefault("Content-Type", "application/json")
        body = orjson.dumps(json)
    elif form is not None:
        own.setdefault("Content-Type", "application/x-www-form-urlencoded")
        body = urlencode(form).encode()
    if method not in ("GET", "HEAD"):
        own["Content-Length"] = str(len(body))
    _check_headers(own)
    lines = {name.lower(): header_line(name, value) for name, value in own.items()}
    if "authorization" in lines and "authorization" in destination.headers:
        raise ValueError("it has a login both in its address and in a header")
    head = "".join((destination.headers | lines).values())
    return f"{method} {destination.path} HTTP/1.1\r\n{head}\r\n".encode() + body


class _BadHeader(ValueError):
    """A header has a character in it that no header may have; the message does not repeat it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"its header {name} contains a line end or another control character; check the secret"
        )
        self.name = name


def _check_headers(headers: Mapping[str, str]) -> None:
    if not _NO_HEADER.search("".join((*headers, *headers.values()))):
        return
    for name, value in headers.items():
        if _NO_HEADER.search(value) or _NO_HEADER.search(name):
            raise _BadHeader(readable(name, str, 40))


class _TooLong(ValueError):
    """An answer is longer than allowed."""


async def _answer(protocol: ResponseHandler, limit: int) -> tuple[int, Mapping[str, str], bytes]:
    """Return the final answer: its status, headers and body."""
    message, body = await protocol.read()
    while 100 <= message.code < 200 and message.code != 101:
        message, body = await protocol.read()
    return message.code, message.headers, await _bounded(body, limit)


async def _bounded(body: StreamReader, limit: int) -> bytes:
    """Read a body to its end. The limit is for its unpacked length, so that a small bomb is a long answer."""
    first = await body.readany()
    if body.at_eof() and len(first) <= limit:
        return first
    chunks = bytearray(first)
    while len(chunks) <= limit:
        chunk = await body.readany()
        if not chunk and body.at_eof():
            return bytes(chunks)
        chunks += chunk
    raise _TooLong(f"the answer is longer than {limit} bytes")


def _reason(error: BaseException) -> str:
    """Return what went wrong, without the addresses that the library quotes."""
    match error:
        case aiohttp.ClientPayloadError():
            return "the answer broke off before its end"
        case aiohttp.ServerDisconnectedError():
            return "the server closed the connection without an answer"
        case TimeoutError() | OSError():
            return failure_reason(error)
    text = error.message if isinstance(error, HttpProcessingError) else str(error)
    return _ADDRESS.sub(lambda address: bare(address[0]), text) or type(error).__name__
