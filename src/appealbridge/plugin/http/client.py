"""
The HTTP client for plug-ins. Nothing else in the program connects to anything outside it.

Every connection is allowed or refused by the address that it is made to. Every answer is read to its
end within a bound, no redirect is followed, and every error text is cleaned of secrets before it leaves
this file.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver

from appealbridge.model.errors import AddressNotAllowed, LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.plugin.egress import EgressPolicy, is_address, refusal
from appealbridge.plugin.http.reply import Effect, Reply, bare, readable
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.offload import PLATFORM_NAMES
from appealbridge.plugin.options import Secret

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.tracing import Trace

ANSWER_LIMIT = 1024 * 1024
"""How many bytes of an unpacked answer are read, unless the caller says otherwise."""

KEEPALIVE = 4.0
"""
Seconds for which an idle connection is used again.

Servers close idle ones after five seconds at the earliest, as a rule. A POST on a connection that
is just being closed has an unclear outcome, so ours are given up first.
"""

_CONNECTIONS_PER_HOST = 256
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""What goes wrong before a single byte of the request has left: no address, no connection, no TLS."""
_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WRONG_REQUEST = (ValueError, TypeError, LookupError, AttributeError)
"""What making a request raises that cannot be made, before anything is connected to."""

_ADDRESS = re.compile(r"https?://[^\s'\"<>)]+")


def open_session(
    *,
    agent: str = "AppealBridge",
    keepalive: float = KEEPALIVE,
    policy: Callable[[], EgressPolicy] = EgressPolicy,
    resolver: AbstractResolver | None = None,
) -> aiohttp.ClientSession:
    """
    Return a session that plug-ins share; the caller closes it. `resolver` turns names into addresses.

    `policy` tells at each new connection what may be connected to; left out, nothing inside the network.
    It keeps no cookies, takes no proxy or password from the environment, and never waits for more
    connections to one host than a lane may use at most.
    """
    return aiohttp.ClientSession(
        connector=_Connector(policy, resolver or Resolver(PLATFORM_NAMES), keepalive),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": agent},
        trust_env=False,
    )


@dataclass(slots=True)
class _Target:
    """The host to connect to, and which of its addresses was refused."""

    host: str
    port: int
    refused: str = ""


_TARGET: ContextVar[_Target] = ContextVar("target")


class _NotAllowed(Exception):
    """An address was refused, and none of the host's others could be connected to."""

    def __init__(self, target: _Target) -> None:
        self.reason, self.cure = refusal(target.host, target.port, target.refused)
        super().__init__(f"{self.reason}; {self.cure}")


