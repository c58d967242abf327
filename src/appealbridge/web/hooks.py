"""`POST /hooks/{webhook_id}`: check who sends it, then store the events with all they cause, then answer 202."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import unquote

from aiohttp import HttpVersion11, StreamReader, hdrs, web

from appealbridge.engine.active import Hook
from appealbridge.engine.engine import Engine
from appealbridge.engine.intake.reception import Taken
from appealbridge.engine.intake.throttle import Throttle
from appealbridge.model.errors import Refused, StoreError
from appealbridge.plugin.receiver import BODY_BYTES, PushSource, Received, Request
from appealbridge.web.connection import PREFIX, connection_of, overloaded
from appealbridge.web.problem import answer, not_allowed, nothing_at, problem
from appealbridge.web.refusals import Refusals

BODY_SECONDS = 20.0
"""How long a sender may take to send its body."""

BLOCK_BYTES = 32 * 1024
"""A body is collected in blocks of about this size."""

NOT_PROVEN = (
    "no webhook of this name, or the request does not prove who sends it; the log of AppealBridge says "
    "which, and why"
)
"""The one answer to every unproven request, so that nobody learns which webhooks exist."""

_METHODS = "OPTIONS, POST"

Throttles = dict[str, Throttle]


class Decoy(Protocol):
    """Checks requests to webhooks that do not exist, so that they take as long as those to webhooks that do."""

    @property
    def head(self) -> Callable[[Request], bool]:
        """Checks the headers alone."""

    @property
    def whole(self) -> Callable[[Request], object]:
        """Checks the headers and the body."""


class Webhooks:
    """
    Answers every request below `/hooks/`.

    The server calls it before aiohttp's own routing, which would cost as much as the check of the signature.
    """

    def __init__(self, engine: Engine, refusals: Refusals, decoy: Decoy) -> None:
        self._engine = engine
        self._refusals = refusals
        self._decoy = decoy
        self._throttles: Throttles = {}

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the answer to a request."""
        name = request.rel_url.raw_path[len(PREFIX) :].removesuffix("/")
        if not name or "/" in name:
            return nothing_at(request)
        if request.method == hdrs.METH_POST:
            return await self._take(request, unquote(name) if "%" in name else name)
        if request.method == hdrs.METH_OPTIONS:
            return _handshake(request)
        return not_allowed(request, _METHODS)

    async def _take(self, request: web.BaseRequest, webhook_id: str) -> web.Response:
        engine = self._engine
        hook = engine.active.hooks.get(webhook_id)
        known = "unknown" if hook is None else webhook_id
        try:
            hook, whole = await _proven(engine, self._throttles, hook, request, self._decoy)
            received, size = await _events(engine, hook, whole), len(whole.body)
            del whole  # frees the body while we wait for the store
            if not received.events:
                self._refusals.no_event(known, received.why_none)
                return _no_event(received)
            return _answer(await engine.reception.take(engine.active, hook.source, received, size))
        except Refused as refused:
            return _refusal(refused, known, engine.clean(str(refused)), self._refusals)
        except StoreError as error:
            engine.report.sent_away(known, error)
            return problem(503, "nothing can be stored now; please send it again", retry_after=5)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in does with the bytes of a stranger, the sender gets an answer
            engine.report.broke(f"webhook {known}", error)
            return problem(500, "a fault of this program; it is in its log, and nothing was stored")


