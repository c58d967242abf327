"""How the daemon comes back: started on a store with a hundred thousand of something in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bridge import CHANNELS, bridge
from benchmarks.filled import FRESH, Make, asleep, awake, fill, sending, waiting
from benchmarks.measure import Figures
from benchmarks.sink import Sink

PATIENCE = 180.0
IDLE_SECONDS = 3.0

RATE = 250
"""How many posts a second each of the four channels lets out where it has a rate."""


@dataclass(frozen=True)
class Case:
    """What is in the store, how the table says it, and within how many seconds a post is out."""

    description: str
    make: Make
    fresh: int = 0
    rate: str = "null"
    goal: float = 2.0


CASES = {
    "waiting": Case("100,000 are due", waiting),
    "rated": Case(f"100,000 are due, {RATE} a second", waiting, rate=f"{RATE} per 1s"),
    # Of these nothing goes out at once, so that others are there which do.
    "asleep": Case("100,000 runs wait for a person", asleep, fresh=FRESH),
    "awake": Case("100,000 runs were to go on", awake),
    # More than any lanes have places for: it is enough that it takes a bounded time.
    "sending": Case("100,000 were under way", sending, fresh=FRESH, goal=5.0),
}


async def recovery(home: Path, sink: Sink, name: str) -> Figures:
    """
    From the start of the process until the far platform has its first post, and the next `FRESH`.

    `extra_mb` is the most memory it took meanwhile, beyond what it takes when it is idle; `of_rate`
    what share of the posts that the channels allow in the time went out.
    """
    case = CASES[name]
    filled = home.with_name(f"{case.make.__name__}.db")
    if not filled.exists():
        await fill(filled, case.make, case.fresh)
    sink.forget()
    async with bridge(home, sink.port, channels=CHANNELS) as program:
        await asyncio.sleep(IDLE_SECONDS)
        idle = program.memory_mb()
    async with (
        asyncio.timeout(PATIENCE),
        bridge(home, sink.port, channels=CHANNELS, rate=case.rate, store=filled) as program,
    ):
        await sink.has(FRESH)
        arrived = sorted(sink.arrived.values())
        took = arrived[FRESH - 1] - arrived[0]
        figures = {
            "ready_s": program.ready - program.began,
            "first_post_s": arrived[0] - program.began,
            "drained_s": took,
            "extra_mb": program.memory_mb("VmHWM") - idle,
        }
        if case.rate != "null":
            # Those of the first second go at once.
            figures["of_rate"] = (FRESH / (RATE * len(CHANNELS)) - 1) / took
        return figures
