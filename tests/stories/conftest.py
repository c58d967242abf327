"""The whole program in one process, on a clock that stands still until a story says how much time passes."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from appealbridge.clock import SystemClock
from appealbridge.daemon.bridge import Bridge
from appealbridge.logs import Level, Log, Output
from appealbridge.plugin.http.resolver import Lookup
from appealbridge.practice.app import Sandbox
from appealbridge.store.records import Space
from appealbridge.store.sqlite.control import read_control
from appealbridge.testing.clock import FakeClock
from appealbridge.triggers.appeal.trigger import AppealTrigger
from appealbridge.triggers.feed.trigger import Feed
from tests.stories import staging

PATIENCE = 30.0
"""How many real seconds a story waits for what real sockets and threads do."""


class Story:
    """A daemon, the practice platforms it publishes on, and those who send to it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.lines = io.BytesIO()
        self.space: Callable[[], Space] | None = None
        self.lookup: Lookup = socket.getaddrinfo
        self._folder = folder
        self._stack = AsyncExitStack()
        self._running = AsyncExitStack()
        self._count = 0

    async def begins(self, recipes: Mapping[str, str], channels: str = staging.CHANNELS) -> None:
        """Raise the curtain: practice platforms, settings, recipes, and the daemon started."""
        self.sandbox = await self._stack.enter_async_context(Sandbox(clock=self.clock))
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        folder = self._folder / "stage"
        self.stage = staging.build(folder, self.sandbox.url, self.sandbox.smtp_url, recipes)
        self.stage.settle(channels)
        await self.starts()

    async def starts(self) -> None:
        """Start the daemon."""
        log = Log(Output(self.lines, self.clock.now, level=Level.INFO))
        self.bridge = await self._running.enter_async_context(
            Bridge(
                self.stage.config,
                clock=self.clock,
                rng=random.Random(7),
                log=log,
                space=self.space,
                lookup=self.lookup,
            )
        )
        store = self.bridge.engine.store
        self.clock.watch(lambda: store.busy)
        await self.clock.rests()  # the first looks at the sources have ended

    async def stops(self) -> None:
        """Stop the daemon as SIGTERM does."""
        await self._running.aclose()

    async def restarts(self) -> None:
        """Stop the daemon and start another one on the same store."""
        await self.stops()
        await self.starts()

    async def ends(self) -> None:
        """Let the curtain fall."""
        self.sandbox.faults.clear()
        await self.stops()
        await self._stack.aclose()

    # -- what others do -------------------------------------------------------------------------

    async def receives(
        self, text: str = "Road closed", *, message: str = "", **data: Any
    ) -> tuple[int, Any]:
        """Send a signed webhook; return status and answer."""
        self._count += 1
        message = message or f"msg_{self._count}"
        event = {"type": "incident", "subject": message, "text": text, **data}
        return await self.is_sent(json.dumps(event).encode(), message)

    async def is_sent(
        self, body: bytes, message: str = "msg", key: bytes = staging.KEY, **headers: str
    ) -> tuple[int, Any]:
        """Send these very bytes, signed now with a key."""
        headers = {**staging.signed(message, self.clock.now(), body, key), **headers}
        url = f"{self.bridge.url}/hooks/desk"
        async with self.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def asks(self, method: str, path: str) -> tuple[int, Any]:
        """Ask the API, as the command line does."""
        control = read_control(self.stage.store)
        assert control is not None
        headers = {"Authorization": f"Bearer {control.token}"}
        url = f"{control.url}/api/v1{path}"
        async with self.session.request(method, url, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def releases(self, delivery: Mapping[str, Any]) -> None:
        """Have an operator release a held delivery."""
        status, told = await self.asks("POST", f"/deliveries/{delivery['number']}/release")
        assert status == 200, told

    # -- what can be seen -----------------------------------------------------------------------

    def posts(self, platform: str) -> list[str]:
        """Return the texts that stand on a platform, in their order."""
        shown = (post.shown() for post in self.sandbox.shelf.everything())
        return [
            post["text"].strip()
            for post in sorted(shown, key=lambda post: post["created_at"])
            if post["platform"] == platform
        ]

    async def deliveries(self, **which: str) -> list[dict[str, Any]]:
        """List the deliveries, the oldest first."""
        query = "&".join(f"{name}={value}" for name, value in which.items())
        _, listed = await self.asks("GET", f"/deliveries?{query}")
        return listed[::-1]

    async def runs(self) -> list[dict[str, Any]]:
        """List the runs, the oldest first."""
        _, listed = await self.asks("GET", "/runs")
        return listed[::-1]

    def said(self, word: str) -> list[dict[str, Any]]:
        """Return the lines of the log that say this."""
        self.bridge.log.output.flush()
        lines = map(json.loads, self.lines.getvalue().splitlines())
        return [line for line in lines if line["event"] == word]

    # -- time -----------------------------------------------------------------------------------

    async def until(
        self, happened: Callable[[], Any | Awaitable[Any]], *, passing: float = 0.0
    ) -> Any:
        """
        Let real sockets and threads work until something is true, and return it.

        `passing` seconds of the story's time go by at each look.
        """
        real = SystemClock()
        end = real.monotonic() + PATIENCE
        while True:
            answer = happened()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            if real.monotonic() > end:
                raise AssertionError(
                    f"waited in vain\n{await self.deliveries()}\n{self.lines.getvalue().decode()}"
                )
            await self.clock.passes(seconds=passing)
            await real.sleep(0.002)

    async def settles(self) -> None:
        """Let real sockets and threads work until no attempt has been under way for a while; no time passes."""
        real = SystemClock()
        quiet = 0
        while quiet < 5:
            await real.sleep(0.004)
            quiet = 0 if await self.deliveries(state="sending") else quiet + 1

    async def state(self, count: int, *states: str, passing: float = 0.0) -> list[dict[str, Any]]:
        """Wait until there are so many deliveries, all in one of these states; return them."""

        async def there() -> list[dict[str, Any]]:
            listed = await self.deliveries()
            told = len(listed) == count and all(one["state"] in states for one in listed)
            return listed if told else []

        found: list[dict[str, Any]] = await self.until(there, passing=passing)
        return found


SLOWED = 30
"""How many looks of a story are slowed down; in one that lasts for days, the thousands behind them are alike."""


@pytest.fixture(autouse=True)
def slow_looks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow the looks at sources down, in a thread as a slow disk or server would."""
    seconds = request.config.getoption("--slow-looks")
    if not seconds:
        return
    looks = itertools.count()
    for trigger in (AppealTrigger, Feed):
        monkeypatch.setattr(trigger, "poll", _slowed(trigger.poll, seconds, looks))


def _slowed(poll: Any, seconds: float, looks: Iterator[int]) -> Any:
    async def slow(*args: Any) -> Any:
        if next(looks) < SLOWED:
            await asyncio.to_thread(time.sleep, seconds)
        return await poll(*args)

    return slow


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    told = Story(tmp_path)
    try:
        yield told
    finally:
        async with asyncio.timeout(PATIENCE):
            await told.ends()