def _handshake(request: web.BaseRequest) -> web.Response:
    """
    Answer the handshake by which a sender of CloudEvents asks for permission to send.

    The answer is the same for every name: permission to send proves nothing, and must not show which
    webhooks exist.
    """
    headers: dict[str, str] = {hdrs.ALLOW: _METHODS}
    origin = request.headers.get("WebHook-Request-Origin", "")
    if not (origin and origin.isascii() and origin.isprintable()):
        return web.Response(status=204, headers=headers)
    headers |= {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return web.Response(status=200, headers=headers)


def _refusal(refused: Refused, webhook: str, detail: str, refusals: Refusals) -> web.Response:
    refusals(webhook, refused.status, detail)
    if refused.status == 401:
        return problem(401, NOT_PROVEN, title="not accepted")
    return problem(refused.status, detail, title=refused.title, retry_after=refused.after)


async def _proven(
    engine: Engine, throttles: Throttles, hook: Hook | None, request: web.BaseRequest, decoy: Decoy
) -> tuple[Hook, Request]:
    """Return the request if its sender is proven and within its rate; raise `Refused` for any other."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get("expect", "100-continue").lower() != "100-continue":
        detail = "the only Expect header that is supported is 100-continue; leave it out"
        raise Refused(417, "not supported", detail)
    now = engine.clock.now()
    limit = BODY_BYTES if hook is None else hook.receiver.body_limit(hook.options)
    proven = False
    try:
        if request.content.is_eof():  # most bodies arrive together with their headers
            body = request.content.read_nowait()
            _check_body(headers, len(body), limit)
        else:
            head = Request(headers, b"", now)
            proven = decoy.head(head) if hook is None else _check_headers(hook, head)
            _check_body(headers, request.content_length or 0, limit)
            body = await _body(request, limit)
    except Refused as refused:
        if proven and hook is not None:
            await _alarm_if_lost(engine, hook, refused)
        raise
    whole = Request(headers, body, now)
    if hook is None:
        decoy.whole(whole)
        raise Refused(401, "not accepted", "no webhook of this name")
    hook.receiver.prove(hook.options, whole)
    connection_of(request).proven()
    _check_rate(throttles, hook, engine.clock.monotonic)
    return hook, whole


async def _events(engine: Engine, hook: Hook, whole: Request) -> Received:
    try:
        return hook.receiver.receive(hook.options, whole)
    except Refused as refused:
        await _alarm_if_lost(engine, hook, refused)
        raise


async def _alarm_if_lost(engine: Engine, hook: Hook, refused: Refused) -> None:
    """Tell people if a proven sender was refused and will not send it again, such as a monitoring system."""
    if refused.lost:
        await engine.reception.left_out(hook.source, f"a request was refused: {refused}")


def _check_headers(hook: Hook, head: Request) -> bool:
    """Return whether the headers alone prove the sender; raise `Refused` if they show that it cannot be proven."""
    return hook.receiver.before_body(hook.options, head)


def _check_rate(throttles: Throttles, hook: Hook, monotonic: Callable[[], float]) -> None:
    """Raise `Refused` if a proven sender sends more than the webhook's `rate` allows."""
    rate = hook.options.rate if isinstance(hook.options, PushSource) else None
    if rate is None:
        return
    throttle = throttles.get(hook.source)
    if throttle is None or throttle.rate != rate:  # a reload may have changed it
        throttle = throttles[hook.source] = Throttle(rate)
    wait = throttle.wait(monotonic())
    if wait:
        raise Refused(429, "too often", f"this webhook accepts {rate}; send it later", after=wait)


def _no_event(received: Received) -> web.Response:
    nothing = {"event": None, "why": f"{received.why_none}; nothing is stored"}
    return answer(nothing if received.answer is None else received.answer)


def _answer(acceptance: Taken) -> web.Response:
    content: dict[str, object] = {"event": acceptance.ids[0] or None}
    if len(acceptance.ids) > 1:
        content["events"] = [event_id or None for event_id in acceptance.ids]
    if not acceptance.repeat:
        content["recipes"] = acceptance.recipes
    return answer(content, 200 if acceptance.repeat else 202)


def _check_body(headers: Mapping[str, str], length: int, limit: int) -> None:
    """Raise `Refused` for a body that is too long, as far as its length is known, or that is compressed."""
    if length > limit:
        raise _too_large(limit)
    encoding = headers.get("content-encoding")
    if encoding and encoding.strip().lower() not in ("", "identity"):
        raise Refused(415, "not read", "send the body as it was signed, without a content encoding")


async def _body(request: web.BaseRequest, limit: int) -> bytes:
    connection = connection_of(request)
    try:
        async with asyncio.timeout(BODY_SECONDS) as bound:
            connection.body_timeout = bound
            if hdrs.EXPECT in request.headers and request.version >= HttpVersion11:
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                request.writer.output_size = 0  # the answer itself has not been started
            return await _read(request.content, limit)
    except TimeoutError:
        if connection.discarding:
            raise overloaded() from None
        detail = f"the body did not arrive within {BODY_SECONDS:g} seconds; please send it again"
        raise Refused(408, "too slow", detail) from None
    except (ConnectionError, web.RequestPayloadError) as error:
        raise Refused(400, "cut off", f"the body broke off: {error}") from None
    finally:
        connection.body_timeout = None


async def _read(content: StreamReader, limit: int) -> bytes:
    blocks, length = [bytearray()], 0
    try:
        async for chunk in content.iter_any():
            length += len(chunk)
            if length > limit:
                raise _too_large(limit)
            # One growing buffer would be moved again and again, and fragment the memory.
            if len(blocks[-1]) >= BLOCK_BYTES:
                blocks.append(bytearray())
            blocks[-1] += chunk
        return b"".join(blocks)
    finally:
        # After a broken connection the library keeps the error, and its traceback keeps this frame alive.
        blocks.clear()


def _too_large(limit: int) -> Refused:
    detail = f"the body may have at most {limit} bytes; send less at once"
    return Refused(413, "too large", detail)
