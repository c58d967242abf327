"""
The connections of plug-ins. Nothing else in the program connects to anything outside it.

Each new connection is allowed or refused by the address that it is made to. Through a proxy it is made to the proxy,
which the settings name; `EgressPolicy.proxy_for` decides what may go there.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_reqrep import ClientRequest
from yarl import URL

from appealbridge.plugin.egress import (
    EgressPolicy,
    Proxy,
    Route,
    ascii_host,
    host_and_port,
    is_address,
)
from appealbridge.plugin.http.authorities import SystemTrust
from appealbridge.plugin.http.failures import Unreachable, unreachable
from appealbridge.plugin.http.resolver import Resolver
from appealbridge.plugin.offload import AUTHORITIES, PLATFORM_NAMES, offload

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.tracing import Trace

KEEPALIVE = 4.0
"""
How many seconds an idle connection is kept.

Most servers close idle connections after five seconds or more. A POST on a connection that the server is just
closing has an unclear outcome, so we close first.
"""

_CONNECTIONS_PER_HOST = 256
_DESTINATIONS = 1024
_LOOK_UP_SECONDS = 1.0
"""How long to wait for the addresses of a name that is reached through a proxy."""
_UNKNOWN_SECONDS = 600.0
"""How long a name without addresses here is left to the proxy alone."""
_UNKNOWN_NAMES = 1024
_PROXY_ANSWER_LIMIT = 16 * 1024
_LOGIN_REFUSED = 407
_PROXY_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([ -~]{0,100}))?")


@dataclass(slots=True)
class _Target:
    """
    The host of a new connection, and why one of its addresses was refused, with the cure.

    A host that is `trusted` may have any address.
    """

    host: str
    port: int
    trusted: bool = False
    refusal: tuple[str, str] | None = None


_TARGET: ContextVar[_Target] = ContextVar("target")


class NotAllowed(Exception):
    """An address was refused, and the host's other addresses could not be connected to; or the proxy refused a host."""

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

    request: _Request
    path: str
    headers: dict[str, str]
    url: str

    def check_login(self, status: int) -> None:
        """Raise `NotAllowed` for an answer by which the proxy refuses our login."""
        proxy = self.request.through
        if status == _LOGIN_REFUSED and proxy is not None and not self.request.is_ssl():
            raise NotAllowed(_login_refused(proxy))

    def late(self, error: BaseException) -> BaseException:
        """Return the error of a connection; if it took too long, one that says where to."""
        if not isinstance(error, TimeoutError):
            return error
        url, proxy = self.request.url, self.request.through
        place = host_and_port(url.raw_host or "", url.port or 0)
        return unreachable(f"{place} through the proxy {proxy}" if proxy else place, error)


