"""
The connections of plug-ins. Nothing else in the program connects to anything outside it.

Each new connection is allowed or refused by the address that it is made to.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_reqrep import ClientRequest
from yarl import URL

from appealbridge.plugin.egress import EgressPolicy, is_address
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.offload import PLATFORM_NAMES

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.tracing import Trace

KEEPALIVE = 4.0
"""
How many seconds an idle connection is kept.

Most servers close idle connections after five seconds or more. A POST on a connection that the server is just
closing has an unclear outcome, so we close first.
"""

_CONNECTIONS_PER_HOST = 256
_DESTINATIONS = 1024


@dataclass(slots=True)
class _Target:
    """The host of a new connection, and why one of its addresses was refused, with the cure."""

    host: str
    port: int
    refusal: tuple[str, str] | None = None


_TARGET: ContextVar[_Target] = ContextVar("target")


class NotAllowed(Exception):
    """An address was refused, and the host's other addresses could not be connected to."""

    def __init__(self, refusal: tuple[str, str]) -> None:
        self.reason, self.cure = refusal
        super().__init__(f"{self.reason}; {self.cure}")


class NotAnAddress(Exception):
    """A URL is not one of the web."""


@dataclass(frozen=True, slots=True)
class Destination:
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
    takes more than twice as long for a request. No cookies are kept, and no proxy is taken from the environment.
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

    def destination(self, url: str, params: Mapping[str, str] | None) -> Destination:
        """Return where a URL leads; raise `NotAnAddress` or `ValueError` if nowhere."""
        try:
            if params:
                return self._destination(URL(url).extend_query(params))
            return self._known_destination(url)
        except aiohttp.InvalidURL:
            raise NotAnAddress from None

    def _destination(self, text: str | URL) -> Destination:
        try:
            url = URL(text)
        except ValueError:
            raise NotAnAddress from None
        if url.scheme not in ("http", "https"):
            raise NotAnAddress
        request = ClientRequest("GET", url, headers={"User-Agent": self.agent}, loop=self._loop)
        return Destination(
            request,
            url.raw_path_qs,
            {name.lower(): header_line(name, value) for name, value in request.headers.items()},
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
            if target.refusal:
                raise NotAllowed(target.refusal) from None
            raise
        finally:
            _TARGET.reset(token)

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """Return a connected socket; raise `OSError` if it cannot be connected, `NotAllowed` if it must not."""
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
        if target.refusal:
            raise NotAllowed(target.refusal)
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

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        # The check is here and not earlier: between two lookups a name may get another address.
        family, kind, protocol, _, place = info
        target = _TARGET.get()
        policy, address = self.policy(), str(place[0])
        if not policy.allows(target.host, target.port, address):
            target.refusal = policy.refusal(target.host, target.port, address)
            raise OSError(errno.EACCES, f"{address} is not allowed")
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


def header_line(name: str, value: str) -> str:
    """Return a header as it is sent."""
    return f"{name}: {value}\r\n"
