"""The HTTP server: hooks, health and API on one address, stopped within a bound."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http import HttpProcessingError

from appealbridge.engine.engine import Engine
from appealbridge.metrics import Metrics
from appealbridge.web import api, health, hooks
from appealbridge.web.problem import problem

IDLE_SECONDS = 75.0
"""
How long a connection may be open without a whole request, also before its first.

Longer than web servers keep theirs to us, so that none sends on one that is just being closed.
"""


def application(
    engine: Engine, metrics: Metrics, token: str, reload: api.Reload
) -> web.Application:
    """Return everything that is served."""
    app = web.Application(client_max_size=hooks.BODY_LIMIT)
    app.add_routes(hooks.routes(engine))
    app.add_routes(health.routes(engine, metrics))
    app.add_routes(api.routes(engine, token, reload))
    app.router.add_route("*", "/{anything:.*}", _nothing_here)
    return app


async def _nothing_here(request: web.Request) -> web.Response:
    if request.path.startswith("/hooks/"):
        return problem(405, "a webhook takes POST requests only")
    return problem(404, f"nothing is at {request.path}")


@asynccontextmanager
async def serve(
    app: web.Application,
    *,
    address: tuple[str, int] | None = None,
    sock: socket.socket | None = None,
    stop_within: float,
    refused: Callable[[str, int, str], None],
) -> AsyncIterator[str]:
    """
    Serve on one address, or on a socket that is bound already; give the URL; stop when left.

    `refused` is told of requests that are none, with `unknown`, the status they are answered, and why.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=stop_within,
        keepalive_timeout=IDLE_SECONDS,
        logger=_logger(refused),
    )
    await runner.setup()
    try:
        site, place = _site(runner, address or ("127.0.0.1", 0), sock)
        try:
            await site.start()
        except OSError as error:
            words = os.strerror(error.errno).lower() if error.errno else str(error)
            raise OSError(f"{place}: {words}; say another address under `listen:`") from None
        yield _url(runner)
    finally:
        await runner.cleanup()


def _logger(refused: Callable[[str, int, str], None]) -> logging.Logger:
    """Return where the library logs; what strangers do is no error of ours, and worth a line without a traceback."""

    def ours(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        # Its own words quote what was sent, whatever it was.
        refused("unknown", error.code, f"no sound HTTP: {type(error).__name__}")
        return False

    logger = logging.Logger("aiohttp.server")  # noqa: LOG001 - its filter is to end with this server
    logger.parent = logging.getLogger()
    logger.addFilter(ours)
    return logger


def _site(
    runner: web.AppRunner, address: tuple[str, int], sock: socket.socket | None
) -> tuple[web.BaseSite, str]:
    """Return what is to be opened, and its name for a person."""
    if sock is not None:
        return web.SockSite(runner, sock, backlog=1024), "the socket that is given"
    host, port = address
    return web.TCPSite(runner, host, port, backlog=1024), f"{host}:{port}"


def _url(runner: web.AppRunner) -> str:
    bound = runner.addresses[0]
    if isinstance(bound, str):
        return f"unix:{bound}"
    host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    return f"http://{host}:{bound[1]}"
