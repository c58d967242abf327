"""
A story in which the daemon may die at any moment, while its users go on.

Senders repeat a request until it is answered, operators try again, and a dead daemon is started again: so a scenario
comes to the same end wherever the daemon died.
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
from appealbridge.practice.app import Sandbox
from appealbridge.store.records import SourceRecord
from tests.stories import staging
from tests.stories.conftest import PATIENCE, Story
from tests.stories.dying_store import Death, Life, mortal

if TYPE_CHECKING:
    from tests.stories.scenarios.scenario import Scenario

T = TypeVar("T")
_REAL = SystemClock()


class World(Story):
    """A story whose daemon dies at most once, and is started again."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, death: Death) -> None:
        super().__init__(folder)
        self._patch = patch
        self._death = death
        self._life: Life | None = None
        self._lives = 0

    async def begins(self, scenario: Scenario) -> None:  # type: ignore[override]
        """Start the practice platforms and the daemon for a scenario."""
        self.sandbox = await self._stack.enter_async_context(Sandbox(clock=self.clock))
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        self.recipes = scenario.recipes
        self.stage = staging.build(
            self._folder, self.sandbox.url, self.sandbox.smtp_url, scenario.recipes
        )
        self.stage.configure(scenario.channels)
        settings = self.stage.config.read_text().replace(
            "every: 10s", f"every: {scenario.polls_every}"
        )
        self.stage.config.write_text(settings + scenario.settings)
        await self.starts()

    async def comes_to_rest(self) -> None:
        """End all faults, let time pass, and wait until nothing is left to be done."""
        self.sandbox.faults.clear()

        def at_rest() -> bool:
            return not self.counts().keys() & {"planned", "ready", "sending", "unknown"}

        await self.until(at_rest, passing=5)
        await self.passes(90, each=45)
        await self.settles()

    async def starts(self) -> None:
        """Start the daemon, and again if it dies meanwhile."""
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
        """Stop the daemon as SIGTERM does; it may die meanwhile."""
        if self._life is not None:
            await self._life.ends()

    def _daemon(self) -> Bridge:
        log = Log(Output(self.lines, self.clock.now, level=Level.INFO))
        # Another seed for each daemon: ids are made from it and from the time, which may be the same here.
        rng = random.Random(self._lives)
        return Bridge(self.stage.config, clock=self.clock, rng=rng, log=log)

    # -- senders and operators, who try until it works --------------------------------------------------------

    async def is_sent(
        self, body: bytes, message: str = "msg", key: bytes = staging.KEY, **headers: str
    ) -> tuple[int, Any]:
        """Send a body as it is until it is answered; return status and answer."""

        def sent() -> Awaitable[tuple[int, Any]]:
            return Story.is_sent(self, body, message, key, **headers)

        status, result = await self._surely(sent)
        assert status in (200, 202), result
        return status, result

    async def asks(self, method: str, path: str) -> tuple[int, Any]:
        """Call the API until it answers; return status and answer."""
        return await self._surely(lambda: Story.asks(self, method, path))

    async def does(self, verb: str, delivery: Mapping[str, Any]) -> None:
        """Apply an operation of the API to a delivery; it may have been done before the daemon died."""
        status, answer = await self.asks("POST", f"/deliveries/{delivery['number']}/{verb}")
        if status == 409:
            now = await self.deliveries()
            (after,) = (each for each in now if each["number"] == delivery["number"])
            assert (after["state"], after["hold"]) != (delivery["state"], delivery["hold"]), answer
        else:
            assert status == 200, answer

    async def looks_into(self, hold: str) -> list[dict[str, Any]]:
        """Release what is held for a reason, and confirm mail that is out already; return what was held."""
        held = [
            delivery for delivery in await self.deliveries(state="held") if delivery["hold"] == hold
        ]
        for delivery in held:
            text = delivery["content"]["text"].strip()
            there = delivery["hold"] == "unknown" and text in self.posts("email")
            await self.does("confirm?url=https://mail.example/1" if there else "release", delivery)
        return held

    async def knows_of(self, source: str) -> SourceRecord | None:
        """Return the record of a source in the daemon's store."""
        return await self._surely(lambda: self.bridge.engine.store.source(source))

    async def until(
        self, happened: Callable[[], Any | Awaitable[Any]], *, passing: float = 0.0
    ) -> Any:
        """Let real sockets and threads work until `happened()` returns something true, and return it."""
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
        """Let time pass in steps of `each` seconds; a dead daemon is started again."""
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
