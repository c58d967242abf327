"""The operator's verbs: see what waits, what went out and why; release, retry, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from appealbridge.cli import tell
from appealbridge.cli.client import Daemon
from appealbridge.cli.common import config_option, json_option, print_json
from appealbridge.cli.stored import Stored

STATES = "planned, held, ready, sending, unknown, delivered, failed, expired, cancelled"


@click.command()
@click.option("--state", default="", help=f"Only these, with commas between: {STATES}.")
@click.option("--channel", default="", help="Only this channel's.")
@click.option("--subject", default="", help="Only what is about this appeal or incident.")
@click.option("--event", default="", help="Only what this event caused.")
@click.option("--limit", default=50, show_default=True, help="How many at the most.")
@config_option
@json_option
def deliveries(config: Path | None, as_json: bool, limit: int, **wanted: str) -> None:
    """List deliveries, the newest first: what waits and why, what went out and where it stands."""
    rows = Stored(Daemon.of(config)).get("/deliveries", {**wanted, "limit": limit})
    if as_json:
        print_json(rows)
    else:
        tell.deliveries(rows)


@click.command()
@click.option("--event", default="", help="Only this event's.")
@click.option("--recipe", default="", help="Only this recipe's.")
@click.option("--limit", default=50, show_default=True, help="How many at the most.")
@config_option
@json_option
def runs(config: Path | None, as_json: bool, limit: int, **wanted: str) -> None:
    """List runs, the newest first: which recipe did what about which event."""
    rows = Stored(Daemon.of(config)).get("/runs", {**wanted, "limit": limit})
    if as_json:
        print_json(rows)
    else:
        tell.runs(rows)


@click.command()
@click.argument("run_id", metavar="ID")
@config_option
@json_option
def trace(config: Path | None, as_json: bool, run_id: str) -> None:
    """Tell the story of one run: what came in, why it matched, what was sent, what came back."""
    told = Stored(Daemon.of(config)).get(f"/runs/{run_id}")
    if as_json:
        print_json(told)
    else:
        tell.trace(told)


@click.command()
@click.argument("delivery_ids", metavar="ID...", nargs=-1, required=True)
@config_option
@json_option
def release(config: Path | None, as_json: bool, delivery_ids: tuple[str, ...]) -> None:
    """Let held deliveries go out. ID is the number or the id that `deliveries` shows."""
    _each(config, as_json, delivery_ids, "release", "released")


@click.command()
@click.argument("delivery_ids", metavar="ID...", nargs=-1, required=True)
@config_option
@json_option
def retry(config: Path | None, as_json: bool, delivery_ids: tuple[str, ...]) -> None:
    """Try failed deliveries again, with the same checks as the first time."""
    _each(config, as_json, delivery_ids, "retry", "will be tried again")


@click.command()
@click.argument("delivery_id", metavar="ID")
@click.option("--url", default="", help="Where it stands, for whoever looks for it later.")
@config_option
@json_option
def confirm(config: Path | None, as_json: bool, url: str, delivery_id: str) -> None:
    """Say that a delivery whose outcome nobody could find out is published after all."""
    told = Daemon.of(config).post(f"/deliveries/{delivery_id}/confirm?{urlencode({'url': url})}")
    if as_json:
        print_json(told)
    else:
        click.echo(f"{told['number']} {told['action']} on {told['channel']}: confirmed")


@click.command()
@click.argument("delivery_ids", metavar="ID...", nargs=-1, required=True)
@config_option
@json_option
def cancel(config: Path | None, as_json: bool, delivery_ids: tuple[str, ...]) -> None:
    """Call waiting deliveries off for good."""
    _each(config, as_json, delivery_ids, "cancel", "cancelled")


def _each(config: Path | None, as_json: bool, ids: tuple[str, ...], verb: str, said: str) -> None:
    daemon = Daemon.of(config)
    moved: list[dict[str, Any]] = []
    for one in ids:
        told = daemon.post(f"/deliveries/{one}/{verb}")
        moved.append(told)
        if not as_json:
            click.echo(f"{told['number']} {told['action']} on {told['channel']}: {said}")
    if as_json:
        print_json(moved)


COMMANDS = (deliveries, runs, trace, release, confirm, retry, cancel)
