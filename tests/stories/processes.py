"""The daemon and the practice platforms as real processes, which a story starts, asks and kills."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from appealbridge.clock import SystemClock
from appealbridge.store.sqlite.control import read_control
from tests.stories.staging import Stage, signed

RUN = (sys.executable, "-m", "appealbridge", "run", "--config")
DYING = (sys.executable, str(Path(__file__).with_name("dying.py")))
PATIENCE = 30.0
"""How many seconds a story waits for anything."""

_clock = SystemClock()


async def until(happened: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Ask until the answer is true, and return it."""
    end = _clock.monotonic() + PATIENCE
    while not (answer := await happened()):
        if _clock.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        await _clock.sleep(0.02)
    return answer


class Process:
    """A process of ours whose lines on one stream are kept, and can be waited for."""

    def __init__(self, process: asyncio.subprocess.Process, stream: asyncio.StreamReader) -> None:
        self.process = process
        self.ending = asyncio.ensure_future(process.wait())
        self.lines: list[str] = []
        self._stream = stream
        self._more = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for line in self._stream:
            self.lines.append(line.decode())
            self._more.set()
        self._more.set()

    async def line(self, part: str) -> str | None:
        """Return the first line that has the part; `None` where the process ends without it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._more.clear()
                found = next((line for line in self.lines if part in line), None)
                if found is not None or self._reading.done():
                    return found
                await self._more.wait()

    async def end(self, name: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal unless it has ended, and return its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(name)
        async with asyncio.timeout(PATIENCE):
            status = await self.ending
            await self._reading
        return status


class Platforms:
    """The practice platforms in a process of their own."""

    def __init__(self, url: str, smtp: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.smtp = smtp
        self._session = session

    async def posts(self, having: str) -> list[dict[str, Any]]:
        """Return every post whose text or subject has these words."""
        async with self._session.get(f"{self.url}/posts") as answer:
            posts = await answer.json()
        return [post for post in posts if having in post["text"] + post.get("subject", "")]

    async def fault(self, platform: str, fault: str, **more: float) -> None:
        """Have something go wrong."""
        told = {"platform": platform, "fault": fault, **more}
        async with self._session.post(f"{self.url}/faults", json=told) as answer:
            assert answer.status == 201, await answer.text()


@asynccontextmanager
async def platforms(folder: Path) -> AsyncIterator[Platforms]:
    """Run the practice platforms while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appealbridge.practice",
        "--listen", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--state", str(folder / "state"),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    running = Process(process, process.stdout)
    try:
        told = re.search(r"on (\S+) and (\S+)", await running.line("practice platforms") or "")
        assert told, "the practice platforms did not start"
        async with aiohttp.ClientSession() as session:
            yield Platforms(told[1], told[2], session)
    finally:
        await running.end(signal.SIGTERM)


class Daemon(Process):
    """The daemon in a process of its own; asked over HTTP, as everybody asks it."""

    def __init__(
        self, process: asyncio.subprocess.Process, stream: asyncio.StreamReader, stage: Stage
    ) -> None:
        super().__init__(process, stream)
        self._stage = stage
        self._session = aiohttp.ClientSession()

    async def ready(self) -> bool:
        """Wait until it takes requests; say whether it lived to do so."""
        if await self.line('"event":"ready"') is None:
            return False
        control = read_control(self._stage.store)
        if control is None or control.pid != self.process.pid:
            return False
        self.url, self._token = control.url, control.token
        return True

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Make one request and return status and body; `(0, None)` where no answer comes."""
        headers = {"Authorization": f"Bearer {self._token}", **more.pop("headers", {})}
        try:
            async with self._session.request(
                method, f"{self.url}{path}", headers=headers, **more
            ) as answer:
                return answer.status, json.loads(await answer.read() or b"null")
        except (aiohttp.ClientError, OSError):
            return 0, None

    async def receives(self, message_id: str, event: dict[str, Any]) -> tuple[int, Any]:
        """Send it a signed webhook."""
        body = json.dumps(event).encode()
        headers = signed(message_id, time.time(), body)
        return await self.ask("POST", "/hooks/desk", data=body, headers=headers)

    async def deliveries(self) -> list[dict[str, Any]]:
        """List every delivery; none where no answer comes."""
        _, listed = await self.ask("GET", "/api/v1/deliveries")
        return listed or []

    async def has(self, count: int, *states: str) -> list[dict[str, Any]]:
        """Wait until there are so many deliveries and all are in one of these states; return them."""

        async def settled() -> list[dict[str, Any]]:
            listed = await self.deliveries()
            told = len(listed) == count and all(one["state"] in states for one in listed)
            return listed if told else []

        try:
            return await until(settled, f"{count} deliveries that are {' or '.join(states)}")
        except AssertionError as error:
            raise AssertionError(
                f"{error}: {await self.deliveries()}\n{''.join(self.lines)}"
            ) from None

    async def close(self) -> None:
        """Kill it if it still lives."""
        await self._session.close()
        await self.end()


@asynccontextmanager
async def daemon(
    stage: Stage, *command: str, before: Callable[[], None] | None = None
) -> AsyncIterator[Daemon]:
    """Start the daemon on a stage, and kill it at the end; `before` runs in the new process."""
    process = await asyncio.create_subprocess_exec(
        *(command or RUN), str(stage.config), stderr=asyncio.subprocess.PIPE, preexec_fn=before
    )
    assert process.stderr is not None
    running = Daemon(process, process.stderr, stage)
    try:
        yield running
    finally:
        await running.close()
