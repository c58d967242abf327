"""
Measure AppealBridge beside the bare program, print a table, write build/bench.json.

The program under test has one core to itself; the sender and the sink share the other. The programs take turns (bare,
bridge, bare, bridge, …), and every figure is the median over the turns. A turn in which other processes used the cores
is measured again. The CPU time of an event depends on them less, and the number of its bytecodes not at all.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import measure, recipes
from benchmarks.bridge import bridge
from benchmarks.features import large_pictures, queue_of_pictures, unused
from benchmarks.filled import waiting
from benchmarks.measure import Figures
from benchmarks.pressure import indexes, lists, memory
from benchmarks.program import OUTSIDE, TESTED, Program, free_port, running
from benchmarks.quiet import Others, watched
from benchmarks.recovery import CASES, recovery
from benchmarks.sink import Sink
from benchmarks.steps import steps

BUILD = Path("build").absolute()
HOOK = "/hooks/bench"

Measured = Callable[[], Awaitable[Figures]]


@dataclass(frozen=True)
class Size:
    """How much is measured; a turn that was noisy is measured again, `tries` times a turn on average."""

    parts: Sequence[str]
    turns: int
    tries: int
    events: int
    seconds: float
    recipes: int = 1000
    idle_seconds: float = 5.0
    pairs: int = 15
    burst: int = 500


GOALS = ("end_to_end", "accept", "steps", "latency", "ready", "idle", "unused")
PARTS = (*GOALS, "recovery", "recipes", "pressure", "pictures")
FULL = Size(PARTS, turns=5, tries=2, events=20_000, seconds=20.0)
QUICK = Size(
    GOALS, turns=3, tries=1, events=4_000, seconds=5.0, idle_seconds=3.0, pairs=5, burst=200
)
"""Under two minutes, so noisy turns count."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `what` is filled with the other figures. The goal is an upper limit unless `least`."""

    name: str
    what: str
    goal: float
    least: bool = False

    def cells(self, figures: Figures) -> tuple[str, ...]:
        """Return what stands in the columns."""
        value = figures[self.name]
        met = value >= self.goal if self.least else value <= self.goal
        goal = f"{'≥' if self.least else '≤'} {self.goal:g}"
        met_or_missed = "[green]met" if met else "[red]missed"
        return self.name, self.what.format(**figures), f"{value:.2f}", goal, met_or_missed


_STEPS = "the same by bytecodes: bare's {{{0}_bare_steps:,.0f}} an event by our {{{0}_steps:,.0f}}"
_CPU = "the same by CPU: bare's {{{0}_bare_cpu_us_per_event:,.0f}} µs an event by our {{{0}_cpu_us_per_event:,.0f}}"
ROWS = (
    Row("end_to_end_vs_bare", "delivered events/s", 0.5, least=True),
    Row("end_to_end_cpu_vs_bare", _CPU.format("end_to_end"), 0.5, least=True),
    Row("end_to_end_steps_vs_bare", _STEPS.format("end_to_end"), 0.5, least=True),
    Row("accept_vs_bare", "accepted events/s, nothing to deliver", 0.45, least=True),
    Row("accept_cpu_vs_bare", _CPU.format("accept"), 0.45, least=True),
    Row("accept_steps_vs_bare", _STEPS.format("accept"), 0.45, least=True),
    Row("latency_p50_vs_bare", "p50 to the platform at 50/s", 2.2),
    Row("latency_p99_vs_bare", "p99 to the platform at 50/s", 2.5),
    Row("ready_cpu_s_1000_recipes", "CPU s until ready", 1.0),
    Row("idle_rss_mb", "MiB when idle, 4 recipes", 65.0),
    Row("unused_statements", "SQL statements of a delivery without pictures and approval", 10.0),
    Row("unused_commits", "commits of it", 2.0),
    Row("unused_cpu_of_plain", "CPU of it, by that where the settings have neither", 1.05),
    *(
        row
        for name, case in CASES.items()
        for row in (
            Row(f"{name}_first_post_s", f"s to a post: {case.description}", case.goal),
            Row(f"{name}_extra_mb", "MiB beyond idle meanwhile", 30.0),
        )
    ),
    Row("waiting_drained_s", "s for 5,000 of them", 5.0),
    Row("rated_of_rate", "of the posts that the rate allows", 0.85, least=True),
    Row(
        "many_of_few",
        "CPU of an event: {many_cpu_us_per_event_many:,.0f} µs with 10,000 recipes by "
        "{many_cpu_us_per_event_few:,.0f} with 10",
        1.3,
    ),
    Row("shared_of_few", "the same, all for one webhook", 1.3),
    Row("many_load_cpu_s", "CPU s until 10,000 recipes are ready", 30.0),
    Row("lists_busy_of_alone", "a lane's question while four list", 10.0),
    Row("lists_rare_of_newest", "a list of what is rare, by the newest", 3.0),
    Row("indexes_of_plain", "storing an event, by that unlisted", 1.25),
    Row("memory_grown_mb", "MiB more after 45,000 events than 30,000", 2.0),
    Row("pictures_more_p999_ms", "ms more until an answer, p99.9, with a 3 MB picture", 20.0),
    Row("pictures_queued_mb", "MiB more with 1,000 waiting with pictures", 60.0),
    Row("pictures_in_flight_mb", "MiB of pictures under way to a platform", 64.0),
    Row("check_cpu_s", "CPU s to check 1,000 recipes", 5.0),
)
"""What the table shows; `vs_bare` is AppealBridge's figure by the bare program's, `cpu_vs_bare` the reverse."""


