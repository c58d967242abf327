"""`/healthz`, `/readyz` and `/metrics`: whether the daemon is alive, whether it accepts events, and its metrics."""

from __future__ import annotations

import asyncio

from aiohttp import web

from appealbridge.engine.engine import Engine
from appealbridge.metrics import CONTENT_TYPE, Metrics
from appealbridge.web import views
from appealbridge.web.problem import answer, problem


def routes(engine: Engine, metrics: Metrics) -> web.RouteTableDef:
    """Return the routes for monitoring."""
    table = web.RouteTableDef()

    @table.get("/healthz")
    async def healthz(_request: web.Request) -> web.Response:
        return answer({"status": "alive"})

    @table.get("/readyz")
    async def readyz(_request: web.Request) -> web.Response:
        if failure := engine.heartbeat.failure:
            return problem(503, f"the store accepts nothing now: {failure}", retry_after=5)
        if engine.disk_space.why:
            return problem(503, engine.disk_space.why, retry_after=5)
        if unreached := engine.questions.unreached:
            numbers = ", ".join(map(str, unreached[:20]))
            return problem(503, f"nobody could be asked for approval: question {numbers}")
        content: dict[str, object] = {"status": "ready"}
        notes = sorted(engine.monitor.notes.values())
        if stop := engine.stops.in_force:
            content["stopped"] = views.stop(stop)
            notes = [stop.explanation, *notes]
        if notes:
            content["notes"] = notes
        return answer(content)

    rendering: asyncio.Task[bytes] | None = None

    @table.get("/metrics")
    async def figures(_request: web.Request) -> web.Response:
        # Requests that come meanwhile get the same answer: metrics are expensive, and need no token.
        nonlocal rendering
        if rendering is None or rendering.done():
            rendering = asyncio.create_task(_figures(engine, metrics))
        body = await asyncio.shield(rendering)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    return table


async def _figures(engine: Engine, metrics: Metrics) -> bytes:
    backlog = await engine.store.backlog()
    oldest = backlog.oldest_open_at
    age = 0.0 if oldest is None else max(0.0, engine.clock.now() - oldest)
    waiting = {(state.value, channel): n for (state, channel), n in backlog.counts.items()}
    outstanding, since = await engine.store.outstanding()
    now = engine.clock.now()
    metrics.withdrawals(outstanding, 0.0 if since is None else max(0.0, now - since))
    return metrics.render(waiting, age)