class _Connector(aiohttp.TCPConnector):
    """Connects to what the policy allows. Every socket is made here, for one address that is known by then."""

    def __init__(
        self, policy: Callable[[], EgressPolicy], resolver: AbstractResolver, keepalive: float
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

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - it is the library's
    ) -> ResponseHandler:
        # Idle connections, which were allowed when they were made, do not come this way. If the library
        # gave this another name, `_socket` would have no target, and nothing could be connected to.
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
        """Return a connected socket; raise `OSError` where there is none to be had, or `_NotAllowed`."""
        target = _Target(host, port)
        token = _TARGET.set(target)
        trouble = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
        try:
            for address in await self._addresses(host, port):
                try:
                    return await _connected(self._socket(address), address[4])
                except OSError as error:
                    trouble = error
        finally:
            _TARGET.reset(token)
        if target.refused:
            raise _NotAllowed(target)
        raise trouble

    async def _addresses(self, host: str, port: int) -> list[aiohttp.AddrInfoType]:
        found = [host]
        if not is_address(host):
            told = await self.resolver.resolve(host, port, family=socket.AF_UNSPEC)
            found = [each["host"] for each in told]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port),
            )
            for address in found
        ]  # fmt: skip

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        # Here and not sooner: a name may be given another address between being asked for and used.
        family, kind, protocol, _, place = address
        target = _TARGET.get()
        if not self.policy().allows(target.host, target.port, str(place[0])):
            target.refused = str(place[0])
            raise OSError(errno.EACCES, f"{target.refused} is inside the network")
        return socket.socket(family, kind, protocol)


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
    Makes one request and returns the whole answer, or raises one of three errors.

    `clean` takes every secret known to the program out of a text, `now` tells Unix seconds UTC,
    `timeout` is the bound on one whole request in seconds. `hear` is called with every answer to a
    request that was to create something. `session` is one of `open_session`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clean: Callable[[str], str],
        *,
        now: Callable[[], float],
        timeout: float = 30.0,
        hear: Callable[[Reply], None] | None = None,
    ) -> None:
        if not isinstance(session.connector, _Connector):
            raise TypeError(
                "a session of open_session is wanted, which connects to nothing it must not"
            )
        self._session = session
        self._connector = session.connector
        self.clean = clean
        self.now = now
        self._seconds = timeout
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(10.0, timeout * 2 / 3))
        self._hear = hear

    def heard_by(self, hear: Callable[[Reply], None]) -> Http:
        """Return the same client with a callback for the answers to its creating requests."""
        return Http(self._session, self.clean, now=self.now, timeout=self._seconds, hear=hear)

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """Read something; an unclear answer is `TryAgain`."""
        return await self.request(
            "GET", url, Effect.READ,
            params=params, headers=headers, bearer=bearer, accept=accept, limit=limit,
        )  # fmt: skip

    async def get_outside(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """Read something whose address a stranger gave: nothing within this network is asked for it."""
        agent = self._session.headers["User-Agent"]
        public = self._connector.policy().public_only()
        async with open_session(
            agent=agent, policy=lambda: public, resolver=self._connector.resolver
        ) as session:
            door = Http(session, self.clean, now=self.now, timeout=self._seconds)
            return await door.get(url, headers=headers, accept=accept, limit=limit)

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """
        Return a socket that is connected to a host, for what speaks something else than HTTP.

        Raise `OSError` where it cannot be connected to, and `AddressNotAllowed` where it must not be.
        """
        try:
            return await self._connector.open_socket(host, port)
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
    ) -> Reply:
        """Create something; an unclear answer is `Unsure`."""
        return await self.request(
            "POST", url, Effect.CREATE,
            json=json, form=form, headers=headers, bearer=bearer, accept=accept,
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
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """
        Make one request.

        Answers of 2xx and the statuses in `accept` are returned, all others raised as
        `Reply.failure` says. `json` and `form` exclude each other.
        """
        sent = dict(headers) if headers else {}
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer.get_secret_value()}"
        try:
            body = _body(sent, json, form)
            _check_headers(sent)
        except _WRONG_REQUEST as error:
            # The login's own header fails for every message, so it is no matter of this one.
            own = isinstance(error, _BadHeader) and error.name.lower() == "authorization"
            failure = LoginExpired if own else Rejected
            raise failure(self._words(method, url, f"not sent: {error}")) from None
        reply = await self._answer(method, url, effect, params, body, sent, limit)
        if 200 <= reply.status < 300 or reply.status in accept:
            return reply
        raise reply.failure()

    async def _answer(
        self,
        method: str,
        url: str,
        effect: Effect,
        params: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
        limit: int,
    ) -> Reply:
        unclear = Unsure if effect is Effect.CREATE else TryAgain
        begun = False
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout,
            ) as answer:
                begun = True
                content = await _bounded(answer, limit)
                reply = Reply(
                    answer.status, answer.headers, content, str(answer.url),
                    method=method, effect=effect, now=self.now(), clean=self.clean,
                )  # fmt: skip
            if self._hear is not None and effect is Effect.CREATE:
                self._hear(reply)
            return reply
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise Rejected(self._words(method, url, "this is not a web address")) from None
        except _NotAllowed as error:
            words = self._words(method, url, str(error))
            raise AddressNotAllowed(words, reason=self.clean(error.reason)) from None
        except _NOT_SENT as error:
            raise TryAgain(self._words(method, url, _said(error))) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unclear(self._words(method, url, _said(error))) from None
        except _WRONG_REQUEST as error:
            if begun:  # it was answered, in a way that the library cannot read
                raise unclear(self._words(method, url, _said(error))) from None
            raise Rejected(self._words(method, url, f"not sent: {_said(error)}")) from None
        except RuntimeError:
            if not self._session.closed:
                raise
            raise TryAgain(self._words(method, url, "the program is stopping")) from None

    def _words(self, method: str, url: str, said: str) -> str:
        # The library's own words may quote a whole answer, headers and all.
        return self.clean(f"{method} {bare(url)}: {readable(said, self.clean)}")


def _body(headers: dict[str, str], json: Any, form: Mapping[str, str] | None) -> bytes | None:
    """Encode the body and say in `headers` what it is."""
    if json is not None:
        headers.setdefault("Content-Type", _JSON)
        return orjson.dumps(json)
    if form is not None:
        headers.setdefault("Content-Type", _FORM)
        return urlencode(form).encode()
    return None


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
    """An answer is longer than its reader wants."""


async def _bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read an answer to its end; what it unpacks to counts, so that a small bomb is a long answer."""
    first = await answer.content.readany()
    if answer.content.at_eof() and len(first) <= limit:
        return first
    chunks = bytearray(first)
    while len(chunks) <= limit:
        chunk = await answer.content.readany()
        if not chunk and answer.content.at_eof():
            return bytes(chunks)
        chunks += chunk
    answer.close()
    raise _TooLong(f"the answer is longer than {limit} bytes")


def _said(error: BaseException) -> str:
    """Return what went wrong, without the addresses that aiohttp quotes."""
    if isinstance(error, TimeoutError):
        return "no connection in time" if isinstance(error, _NOT_SENT) else "no answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off before its end"
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return _ADDRESS.sub(lambda found: bare(found[0]), text) or type(error).__name__
