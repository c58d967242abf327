"""`recipes`: which recipes there are, what an admin has to accept of them, and accept it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import WRONG_USE, common_options, fail
from appealbridge.cli.operator import daemon_of
from appealbridge.cli.output import (
    answered_yes,
    paragraph,
    say,
    say_json,
    show,
    show_line,
    styled,
    table,
)
from appealbridge.cli.people.names import named, with_names
from appealbridge.cli.tables import clock
from appealbridge.recipes.planning.acceptance_policy import difference

SHOWN = 12
"""How many characters of a hash are shown."""

MOST_LINES = 40
"""How many lines of a difference the list of all recipes shows of each."""


@click.group(invoke_without_command=True, short_help="List recipes; accept what they publish.")
@common_options
@click.pass_context
def recipes(context: click.Context, config: Path | None, as_json: bool) -> None:
    """
    List the recipes in force, and what an admin has to accept of them.

    A recipe that says `approval: none` publishes only once an admin who did not write it has accepted it as it is now.
    """
    if context.invoked_subcommand is None:
        _listed(config, as_json)


@recipes.command("list")
@common_options
def list_(config: Path | None, as_json: bool) -> None:
    """List the recipes in force, what has to be accepted of them, and what has changed in it."""
    _listed(config, as_json)


@recipes.command("show", short_help="Show what has changed in a recipe since it was accepted.")
@click.argument("recipe")
@common_options
def show_(config: Path | None, as_json: bool, recipe: str) -> None:
    """
    Show what has changed in a recipe, its templates and its lists since the last version that was accepted.

    RECIPE is its name, or the hash of a version.
    """
    daemon = daemon_of(config, as_json)
    answer = _shown(daemon, *_named(daemon, recipe))
    show(answer, as_json, with_names(config, _recipe))


@recipes.command(short_help="Accept a recipe as it is now.")
@click.argument("recipe")
@click.option(
    "--hash",
    "hash_",
    default="",
    help="The hash of the version that you have read; if left out, it is shown and you are asked.",
)
@click.option("--yes", is_flag=True, help="Accept it without asking, after showing it.")
@common_options
def accept(config: Path | None, as_json: bool, yes: bool, hash_: str, recipe: str) -> None:
    """
    Accept a recipe as it is now: it publishes without approval, and so does what waits for this.

    RECIPE is its name, or the hash of the version that you have read. You cannot accept what you wrote.
    """
    daemon = daemon_of(config, as_json)
    name, short_hash = _named(daemon, recipe)
    hash_ = hash_ or short_hash
    if not hash_:
        row = _shown(daemon, name, "")
        hash_ = row["version"]
        if as_json and not yes:
            fail(f"give --hash {hash_[:SHOWN]} for what is shown by: appealbridge recipes show")
        if not as_json:
            _recipe(named(config, row))
            if not yes and not answered_yes("Accept this?"):
                say("nothing was changed")
                return
    answer = daemon.post(f"/recipes/{quote(name, safe='')}/accept", {"hash": hash_})
    show_line(answer, as_json, f"{name}: version {answer['version'][:SHOWN]} is accepted")


def _listed(config: Path | None, as_json: bool) -> None:
    daemon = daemon_of(config, as_json)
    rows = daemon.get("/recipes")
    if as_json:
        say_json(rows)
        return
    rows = named(config, rows)
    practice = daemon.mode()[0] == "practice"
    lines = [
        (
            row.get("name") or row["file"],
            row.get("version", "")[:SHOWN],
            row["state"],
            row.get("to_accept", ""),
            ", ".join(row.get("written_by", ())),
            styled(*_acceptance(row, practice=practice)),
        )
        for row in rows
    ]
    headings = ("recipe", "version", "state", "says", "files of", "accepted")
    table(headings, lines, cut=("recipe",), none="there is no recipe")
    for row in rows:
        if row.get("to_accept") and not row["accepted_by"] and row["may_read"]:
            say()
            hash_ = row["version"] if row["state"] == "earlier" else ""
            details = daemon.get(f"/recipes/{quote(row['name'], safe='')}", {"hash": hash_})
            _changed(details, MOST_LINES)


def _acceptance(row: dict[str, Any], *, practice: bool) -> tuple[str, str]:
    """Return in words whether a recipe is accepted, and in which style."""
    if not row.get("to_accept"):
        return "need not be", "dim"
    if row["accepted_by"]:
        return f"by {row['accepted_by']}, {clock(row['accepted_at'])}", "green"
    if practice:
        return "no; needed when live", "yellow"
    posts = "1 post waits" if row["waiting"] == 1 else f"{row['waiting']} posts wait"
    return f"no, {posts}" if row["waiting"] else "no", "yellow"


def _named(daemon: DaemonClient, recipe: str) -> tuple[str, str]:
    """Return the name of a recipe, and its hash if that was given."""
    rows = [row for row in daemon.get("/recipes") if row.get("name")]
    if any(row["name"] == recipe for row in rows):
        return recipe, ""
    matching = [
        row for row in rows if len(recipe) >= 8 and row["version"].startswith(recipe.lower())
    ]
    if len(matching) != 1:
        known = ", ".join(sorted({row["name"] for row in rows})) or "none"
        fail(f"unknown recipe {recipe!r}; known: {known}", WRONG_USE)
    return matching[0]["name"], matching[0]["version"]


def _shown(daemon: DaemonClient, name: str, hash_: str) -> dict[str, Any]:
    answer: dict[str, Any] = daemon.get(f"/recipes/{quote(name, safe='')}", {"hash": hash_})
    return answer


def _recipe(row: dict[str, Any]) -> None:
    _changed(row, None)
    if not row["to_accept"]:
        say("nothing of it has to be accepted")
    elif row["accepted_by"]:
        say(f"accepted by {row['accepted_by']}, {clock(row['accepted_at'])}")


def _changed(row: dict[str, Any], most: int | None) -> None:
    """Print the difference to the version that was accepted last, or all of it."""
    before, name = row["before"], row["name"]
    since = (
        f"changed since {before['accepted_by']} accepted {before['version'][:SHOWN]}"
        if before
        else "never accepted"
    )
    writers = ", ".join(row.get("written_by", ()))
    wrote = f", files of {writers}" if writers else ""
    say(styled(f"{name}, version {row['version'][:SHOWN]}{wrote}: {since}", "bold"))
    if before and before["version"] == row["version"]:
        return
    lines = [*difference(before and before["content"], row["content"])]
    for line in lines[:most]:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        say("  ", styled(line, style) if style else line)
    if most is not None and len(lines) > most:
        paragraph(f"{len(lines) - most} more lines: appealbridge recipes show {name}", indent=2)
