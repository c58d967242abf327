"""The whole program in the process of the tests, on a fake clock: time passes only when a story says so."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import random
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from argon2 import PasswordHasher

from appealbridge.clock import SystemClock
from appealbridge.daemon.bridge import Bridge
from appealbridge.engine.people import passwords
from appealbridge.logs import Level, Log, Output
from appealbridge.plugin.http.resolver import Lookup
from appealbridge.practice.app import Sandbox
from appealbridge.store.records import Space
from appealbridge.store.sqlite.control import read_control
from appealbridge.store.sqlite.states import STATES
from appealbridge.testing.clock import FakeClock
from appealbridge.triggers.appeal.trigger import AppealTrigger
from appealbridge.triggers.feed.trigger import Feed
from tests.stories import staging

PATIENCE = 30.0
"""How many real seconds a story waits for sockets and threads."""


class Story:
    """
    A daemon, the practice platforms that it publishes on, and those who use it.

    `begins` starts everything; `starts`, `stops` and `restarts` are about the daemon alone. Senders and operators:
    `receives` and `is_sent` send a webhook, `asks` calls the API, `releases` a held delivery. What came of it:
    `posts`, `deliveries`, `runs`, `logged`. Sockets, threads and files are real, so a story waits for results: `state`
    for deliveries, `until` for any condition, `settles` for attempts under way. No time of `clock` passes meanwhile,
    except `passing` seconds at each look; `await story.clock.passes(minutes=5)` is how time goes by.
    """

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.lines = io.BytesIO()
        self.space: Callable[[], Space] | None = None
        self.lookup: Lookup = socket.getaddrinfo
        self._folder = folder
        self._stack = AsyncExitStack()
        self._running = AsyncExitStack()
        self.sent = 0
        """How many webhooks were sent; each has its number as its id."""

    async def begins(self, recipes: Mapping[str, str], channels: str = staging.CHANNELS) -> None:
        """Write settings and recipes, and start the practice platforms and the daemon."""
        self.sandbox = await self._stack.enter_async_context(Sandbox(clock=self.clock))
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        folder = self._folder / "stage"
        self.stage = staging.build(folder, self.sandbox.url, self.sandbox.smtp_url, recipes)
        self.stage.configure(channels)
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
        await self.clock.rests()  # the first polls of the sources have ended

    async def stops(self) -> None:
        """Stop the daemon as SIGTERM does."""
        await self._running.aclose()

    async def restarts(self) -> None:
        """Stop the daemon and start another one on the same store."""
        await self.stops()
        await self.starts()

    async def ends(self) -> None:
        """Stop everything."""
        self.sandbox.faults.clear()
        await self.stops()
        await self._stack.aclose()

    # -- senders and operators -------------------------------------------------------------------------

    async def receives(
        self, text: str = "Road closed", *, message: str = "", **data: Any
    ) -> tuple[int, Any]:
        """Send a signed webhook; return status and answer."""
        self.sent += 1
        message = message or f"msg_{self.sent}"
        event = {"type": "incident", "subject": message, "text": text, **data}
        return await self.is_sent(json.dumps(event).encode(), message)

    async def is_sent(
        self, body: bytes, message: str = "msg", key: bytes = staging.KEY, **headers: str
    ) -> tuple[int, Any]:
        """Send a body as it is, signed now; return status and answer."""
        headers = {**staging.signed(message, self.clock.now(), body, key), **headers}
        url = f"{self.bridge.url}/hooks/desk"
        async with self.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def asks(self, method: str, path: str) -> tuple[int, Any]:
        """Call the API as the command line does; return status and answer."""
        control = read_control(self.stage.store)
        assert control is not None
        headers = {"Authorization": f"Bearer {control.token}"}
        url = f"{control.url}/api/v1{path}"
        async with self.session.request(method, url, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def releases(self, delivery: Mapping[str, Any]) -> None:
        """Release a held delivery."""
        status, answer = await self.asks("POST", f"/deliveries/{delivery['number']}/release")
        assert status == 200, answer

    # -- what came of it ------------------------------------------------------------------------

    def posts(self, platform: str) -> list[str]:
        """Return the texts on a platform, the oldest first."""
        shown = (post.shown() for post in self.sandbox.shelf.everything())
        return [
            post["text"].strip()
            for post in sorted(shown, key=lambda post: post["created_at"])
            if post["platform"] == platform
        ]

    async def deliveries(self, **query: str) -> list[dict[str, Any]]:
        """List the deliveries, the oldest first."""
        _, listed = await self.asks("GET", f"/deliveries?{urlencode(query)}")
        return listed[::-1]

    def counts(self, *, except_of: str = "") -> Counter[str]:
        """
        Count the deliveries by their state, except those of one recipe.

        It reads the file itself: to ask the API again and again costs far more.
        """
        with closing(sqlite3.connect(f"{self.stage.store.as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT state, count(*) FROM deliveries WHERE recipe <> ? GROUP BY state",
                [except_of],
            )
            return Counter({STATES[number].value: count for number, count in rows})

    async def runs(self) -> list[dict[str, Any]]:
        """List the runs, the oldest first."""
        _, listed = await self.asks("GET", "/runs")
        return listed[::-1]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of one kind of event."""
        self.bridge.log.output.flush()
        lines = map(json.loads, self.lines.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]

    # -- time -----------------------------------------------------------------------------------

    async def until(
        self, happened: Callable[[], Any | Awaitable[Any]], *, passing: float = 0.0, step: float = 0
    ) -> Any:
        """
        Let real sockets and threads work until `happened()` returns something true, and return it.

        `passing` seconds of the story's time go by after each call, with `step` as for `passes` of the clock.
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
                    f"did not happen\n{await self.deliveries()}\n{self.lines.getvalue().decode()}"
                )
            await self.clock.passes(seconds=passing, step=step)
            await real.sleep(0.002)

    async def settles(self) -> None:
        """Let real sockets and threads work until no attempt has been under way for a while."""
        real = SystemClock()
        quiet = 0
        while quiet < 5:
            await real.sleep(0.004)
            quiet = 0 if self.counts()["sending"] else quiet + 1

    async def state(self, count: int, *states: str, passing: float = 0.0) -> list[dict[str, Any]]:
        """Wait until there are `count` deliveries, all in one of `states`; return them."""

        async def there() -> list[dict[str, Any]]:
            counts = self.counts()
            if counts.total() != count or not counts.keys() <= {*states}:
                return []
            listed = await self.deliveries()
            reached = len(listed) == count and all(each["state"] in states for each in listed)
            return listed if reached else []

        deliveries: list[dict[str, Any]] = await self.until(there, passing=passing)
        return deliveries


SLOWED = 30
"""How many polls of a story are slowed down; if it lasts for days, the thousands after them are all alike."""


@pytest.fixture(autouse=True)
def slow_polls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow the polls of sources down, in a thread, as a slow disk or server would."""
    seconds = request.config.getoption("--slow-polls")
    if not seconds:
        return
    polls = itertools.count()
    for trigger in (AppealTrigger, Feed):
        monkeypatch.setattr(trigger, "poll", _slowed(trigger.poll, seconds, polls))


def _slowed(poll: Any, seconds: float, polls: Iterator[int]) -> Any:
    async def slow(*args: Any) -> Any:
        if next(polls) < SLOWED:
            await asyncio.to_thread(time.sleep, seconds)
        return await poll(*args)

    return slow


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with hardly any work; tests/unit/engine/people holds the work itself."""
    hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)


@pytest.fixture
def large_passwords(quick_passwords: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords in as much memory as the daemon does."""
    hasher = PasswordHasher(time_cost=1, memory_cost=32 * 1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    story = Story(tmp_path)
    try:
        yield story
    finally:
        async with asyncio.timeout(PATIENCE):
            await story.ends()
