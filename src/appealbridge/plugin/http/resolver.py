"""Looks up names in its own threads, and uses the last known addresses while name servers are slow."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from appealbridge.plugin.offload import offload

Lookup = Callable[..., list[tuple[Any, ...]]]
"""What `socket.getaddrinfo` does."""

PATIENCE = 1.0
"""For how many seconds new addresses are waited for where there are older ones."""

STALE_SECONDS = 3600.0
"""For how long addresses are used that cannot be asked for anew."""

MOST_NAMES = 1000
"""How many names' addresses are remembered; with more, those asked for longest ago are forgotten."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_Name = tuple[str, int, int]


class Resolver(AbstractResolver):
    """Turns names into addresses in the threads of one pool; `lookup` asks the system."""

    def __init__(self, pool: Executor, lookup: Lookup = socket.getaddrinfo) -> None:
        self._pool = pool
        self._lookup = lookup
        self._asking: dict[_Name, asyncio.Future[list[ResolveResult]]] = {}
        self._known: dict[_Name, tuple[float, list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raise `OSError` where there are none."""
        name = (host, port, int(family))
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.ensure_future(self._ask(name))
            asking.add_done_callback(lambda _: self._asking.pop(name, None))
            asking.add_done_callback(_heard)
        at, older = self._known.get(name, (0.0, []))
        if asyncio.get_running_loop().time() - at > STALE_SECONDS:
            older = []
        await asyncio.wait({asking}, timeout=PATIENCE if older else None)
        if older and (not asking.done() or _passes(asking.exception())):
            return older
        # Whoever gives up does so alone: others wait for the same answer.
        return await asyncio.shield(asking)

    async def close(self) -> None:
        """Do nothing, because the threads are shared."""

    async def _ask(self, name: _Name) -> list[ResolveResult]:
        found = await offload(self._pool, _addresses, self._lookup, *name)
        self._known.pop(name, None)
        self._known[name] = (asyncio.get_running_loop().time(), found)
        while len(self._known) > MOST_NAMES:
            del self._known[next(iter(self._known))]
        return found


def _addresses(lookup: Lookup, host: str, port: int, family: int) -> list[ResolveResult]:
    told = lookup(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    found = []
    for kind, _, protocol, _, address in told:
        where = address[0]
        if kind == socket.AF_INET6 and address[3]:  # it is an address of one interface
            where, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        found.append(
            ResolveResult(
                hostname=host, host=where, port=port, family=kind, proto=protocol, flags=_NUMERIC
            )
        )
    return found


def _passes(error: BaseException | None) -> bool:
    """Whether name servers could not be asked, and have not said that the name has no address."""
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_NONAME


def _heard(asking: asyncio.Future[list[ResolveResult]]) -> None:
    """Retrieve an error that perhaps nobody waits for, so that asyncio does not warn."""
    if not asking.cancelled():
        asking.exception()
