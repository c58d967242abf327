"""Stored things as a person reads them: tables that fit the terminal, and a run as a story."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

STYLES = {
    "delivered": "green",
    "held": "yellow",
    "ready": "cyan",
    "sending": "cyan",
    "unknown": "magenta",
    "failed": "red",
    "expired": "red",
    "cancelled": "dim",
    "planned": "green",
    "open": "cyan",
    "skipped": "dim",
}

Row = dict[str, Any]

REMOVED = "(removed after its retention)"


def deliveries(rows: Sequence[Row]) -> None:
    """Print a table of deliveries."""
    if not rows:
        click.echo("no deliveries")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("no.", "state", "channel", "what", "about", "planned", "why or where"):
        table.add_column(heading, overflow="fold" if heading == "why or where" else "ellipsis")
    for row in rows:
        table.add_row(
            str(row["number"]),
            _state(row),
            row["channel"],
            f"{row['recipe']}: {row['step']}",
            row["subject"],
            _clock(row["planned_at"]),
            Text(_why(row)),
        )
    _console().print(table)


def channels(rows: Sequence[Row]) -> None:
    """Print a table of accounts."""
    if not rows:
        click.echo("no channels are declared")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("channel", "platform", "condition", "since", "waiting", "why"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        words = row["condition"].replace("_", " ")
        if row["paused_until"]:
            words += f", paused until {_clock(row['paused_until'])}"
        style = "green" if row["condition"] == "working" else "red"
        table.add_row(
            row["name"],
            row["platform"],
            Text(words, style=style),
            _clock(row["since"]),
            str(row["waiting"]),
            Text(row["reason"] or ""),
        )
    _console().print(table)


def runs(rows: Sequence[Row]) -> None:
    """Print a table of runs."""
    if not rows:
        click.echo("no runs")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "state", "begun", "why"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        state = Text(row["state"], style=STYLES.get(row["state"], ""))
        table.add_row(Text(row["id"]), state, _clock(row["begun_at"]), Text(row["reason"] or ""))
    _console().print(table)


def trace(told: Row) -> None:
    """Print a run as a story, in the order in which it happened."""
    about = told["about"]
    console = _console()
    console.print(Text(f"{told['id']}", style="bold"))
    console.print(
        Text(
            f"{_clock(about['received_at'])}  {about['type']} from {about['source']}, about {about['subject']}"
        )
    )
    if told["state"] in ("skipped", "failed"):
        console.print(
            Text(f"{_clock(told['begun_at'])}  {told['state']}: {told['reason']}", style="yellow")
        )
    if about.get("removed"):
        console.print(Text(REMOVED, style="dim"))
    for entry in told["trace"]:
        step = f"{entry['step']}: " if entry.get("step") else ""
        console.print(Text(f"{_clock(entry['at'])}  {step}{entry.get('said', '')}"))
    for row in told["deliveries"]:
        console.print()
        console.print(
            Text.assemble(f"no. {row['number']}  {row['step']} on {row['channel']}: ", _state(row))
        )
        if row.get("removed"):
            console.print(Text(f"    {REMOVED}", style="dim"))
        for name, value in (row["content"] or {}).items():
            if value not in (None, "", [], {}):
                lines = f"{name}: {value}".splitlines()
                console.print(Text("\n".join(f"    {line}" for line in lines), style="dim"))
        for attempt in row["history"]:
            words = f"    {_clock(attempt['ended_at'])}  {attempt['kind']} {attempt['number']}: {attempt['outcome']}"
            console.print(Text(words + (f", {attempt['detail']}" if attempt["detail"] else "")))
        if _why(row):
            console.print(Text(f"    {_why(row)}"))


def _console() -> Console:
    # In a pipe nobody's window bounds a line, and cutting one would lose what a program looks for.
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=240)


def _state(row: Row) -> Text:
    words = f"{row['state']} ({row['hold']})" if row["hold"] else row["state"]
    return Text(words, style=STYLES.get(row["state"], ""))


def _why(row: Row) -> str:
    if row["receipt"]:
        return str(row["receipt"]["url"] or row["receipt"]["id"])
    return str(row["reason"] or "")


def _clock(text: str | None) -> str:
    if text is None:
        return ""
    return datetime.fromisoformat(text).astimezone().strftime("%d %b %H:%M:%S")
