"""
The HTTP client for plug-ins. Nothing else in the program connects to anything outside it.

Each new connection is allowed or refused by the address that it is made to. Every answer is read to its
end within a limit, no redirect is followed, and every error text is cleaned of secrets.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from appealbridge.model.errors import (
    AddressNotAllowed,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.egress import EgressPolicy, is_address, refusal
from appealbridge.plugin.http.reply import Effect, Reply, bare, readable
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.offload import PLATFORM_NAMES
from appealbridge.plugin.options import Secret

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader
    from aiohttp.tracing import Trace

ANSWER_LIMIT = 1024 * 1024
"""How many bytes of an unpacked answer are read, unless the caller says otherwise."""

KEEPALIVE = 4.0
"""
How many seconds an idle connection is kept.

Most servers close idle connections after five seconds or more. A POST on a connection that the server is just
closing has an unclear outcome, so we close first.
"""

_CONNECTIONS_PER_HOST = 256
_DESTINATIONS = 1024
_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WRONG_REQUEST = (ValueError, TypeError, LookupError, AttributeError)
"""The errors of a request that cannot be written."""
_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""The errors of a connection, and of an answer that is not HTTP. A `TimeoutError` is an `OSError`."""
_LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

Failure = Callable[[Reply], DeliveryError]
"""Returns what an answer that was not accepted means."""

_ADDRESS = re.compile(r"https?://[^\s'\"<>)]+")


@dataclass(slots=True)
class _Target:
    """The host of a new connection, and which of its addresses was refused."""

    host: str
    port: int
    refused: str = ""


_TARGET: ContextVar[_Target] = ContextVar("target")


class _NotAllowed(Exception):
    """An address was refused, and the host's other addresses could not be connected to."""

    def __init__(self, target: _Target) -> None:
        self.reason, self.cure = refusal(target.host, target.port, target.refused)
        super().__init__(f"{self.reason}; {self.cure}")


class _NotAnAddress(Exception):
    """A URL is not one of the web."""


@dataclass(frozen=True, slots=True)
class _Destination:
    """
    What all requests to one URL have in common.

    `request` tells the library where to connect. `headers` are the lines of the usual headers, by their names in
    small letters. `url` is without login and fragment.
    """

    request: ClientRequest
    path: str
    headers: dict[str, str]
    url: str


class Session(aiohttp.TCPConnector):
    """
    The connections of all plug-ins. Every socket is made here, for one known address.

    Requests are written to the connection as bytes, and only the answer is left to the library: its own client
    takes four times as long to make a request. No cookies are kept, and no proxy is taken from the environment.
    """

    def __init__(
        self,
        policy: Callable[[], EgressPolicy],
        resolver: AbstractResolver,
        agent: str,
        keepalive: float,
    ) -> None:
        super().__init__(
            limit=0,
            limit_per_host=_CONNECTIONS_PER_HOST,
            keepalive_timeout=keepalive,
            socket_factory=self._socket,
            resolver=resolver,
        )
        self.policy = policy
        self.resolver = resolver
        self.agent = agent
        self._known_destination = lru_cache(_DESTINATIONS)(self._destination)

    async def __aenter__(self) -> Self:
        return self

    def destination(self, url: str, params: Mapping[str, str] | None) -> _Destination:
        """Return where a URL leads; raise `_NotAnAddress` or `ValueError` if nowhere."""
        try:
            if params:
                return self._destination(URL(url).extend_query(params))
            return self._known_destination(url)
        except aiohttp.InvalidURL:
            raise _NotAnAddress from None

    def _destination(self, text: str | URL) -> _Destination:
        try:
            url = URL(text)
        except ValueError:
            raise _NotAnAddress from None
        if url.scheme not in ("http", "https"):
            raise _NotAnAddress
        request = ClientRequest("GET", url, headers={"User-Agent": self.agent}, loop=self._loop)
        return _Destination(
            request,
            url.raw_path_qs,
            {name.lower(): _line(name, value) for name, value in request.headers.items()},
            str(url.with_user(None).with_fragment(None)),
        )

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - it is the library's
    ) -> ResponseHandler:
        # A connection that is used again was allowed when it was made, and does not come this way. If the library
        # gave this method another name, `_socket` would have no target, and nothing could be connected to.
        target = _Target(req.url.raw_host or "", req.url.port or 0)
        token = _TARGET.set(target)
        try:
            return await super()._create_connection(req, traces, timeout)
        except aiohttp.ClientConnectorError:
            if target.refused:
                raise _NotAllowed(target) from None
            raise
        finally:
            _TARGET.reset(token)

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """Return a connected socket; raise `OSError` if it cannot be connected, `_NotAllowed` if it must not."""
        target = _Target(host, port)
        token = _TARGET.set(target)
        failure = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
        try:
            for address in await self._addresses(host, port):
                try:
                    return await _connected(self._socket(address), address[4])
                except OSError as error:
                    failure = error
        finally:
            _TARGET.reset(token)
        if target.refused:
            raise _NotAllowed(target)
        raise failure

    async def _addresses(self, host: str, port: int) -> list[aiohttp.AddrInfoType]:
        addresses = [host]
        if not is_address(host):
            resolved = await self.resolver.resolve(host, port, family=socket.AF_UNSPEC)
            addresses = [result["host"] for result in resolved]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port),
            )
            for address in addresses
        ]  # fmt: skip

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        # The check is here and not earlier: between two lookups a name may get another address.
        family, kind, protocol, _, place = address
        target = _TARGET.get()
        if not self.policy().allows(target.host, target.port, str(place[0])):
            target.refused = str(place[0])
            raise OSError(errno.EACCES, f"{target.refused} is inside the network")
        return socket.socket(family, kind, protocol)


