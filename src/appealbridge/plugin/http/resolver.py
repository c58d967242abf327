"""Looks up host names in its own threads, and uses the last known addresses while name servers are slow."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from appealbridge.plugin.offload import offload

Lookup = Callable[..., list[tuple[Any, ...]]]
"""A function like `socket.getaddrinfo`."""

PATIENCE = 1.0
"""How many seconds to wait for new addresses if there are older ones."""

STALE_SECONDS = 3600.0
"""How many seconds addresses are used while the name cannot be looked up again."""

MOST_NAMES = 1000
"""How many names are remembered; after that, those looked up longest ago are forgotten."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_Name = tuple[str, int, int]


class Resolver(AbstractResolver):
    """Turns names into addresses, in the threads of one pool; `lookup` asks the operating system."""

    def __init__(self, pool: Executor, lookup: Lookup = socket.getaddrinfo) -> None:
        self._pool = pool
        self._lookup = lookup
        self._asking: dict[_Name, asyncio.Future[list[ResolveResult]]] = {}
        self._known: dict[_Name, tuple[float, list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raise `OSError` if it has none."""
        name = (host, port, int(family))
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.ensure_future(self._ask(name))
            asking.add_done_callback(lambda _: self._asking.pop(name, None))
            asking.add_done_callback(_retrieve)
        at, older = self._known.get(name, (0.0, []))
        if asyncio.get_running_loop().time() - at > STALE_SECONDS:
            older = []
        await asyncio.wait({asking}, timeout=PATIENCE if older else None)
        if older and (not asking.done() or _passes(asking.exception())):
            return older
        # Others wait for the same answer, so a caller that gives up must not cancel it.
        return await asyncio.shield(asking)

    async def close(self) -> None:
        """Do nothing, because the threads are shared."""

    async def _ask(self, name: _Name) -> list[ResolveResult]:
        addresses = await offload(self._pool, _addresses, self._lookup, *name)
        self._known.pop(name, None)
        self._known[name] = (asyncio.get_running_loop().time(), addresses)
        while len(self._known) > MOST_NAMES:
            del self._known[next(iter(self._known))]
        return addresses


def _addresses(lookup: Lookup, host: str, port: int, family: int) -> list[ResolveResult]:
    rows = lookup(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    results = []
    for kind, _, protocol, _, address in rows:
        text = address[0]
        if kind == socket.AF_INET6 and address[3]:  # it is an address of one interface
            text, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        results.append(
            ResolveResult(
                hostname=host, host=text, port=port, family=kind, proto=protocol, flags=_NUMERIC
            )
        )
    return results


def _passes(error: BaseException | None) -> bool:
    """Return whether name servers could not be asked, so that the name may have an address."""
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_NONAME


def _retrieve(asking: asyncio.Future[list[ResolveResult]]) -> None:
    """Retrieve an error that nobody may be waiting for, so that asyncio does not warn."""
    if not asking.cancelled():
        asking.exception()
