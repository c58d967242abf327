"""
Applies the active faults to requests and answers of the practice platforms.

A platform says in its own words what goes wrong (`ErrorWords`); this file decides when, and does the
rough things to the connection that no platform says anything about.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import orjson
from aiohttp import web

from appealbridge.clock import Clock
from appealbridge.practice.faults import (
    LATE_SECONDS,
    REFUSALS,
    SPOILED,
    WRITE_REFUSALS,
    WRITE_SPOILED,
    Fault,
    FaultName,
    Faults,
)
from appealbridge.practice.posts import PracticePost, Shelf

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ACCOUNT = web.RequestKey("account", str)
"""The key under which a request has its account."""

BY_HAND = "(changed by hand)"
"""Ends a text that somebody changed on the platform itself."""

_ABORT = struct.pack("ii", 1, 0)

_PAGE = """<!DOCTYPE html>
<html><head><title>{status} {reason}</title></head>
<body><h1>{reason}</h1><p>The server could not complete your request. Try again in 30 seconds.</p></body></html>
"""


class Declined(Exception):
    """The platform refuses a request; has the whole answer."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


class ErrorWords(Protocol):
    """A platform's own words for what goes wrong."""

    name: str

    def throttled(self, seconds: float | None) -> web.Response:
        """Say that the rate limit was hit and is reset in `seconds`; `None`: do not say when."""
        ...

    def read_only(self) -> web.Response:
        """Say that the login may read and not write."""
        ...

    def suspended(self) -> web.Response:
        """Say that the account is suspended."""
        ...

    def unavailable(self) -> web.Response:
        """Say that the service is down for now."""
        ...

    def expired(self) -> web.Response:
        """Say that the login is no longer good."""
        ...

    def out_of_credits(self) -> web.Response:
        """Say that the account may not write any more."""
        ...

    def crashed(self) -> web.Response:
        """Say that something went wrong inside, which tells nothing of what was done."""
        ...

    def forbidden(self) -> web.Response:
        """Say that the login may not delete this post."""
        ...


def answer(
    status: int, body: Any, headers: Mapping[str, str] | None = None, kind: str = "application/json"
) -> web.Response:
    """Return an answer with a JSON body."""
    return web.Response(
        status=status, body=orjson.dumps(body), content_type=kind, charset="utf-8", headers=headers
    )


async def form(request: web.Request) -> dict[str, str]:
    """Return a form's text fields; a body that is no form, or in no known encoding, is declined."""
    try:
        sent = await request.post()
    except (UnicodeDecodeError, LookupError, ValueError) as error:
        raise Declined(web.Response(status=400, text=f"not a form: {error}")) from None
    return {name: value for name, value in sent.items() if isinstance(value, str)}


