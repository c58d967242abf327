"""Stop everything, start again, and see how things are: stop, start, status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from appealbridge.cli import tables
from appealbridge.cli.client import DaemonClient, user
from appealbridge.cli.common import common_options, fail, needs_settings
from appealbridge.cli.operator import daemon_of
from appealbridge.cli.output import (
    answered_yes,
    paragraph,
    say,
    say_json,
    short,
    show,
    show_line,
    styled,
    table,
)
from appealbridge.cli.people.names import named, with_names
from appealbridge.clock import SystemClock
from appealbridge.settings.load import store_of
from appealbridge.store.opening import store_at


@click.command(short_help="Stop everything at once: nothing more is published.")
@click.option("--reason", required=True, help="Why; everybody concerned is told.")
@common_options
def stop(config: Path | None, as_json: bool, reason: str) -> None:
    """
    Stop everything at once, even if the daemon hangs or does not run.

    What was published can still be taken back, and notices go out. An operator lifts the stop with `start`.
    """
    reason = reason.strip()
    if not reason:
        raise click.UsageError("--reason: say why everything is stopped")
    file, error = _make_file(config, reason)
    if file is not None and not as_json:
        say(f"{file} is there: nothing more is published, whether or not the daemon answers")
    answer: dict[str, Any] | None = None
    daemon = DaemonClient.of(config)
    if daemon.control is not None:
        answer = daemon.post("/stop", {"reason": reason})
    elif file is None:
        fail(f"no daemon is running on {daemon.store}, and its stop file cannot be made: {error}")
    if as_json:
        say_json({"file": file and str(file), "stop": answer})
    elif answer is None:
        say(
            "no daemon is running, or it does not answer; it finds the file before it sends anything"
        )
    else:
        say(styled("stopped", "red"), f" as no. {answer['number']}; to lift it: appealbridge start")


@click.command(short_help="Lift the stop, after you have seen what would go out.")
@click.option("--yes", is_flag=True, help="Lift it without asking, after showing what goes out.")
@common_options
def start(config: Path | None, as_json: bool, yes: bool) -> None:
    """
    Show what would go out, and lift the stop.

    For ten minutes at most five posts go out on each channel, the oldest first. Everything else that waited is held
    until somebody releases or cancels it.
    """
    daemon = daemon_of(config, as_json)
    would = daemon.get("/stop")
    if not would["stopped"]:
        fail("nothing is stopped, so there is nothing to lift")
    if as_json and not yes:
        say_json(would)
        return
    if not as_json:
        _preview(named(config, would))
        if not yes and not answered_yes("Lift the stop?"):
            say("nothing was changed")
            return
    answer = daemon.post("/start", {"seen": would["seen"]})
    show_line(answer, as_json, styled("the stop is lifted", "green"))


@click.command(short_help="Show whether everything is stopped, and what waits.")
@common_options
def status(config: Path | None, as_json: bool) -> None:
    """Show whether this is practice or live, whether everything is stopped, and what waits or is in trouble."""
    daemon = daemon_of(config, as_json)
    show(daemon.get("/status"), as_json, with_names(config, _status))


def _make_file(config: Path | None, reason: str) -> tuple[Path | None, str]:
    """Make the stop file; return its path, or `None` and why not."""
    store = store_at(store_of(config))
    # A file in the wrong folder would stop nothing, while everybody believes that all is stopped.
    needs_settings(config, store)
    file = store.stop_file()
    try:
        file.make(user(), reason, SystemClock().now())
    except OSError as error:
        return None, f"{file.path}: {error.strerror}"
    return file.path, ""


def _preview(would: dict[str, Any]) -> None:
    if would["stop"] is not None:
        _say_stop(would["stop"])
    if not would["channels"]:
        say("nothing waits, so nothing goes out at once")
        return
    headings = ("no.", "channel", "what", "about", "text")
    lines = [
        (
            str(post["number"]),
            post["channel"],
            f"{post['recipe']}: {post['step']}",
            short(post["subject"]),
            _text(post),
        )
        for channel in would["channels"]
        for post in channel["goes"]
    ]
    say("these go out, the oldest first:")
    table(headings, lines, cut=("channel", "what", "about"))
    for channel in would["channels"]:
        if channel["held"]:
            say(f"{channel['channel']}: {channel['held']} more that wait will be held for a person")


def _say_stop(stop: dict[str, Any]) -> None:
    by = f" by {stop['by']}" if stop["by"] else ""
    say(f"stopped{by} since {tables.clock(stop['at'])}: {stop['reason'] or 'no reason was given'}")


def _text(post: dict[str, Any]) -> str:
    content = post["content"] or {}
    return short(str(content.get("text") or content.get("message") or content.get("subject") or ""))


def _status(row: dict[str, Any]) -> None:
    if row["stopped"]:
        _say_stop(row["stopped"])
    waiting = ", ".join(f"{count} {state}" for state, count in sorted(row["deliveries"].items()))
    say(f"deliveries: {waiting or 'none wait'}")
    for channel in row["channels"]:
        if channel["condition"] != "working":
            say(styled(f"{channel['name']}: {channel['condition'].replace('_', ' ')}", "red"))
    for note in row["notes"]:
        paragraph(styled(note, "yellow"))
