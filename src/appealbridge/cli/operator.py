"""The operator's commands: list deliveries, runs and events; release, retry, confirm, cancel, replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import click

from appealbridge.cli import tables, traces
from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import SpanParameter, config_option, json_option
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


since_option = click.option(
    "--since", type=SpanParameter(), help="Only those of the last 2h or 3d, for example."
)


def _begin(since: float | None) -> str:
    return "" if since is None else str(SystemClock().now() - since)


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
@since_option
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@config_option
@json_option
def deliveries(
    config: Path | None, as_json: bool, since: float | None, limit: int, **filters: str
) -> None:
    """List deliveries, newest first: what waits and why, what went out and where to find it."""
    query = {**filters, "since": _begin(since), "limit": limit}
    _list(config, as_json, tables.deliveries, "/deliveries", **query)


@click.command(short_help="List runs: which recipe did what about which event.")
@click.option(
    "--state", default="", callback=_known(*RunState), help=f"Only these: {', '.join(RunState)}."
)
@click.option("--event", default="", help="Only those of this event.")
@click.option("--recipe", default="", help="Only those of this recipe.")
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@config_option
@json_option
def runs(config: Path | None, as_json: bool, limit: int, **filters: str) -> None:
    """List runs, newest first: which recipe did what about which event."""
    _list(config, as_json, tables.runs, "/runs", **filters, limit=limit)


@click.command(short_help="List events: what came in.")
@click.option("--subject", default="", help="Only those about this appeal or incident.")
@click.option(
    "--source", default="", help="Only those of this source, such as webhook:incident-desk."
)
@click.option("--type", default="", help="Only those of this type, such as appeal.new.")
@since_option
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@config_option
@json_option
def events(
    config: Path | None, as_json: bool, since: float | None, limit: int, **filters: str
) -> None:
    """List events, newest first: what came in, from where, and about what."""
    query = {**filters, "since": _begin(since), "limit": limit}
    _list(config, as_json, tables.events, "/events", **query)


@click.command(short_help="Show the history of an event, a run, a delivery or a subject.")
@click.argument("id_", metavar="ID")
@config_option
@json_option
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
@config_option
@json_option
def release(
    config: Path | None, as_json: bool, every: bool, delivery_ids: tuple[str, ...], **which: str
) -> None:
    """Publish held deliveries. ID is the number or the id that `deliveries` shows."""
    _each_or_all(config, as_json, every, delivery_ids, which, "release", "released")


@click.command(short_help="Try failed deliveries again.")
@click.argument("delivery_ids", metavar="[ID...]", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All failed deliveries.")
@click.option(
    "--since",
    type=SpanParameter(),
    help="With --all: only those planned in the last 2h, for example.",
)
@config_option
@json_option
def retry(
    config: Path | None,
    as_json: bool,
    since: float | None,
    every: bool,
    delivery_ids: tuple[str, ...],
) -> None:
    """Try failed deliveries again, with the same checks as the first time."""
    if every == bool(delivery_ids) or (since is not None and not every):
        raise click.UsageError("give IDs, or --all, perhaps with --since")
    if not every:
        _each(config, as_json, delivery_ids, "retry", "will be tried again")
        return
    begin = "" if since is None else f"?since={SystemClock().now() - since}"
    moved = daemon_of(config, as_json).post(f"/retry{begin}")
    _tell_all(as_json, moved, "will be tried again", "no delivery has failed")


@click.command(short_help="Run an event again through the recipes in force.")
@click.argument("event_id", metavar="EVENT")
@click.option("--recipe", default="", help="Only run this recipe.")
@click.option("--dry-run", is_flag=True, help="Only show what would go out.")
@config_option
@json_option
def replay(config: Path | None, as_json: bool, dry_run: bool, recipe: str, event_id: str) -> None:
    """
    Run an event again through the recipes in force.

    Nothing goes to a channel where it is published, or may still be. What failed, expired or was
    cancelled may go out again. EVENT is the id that `trace` shows.
    """
    options = {"recipe": recipe, "dry_run": "1" if dry_run else ""}
    query = urlencode({name: value for name, value in options.items() if value})
    answer = daemon_of(config, as_json).post(f"/events/{quote(event_id, safe='')}/replay?{query}")
    show(answer, as_json, partial(traces.replayed, dry_run=dry_run))


@click.command(short_help="Record that a delivery held as unknown is published.")
@click.argument("delivery_id", metavar="ID")
@click.option("--url", default="", help="The address of the post.")
@config_option
@json_option
def confirm(config: Path | None, as_json: bool, url: str, delivery_id: str) -> None:
    """
    Record that a delivery held as `unknown` is published after all, or that a withdrawn post is gone.

    For the second, give the number of its removal, which `withdrawals` shows.
    """
    answer = daemon_of(config, as_json).post(
        f"/deliveries/{delivery_id}/confirm?{urlencode({'url': url})}"
    )
    show(answer, as_json, partial(_tell, outcome="confirmed"))


@click.command()
@click.argument("delivery_ids", metavar="[ID...]", nargs=-1)
@all_option
@config_option
@json_option
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
    query = urlencode({name: value for name, value in which.items() if value})
    moved = daemon_of(config, as_json).post(f"/{verb}?{query}")
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
