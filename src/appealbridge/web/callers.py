"""Finds out who sent a request: by the control socket, by a token, or by the daemon's own token."""

from __future__ import annotations

import hmac
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from appealbridge.engine.people.people import People
from appealbridge.model.actor import Actor, How
from appealbridge.web.access import Caller

Recognise = Callable[[web.Request], Awaitable[Caller | None]]
"""Returns who sent a request; `None` if they proved nothing."""

CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)

_UCRED = struct.Struct("iII")


def by_token(people: People, own: str) -> Recognise:
    """Return how the API knows who asks over the network: by the daemon's `own` token, or by one of the tokens."""
    expected = f"Bearer {own}".encode()

    async def recognise(request: web.Request) -> Caller | None:
        header = request.headers.get(hdrs.AUTHORIZATION, "").encode("utf-8", "surrogateescape")
        if own and hmac.compare_digest(header, expected):
            if people.roster.one_desk:
                return desk(request)
            return Caller(why="the daemon's own token names nobody; use the control socket")
        secret = header.decode("ascii", "replace").removeprefix("Bearer ")
        token = await people.tokens.recognised(secret)
        if token is None:
            return None
        return Caller(Actor(token.name, How.TOKEN), scopes=token.scopes)

    return recognise


def by_socket(people: People) -> Recognise:
    """Return how the API knows who asks on the control socket: by the user of the machine."""

    async def recognise(request: web.Request) -> Caller | None:
        if people.roster.one_desk:
            return desk(request)
        uid = peer_uid(request)
        person = None if uid is None else people.roster.by_uid(uid)
        if person is None:
            user = "user 0 (root)" if uid == 0 else f"user {uid}"
            return Caller(why=f"{user} is not under people: in appealbridge.yaml")
        return Caller(Actor(person.id, How.SOCKET, people.roster.shown(person.id)), person.roles)

    return recognise


def desk(request: web.Request) -> Caller:
    """Return the one desk, by the name that the command line gives."""
    name = "".join(filter(str.isprintable, request.query.get("by", "")))[:100]
    return Caller(Actor(name, How.DESK), desk=True)


def actor_of(request: web.Request) -> Actor:
    """Return who decides by a request; only for routes that are closed to nobody."""
    actor = request[CALLER].actor
    if actor is None:
        raise RuntimeError("this route decides, and lets nobody in particular use it")
    return actor


def peer_uid(request: web.Request) -> int | None:
    """Return the user id of whoever connected to our Unix socket, as the kernel knows it; `None` if it does not say."""
    sock = request.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)
