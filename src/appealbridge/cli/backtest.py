"""`backtest`: compares what a draft would have published about past events with the recipe in force."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from appealbridge.cli.common import SpanParameter, common_options, fail
from appealbridge.cli.output import Line, progress, say, say_json, styled
from appealbridge.cli.recipes import chosen
from appealbridge.clock import SystemClock
from appealbridge.model.duration import written
from appealbridge.store.backend import Backend
from appealbridge.store.opening import store_at

PAGE = 500
"""How many events are read, and kept in memory, at once."""

_WORDS = {
    "+": "would be published",
    "-": "would no longer be published",
    "~": "would differ",
    "=": "would stay the same",
    "!": "would stop with an error",
}
_COLOURS = {"+": "green", "-": "red", "~": "yellow", "!": "magenta"}

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class _Report:
    """The result of a backtest: the first findings, and how many there were of each kind."""

    every: bool
    limit: int
    shown: list[Any] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, findings: Iterable[Any]) -> None:
        for finding in findings:
            self.counts[finding.kind] += 1
            if (self.every or finding.kind != "=") and len(self.shown) < self.limit:
                self.shown.append(finding)

    @property
    def left_out(self) -> int:
        """How many findings are left out."""
        listed = sum(n for kind, n in self.counts.items() if self.every or kind != "=")
        return listed - len(self.shown)


@click.command(short_help="Show what a draft would have published about past events.")
@click.argument("recipe_name", metavar="RECIPE")
@click.option(
    "--since",
    type=SpanParameter(),
    default="30d",
    show_default=True,
    help="How far back to look, such as 12h or 30d.",
)
@click.option("--all", "every", is_flag=True, help="Also show posts that stay the same.")
@click.option(
    "--limit", default=100, show_default=True, help="The largest number of posts to show."
)
@common_options
def backtest(
    config: Path | None, as_json: bool, limit: int, every: bool, since: float, recipe_name: str
) -> None:
    """
    Show what a draft would have published about past events, and when, and what differs.

    RECIPE is a recipe's name or file. It is compared with the latest version of that name in force. This only reads the
    store, whether or not the daemon runs, and cannot reach a channel.
    """
    assembly, draft = chosen(config, recipe_name)
    store = store_at(assembly.settings.store)
    if not store.exists():
        fail(f"no store at {store}; start the daemon with: appealbridge run")
    report = _Report(every, limit)
    with progress("events") as report_progress:
        playing = _play(assembly, store, draft, since, report, report_progress)
        tested, beside = asyncio.run(playing)
    report.shown.sort(key=lambda finding: float(finding.at))
    if as_json:
        say_json(_as_json(draft, tested, beside, since, report))
    else:
        for line in _lines(draft, tested, beside, since, report):
            say(*line)


async def _play(
    assembly: Any, backend: Backend, draft: Any, since: float, report: _Report, progress: Progress
) -> tuple[Any, str]:
    """Run a draft on all events since then; return the backtest and what it was compared with."""
    from appealbridge.recipes.rehearsal.backtest import Backtest

    now = SystemClock().now()
    store = await backend.open(read_only=True)
    try:
        version, other = await _in_force(store, draft.name, assembly.catalogue)
        tested = Backtest(draft, other)
        async for event in _events(store, now - since, progress):
            report.add(tested.take(event))
    finally:
        await store.close()
    report.add(tested.until(now))
    report.add(tested.rest())
    return tested, _beside(version, loads=other is not None)


async def _in_force(store: Any, name: str, catalogue: Any) -> tuple[str | None, Any]:
    """Return the latest version of a recipe in force, and the recipe if it can still be read."""
    from appealbridge.recipes.parsing.load import load_recipe

    latest = await store.latest_recipe(name)
    if latest is None:
        return None, None
    file = f"{latest.name}@{latest.version}"
    recipe, _ = load_recipe(latest.text, file, latest.name, catalogue, latest.templates)
    return latest.version, recipe


async def _events(store: Any, since: float, progress: Progress) -> AsyncIterator[Any]:
    """Yield the events since a time, page by page, and report progress."""
    page = await store.page_of_events(since, 0, PAGE)
    first, last = page.number - len(page.events), page.last
    while page.events:
        for event in page.events:
            yield event
        progress(page.number - first, last - first)
        if page.number >= last:
            return
        page = await store.page_of_events(since, page.number, PAGE)


def _beside(version: str | None, *, loads: bool) -> str:
    if version is None:
        return "nothing: no version was ever in force"
    if not loads:
        return f"nothing: version {version}, the latest in force, can no longer be read"
    return f"version {version}, the latest in force"


def _as_json(draft: Any, tested: Any, beside: str, since: float, report: _Report) -> dict[str, Any]:
    return {
        "recipe": draft.name,
        "version": draft.version,
        "compared_with": beside,
        "since_seconds": since,
        "events": tested.events,
        "removed": tested.removed,
        "wanted": tested.wanted,
        "counts": {kind: report.counts[kind] for kind in _WORDS},
        "findings": [finding.as_json() for finding in report.shown],
        "left_out": report.left_out,
    }


def _lines(draft: Any, tested: Any, beside: str, since: float, report: _Report) -> Iterator[Line]:
    from appealbridge.recipes.rehearsal.preview import heading

    yield (f"{draft.name}, version {draft.version}, compared with {beside}",)
    for finding in report.shown:
        yield ()
        at = datetime.fromtimestamp(finding.at, draft.zone).strftime("%d %b %Y %H:%M %Z")
        about = f"{finding.event.type} {finding.event.subject}".rstrip()
        mark = styled(finding.kind, _COLOURS.get(finding.kind, ""))
        yield mark, f" {at}  {about}: {finding.failed or heading(finding.post or finding.was)}"
        for line in _texts(finding):
            yield (line,)
    if report.left_out:
        yield ()
        yield (f"… and {report.left_out} more; --limit shows more",)
    removed = f", the content of {tested.removed} removed" if tested.removed else ""
    yield ()
    yield (f"{tested.events} events of the last {written(since)}{removed}; {tested.wanted} wanted",)
    for kind, meaning in _WORDS.items():
        if report.counts[kind]:
            yield (f"{kind} {report.counts[kind]} {meaning}",)


def _texts(finding: Any) -> Iterator[str]:
    """Yield the content of a post, or what differs in it."""
    now_written = finding.post.written if finding.post else {}
    was = finding.was.written if finding.was else {}
    if finding.kind != "~":
        yield from _set_in(now_written or was, "    ")
        return
    yield from _set_in({n: v for n, v in was.items() if now_written.get(n) != v}, "    - ")
    yield from _set_in({n: v for n, v in now_written.items() if was.get(n) != v}, "    + ")
    for word, before, now in (
        ("held", finding.was.hold or "no", finding.post.hold or "no"),
        ("later", written(round(finding.was.after)), written(round(finding.post.after))),
    ):
        if before != now:
            yield f"    {word}: {before} → {now}"


def _set_in(fields: Any, before: str) -> Iterator[str]:
    for name, value in fields.items():
        for line in f"{name}: {value}".split("\n"):
            yield f"{before}{line}".rstrip()
