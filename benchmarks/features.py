"""What pictures, people and approvals cost: who does not use them, and who does."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles

from PIL import Image

from benchmarks import measure
from benchmarks.bridge import bridge
from benchmarks.counting import COMMIT, STATEMENT
from benchmarks.events import request
from benchmarks.http import Messages
from benchmarks.load import flat_out
from benchmarks.measure import CONNECTIONS, WARM_UP, Figures
from benchmarks.program import Program
from benchmarks.sink import Sink

UNUSED = """\
media_folder: .
people:
  ann: { name: Ann Bell, email: ann@example.police.uk }
  bob: { name: Bob Jones, email: bob@example.police.uk }
groups: { duty: [ann, bob] }
"""
"""
Settings that the bench's events do not need.

Nobody has a role, because an admin would have to accept the recipe first.
"""

WITH_PICTURE = """\
    images:
      - {{ url: "http://127.0.0.1:{sink}/picture/{{{{ event.data.id }}}}", alt: Two cars and a police van }}
"""

ONE_BY_ONE = 100
PROBE_EVERY = 0.005
LARGE_EVERY = 1.0
QUEUED = 1000
MANY = 100
"""More than may be uploaded at once."""


async def unused(home: Path, sink: Sink, path: str, *, turns: int, events: int) -> Figures:
    """
    Return what the store does for a delivery without pictures and approval, while the settings have all of that.

    And its CPU time, by that of a delivery where the settings know nothing of it.
    """
    counts = await _counted(home, sink, path, UNUSED)
    with_all, without = [], []
    for turn in range(turns * 2):
        besides = UNUSED if turn % 2 else ""
        start = partial(bridge, home, sink.port, settings_besides=besides)
        figures = await measure.end_to_end(start, sink, path, events)
        (with_all if besides else without).append(figures["cpu_us_per_event"])
    return {**counts, "cpu_of_plain": median(with_all) / median(without)}


async def _counted(home: Path, sink: Sink, path: str, besides: str) -> Figures:
    """Return the median number of statements and commits of a delivery, one after the other."""
    notes = home.with_suffix(".counts")
    notes.unlink(missing_ok=True)
    started_by = (sys.executable, "-m", "benchmarks.counting", str(notes))
    async with (
        bridge(home, sink.port, started_by=started_by, settings_besides=besides) as program,
        asyncio.timeout(60),
    ):
        sink.forget()
        statements, commits = [], []
        for number in range(ONE_BY_ONE):
            before = notes.stat().st_size
            await flat_out(program.port, [request(number, path)], 1)
            await sink.has(number + 1)
            await _rests(notes)
            written = notes.read_bytes()[before:]
            statements.append(written.count(STATEMENT))
            commits.append(written.count(COMMIT))
    notes.unlink()
    return {"statements": median(statements), "commits": median(commits)}


async def _rests(notes: Path) -> None:
    """Wait until the outcome is stored too."""
    before = -1
    while before != (now := _size(notes)):
        before = now
        await asyncio.sleep(0.02)


def _size(file: Path) -> int:
    return file.stat().st_size


class _Probe(Messages):
    """Asks again and again whether the daemon is alive; `took` has the seconds until each answer."""

    _QUESTION = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    def __init__(self) -> None:
        super().__init__()
        self.took: list[float] = []
        self._answered = asyncio.Event()

    def message(self, whole: bytes) -> None:
        self._answered.set()

    async def asks(self, seconds: float) -> None:
        """Ask for some seconds, one question after the other."""
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            self._answered.clear()
            self.transport.write(self._QUESTION)
            await self._answered.wait()
            self.took.append(time.monotonic() - began)
            await asyncio.sleep(PROBE_EVERY)


async def _worst(program: Program, seconds: float) -> float:
    """Return the 99.9th percentile of the time until an answer, in milliseconds."""
    transport, probe = await asyncio.get_running_loop().create_connection(
        _Probe, "127.0.0.1", program.port
    )
    try:
        await probe.asks(seconds)
    finally:
        transport.close()
    return quantiles(probe.took, n=1000, method="inclusive")[998] * 1000


async def large_pictures(home: Path, sink: Sink, path: str, seconds: float) -> Figures:
    """Return how long the daemon keeps others waiting while a picture of 3 MB comes each second, and at rest."""
    sink.pictures = {"": jpeg(3_000_000)}
    async with _with_pictures(home, sink) as program, asyncio.timeout(seconds * 4 + 60):
        await _warm_up(program, sink, path)
        idle = await _worst(program, seconds)
        sending = asyncio.create_task(_one_each(program, path, LARGE_EVERY))
        try:
            busy = await _worst(program, seconds)
        finally:
            sending.cancel()
        return {"idle_p999_ms": idle, "busy_p999_ms": busy, "more_p999_ms": busy - idle}


async def _warm_up(program: Program, sink: Sink, path: str) -> None:
    sink.forget()
    await flat_out(program.port, [request(0, path)], 1)
    await sink.has(1)


async def _one_each(program: Program, path: str, seconds: float) -> None:
    number = WARM_UP
    while True:
        number += 1
        await flat_out(program.port, [request(number, path)], 1)
        await asyncio.sleep(seconds)


async def queue_of_pictures(home: Path, sink: Sink, path: str) -> Figures:
    """
    Return how many MiB 1,000 deliveries that wait with pictures of their own add to the daemon.

    And of how many MiB of pictures the uploads are under way at most, where no upload is answered.
    """
    sink.pictures = _different(jpeg(300_000), QUEUED)
    async with _with_pictures(home, sink, rate="1 per 1d") as program, asyncio.timeout(300):
        idle = program.memory_mb()
        await _comes(program, sink, path, QUEUED)
        queued = program.memory_mb() - idle
    sink.pictures = _different(jpeg(1_500_000), MANY)
    sink.hold_uploads()
    try:
        async with _with_pictures(home, sink) as program, asyncio.timeout(300):
            await _comes(program, sink, path, MANY)
    finally:
        sink.answer_uploads()
    return {"queued_mb": queued, "in_flight_mb": sink.held_bytes / 2**20}


async def _comes(program: Program, sink: Sink, path: str, count: int) -> None:
    """Send so many events, and wait until all their pictures are fetched and prepared."""
    sink.forget_pictures()
    await flat_out(program.port, [request(number, path) for number in range(count)], CONNECTIONS)
    await sink.gave(count)
    await asyncio.sleep(3.0)


def _with_pictures(
    home: Path, sink: Sink, rate: str = "null"
) -> AbstractAsyncContextManager[Program]:
    return bridge(
        home,
        sink.port,
        rate=rate,
        settings_besides=f'inside: ["127.0.0.1:{sink.port}"]\n',
        steps_besides=WITH_PICTURE.format(sink=sink.port),
    )


def jpeg(size: int) -> bytes:
    """Return a picture of about so many bytes."""
    side = int((size * 2.2) ** 0.5)
    noise = random.Random(13).randbytes(3 * (side // 2) ** 2)
    image = Image.frombytes("RGB", (side // 2, side // 2), noise).resize((side, side))
    target = BytesIO()
    image.save(target, "JPEG", quality=85)
    return target.getvalue()


def _different(picture: bytes, count: int) -> Mapping[str, bytes]:
    """Return as many pictures that differ by two numbers of a quantisation table, found by the end of their address."""
    table = picture.index(b"\xff\xdb") + 5
    pictures = {}
    for number in range(count):
        copy = bytearray(picture)
        copy[table + 62], copy[table + 63] = 1 + number // 32, 1 + number % 32
        pictures[f"{number:08d}"] = bytes(copy)
    return pictures
