"""What is measured, once, of one program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from statistics import quantiles

from benchmarks.bridge import bridge
from benchmarks.events import request
from benchmarks.load import flat_out, steadily
from benchmarks.program import Broken, Program
from benchmarks.sink import Sink

CONNECTIONS = 64
WARM_UP = 1000
RATE = 50.0

Start = Callable[[], AbstractAsyncContextManager[Program]]
Figures = dict[str, float]


def _requests(first: int, count: int, path: str) -> list[bytes]:
    return [request(number, path) for number in range(first, first + count)]


async def end_to_end(start: Start, sink: Sink, path: str, count: int) -> Figures:
    """From the first request sent until the far platform has every event."""
    async with start() as program, asyncio.timeout(120):
        await _warm_up(program, sink, path)
        requests = _requests(WARM_UP, count, path)
        sink.forget()
        before = program.cpu_seconds()
        began, accepted = await flat_out(program.port, requests, CONNECTIONS)
        await sink.has(count)
        took = max(sink.arrived.values()) - began
        await _no_repeats(sink)
        return {
            "per_s": count / took,
            "accepted_s": accepted - began,
            "cpu_us_per_event": (program.cpu_seconds() - before) / count * 1e6,
            "peak_rss_mb": program.memory_mb("VmHWM"),
        }


async def acceptance(start: Start, path: str, count: int) -> Figures:
    """From the first request sent until the last 202, with nothing to deliver."""
    async with start() as program, asyncio.timeout(120):
        await flat_out(program.port, _requests(0, WARM_UP, path), CONNECTIONS)
        requests = _requests(WARM_UP, count, path)
        before = program.cpu_seconds()
        began, ended = await flat_out(program.port, requests, CONNECTIONS)
        return {
            "per_s": count / (ended - began),
            "cpu_us_per_event": (program.cpu_seconds() - before) / count * 1e6,
        }


async def latency(start: Start, sink: Sink, path: str, seconds: float) -> Figures:
    """From a request sent until the far platform has the event, at a steady rate, in milliseconds."""
    async with start() as program, asyncio.timeout(seconds + 60):
        await _warm_up(program, sink, path)
        requests = _requests(WARM_UP, int(RATE * seconds), path)
        sink.forget()
        sent = await steadily(program.port, requests, 16, RATE)
        await sink.has(len(requests))
        took = [sink.arrived[WARM_UP + n] - at for n, at in enumerate(sent)]
        await _no_repeats(sink)
        points = quantiles(took, n=100, method="inclusive")
        return {"p50_ms": points[49] * 1000, "p99_ms": points[98] * 1000}


async def start_up(folder: Path, sink: Sink, recipes: int) -> Figures:
    """User and system time until `/readyz` says so."""
    async with bridge(folder, sink.port, recipes=recipes) as program:
        return {"cpu_s": program.cpu_seconds()}


async def idle(folder: Path, sink: Sink, recipes: int, seconds: float) -> Figures:
    """Memory after some seconds in which nothing happens."""
    async with bridge(folder, sink.port, recipes=recipes) as program:
        await asyncio.sleep(seconds)
        return {"rss_mb": program.memory_mb()}


async def _warm_up(program: Program, sink: Sink, path: str) -> None:
    sink.forget()
    await flat_out(program.port, _requests(0, WARM_UP, path), CONNECTIONS)
    await sink.has(WARM_UP)


async def _no_repeats(sink: Sink) -> None:
    await asyncio.sleep(0.2)  # a repeat would come after the event it repeats
    if sink.repeats:
        raise Broken(f"{sink.repeats} events came to the sink twice")
