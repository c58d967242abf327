"""People and tokens: who may log in, one-time codes, and what systems prove themselves with."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from appealbridge.cli.common import common_options
from appealbridge.cli.operator import daemon_of
from appealbridge.cli.output import say, show, show_line, styled, table
from appealbridge.cli.people.names import with_names
from appealbridge.cli.tables import clock
from appealbridge.settings.load import address_here, only_option

STYLES = {"can log in": "green", "has a code": "yellow", "valid": "green", "not invited": "dim"}
SCOPES = ("read", "withdraw", "stop")


@click.group()
def people() -> None:
    """List people, and give them one-time codes."""


@people.command("list")
@common_options
def list_(config: Path | None, as_json: bool) -> None:
    """List everybody who is named under people:, with roles, and whether they can log in."""
    show(daemon_of(config, as_json).get("/people"), as_json, _people)


@people.command(short_help="Print a one-time code for somebody without a password.")
@click.argument("name")
@common_options
def invite(config: Path | None, as_json: bool, name: str) -> None:
    """
    Print a one-time code with which NAME chooses a password and a second factor.

    Hand the code over in person or by telephone. It works once, within 24 hours.
    """
    _code(config, name, "invite", as_json=as_json)


@people.command(short_help="Take somebody's password away, and print a one-time code.")
@click.argument("name")
@common_options
def reset(config: Path | None, as_json: bool, name: str) -> None:
    """
    Take password and second factor away from NAME, end all sessions, and print a one-time code.

    The admins are told. Be sure who is asking for it.
    """
    _code(config, name, "reset", as_json=as_json)


@click.group()
def tokens() -> None:
    """Make, list and revoke tokens of systems."""


@tokens.command("list")
@common_options
def list_tokens(config: Path | None, as_json: bool) -> None:
    """List all tokens, with what they may do and until when."""
    answer = daemon_of(config, as_json).get("/tokens")
    show(answer, as_json, with_names(config, _tokens))


@tokens.command(short_help="Make a token for a system, and print it once.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it may do; give it several times for several scopes.",
)
@click.option(
    "--days",
    default=90,
    show_default=True,
    type=click.IntRange(1, 366),
    help="How long it is valid.",
)
@common_options
def make(config: Path | None, as_json: bool, days: int, scopes: tuple[str, ...], name: str) -> None:
    """
    Make a token for a system called NAME, and print it once: only its hash is stored.

    A token never approves or edits, and sees no recipients. The system sends it as `Authorization: Bearer TOKEN`.
    """
    query = {"scopes": ",".join(scopes), "days": days}
    answer = daemon_of(config, as_json).post(f"/tokens/{quote(name, safe='')}", query)
    show_line(answer, as_json, answer["token"])


@tokens.command()
@click.argument("name")
@common_options
def revoke(config: Path | None, as_json: bool, name: str) -> None:
    """Revoke the token called NAME, from now on."""
    answer = daemon_of(config, as_json).post(f"/tokens/{quote(name, safe='')}/revoke")
    show_line(answer, as_json, f"token {answer['name']} is revoked")


def _code(config: Path | None, name: str, verb: str, *, as_json: bool) -> None:
    answer = daemon_of(config, as_json).post(f"/people/{quote(name, safe='')}/{verb}")
    address, where = only_option(config, "public_url").public_url or "", ""
    if not address:
        address, where = address_here(config), " on the daemon's machine"
    page = f"at {address}/code{where}" if address else f"on the page /code{where}"

    def tell(person: dict[str, Any]) -> None:
        say(person["code"])
        say(f"{person['id']} enters it {page}, within 24 hours, once")

    show(answer, as_json, tell)


def _people(rows: list[dict[str, Any]]) -> None:
    lines = [
        (
            row["id"],
            row["name"],
            ", ".join(row["roles"]) or "-",
            str(row["uid"] or "-"),
            styled(row["state"], STYLES[row["state"]]),
        )
        for row in rows
    ]
    headings = ("id", "name", "roles", "user id", "state")
    table(headings, lines, cut=("name",), none="appealbridge.yaml names no people")


def _tokens(rows: list[dict[str, Any]]) -> None:
    lines = [
        (
            row["name"],
            styled(row["state"], STYLES.get(row["state"], "red")),
            ", ".join(row["scopes"]),
            clock(row["ends"]),
            clock(row["used_at"]) if row["used_at"] else "never",
            row["owner"] or "-",
        )
        for row in rows
    ]
    headings = ("name", "state", "scopes", "ends", "last used", "made by")
    table(headings, lines, cut=("made by",), none="no tokens")
