"""Processes that the demo starts and ends: each is told to stop by its own id, and waited for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

STOP_SECONDS = 10.0


@asynccontextmanager
async def running(
    *arguments: str, log: Path, stdout: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module of ours as a process while the context lasts; its standard error goes to `log`."""
    with log.open("ab") as err:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, stdout=stdout or err, stderr=err
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
