"""
Counts the bytecodes that a program executes for an event.

The number hardly depends on the machine or on what else it does, so a change of one per cent shows. What C code does
is not in it.

    python -m benchmarks.steps FILE MODULE [ARGUMENT …]

runs a module as a program. The first SIGUSR1 begins the count, the second writes it to the file.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.events import request
from benchmarks.load import flat_out
from benchmarks.program import Broken, Program
from benchmarks.sink import Sink

CONNECTIONS = 16
WARM_UP = 200
EVENTS = 400
WRITTEN_SECONDS = 30.0

Start = Callable[[Sequence[str]], AbstractAsyncContextManager[Program]]
"""Starts a program by the command line that it is given."""


async def steps(start: Start, sink: Sink | None, path: str, folder: Path) -> float:
    """Return the bytecodes for an event, until it is at the `sink` if there is one, and the outcome is stored."""
    file = folder / "steps"
    file.unlink(missing_ok=True)
    async with (
        start([sys.executable, "-m", "benchmarks.steps", str(file)]) as program,
        asyncio.timeout(120),
    ):
        await _send(program, sink, path, range(WARM_UP))
        os.kill(program.pid, signal.SIGUSR1)
        await _send(program, sink, path, range(WARM_UP, WARM_UP + EVENTS))
        os.kill(program.pid, signal.SIGUSR1)
        counted = int(await asyncio.to_thread(_written, file))
    file.unlink()
    return counted / EVENTS


async def _send(program: Program, sink: Sink | None, path: str, numbers: range) -> None:
    if sink is not None:
        sink.forget()
    await flat_out(program.port, [request(number, path) for number in numbers], CONNECTIONS)
    if sink is not None:
        await sink.has(len(numbers))
    await asyncio.sleep(0.5)  # until the outcome of the last one is stored


def _written(file: Path) -> str:
    until = time.monotonic() + WRITTEN_SECONDS
    while not file.exists():
        if time.monotonic() > until:
            raise Broken(f"the program wrote no number to {file}")
        time.sleep(0.05)
    return file.read_text()


# -- in the program -------------------------------------------------------------------------------


def count_into(file: Path) -> None:
    """Count the bytecodes of all threads between two signals."""
    counts: Counter[int] = Counter()
    counting = threading.Event()

    def call(frame: FrameType, _event: str, _arg: Any) -> Callable[..., Any] | None:
        if not counting.is_set():
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    def step(_frame: FrameType, event: str, _arg: Any) -> Callable[..., Any]:
        if event == "opcode":
            counts[threading.get_ident()] += 1
        return step

    def wait() -> None:
        signal.sigwait({signal.SIGUSR1})
        counting.set()
        signal.sigwait({signal.SIGUSR1})
        counting.clear()
        unfinished = file.with_suffix(".part")
        unfinished.write_text(str(counts.total()))
        unfinished.replace(file)

    # Before any other thread exists, so that all of them leave the signal to the one that waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    threading.Thread(target=wait, daemon=True).start()
    threading.settrace(call)
    sys.settrace(call)


if __name__ == "__main__":
    _, where, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    count_into(Path(where))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
