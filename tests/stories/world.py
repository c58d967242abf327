"""
A story's world in which the daemon may die at any moment, and those outside do not give up.

Senders repeat a request until it is answered, operators look and try once more, and whoever runs
the daemon starts it anew: so a tale told once comes to the same end, wherever the daemon died.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import pytest

from appealbridge.clock import SystemClock
from appealbridge.daemon.bridge import Bridge
from appealbridge.logs import Level, Log, Output
from appealbridge.plugin import registry
from appealbridge.practice.app import Sandbox
from appealbridge.store.records import SourceRecord
from tests.stories import staging
from tests.stories.conftest import PATIENCE, Story
from tests.stories.mortal import Death, Life, mortal

if TYPE_CHECKING:
    from tests.stories.tales.tale import Tale

T = TypeVar("T")
_REAL = SystemClock()
_REGISTRY = registry.load()
"""Looked for once: half of what a start costs is to look which plug-ins are installed."""


class World(Story):
    """A story whose daemon dies at most once, and is started again."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, death: Death) -> None:
        super().__init__(folder)
        self._patch = patch
        patch.setattr("appealbridge.daemon.assembly.load", lambda: _REGISTRY)
        self._death = death
        self._life: Life | None = None
        self._lives = 0

    async def begins(self, tale: Tale) -> None:  # type: ignore[override]
        """Raise the curtain for a tale."""
        self.sandbox = await self._stack.enter_async_context(Sandbox(clock=self.clock))
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        self.recipes = tale.recipes
        self.stage = staging.build(
            self._folder, self.sandbox.url, self.sandbox.smtp_url, tale.recipes
        )
        self.stage.settle(tale.channels)
        settings = self.stage.config.read_text().replace("every: 10s", f"every: {tale.looks_every}")
        self.stage.config.write_text(settings + tale.settings)
        await self.starts()

    async def comes_to_rest(self) -> None:
        """Mend everything, let the clock run on, and wait until nothing is left to be done."""
        self.sandbox.faults.clear()

        async def at_rest() -> bool:
            states = {one["state"] for one in await self.deliveries()}
            return not states & {"planned", "ready", "sending", "unknown"}

        await self.until(at_rest, passing=5)
        await self.passes(90, each=45)
        await self.settles()

    async def starts(self) -> None:
        """Start the daemon; once more where it dies in doing so."""
        bridge = None
        while bridge is None:
            self._lives += 1
            if self._death.came.is_set():
                self._death = Death()
            self._patch.setattr("appealbridge.store.sqlite.store.SqliteStore", mortal(self._death))
            self._life = Life(self._death, self._daemon)
            bridge = await self._life.begins()
        self.bridge = bridge

    async def stops(self) -> None:
        """Stop the daemon as SIGTERM does; it may die in doing so."""
        if self._life is not None:
            await self._life.ends()

    def _daemon(self) -> Bridge:
        log = Log(Output(self.lines, self.clock.now, level=Level.INFO))
        # Another seed in each life: ids are made of it and of the time, which may stand still here.
        rng = random.Random(self._lives)
        return Bridge(self.stage.config, clock=self.clock, rng=rng, log=log)

    # -- what others do, until it is done --------------------------------------------------------

    async def is_sent(
        self, body: bytes, message: str = "msg", key: bytes = staging.KEY, **headers: str
    ) -> tuple[int, Any]:
        """Send these very bytes, again and again until they are answered."""

        def sent() -> Awaitable[tuple[int, Any]]:
            return Story.is_sent(self, body, message, key, **headers)

        status, told = await self._surely(sent)
        assert status in (200, 202), told
        return status, told

    async def asks(self, method: str, path: str) -> tuple[int, Any]:
        """Ask the API, again and again until it answers."""
        return await self._surely(lambda: Story.asks(self, method, path))

    async def does(self, verb: str, delivery: Mapping[str, Any]) -> None:
        """Have an operator do something about a delivery; what was done before the daemon died is done."""
        status, told = await self.asks("POST", f"/deliveries/{delivery['number']}/{verb}")
        if status == 409:
            now = await self.deliveries()
            (after,) = (one for one in now if one["number"] == delivery["number"])
            assert (after["state"], after["hold"]) != (delivery["state"], delivery["hold"]), told
        else:
            assert status == 200, told

    async def looks_into(self, hold: str) -> list[dict[str, Any]]:
        """Have an operator release what is held for a reason; mail that is out already is confirmed."""
        held = [one for one in await self.deliveries(state="held") if one["hold"] == hold]
        for delivery in held:
            words = delivery["content"]["text"].strip()
            there = delivery["hold"] == "unknown" and words in self.posts("email")
            await self.does("confirm?url=https://mail.example/1" if there else "release", delivery)
        return held

    async def knows_of(self, source: str) -> SourceRecord | None:
        """Return what the daemon's store knows of a source."""
        return await self._surely(lambda: self.bridge.engine.store.source(source))

    async def until(
        self, happened: Callable[[], Any | Awaitable[Any]], *, passing: float = 0.0
    ) -> Any:
        """Let real sockets and threads work until something is true, and return it."""
        end = _REAL.monotonic() + PATIENCE
        while True:
            if self._death.came.is_set():
                await self._rises()
            answer = happened()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            if _REAL.monotonic() > end:
                listed = json.dumps(await self.deliveries(), indent=1)
                raise AssertionError(f"in vain\n{listed}\n{self.lines.getvalue().decode()}")
            await self.clock.passes(seconds=passing)
            await _REAL.sleep(0.001)

    async def passes(self, seconds: float, *, each: float) -> None:
        """Let time pass in steps, with a daemon that is there and is listened to."""
        end = self.clock.now() + seconds
        await self.until(lambda: self.clock.now() >= end, passing=each)

    async def _surely(self, action: Callable[[], Awaitable[T]]) -> T:
        while True:
            if self._death.came.is_set():
                await self._rises()
            acting = asyncio.ensure_future(action())
            dying = asyncio.ensure_future(self._death.came.wait())
            await asyncio.wait({acting, dying}, return_when=asyncio.FIRST_COMPLETED)
            dying.cancel()
            if acting.done() and not acting.cancelled() and acting.exception() is None:
                return acting.result()
            if not self._death.came.is_set():
                return await acting
            acting.cancel()
            await asyncio.wait({acting})
            if not acting.cancelled():
                acting.exception()

    async def _rises(self) -> None:
        await self.stops()
        await self.starts()
