"""How the daemon comes back: started on a store with a hundred thousand of something in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.bridge import CHANNELS, bridge
from benchmarks.filled import FRESH, asleep, awake, fill, sending, waiting
from benchmarks.measure import Figures
from benchmarks.sink import Sink

PATIENCE = 180.0
IDLE_SECONDS = 3.0

CASES = {
    "waiting": "100,000 are due",
    "sending": "100,000 were under way at the crash",
    "asleep": "100,000 runs wait for a person",
    "awake": "100,000 runs were to go on",
}
"""What is in the store, and how the table says it."""

_MAKE = {"waiting": waiting, "sending": sending, "asleep": asleep, "awake": awake}
_SHY = frozenset({"sending", "asleep"})
"""Where nothing of the many goes out at once, so that others must be there which do."""


async def recovery(home: Path, sink: Sink, case: str) -> Figures:
    """
    From the start of the process until the far platform has its first post, and the next `FRESH`.

    `extra_mb` is the most memory it took meanwhile, beyond what it takes when it is idle.
    """
    filled = home.with_name(f"{case}.db")
    if not filled.exists():
        await fill(filled, _MAKE[case], FRESH if case in _SHY else 0)
    sink.forget()
    async with bridge(home, sink.port, channels=CHANNELS) as program:
        await asyncio.sleep(IDLE_SECONDS)
        idle = program.memory_mb()
    async with (
        asyncio.timeout(PATIENCE),
        bridge(home, sink.port, channels=CHANNELS, store=filled) as program,
    ):
        await sink.has(FRESH)
        arrived = sorted(sink.arrived.values())
        return {
            "ready_s": program.ready - program.began,
            "first_post_s": arrived[0] - program.began,
            "drained_s": arrived[FRESH - 1] - arrived[0],
            "extra_mb": program.memory_mb("VmHWM") - idle,
        }