@asynccontextmanager
async def bare(home: Path, sink: int, started_by: Sequence[str] = ()) -> AsyncIterator[Program]:
    """Run the bare program."""
    port = free_port()
    url = f"http://127.0.0.1:{sink}/api/v1/statuses"
    starter = [*(started_by or [sys.executable, "-m"])]
    command = [*starter, "benchmarks.bare", "--port", str(port), "--sink", url]
    async with running(command, port, home / "bare.log", {}) as program:
        yield program


class Bench:
    """Runs the measurements in turns and keeps every figure of every turn."""

    def __init__(self, size: Size, home: Path, sink: Sink, console: Console) -> None:
        self._size = size
        self._home = home
        self._sink = sink
        self._console = console
        self.turns: dict[str, list[float]] = {}

    async def _turn(self, name: str, measure_once: Measured) -> tuple[Figures, Others]:
        with watched() as others:
            figures = await measure_once()
        summary = ", ".join(f"{part} {value:,.4g}" for part, value in figures.items())
        noise = f" [red](others had {others.share:.0%} of a core)" if others.noisy else ""
        self._console.print(f"[dim]{name:<18} {summary}{noise}", soft_wrap=True)
        return figures, others

    def _keep(self, name: str, figures: Figures) -> None:
        for part, value in figures.items():
            self.turns.setdefault(f"{name}_{part}", []).append(value)

    async def _against_bare(self, name: str, ours: Measured, theirs: Measured) -> None:
        accepted = 0
        for again in reversed(range(self._size.turns * self._size.tries)):
            plain, noise = await self._turn(f"{name}_bare", theirs)
            mine, more_noise = await self._turn(name, ours)
            # A noisy turn is measured again, as long as there are tries left.
            if (noise.noisy or more_noise.noisy) and again >= self._size.turns - accepted:
                continue
            self._keep(f"{name}_bare", plain)
            self._keep(name, mine)
            ratios = {f"{part}_vs_bare": mine[part] / plain[part] for part in plain if plain[part]}
            if cost := ratios.pop("cpu_us_per_event_vs_bare", None):
                ratios["cpu_vs_bare"] = 1 / cost
            self._keep(name, ratios)
            accepted += 1
            if accepted == self._size.turns:
                return

    async def run(self) -> None:
        """Measure the parts of the size."""
        size, sink, home = self._size, self._sink, self._home / "bridge"
        plain = partial(bare, self._home, sink.port)
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "end_to_end": lambda: self._against_bare(
                "end_to_end",
                lambda: measure.end_to_end(
                    partial(bridge, home, sink.port), sink, HOOK, size.events
                ),
                lambda: measure.end_to_end(plain, sink, HOOK, size.events),
            ),
            "accept": lambda: self._against_bare(
                "accept",
                lambda: measure.acceptance(
                    partial(bridge, home, sink.port, severity="minor"), HOOK, size.events
                ),
                lambda: measure.acceptance(plain, "/accept", size.events),
            ),
            "steps": self._steps,
            "latency": lambda: self._against_bare(
                "latency",
                lambda: measure.latency(partial(bridge, home, sink.port), sink, HOOK, size.seconds),
                lambda: measure.latency(plain, sink, HOOK, size.seconds),
            ),
            "ready": partial(
                self._alone, "ready", partial(measure.start_up, home, sink, size.recipes)
            ),
            "idle": partial(
                self._alone, "idle", partial(measure.idle, home, sink, 4, size.idle_seconds)
            ),
            "recovery": self._recovery,
            "recipes": self._recipes,
            "pressure": self._pressure,
            "unused": self._unused,
            "pictures": self._pictures,
        }
        for name in self._size.parts:
            await parts[name]()

    async def _steps(self) -> None:
        home, sink = self._home / "bridge", self._sink

        def ours(started_by: Sequence[str], severity: str) -> AbstractAsyncContextManager[Program]:
            command = [*started_by, "appealbridge"]
            return bridge(home, sink.port, severity=severity, started_by=command)

        def theirs(started_by: Sequence[str]) -> AbstractAsyncContextManager[Program]:
            return bare(self._home, sink.port, started_by)

        async def measured(name: str, severity: str, path: str, ends_at: Sink | None) -> None:
            plain = await steps(theirs, ends_at, path, self._home)
            mine = await steps(partial(ours, severity=severity), ends_at, HOOK, self._home)
            self._keep(name, {"steps": mine, "bare_steps": plain, "steps_vs_bare": plain / mine})

        await measured("end_to_end", "major, critical", HOOK, sink)
        await measured("accept", "minor", "/accept", None)

    async def _recovery(self) -> None:
        for case in CASES:
            await self._alone(case, partial(recovery, self._home / "bridge", self._sink, case))

    async def _recipes(self) -> None:
        size, home = self._size, self._home / "shelf"
        for name in ("many", "shared"):
            events = partial(
                recipes.events, home, self._sink, HOOK,
                pairs=size.pairs, burst=size.burst, shared=name == "shared",
            )  # fmt: skip
            figures, _ = await self._turn(name, events)
            self._keep(name, figures)
        await self._alone("check", partial(recipes.check, home, self._sink))

    async def _pressure(self) -> None:
        home = self._home / "bridge"

        async def indexed() -> Figures:
            return await asyncio.to_thread(indexes, home, waiting)

        await self._alone("lists", partial(lists, home))
        await self._alone("indexes", indexed)
        figures, _ = await self._turn("memory", partial(memory, home, self._sink, HOOK))
        self._keep("memory", figures)

    async def _unused(self) -> None:
        size = self._size
        measured = partial(
            unused,
            self._home / "bridge",
            self._sink,
            HOOK,
            turns=size.turns,
            events=size.events // 2,
        )
        figures, _ = await self._turn("unused", measured)
        self._keep("unused", figures)

    async def _pictures(self) -> None:
        home, sink = self._home / "bridge", self._sink
        await self._alone("pictures", partial(large_pictures, home, sink, HOOK, self._size.seconds))
        figures, _ = await self._turn("pictures", partial(queue_of_pictures, home, sink, HOOK))
        self._keep("pictures", figures)

    async def _alone(self, name: str, measured: Measured) -> None:
        for _ in range(min(self._size.turns, 3)):
            figures, _ = await self._turn(name, measured)
            self._keep(name, figures)

    def figures(self) -> Figures:
        """Return the median of everything, under the names that the table and the file use."""
        named = {
            "end_to_end_per_s_vs_bare": "end_to_end_vs_bare",
            "accept_per_s_vs_bare": "accept_vs_bare",
            "latency_p50_ms_vs_bare": "latency_p50_vs_bare",
            "latency_p99_ms_vs_bare": "latency_p99_vs_bare",
            "ready_cpu_s": f"ready_cpu_s_{self._size.recipes}_recipes",
        }
        return {named.get(name, name): median(values) for name, values in self.turns.items()}


