"""The daemon as a process that is started, killed, given a full disk and a wrong clock."""

from __future__ import annotations

import asyncio
import json
import mmap
import resource
import signal
import struct
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from appealbridge.clock import SystemClock
from appealbridge.store.sqlite.control import read_control
from tests import forking
from tests.stories.processes import AnyProcess
from tests.stories.staging import Stage, signed

JUMPING = str(Path(__file__).with_name("jumping_clock.py"))
START_SECONDS = 60.0
"""How many seconds a start may take."""

ANSWER_SECONDS = 30.0


class Keeper:
    """
    Runs one daemon, and sends it requests.

    Each is a new process, or `forked` from one that has loaded the program. Its clock is wrong by `wrong_by` seconds;
    `log` is the file of its log lines.
    """

    def __init__(self, stage: Stage, session: aiohttp.ClientSession, *, forked: bool) -> None:
        self.stage = stage
        self._forked = forked
        self.wrong_by = 0.0
        self.log = stage.folder / "daemon.log"
        self.starts = 0
        self._session = session
        self._process: AnyProcess | None = None
        self._copying: asyncio.Task[None] | None = None
        self._url = self._token = ""
        self._there = asyncio.Event()
        self._real = SystemClock()
        clock = stage.folder / "clock"
        clock.write_bytes(struct.pack("d", 0.0))
        with clock.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)

    # -- life and death -------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the process; `ready` waits until it takes requests."""
        self.starts += 1
        program = (JUMPING, str(self.stage.folder / "clock"), str(self.stage.config))
        if self._forked:
            self._process = await forking.start(*program, stderr=forking.PIPE)
        else:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *program, stderr=asyncio.subprocess.PIPE
            )
        assert self._process.stderr is not None
        self._copying = asyncio.create_task(self._copy(self._process.stderr))

    async def ready(self) -> None:
        """Wait until the daemon has written its control file."""
        assert self._process is not None
        end = self._real.monotonic() + START_SECONDS
        while True:
            control = read_control(self.stage.store)
            if control is not None and control.pid == self._process.pid:
                break
            if self._process.returncode is not None or self._real.monotonic() > end:
                raise AssertionError(f"the daemon does not start; its words are in {self.log}")
            await self._real.sleep(0.01)
        self._url, self._token = control.url, control.token
        self._there.set()

    async def end(self, name: signal.Signals = signal.SIGKILL) -> None:
        """End the process by a signal unless it has ended, and wait for its end."""
        self._there.clear()
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(name)
        await self._process.wait()
        if self._copying is not None:
            await self._copying
        self._process = self._copying = None

    @property
    def died_by_itself(self) -> bool:
        """Whether the process ended although nobody killed it."""
        return self._process is not None and self._process.returncode is not None

    async def _copy(self, expected: asyncio.StreamReader) -> None:
        with self.log.open("ab") as file:
            while part := await expected.read(65_536):
                file.write(part)

    # -- what is done to it ---------------------------------------------------------------------

    def jump(self, seconds: float) -> None:
        """Put its clock forward, or back."""
        self.wrong_by += seconds
        struct.pack_into("d", self._shared, 0, self.wrong_by)

    def now(self) -> float:
        """Return the time as the daemon sees it."""
        return time.time() + self.wrong_by

    def fill_disk(self, room: int) -> None:
        """Let no file of the daemon grow more than `room` bytes beyond its log's size; with 0, not by a byte."""
        wal = self.stage.store.with_name(f"{self.stage.store.name}-wal")
        size = wal.stat().st_size if room and wal.exists() else 0
        self._limit(size + room)

    def free_disk(self) -> None:
        """End the limit on the size of files."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        if self._process is not None and self._process.returncode is None:
            limits = (size, resource.RLIM_INFINITY)
            with suppress(ProcessLookupError):  # killed this very moment
                resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, limits)

    # -- what it is asked -----------------------------------------------------------------------

    async def receives(self, message_id: str, event: Mapping[str, str]) -> tuple[int, Any]:
        """Send an event, signed at the daemon's own time; wait until there is a daemon."""
        await self._there.wait()
        body = json.dumps(event).encode()
        headers = signed(message_id, self.now(), body)
        return await self._ask("POST", "/hooks/desk", data=body, headers=headers)

    async def request(self, method: str, path: str, **query: str) -> tuple[int, Any]:
        """Call its API; wait until there is a daemon."""
        await self._there.wait()
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._ask(method, f"/api/v1{path}", headers=headers, params=query)

    async def _ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Return status and body; `(0, None)` if no answer comes."""
        try:
            async with self._session.request(
                method, f"{self._url}{path}", timeout=aiohttp.ClientTimeout(ANSWER_SECONDS), **more
            ) as answer:
                return answer.status, json.loads(await answer.read() or b"null")
        except (aiohttp.ClientError, OSError, ValueError):
            return 0, None
