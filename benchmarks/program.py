"""A program under test: a process of its own on a core of its own, started, watched, and surely ended."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
TESTED = CORES[0]
"""The core of the program under test."""
OUTSIDE = CORES[-1]
"""The core of the sender and the sink; the same one where the machine has no second."""

READY_SECONDS = 150.0  # ten thousand recipes on a busy machine
STOP_SECONDS = 20.0


class Broken(RuntimeError):
    """The program under test did not do what it was started for."""


@dataclass(frozen=True)
class Program:
    """
    A running program: where it listens, and what it costs.

    `began` and `ready` are when it was started and when it took requests, in monotonic seconds.
    """

    pid: int
    port: int
    log: Path
    began: float
    ready: float

    def cpu_seconds(self) -> float:
        """Return user and system time of all its threads so far."""
        # Linux's own number of a process's CPU clock, as clock_getcpuclockid(3) gives it; /proc counts in ticks only.
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return its resident memory now, or at its highest (`VmHWM`), in MiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
        raise Broken(f"no {what} in /proc")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@asynccontextmanager
async def running(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]
) -> AsyncIterator[Program]:
    """Start a program on its core, wait until it is ready, and end it whatever happens."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=partial(os.sched_setaffinity, 0, {TESTED}),
        )
    try:
        await _ready(process, port, log)
        yield Program(process.pid, port, log, began, time.monotonic())
    finally:
        await _end(process)


async def _ready(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while not await _answers(port):
        if process.returncode is not None:
            raise Broken(f"it ended with {process.returncode}: {_tail(log)}")
        if time.monotonic() > until:
            raise Broken(f"it was not ready within {READY_SECONDS:g} s: {_tail(log)}")
        await asyncio.sleep(0.01)


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(5):
            return (await reader.read()).startswith(b"HTTP/1.1 200")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask, then insist; the process is gone afterwards."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-2000:]
