"""What many recipes cost: an event among ten thousand of them, checking a thousand, loading ten thousand."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median

from benchmarks.bridge import ENVIRONMENT
from benchmarks.events import request
from benchmarks.load import flat_out
from benchmarks.measure import CONNECTIONS, Figures
from benchmarks.program import OUTSIDE, Broken, Program, free_port, running
from benchmarks.shelf import MATCHING, write
from benchmarks.sink import Sink

FEW, MANY, CHECKED = 10, 10_000, 1_000
PATIENCE = 300.0


async def events(
    home: Path, sink: Sink, hook: str, *, pairs: int, burst: int, shared: bool
) -> Figures:
    """
    Return an event's CPU time among `MANY` recipes by that among `FEW`, `MATCHING` of which want it.

    Both daemons run at once, on the same core, and take turns in bursts of `burst` events: of each
    pair of bursts a ratio is taken, and the median of all `pairs` is told.
    """
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as both:
        few = await both.enter_async_context(_shelf(home / "few", sink, FEW, shared=shared))
        many = await both.enter_async_context(_shelf(home / "many", sink, MANY, shared=shared))
        loaded = many.cpu_seconds()
        taken: list[tuple[float, float]] = []
        for turn in range(pairs + 1):
            first = turn * burst
            taken.append(
                (
                    await _burst(few, sink, hook, first, burst),
                    await _burst(many, sink, hook, first, burst),
                )
            )
        del taken[0]  # what is done once in a daemon's life was done then
        return {
            "of_few": median(more / less for less, more in taken),
            "cpu_us_per_event_few": median(less for less, _ in taken) / burst * 1e6,
            "cpu_us_per_event_many": median(more for _, more in taken) / burst * 1e6,
            "load_cpu_s": loaded,
            "rss_mb_few": few.memory_mb(),
            "rss_mb_many": many.memory_mb(),
        }


async def check(home: Path, sink: Sink) -> Figures:
    """Return the CPU seconds of `appealbridge check` over `CHECKED` recipes, the program's start included."""
    settings = write(home / "checked", free_port(), sink.port, CHECKED)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("appealbridge")),
        "check",
        "--config",
        str(settings),
        env={**os.environ, **ENVIRONMENT},
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {OUTSIDE}),
    )
    output, _ = await process.communicate()
    if f"{CHECKED} recipes fine, 0 errors, 0 notes" not in output.decode():
        raise Broken(output.decode()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


@asynccontextmanager
async def _shelf(home: Path, sink: Sink, count: int, *, shared: bool) -> AsyncIterator[Program]:
    port = free_port()
    settings = write(home, port, sink.port, count, shared=shared)
    command = [
        str(Path(sys.executable).with_name("appealbridge")),
        "run",
        "--config",
        str(settings),
    ]
    async with running(command, port, home.with_suffix(".log"), ENVIRONMENT) as program:
        yield program


async def _burst(program: Program, sink: Sink, hook: str, first: int, count: int) -> float:
    """Send a burst and wait until all of it is published; return the CPU seconds that it took."""
    requests = [request(number, hook) for number in range(first, first + count)]
    sink.forget()
    before = program.cpu_seconds()
    await flat_out(program.port, requests, CONNECTIONS)
    async with asyncio.timeout(60):
        await sink.counts(count * MATCHING)
    await asyncio.sleep(0.1)  # the last outcomes are being stored
    if sink.posts != count * MATCHING:
        raise Broken(f"{sink.posts} posts of {count} events that {MATCHING} recipes want")
    return program.cpu_seconds() - before