class _Request(ClientRequest):
    """What the library needs to know to connect. Its own way through proxies is not used."""

    through: Proxy | None = None

    @property
    def connection_key(self) -> ConnectionKey:
        """Return what connections must have in common to be used for the same requests."""
        key = super().connection_key
        if self.through is None:
            return key
        return key._replace(
            proxy=URL.build(scheme="http", host=self.through.host, port=self.through.port)
        )


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
        self._unknown: dict[str, float] = {}
        self._known_destination = lru_cache(_DESTINATIONS)(self._destination)

    async def __aenter__(self) -> Self:
        return self

    def destination(self, url: str, params: Mapping[str, str] | None) -> Destination:
        """Return where a URL leads; raise `NotAnAddress` or `ValueError` if nowhere."""
        policy = self.policy()
        route = policy.route, policy.only_practice
        try:
            if params:
                return self._destination(URL(url).extend_query(params), *route)
            return self._known_destination(url, *route)
        except aiohttp.InvalidURL:
            raise NotAnAddress from None

    def _destination(self, text: str | URL, route: Route, only_practice: bool) -> Destination:
        del only_practice  # it makes a difference to the policy, so one of each is remembered
        try:
            url = URL(text)
        except ValueError:
            raise NotAnAddress from None
        if url.scheme not in ("http", "https"):
            raise NotAnAddress
        request = _Request(
            "GET",
            url,
            headers={"User-Agent": self.agent},
            loop=self._loop,
            ssl=_trusting(route.authorities, "http/1.1") if route.authorities else True,
        )
        shown, path = url.with_user(None).with_fragment(None), url.raw_path_qs
        headers = dict(request.headers)
        request.through = self.policy().proxy_for(url.raw_host or "")
        if request.through is not None and url.scheme == "http":
            path = str(shown)
            headers |= _login_at(request.through)
        return Destination(
            request,
            path,
            {name.lower(): header_line(name, value) for name, value in headers.items()},
            str(shown),
        )

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - it is the library's
    ) -> ResponseHandler:
        # A connection that is used again was allowed when it was made, and does not come this way. If the library
        # gave this method another name, `_socket` would have no target, and nothing could be connected to.
        host, port = req.url.raw_host or "", req.url.port or 0
        trusting = self._get_ssl_context(req)
        if isinstance(trusting, SystemTrust) and not trusting.complete:
            await offload(AUTHORITIES, trusting.read)
        if isinstance(req, _Request) and req.through is not None:
            return await self._proxied(req.through, req, host, port)
        target = _Target(host, port)
        token = _TARGET.set(target)
        try:
            return await super()._create_connection(req, traces, timeout)
        except aiohttp.ClientConnectorError as error:
            if target.refusal:
                raise NotAllowed(target.refusal) from None
            raise unreachable(host_and_port(host, port), error.os_error) from None
        finally:
            _TARGET.reset(token)

    async def _proxied(
        self, proxy: Proxy, request: ClientRequest, host: str, port: int
    ) -> ResponseHandler:
        """Connect to the proxy, and for https through it to the server."""
        if not request.is_ssl():
            await self._check_here(host, port)
            connected = await self._to_proxy(proxy)
            _, protocol = await self._loop.create_connection(self._factory, sock=connected)
            return protocol
        connected = await self._through(proxy, host, port)
        try:
            _, protocol = await self._loop.create_connection(
                self._factory,
                sock=connected,
                ssl=self._get_ssl_context(request),
                server_hostname=host.rstrip("."),
            )
        except OSError as error:
            raise unreachable(host_and_port(host, port), error) from None
        return protocol

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """Return a connected socket; raise `Unreachable` if it cannot be connected, `NotAllowed` if it must not."""
        proxy = self.policy().proxy_for(ascii_host(host) or host)
        if proxy is not None:
            return await self._through(proxy, host, port)
        try:
            return await self._direct(_Target(host, port))
        except OSError as error:
            raise unreachable(host_and_port(host, port), error) from None

    async def _direct(self, target: _Target) -> socket.socket:
        token = _TARGET.set(target)
        failure: OSError = Unreachable("it has no address")
        try:
            for address in await self._addresses(target.host, target.port):
                try:
                    return await _connected(self._socket(address), address[4])
                except OSError as error:
                    failure = error
        finally:
            _TARGET.reset(token)
        if target.refusal:
            raise NotAllowed(target.refusal)
        raise failure

    async def _to_proxy(self, proxy: Proxy) -> socket.socket:
        try:
            return await self._direct(_Target(proxy.host, proxy.port, trusted=True))
        except OSError as error:
            raise unreachable(f"the proxy {proxy}", error) from None

    async def _through(self, proxy: Proxy, host: str, port: int) -> socket.socket:
        """Return a socket that the proxy has connected to a host."""
        await self._check_here(host, port)
        tunnel = await self._to_proxy(proxy)
        try:
            await _ask_for_tunnel(tunnel, proxy, host, port)
        except BaseException:
            tunnel.close()
            raise
        return tunnel

    async def _check_here(self, host: str, port: int) -> None:
        """Raise `NotAllowed` if the name of a host leads inside; where it is not known here, the proxy decides."""
        now = self._loop.time()
        if is_address(host) or now < self._unknown.get(host, 0.0):
            return
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                addresses = await self._addresses(host, port)
        except OSError:
            self._unknown.pop(host, None)
            self._unknown[host] = now + _UNKNOWN_SECONDS
            while len(self._unknown) > _UNKNOWN_NAMES:
                del self._unknown[next(iter(self._unknown))]
            return
        policy = self.policy()
        for *_, place in addresses:
            address = str(place[0])
            if not policy.allows(host, port, address):
                raise NotAllowed(policy.refusal(host, port, address))

    def tls(self) -> ssl.SSLContext | None:
        """Return the context for TLS by other protocols than HTTP; `None` for the usual one."""
        authorities = self.policy().route.authorities
        return _trusting(authorities) if authorities else None

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
        if not target.trusted and not policy.allows(target.host, target.port, address):
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


async def _ask_for_tunnel(tunnel: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Have the proxy connect a socket to a host; raise `Unreachable` or `NotAllowed` if it does not."""
    place = host_and_port(ascii_host(host), port)
    headers = {"Host": place, **_login_at(proxy)}
    lines = "".join(header_line(name, value) for name, value in headers.items())
    loop = asyncio.get_running_loop()
    answer = b""
    try:
        await loop.sock_sendall(tunnel, f"CONNECT {place} HTTP/1.1\r\n{lines}\r\n".encode())
        while not answer.endswith((b"\r\n\r\n", b"\n\n")):
            # Byte by byte: what follows the answer is what the server behind the proxy says.
            byte = await loop.sock_recv(tunnel, 1)
            if not byte or len(answer) > _PROXY_ANSWER_LIMIT:
                break
            answer += byte
    except OSError as error:
        raise unreachable(f"{place} through the proxy {proxy}", error) from None
    status = _PROXY_STATUS.match(answer)
    if status is None:
        raise Unreachable(f"the proxy {proxy} did not say whether it connects to {place}")
    reason = f"{status[1].decode()} {(status[2] or b'').decode()}".strip()
    if int(status[1]) == _LOGIN_REFUSED:
        raise NotAllowed(_login_refused(proxy))
    if status[1].startswith(b"4"):
        reason = f"the proxy {proxy} refuses to connect to {place} ({reason})"
        cure = f"have it allowed there; or add {host} to no_proxy: in appealbridge.yaml, if it needs no proxy"
        raise NotAllowed((reason, cure))
    if not status[1].startswith(b"2"):
        raise Unreachable(f"the proxy {proxy} cannot connect to {place} ({reason})")


def _login_refused(proxy: Proxy) -> tuple[str, str]:
    """Return that the proxy wants a login, or another one, and the cure."""
    has = "refuses the login of the settings" if proxy.login else "wants a login"
    return (
        f"the proxy {proxy} {has} (407)",
        "put http://USER:PASSWORD@HOST:PORT into a secret, and write proxy: !secret NAME in appealbridge.yaml",
    )


def _login_at(proxy: Proxy) -> dict[str, str]:
    if not proxy.login:
        return {}
    return {"Proxy-Authorization": f"Basic {base64.b64encode(proxy.login.encode()).decode()}"}


@lru_cache(maxsize=8)
def _trusting(authorities: str, *protocols: str) -> ssl.SSLContext:
    """Return a context that trusts more than the system does."""
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=authorities)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


header_line: Callable[[str, str], str] = "{}: {}\r\n".format
"""Returns a header, of a name and a value, as it is sent."""
