"""
The daemon and the practice platforms as processes, which a story starts, calls and kills.

They are forked from one that has loaded the program (`tests/forking.py`), unless a story names the command.
"""

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
from tests import forking
from tests.stories.staging import Stage, signed

RUN = ("-m", "appealbridge", "run", "--config")
ANEW = (sys.executable, *RUN)
"""The command of a daemon that is started as a person starts it."""

DYING = (sys.executable, str(Path(__file__).with_name("dying_process.py")))
AnyProcess = asyncio.subprocess.Process | forking.Forked

PATIENCE = 30.0
"""How many seconds a story waits for a result."""

_clock = SystemClock()


async def until(happened: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Call until the answer is true, and return it."""
    end = _clock.monotonic() + PATIENCE
    while not (answer := await happened()):
        if _clock.monotonic() > end:
            raise AssertionError(f"did not happen: {what}")
        await _clock.sleep(0.02)
    return answer


class Process:
    """A process of ours; the lines of one of its streams are kept, and can be waited for."""

    def __init__(self, process: AnyProcess, stream: asyncio.StreamReader) -> None:
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
        """Return the first line that contains `part`, or `None` if the process ends without it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._more.clear()
                line = next((line for line in self.lines if part in line), None)
                if line is not None or self._reading.done():
                    return line
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
    """The practice platforms in a separate process."""

    def __init__(self, url: str, smtp: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.smtp = smtp
        self._session = session

    async def posts(self, having: str) -> list[dict[str, Any]]:
        """Return every post whose text or subject contains `having`."""
        async with self._session.get(f"{self.url}/posts") as answer:
            posts = await answer.json()
        return [post for post in posts if having in post["text"] + post.get("subject", "")]

    async def fault(self, platform: str, fault: str, **more: float) -> None:
        """Switch a fault on."""
        body = {"platform": platform, "fault": fault, **more}
        async with self._session.post(f"{self.url}/faults", json=body) as answer:
            assert answer.status == 201, await answer.text()


@asynccontextmanager
async def platforms(folder: Path) -> AsyncIterator[Platforms]:
    """Run the practice platforms while the context lasts."""
    process = await forking.start(
        "-m", "appealbridge.practice",
        "--listen", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--state", str(folder / "state"),
        stdout=forking.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    running = Process(process, process.stdout)
    try:
        addresses = re.search(r"on (\S+) and (\S+)", await running.line("practice platforms") or "")
        assert addresses, "the practice platforms did not start"
        async with aiohttp.ClientSession() as session:
            yield Platforms(addresses[1], addresses[2], session)
    finally:
        await running.end(signal.SIGTERM)


class Daemon(Process):
    """The daemon in a separate process, called over HTTP."""

    def __init__(self, process: AnyProcess, stream: asyncio.StreamReader, stage: Stage) -> None:
        super().__init__(process, stream)
        self.stage = stage
        self._session = aiohttp.ClientSession()

    async def ready(self) -> bool:
        """Wait until it takes requests; return whether it got so far."""
        if await self.line('"event":"ready"') is None:
            return False
        control = read_control(self.stage.store)
        if control is None or control.pid != self.process.pid:
            return False
        self.url, self._token = control.url, control.token
        return True

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Make one request and return status and body; `(0, None)` if no answer comes."""
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
        """List every delivery; none if no answer comes."""
        _, listed = await self.ask("GET", "/api/v1/deliveries")
        return listed or []

    async def has(self, count: int, *states: str) -> list[dict[str, Any]]:
        """Wait until there are `count` deliveries, all in one of `states`; return them."""

        async def settled() -> list[dict[str, Any]]:
            listed = await self.deliveries()
            reached = len(listed) == count and all(each["state"] in states for each in listed)
            return listed if reached else []

        try:
            return await until(settled, f"{count} deliveries that are {' or '.join(states)}")
        except AssertionError as error:
            raise AssertionError(
                f"{error}: {await self.deliveries()}\n{''.join(self.lines)}"
            ) from None

    async def close(self) -> None:
        """Kill it if it still runs."""
        await self._session.close()
        await self.end()


@asynccontextmanager
async def daemon(
    stage: Stage, *command: str, before: Callable[[], None] | None = None
) -> AsyncIterator[Daemon]:
    """Start the daemon on a stage, and kill it at the end; `before` runs in a process that is started anew."""
    process: AnyProcess
    if command or before:
        process = await asyncio.create_subprocess_exec(
            *(command or ANEW), str(stage.config), stderr=asyncio.subprocess.PIPE, preexec_fn=before
        )
    else:
        process = await forking.start(*RUN, str(stage.config), stderr=forking.PIPE)
    assert process.stderr is not None
    running = Daemon(process, process.stderr, stage)
    try:
        yield running
    finally:
        await running.close()
