"""
Starts and stops the practice platforms.

`Sandbox` is the whole of it for tests and the demo, `main` the same as a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from email.utils import formatdate
from errno import errorcode
from pathlib import Path
from types import TracebackType

from aiohttp import web

try:
    from uvloop import new_event_loop
except ImportError:  # not on Windows
    from asyncio import new_event_loop  # type: ignore[assignment]

from appealbridge.clock import Clock, SystemClock
from appealbridge.practice.appeals import NEWS_ON_THE_SITE
from appealbridge.practice.bluesky.server import PracticeBluesky
from appealbridge.practice.desk import Desk
from appealbridge.practice.facebook import PracticeFacebook
from appealbridge.practice.faults import Faults
from appealbridge.practice.generic import PracticeGeneric
from appealbridge.practice.journal import Journal, StateUnusable
from appealbridge.practice.mastodon import PracticeMastodon
from appealbridge.practice.media import Media
from appealbridge.practice.posts import Shelf
from appealbridge.practice.smtp import PracticeMailServer
from appealbridge.practice.wall import Wall
from appealbridge.practice.website import Website, WebsitePictures
from appealbridge.practice.wordpress.platform import PracticeWordPress
from appealbridge.practice.x import PracticeX

LISTEN = "127.0.0.1:8090"
SMTP = "127.0.0.1:8025"

LONGEST = 20 * 1024 * 1024
"""The longest request that is read."""

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[^:\[\]]+)):(?P<port>\d{1,5})")


class AddressUnusable(Exception):
    """Listening on an address failed; the message says which, why, and what to do."""


def build(
    shelf: Shelf,
    faults: Faults,
    clock: Clock,
    smtp_url: str = "",
    media: Media | None = None,
    pictures: WebsitePictures | None = None,
) -> web.Application:
    """Return all that is spoken over HTTP: the platforms, the desk, the wall and the practice news site."""
    app = web.Application(client_max_size=LONGEST)
    media = media or Media(shelf, faults, clock)
    app.add_routes(media.routes())
    for platform in (
        PracticeBluesky(shelf, faults, clock),
        PracticeX(shelf, faults, clock, media),
        PracticeFacebook(shelf, faults, clock, media),
        PracticeMastodon(shelf, faults, clock, media),
        PracticeWordPress(shelf, faults, clock),
        PracticeGeneric(shelf, faults, clock),
    ):
        app.add_routes(platform.routes())
        app.on_cleanup.append(platform.stop)
    app.add_routes(Desk(shelf, faults, smtp_url).routes())
    app.add_routes(Wall(shelf, faults, clock).routes())
    app.add_routes((pictures or WebsitePictures()).routes())
    app.add_routes(Website(clock).routes())
    app.add_routes(Website(clock, "news", NEWS_ON_THE_SITE).routes())

    async def dated(_: web.Request, response: web.StreamResponse) -> None:
        # The resets that answers name are reckoned from the answers' own time.
        response.headers["Date"] = formatdate(clock.now(), usegmt=True)

    app.on_response_prepare.append(dated)
    return app


class Sandbox:
    """
    The practice platforms, listening while the context lasts.

    `listen` and `smtp` are `host:port`, port 0 for any free one; `state` is a file that keeps what
    was published. `url` (`http://host:port`) and `smtp_url` (`smtp://host:port`) are known inside.
    """

    def __init__(
        self,
        listen: str = "127.0.0.1:0",
        smtp: str = "127.0.0.1:0",
        state: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.faults = Faults(self.clock)
        self.url = ""
        self.smtp_url = ""
        self._listen = listen
        self._smtp = smtp
        self._state = state
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Sandbox:
        """Open the state file and both servers, or none of them."""
        listen, smtp = _parsed(self._listen), _parsed(self._smtp)
        async with AsyncExitStack() as stack:
            journal = Journal(self._state)
            stack.callback(journal.close)
            self.shelf = Shelf(self.clock, journal)
            self.media = Media(self.shelf, self.faults, self.clock)
            self.pictures = WebsitePictures()
            await self._serve_smtp(stack, *smtp)
            await self._serve_http(stack, *listen)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything; hanging answers are cut off."""
        await self._stack.aclose()

    async def _serve_http(self, stack: AsyncExitStack, host: str, port: int) -> None:
        app = build(self.shelf, self.faults, self.clock, self.smtp_url, self.media, self.pictures)
        # A client that goes away ends the answer that hangs on it.
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise _unusable(self._listen, "--listen", error) from None
        self.url = f"http://{_written(*runner.addresses[0][:2])}"

    async def _serve_smtp(self, stack: AsyncExitStack, host: str, port: int) -> None:
        mail = PracticeMailServer(self.shelf, self.faults, self.clock, self.media)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(mail.connection, host, port)
        except OSError as error:
            raise _unusable(self._smtp, "--smtp", error) from None
        stack.push_async_callback(mail.hang_up)
        stack.callback(server.close)
        self.smtp_url = f"smtp://{_written(*server.sockets[0].getsockname()[:2])}"


async def serve(
    listen: str, smtp: str, state: Path | None, ready: Callable[[Sandbox], None] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once both servers listen."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Sandbox(listen, smtp, state) as sandbox:
        if ready is not None:
            ready(sandbox)
        await stop.wait()


def main(listen: str = LISTEN, smtp: str = SMTP, state: Path | None = None) -> int:
    """Run the practice platforms as a process of their own; return its exit status."""
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve(listen, smtp, state, _tell))
    except (AddressUnusable, StateUnusable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _tell(sandbox: Sandbox) -> None:
    sys.stdout.write(f"practice platforms on {sandbox.url} and {sandbox.smtp_url}\n")
    sys.stdout.flush()


def _parsed(address: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65_535:
        raise AddressUnusable(f"{address}: not an address; write it as 127.0.0.1:8090")
    return match["six"] or match["host"], int(match["port"])


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unusable(address: str, option: str, error: OSError) -> AddressUnusable:
    # asyncio's own words for it repeat the address as a Python tuple.
    why = (
        os.strerror(error.errno).lower()
        if error.errno and error.errno in errorcode
        else error.strerror
    )
    return AddressUnusable(f"{address}: {why}; choose another address with {option}")
