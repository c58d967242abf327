"""Stored things as a person reads them: tables that fit the terminal."""

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
            state_of(row),
            row["channel"],
            f"{row['recipe']}: {row['step']}",
            row["subject"],
            clock(row["planned_at"]),
            Text(why(row)),
        )
    console_of().print(table)


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
            words += f", paused until {clock(row['paused_until'])}"
        style = "green" if row["condition"] == "working" else "red"
        table.add_row(
            row["name"],
            row["platform"],
            Text(words, style=style),
            clock(row["since"]),
            str(row["waiting"]),
            Text(row["reason"] or ""),
        )
    console_of().print(table)


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
        table.add_row(Text(row["id"]), state, clock(row["begun_at"]), Text(row["reason"] or ""))
    console_of().print(table)


def console_of() -> Console:
    """Return where to print: as wide as the terminal, and wide enough for anything in a pipe."""
    # In a pipe nobody's window bounds a line, and cutting one would lose what a program looks for.
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=240)


def state_of(row: Row) -> Text:
    """Return where a delivery stands, and for what it is held, coloured."""
    words = f"{row['state']} ({row['hold']})" if row["hold"] else row["state"]
    return Text(words, style=STYLES.get(row["state"], ""))


def why(row: Row) -> str:
    """Return where a delivery was published, or why it was not."""
    if row["receipt"]:
        return str(row["receipt"]["url"] or row["receipt"]["id"])
    return str(row["reason"] or "")


def clock(text: str | None) -> str:
    """Return a moment of the API as a clock on the wall here shows it."""
    if text is None:
        return ""
    return datetime.fromisoformat(text).astimezone().strftime("%d %b %H:%M:%S %Z")