def table(figures: Figures) -> Table:
    rows = Table("figure", "of", "measured", "goal", "")
    rows.columns[0].no_wrap = rows.columns[4].no_wrap = True
    for row in ROWS:
        if row.name in figures:
            rows.add_row(*row.cells(figures))
    return rows


@contextmanager
def home() -> Iterator[Path]:
    """Give a folder on a real disk, while nobody else measures here; what went wrong stays to be read."""
    (BUILD / "bench").mkdir(parents=True, exist_ok=True)
    with (BUILD / "bench" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(tempfile.mkdtemp(dir=BUILD / "bench"))
        yield folder
        shutil.rmtree(folder)


async def bench(size: Size, folder: Path, console: Console) -> Bench:
    """Measure; a polite end from outside takes the programs under test down too."""
    ourselves = asyncio.current_task()
    assert ourselves is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ourselves.cancel)
    async with Sink() as sink:
        measured = Bench(size, folder, sink, console)
        await measured.run()
        return measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{', '.join(GOALS)}; short turns")
    parser.add_argument("--turns", type=int, help="how many turns")
    parser.add_argument(
        "part",
        nargs="*",
        choices=[*PARTS, []],
        metavar="part",
        help=f"all, or of {', '.join(PARTS)}",
    )
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    if options.part:
        size = replace(size, parts=options.part)
    if options.turns:
        size = replace(size, turns=options.turns)
    console = Console(stderr=True)
    os.sched_setaffinity(0, {OUTSIDE})
    gc.disable()  # the sender's own pauses are not what is measured
    if TESTED == OUTSIDE:
        console.print("[red]this machine has one core: everything shares it, the ratios say little")
    with home() as folder:
        measured = uvloop.run(bench(size, folder, console))
    figures = measured.figures()
    Console(width=120).print(table(figures))
    where = BUILD / "bench.json"
    written = {
        **figures, "turns": measured.turns, "quick": options.quick, "machine": platform.platform()
    }  # fmt: skip
    where.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    console.print(f"every figure: {where.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
