"""The HTTP server: webhooks, health and API on one address."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from aiohttp.http import HttpProcessingError

from appealbridge.engine.engine import Engine
from appealbridge.metrics import Metrics
from appealbridge.plugin.receiver import BODY_BYTES
from appealbridge.web import api, health
from appealbridge.web.callers import by_socket, by_token
from appealbridge.web.connection import Connections, Handler, RefusedBefore, Runner
from appealbridge.web.pages import pages
from appealbridge.web.problem import not_allowed, nothing_at

IDLE_SECONDS = 75.0
"""
How long a connection may be open between two requests.

Longer than reverse proxies keep theirs to us, so that none sends on one that is just being closed.
"""


RECEIVED_AT_ONCE = 64 * 1024
"""How many bytes of a connection the kernel may buffer for us."""


def application(
    engine: Engine, metrics: Metrics, token: str, reload: api.Reload
) -> web.Application:
    """Return the application with all routes but those of webhooks."""
    app = web.Application(client_max_size=BODY_BYTES)
    app.add_routes(health.routes(engine, metrics))
    app.add_routes(api.routes(engine, by_token(engine.people, token), reload))
    app.add_routes(pages.routes(engine))
    app.router.add_route("*", "/{anything:.*}", partial(_nothing_here, [*app.router.resources()]))
    return app


def control_application(engine: Engine, reload: api.Reload) -> web.Application:
    """Return the application for the control socket: the API for the users of this machine."""
    app = web.Application(client_max_size=BODY_BYTES)
    app.add_routes(api.routes(engine, by_socket(engine.people), reload))
    return app


async def _nothing_here(
    resources: Sequence[web.AbstractResource], request: web.Request
) -> web.Response:
    """Answer a wrong address or method with what is allowed."""
    allowed: set[str] = set()
    for resource in resources:
        _, methods = await resource.resolve(request)
        allowed |= methods
    if not allowed:
        return nothing_at(request)
    return not_allowed(request, ", ".join(sorted(allowed)))


@asynccontextmanager
async def serve(
    app: web.Application,
    *,
    webhooks: Handler | None = None,
    address: tuple[str, int] | None = None,
    sock: socket.socket | None = None,
    stop_within: float,
    refused: RefusedBefore,
) -> AsyncIterator[str]:
    """
    Serve on one address, or on a socket that is already bound; yield the URL; stop on exit.

    `refused` is called for requests that are not valid HTTP, with `unknown`, the status of the answer, and the reason.
    """
    runner = Runner(
        app,
        webhooks,
        Connections(refused),
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
            _receive_little_at_once(runner)
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise OSError(f"{place}: {reason}; give another address under `listen:`") from None
        yield _url(runner)
    finally:
        await runner.cleanup()


def _logger(refused: RefusedBefore) -> logging.Logger:
    """Return the logger for the library. What strangers do wrong is logged without a traceback."""

    def ours(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        # The library's own message quotes what was sent.
        refused("unknown", error.code, f"not valid HTTP: {type(error).__name__}")
        return False

    logger = logging.Logger("aiohttp.server")  # noqa: LOG001 - its filter is to end with this server
    logger.parent = logging.getLogger()
    logger.addFilter(ours)
    return logger


def _site(
    runner: web.AppRunner, address: tuple[str, int], sock: socket.socket | None
) -> tuple[web.BaseSite, str]:
    """Return the site to open, and its name for people."""
    if sock is not None:
        return web.SockSite(runner, sock, backlog=1024), "the given socket"
    host, port = address
    return web.TCPSite(runner, host, port, backlog=1024), f"{host}:{port}"


def _receive_little_at_once(runner: web.AppRunner) -> None:
    """Limit the kernel's buffer to what we read at once; otherwise each connection may get several MB."""
    for site in runner.sites:
        server = site._server  # noqa: SLF001 - the library tells the address of its sockets, but not the sockets
        for listening in getattr(server, "sockets", None) or ():
            with socket.socket(fileno=os.dup(listening.fileno())) as opened:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_AT_ONCE)


def _url(runner: web.AppRunner) -> str:
    bound = runner.addresses[0]
    if isinstance(bound, str):
        return f"unix:{bound}"
    host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    return f"http://{host}:{bound[1]}"