def open_session(
    *,
    agent: str = "AppealBridge",
    keepalive: float = KEEPALIVE,
    policy: Callable[[], EgressPolicy] = EgressPolicy,
    resolver: AbstractResolver | None = None,
) -> Session:
    """
    Return a session that plug-ins share; the caller closes it. `resolver` turns names into addresses.

    `policy` returns what a new connection may be made to; by default nothing inside the network.
    """
    return Session(policy, resolver or Resolver(PLATFORM_NAMES), agent, keepalive)


async def _connected(unconnected: socket.socket, place: tuple[Any, ...]) -> socket.socket:
    try:
        unconnected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(unconnected, place)
    except BaseException:
        unconnected.close()
        raise
    return unconnected


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

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        failure: Failure = Reply.failure,
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """Read something; an unclear answer is `TryAgain`."""
        return await self.request(
            "GET", url, Effect.READ,
            params=params, headers=headers, bearer=bearer, accept=accept, failure=failure, limit=limit,
        )  # fmt: skip

    async def get_outside(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """Read something at an address that a stranger gave: nothing inside the network is connected to."""
        public = self._session.policy().public_only()
        async with open_session(
            agent=self._session.agent, policy=lambda: public, resolver=self._session.resolver
        ) as session:
            http = Http(session, self.clean, now=self.now, timeout=self._seconds)
            return await http.get(url, headers=headers, accept=accept, limit=limit)

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """
        Return a socket that is connected to a host, for other protocols than HTTP.

        Raise `OSError` if it cannot be connected, and `AddressNotAllowed` if it must not be.
        """
        try:
            return await self._session.open_socket(host, port)
        except _NotAllowed as error:
            raise AddressNotAllowed(str(error), reason=error.reason) from None

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        failure: Failure = Reply.failure,
    ) -> Reply:
        """Create something; an unclear answer is `Unsure`."""
        return await self.request(
            "POST", url, Effect.CREATE,
            json=json, form=form, headers=headers, bearer=bearer, accept=accept, failure=failure,
        )  # fmt: skip

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
        except _NotAnAddress:
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
        destination: _Destination,
        content: bytes,
        limit: int,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request and return the answer's status, headers and body; raise what its failure means."""
        session, unclear = self._session, Unsure if effect is Effect.CREATE else TryAgain
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
                        if not again or (sent and effect is Effect.CREATE):
                            raise
                        again = False
                    except BaseException:
                        connection.close()
                        raise
                    else:
                        connection.release()
                        return answer
        except _NotAllowed as error:
            message = self._message(method, url, str(error))
            raise AddressNotAllowed(message, reason=self.clean(error.reason)) from None
        except (*_BROKEN, *_WRONG_REQUEST) as error:
            reason = _reason(error, connected=sent)
            raise (unclear if sent else TryAgain)(self._message(method, url, reason)) from None

    def _message(self, method: str, url: str, reason: str) -> str:
        # The library's messages may quote a whole answer with its headers, so they are cut.
        return self.clean(f"{method} {bare(url)}: {readable(reason, self.clean)}")


def _line(name: str, value: str) -> str:
    return f"{name}: {value}\r\n"


def _content(
    method: str,
    destination: _Destination,
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
    lines = {name.lower(): _line(name, value) for name, value in own.items()}
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


def _reason(error: BaseException, *, connected: bool = True) -> str:
    """Return what went wrong, without the addresses that the library quotes."""
    if isinstance(error, TimeoutError):
        return "no answer in time" if connected else "no connection in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off before its end"
    text = error.message if isinstance(error, HttpProcessingError) else str(error)
    return _ADDRESS.sub(lambda address: bare(address[0]), text) or type(error).__name__
