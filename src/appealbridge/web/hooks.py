"""`POST /hooks/{webhook_id}`: the request is checked and stored, with all it causes, before the 202."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import orjson
from aiohttp import StreamReader, hdrs, web

from appealbridge.engine.engine import Engine
from appealbridge.engine.inforce import Hook
from appealbridge.engine.throttle import Throttle
from appealbridge.model.errors import Refused, StoreError
from appealbridge.plugin.trigger import Request, ToldSource
from appealbridge.store.records import (
    Accepted,
)
from appealbridge.web.problem import problem

BODY_LIMIT = 1024 * 1024
"""How many bytes a request's body may have."""

BODY_SECONDS = 20.0
"""How long a sender may take over its body."""

UNKNOWN = Refused(
    401, "not accepted", "no webhook of this name, or the request does not prove who sends it"
)


def routes(engine: Engine) -> web.RouteTableDef:
    """Return the routes of all webhooks."""
    table = web.RouteTableDef()
    throttles: dict[str, Throttle] = {}

    @table.post("/hooks/{webhook_id}")
    async def hook(request: web.Request) -> web.Response:
        webhook_id = request.match_info["webhook_id"]
        hook = engine.inforce.hooks.get(webhook_id)
        try:
            if hook is None:
                raise UNKNOWN
            _check_rate(throttles, hook, engine.clock.monotonic)
            return await _receive(engine, hook, request)
        except Refused as refused:
            known = webhook_id if hook is not None else "unknown"
            throttle = throttles.get(hook.source) if hook is not None else None
            again = throttle is not None and throttle.turned_away > 1
            engine.report.refused(known, refused.status, str(refused), quietly=again)
            answer = problem(
                refused.status,
                engine.clean(str(refused)),
                title=refused.title,
                retry_after=refused.after,
            )
            if not request.content.is_eof():
                answer.force_close()  # what is left of the body must not be read as the next request
            return answer
        except StoreError as error:
            engine.report.sent_away(webhook_id, error)
            return problem(503, "nothing can be stored now; please send it again", retry_after=5)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in does with a stranger's bytes, the sender gets an answer
            engine.report.broke(f"webhook {webhook_id}", error)
            return problem(500, "a fault of this program; it is in its log, and nothing was stored")

    return table


def _check_rate(throttles: dict[str, Throttle], hook: Hook, monotonic: Callable[[], float]) -> None:
    """Raise `Refused` where more comes than the webhook's `rate` allows, whoever sends it."""
    rate = hook.options.rate if isinstance(hook.options, ToldSource) else None
    if rate is None:
        return
    throttle = throttles.get(hook.source)
    if throttle is None or throttle.rate != rate:  # a reload may have changed it
        throttle = throttles[hook.source] = Throttle(rate)
    wait = throttle.wait(monotonic())
    if wait:
        raise Refused(429, "too often", f"this webhook takes {rate}; send it later", after=wait)


async def _receive(engine: Engine, hook: Hook, request: web.Request) -> web.Response:
    body = await _body(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    drafts = hook.receiver.receive(hook.options, Request(headers, body, engine.clock.now()))
    accepted = await engine.intake.accept(engine.inforce, hook.source, drafts, size=len(body))
    return web.Response(
        status=200 if all(one.repeat for one in accepted) else 202,
        body=_answer(accepted),
        content_type="application/json",
    )


def _answer(accepted: Sequence[Accepted]) -> bytes:
    ids = [one.event_id for one in accepted]
    told: dict[str, object] = {"event": ids[0] if ids else None}
    if len(ids) > 1:
        told["events"] = ids
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


async def _body(request: web.Request) -> bytes:
    length = request.content_length
    if length is not None and length > BODY_LIMIT:
        raise _too_large()
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Refused(415, "not read", "send the body as it was signed, without a content encoding")
    if request.content.is_eof():  # it came with its headers, as nearly all do
        return request.content.read_nowait()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request.content)
    except TimeoutError:
        raise Refused(
            408, "too slow", f"the body did not arrive within {BODY_SECONDS:g} seconds"
        ) from None
    except (ConnectionError, web.RequestPayloadError) as error:
        raise Refused(400, "cut off", f"the body broke off: {error}") from None


async def _read(content: StreamReader) -> bytes:
    chunks = bytearray()
    async for chunk in content.iter_any():
        chunks += chunk
        if len(chunks) > BODY_LIMIT:
            raise _too_large()
    return bytes(chunks)


def _too_large() -> Refused:
    return Refused(413, "too large", f"the body may have {BODY_LIMIT} bytes at the most")