class Answering:
    """Runs a platform's handlers under the faults that are on."""

    def __init__(self, errors: ErrorWords, faults: Faults, clock: Clock) -> None:
        self._errors = errors
        self._faults = faults
        self._clock = clock
        self._late: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Leave undone what was to be done later."""
        for task in self._late:
            task.cancel()

    def delete(self, shelf: Shelf, post: PracticePost) -> None:
        """Take a post down, or do what the active fault does instead: nothing, later, or decline."""

        def delete() -> None:
            if post.deleted_at is None:
                shelf.delete(post)

        self.remove(delete)

    def remove(self, delete: Callable[[], object]) -> None:
        """Delete something, or do what the active fault does instead."""
        if self._faults.take(self._errors.name, {FaultName.DELETE_403}):
            raise Declined(self._errors.forbidden())
        fault = self._faults.take(self._errors.name, {FaultName.DELETE_LIES, FaultName.DELETE_SLOW})
        if fault is None:
            delete()
        elif fault.name is FaultName.DELETE_SLOW:

            async def later() -> None:
                delete()

            self._begin(_seconds(fault), later)

    def edit_by_hand(self, shelf: Shelf, post: PracticePost) -> None:
        """Let somebody change a post on the platform itself, if that fault is on."""
        if self._faults.take(self._errors.name, {FaultName.EDITED_BY_HAND}):
            shelf.edit(post, f"{post.text} {BY_HAND}")

    def guard(self, handler: Handler, *, reads: bool | None = None) -> Handler:
        """Return the handler with the faults before and after it. `reads` says that it changes nothing."""
        harmless = reads

        async def guarded(request: web.Request) -> web.StreamResponse:
            reads = request.method in ("GET", "HEAD") if harmless is None else harmless
            if is_upload(request) and self._faults.take(self._errors.name, {FaultName.MEDIA_CUT}):
                await request.content.readany()
                return abort(request)
            fault = self._faults.take(self._errors.name, REFUSALS if reads else WRITE_REFUSALS)
            if fault is not None and fault.name is FaultName.LATE_POST:
                return await self._give_up(request, fault, handler)
            if fault is not None:
                return self._refuse(request, fault)
            try:
                response = await handler(request)
            except Declined as declined:
                return declined.answer
            fault = self._faults.take(self._errors.name, SPOILED if reads else WRITE_SPOILED)
            if fault is None or not isinstance(response, web.Response):
                return response
            return await self._spoil(request, fault, response)

        return guarded

    def _refuse(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault.name:
            case FaultName.HTTP_429:
                return self._errors.throttled(self._faults.throttled_for(fault))
            case FaultName.HTTP_429_SILENT:
                return self._errors.throttled(None)
            case FaultName.HTTP_503:
                return self._errors.unavailable()
            case FaultName.TOKEN_EXPIRED:
                return self._errors.expired()
            case FaultName.OUT_OF_CREDITS:
                return self._errors.out_of_credits()
            case FaultName.READ_ONLY:
                return self._errors.read_only()
            case FaultName.SUSPENDED:
                return self._errors.suspended()
            case FaultName.HTML:
                page = _PAGE.format(status=502, reason="Bad Gateway")
                return web.Response(status=502, text=page, content_type="text/html")
            case _:
                return abort(request)

    async def _give_up(
        self, request: web.Request, fault: Fault, handler: Handler
    ) -> web.StreamResponse:
        """Answer as a proxy that waits no longer, while the platform behind it goes on with the request."""
        await request.read()

        async def publish() -> None:
            with suppress(Declined):
                await handler(request)

        self._begin(_seconds(fault), publish)
        page = _PAGE.format(status=504, reason="Gateway Time-out")
        return web.Response(status=504, text=page, content_type="text/html")

    def _begin(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something later."""

        async def later() -> None:
            await self._clock.sleep(seconds)
            await work()

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _spoil(
        self, request: web.Request, fault: Fault, response: web.Response
    ) -> web.StreamResponse:
        match fault.name:
            case FaultName.SLOW:
                await self._clock.sleep(fault.seconds or 0.0)
                return response
            case FaultName.TRUNCATED:
                return await cut_short(request, response)
            case FaultName.POST_THEN_500:
                return self._errors.crashed()
            case FaultName.POST_THEN_HANG:
                await self._clock.sleep(self._faults.hangs_for(fault))
                return abort(request)
            case _:
                return abort(request)


def is_upload(request: web.Request) -> bool:
    """Return whether a request has a file in it."""
    kind = request.content_type
    return kind == "multipart/form-data" or kind.startswith("image/")


def _seconds(fault: Fault) -> float:
    """Return how much later something is to happen."""
    return LATE_SECONDS if fault.seconds is None else fault.seconds


def reset(transport: Any) -> None:
    """Tear a connection down as a crashed machine does: the other side sees a reset, not an end."""
    if transport is None or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    transport.abort()


def abort(request: web.Request) -> web.Response:
    """Tear the request's connection down; nothing of what is returned reaches anybody."""
    reset(request.transport)
    return web.Response(status=500)


async def cut_short(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Send the first half of an answer whose head promises all of it, and hang up."""
    if request.transport is None or request.transport.is_closing():
        return abort(request)  # the client has gone already
    body = whole.body if isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status, headers=whole.headers)
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    request.transport.close()
    return part
