"""The operator's commands: list deliveries, runs and events; release, retry, confirm, cancel, replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from appealbridge.cli import tables, traces
from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import SpanParameter, common_options
from appealbridge.cli.listings import Stored
from appealbridge.cli.output import say, say_json, show
from appealbridge.cli.people.names import with_names
from appealbridge.clock import SystemClock
from appealbridge.model.delivery import Hold, State
from appealbridge.model.run import RunState

F = TypeVar("F", bound=Callable[..., Any])

HOLDS = ", ".join(Hold)
STATES = ", ".join(State)


def _known(*names: str, many: bool = False) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a callback that accepts only these values; with `many`, several separated by commas."""

    def check(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        values = [word for word in map(str.strip, value.split(",")) if word]
        for word in values:
            if word not in names:
                raise click.BadParameter(f"unknown value {word!r}; known: {', '.join(names)}")
        if len(values) > 1 and not many:
            raise click.BadParameter(f"give one value, not {len(values)}")
        return ",".join(values)

    return check


def _since_option(help_: str) -> Callable[[F], F]:
    """Return `--since`, a length of time before now, as the Unix seconds at which it begins."""

    def begin(_context: click.Context, _parameter: click.Parameter, span: float | None) -> str:
        return "" if span is None else str(SystemClock().now() - span)

    return click.option("--since", type=SpanParameter(), callback=begin, help=help_)


def _list(
    config: Path | None,
    as_json: bool,
    print_it: Callable[[Any], None],
    path: str,
    **query: object,
) -> None:
    """Print a listing, for people after a line that says whether this is practice or live."""
    daemon = DaemonClient.of(config)
    rows = Stored(daemon).get(path, query)
    if not as_json:
        tables.say_mode(*daemon.mode())
    show(rows, as_json, with_names(config, print_it))


@click.command(short_help="List deliveries: what waits and why, and what went out.")
@click.option(
    "--state",
    default="",
    callback=_known(*State, many=True),
    help=f"Only these, separated by commas: {STATES}.",
)
@click.option("--channel", default="", help="Only those of this channel.")
@click.option("--subject", default="", help="Only those about this appeal or incident.")
@click.option("--recipe", default="", help="Only those of this recipe.")
@click.option(
    "--hold", default="", callback=_known(*Hold), help=f"Only those held for this reason: {HOLDS}."
)
@click.option("--event", default="", help="Only those that this event caused.")
@_since_option("Only those of the last 2h or 3d, for example.")
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@common_options
def deliveries(config: Path | None, as_json: bool, **filters: object) -> None:
    """List deliveries, newest first: what waits and why, what went out and where to find it."""
    _list(config, as_json, tables.deliveries, "/deliveries", **filters)


@click.command(short_help="List runs: which recipe did what about which event.")
@click.option(
    "--state", default="", callback=_known(*RunState), help=f"Only these: {', '.join(RunState)}."
)
@click.option("--event", default="", help="Only those of this event.")
@click.option("--recipe", default="", help="Only those of this recipe.")
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@common_options
def runs(config: Path | None, as_json: bool, **filters: object) -> None:
    """List runs, newest first: which recipe did what about which event."""
    _list(config, as_json, tables.runs, "/runs", **filters)


@click.command(short_help="List events: what came in.")
@click.option("--subject", default="", help="Only those about this appeal or incident.")
@click.option(
    "--source", default="", help="Only those of this source, such as webhook:incident-desk."
)
@click.option("--type", default="", help="Only those of this type, such as appeal.new.")
@_since_option("Only those of the last 2h or 3d, for example.")
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@common_options
def events(config: Path | None, as_json: bool, **filters: object) -> None:
    """List events, newest first: what came in, from where, and about what."""
    _list(config, as_json, tables.events, "/events", **filters)


@click.command(short_help="Show the history of an event, a run, a delivery or a subject.")
@click.argument("id_", metavar="ID")
@common_options
def trace(config: Path | None, as_json: bool, id_: str) -> None:
    """
    Show what came in, which recipes wanted it and why, what was sent, and what came back.

    ID is the id of an event, for everything that it caused; the id of a run or the number of a delivery, for one
    recipe; or a subject, also as a listing shortens it, for its latest events.
    """
    _list(config, as_json, traces.tell, f"/traces/{quote(id_, safe='')}")


def all_option(function: F) -> F:
    """Add `--all --hold HOLD`, with `--recipe` and `--subject`, to act on many held deliveries at once."""
    for option in (
        click.option(
            "--subject", default="", help="With --all: only those about this appeal or incident."
        ),
        click.option("--recipe", default="", help="With --all: only those of this recipe."),
        click.option(
            "--hold",
            default="",
            callback=_known(*Hold),
            help="With --all: the reason why they are held, such as burst.",
        ),
        click.option(
            "--all", "every", is_flag=True, help="All that are held for the reason in --hold."
        ),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("delivery_ids", metavar="[ID...]", nargs=-1)
@all_option
@common_options
def release(
    config: Path | None, as_json: bool, every: bool, delivery_ids: tuple[str, ...], **which: str
) -> None:
    """Publish held deliveries. ID is the number or the id that `deliveries` shows."""
    _each_or_all(config, as_json, every, delivery_ids, which, "release", "released")


@click.command(short_help="Try failed deliveries again.")
@click.argument("delivery_ids", metavar="[ID...]", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All failed deliveries.")
@_since_option("With --all: only those planned in the last 2h, for example.")
@common_options
def retry(
    config: Path | None, as_json: bool, since: str, every: bool, delivery_ids: tuple[str, ...]
) -> None:
    """Try failed deliveries again, with the same checks as the first time."""
    if every == bool(delivery_ids) or (since and not every):
        raise click.UsageError("give IDs, or --all, perhaps with --since")
    if not every:
        _each(config, as_json, delivery_ids, "retry", "will be tried again")
        return
    moved = daemon_of(config, as_json).post("/retry", {"since": since})
    _tell_all(as_json, moved, "will be tried again", "no delivery has failed")


@click.command(short_help="Run an event again through the recipes in force.")
@click.argument("event_id", metavar="EVENT")
@click.option("--recipe", default="", help="Only run this recipe.")
@click.option("--dry-run", is_flag=True, help="Only show what would go out.")
@common_options
def replay(config: Path | None, as_json: bool, dry_run: bool, recipe: str, event_id: str) -> None:
    """
    Run an event again through the recipes in force.

    Nothing goes to a channel where it is published, or may still be. What failed, expired or was
    cancelled may go out again. EVENT is the id that `trace` shows.
    """
    query = {"recipe": recipe, "dry_run": "1" if dry_run else ""}
    path = f"/events/{quote(event_id, safe='')}/replay"
    answer = daemon_of(config, as_json).post(path, query)
    show(answer, as_json, partial(traces.replayed, dry_run=dry_run))


@click.command(short_help="Record that a delivery held as unknown is published.")
@click.argument("delivery_id", metavar="ID")
@click.option("--url", default="", help="The address of the post.")
@common_options
def confirm(config: Path | None, as_json: bool, url: str, delivery_id: str) -> None:
    """
    Record that a delivery held as `unknown` is published after all, or that a withdrawn post is gone.

    For the second, give the number of its removal, which `withdrawals` shows.
    """
    answer = daemon_of(config, as_json).post(f"/deliveries/{delivery_id}/confirm", {"url": url})
    show(answer, as_json, partial(_tell, outcome="confirmed"))


@click.command()
@click.argument("delivery_ids", metavar="[ID...]", nargs=-1)
@all_option
@common_options
def cancel(
    config: Path | None, as_json: bool, every: bool, delivery_ids: tuple[str, ...], **which: str
) -> None:
    """Cancel waiting deliveries for good."""
    _each_or_all(config, as_json, every, delivery_ids, which, "cancel", "cancelled")


def daemon_of(config: Path | None, as_json: bool) -> DaemonClient:
    """Return the daemon, after a line for people that says whether it is practice or live."""
    daemon = DaemonClient.of(config)
    if not as_json and daemon.control is not None:
        tables.say_mode(*daemon.mode())
    return daemon


def _each(
    config: Path | None, as_json: bool, ids: tuple[str, ...], verb: str, outcome: str
) -> None:
    daemon = daemon_of(config, as_json)
    moved = []
    for id_ in ids:
        moved.append(daemon.post(f"/deliveries/{id_}/{verb}"))
        if not as_json:
            _tell(moved[-1], outcome)
    if as_json:
        say_json(moved)


def _each_or_all(
    config: Path | None,
    as_json: bool,
    every: bool,
    ids: tuple[str, ...],
    which: Mapping[str, str],
    verb: str,
    outcome: str,
) -> None:
    if every == bool(ids) or every != bool(which["hold"]) or (any(which.values()) and not every):
        raise click.UsageError(
            "give IDs, or --all --hold HOLD, perhaps with --recipe and --subject"
        )
    if not every:
        _each(config, as_json, ids, verb, outcome)
        return
    moved = daemon_of(config, as_json).post(f"/{verb}", which)
    _tell_all(as_json, moved, outcome, f"no delivery is held for {which['hold']}")


def _tell_all(as_json: bool, moved: Sequence[dict[str, Any]], outcome: str, none: str) -> None:
    if as_json:
        say_json(moved)
        return
    for delivery in moved:
        _tell(delivery, outcome)
    if not moved:
        say(none)


def _tell(moved: dict[str, Any], outcome: str) -> None:
    behind = moved.get("waits_behind")
    waits = f", and waits behind no. {behind}" if behind else ""
    say(f"{moved['number']} {tables.where(moved)}: {outcome}{waits}")
