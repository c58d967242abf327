"""Answer what waits for approval: questions, approve, reject, edit, take-back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from appealbridge.cli import tables
from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import common_options, fail
from appealbridge.cli.operator import daemon_of
from appealbridge.cli.output import (
    answered_yes,
    say,
    say_text,
    show,
    show_line,
    styled,
)
from appealbridge.cli.people.names import with_names
from appealbridge.cli.traces import image_lines
from appealbridge.model.withdrawal import scope_text

hash_option = click.option(
    "--hash",
    "hash_",
    default="",
    help="The hash of the revision that you have seen; if left out, it is shown and you are asked.",
)

_QUESTIONS = {
    "approve": "Approve this?",
    "reject": "Reject this for good?",
    "changes": "Ask for changes to this?",
}


@click.command(short_help="Show what waits for approval.")
@common_options
def questions(config: Path | None, as_json: bool) -> None:
    """Show everything that waits for approval: texts, recipients, pictures, and who may answer."""
    answer = daemon_of(config, as_json).get("/questions")
    show(answer, as_json, with_names(config, print_questions))


@click.command(short_help="Approve a delivery as it is shown.")
@click.argument("delivery_id", metavar="ID")
@click.option(
    "--at",
    default="",
    help="Do not publish it before this time, such as 18:30 or 2026-11-27 18:30.",
)
@hash_option
@common_options
def approve(config: Path | None, as_json: bool, hash_: str, at: str, delivery_id: str) -> None:
    """
    Approve a delivery, after it was shown. ID is its number.

    For a few seconds the approval can be taken back with `take-back`.
    """
    _answer(config, as_json, delivery_id, hash_, "approve", {"at": at}, "approved")


@click.command(short_help="Reject a delivery, or ask for changes.")
@click.argument("delivery_id", metavar="ID")
@click.option("--reason", required=True, help="Why. It is kept, and whoever wrote it sees it.")
@click.option(
    "--changes", is_flag=True, help="Only ask for changes: the delivery waits for an edit."
)
@hash_option
@common_options
def reject(
    config: Path | None,
    as_json: bool,
    hash_: str,
    changes: bool,
    reason: str,
    delivery_id: str,
) -> None:
    """Reject a delivery for good, or ask for changes. ID is its number."""
    verb, outcome = ("changes", "changes asked for") if changes else ("reject", "rejected")
    _answer(config, as_json, delivery_id, hash_, verb, {"reason": reason}, outcome)


@click.command(short_help="Change the text of a delivery that waits for approval.")
@click.argument("delivery_id", metavar="ID")
@click.option("--text", default=None, help="The new text; - reads it from standard input.")
@click.option("--subject", default=None, help="The new subject of a mail.")
@hash_option
@common_options
def edit(
    config: Path | None,
    as_json: bool,
    hash_: str,
    subject: str | None,
    text: str | None,
    delivery_id: str,
) -> None:
    """
    Change a delivery that waits for approval. It becomes a new revision, and is asked again.

    Whoever edits it cannot approve it. ID is its number.
    """
    if text == "-":
        text = sys.stdin.read().strip()
    changes = {"text": text, "subject": subject}
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        raise click.UsageError("say what to change: --text or --subject")
    daemon = daemon_of(config, as_json)
    hash_ = hash_ or _deliveries_of(daemon, delivery_id)[0]["revision"]["hash"]
    path = f"/deliveries/{quote(delivery_id, safe='')}/edit"
    revision = daemon.post(path, {"hash": hash_}, changes)
    show_line(revision, as_json, f"{delivery_id}: revision {revision['number']} is asked now")


@click.command("take-back", short_help="Take an approval back before the post is sent.")
@click.argument("delivery_id", metavar="ID")
@common_options
def take_back(config: Path | None, as_json: bool, delivery_id: str) -> None:
    """Take an approval back, until the post is sent: it waits for approval again. ID is its number."""
    row = daemon_of(config, as_json).post(f"/deliveries/{quote(delivery_id, safe='')}/take-back")
    show_line(row, as_json, f"{row['number']}: waits for approval again")


def _answer(
    config: Path | None,
    as_json: bool,
    delivery_id: str,
    hash_: str,
    verb: str,
    more: dict[str, str],
    outcome: str,
) -> None:
    daemon = daemon_of(config, as_json)
    if not hash_:
        thread = _deliveries_of(daemon, delivery_id)
        hash_ = thread[0]["revision"]["hash"]
        if as_json:
            fail(f"give --hash {hash_[:12]} for what is shown by: appealbridge questions --json")
        for post in thread:
            _delivery(post)
        if verb == "approve" and (why_not := thread[0]["why_not"]):
            fail(f"you may not approve it: {why_not}")
        if not answered_yes(_QUESTIONS[verb]):
            say("nothing was changed")
            return
    path = f"/deliveries/{quote(delivery_id, safe='')}/{verb}"
    row = daemon.post(path, {"hash": hash_, **more})
    when = f"; goes out at {tables.clock(row['due_at'])}" if row["state"] == "ready" else ""
    show_line(row, as_json, f"{row['number']} {tables.where(row)}: {outcome}{when}")


def _deliveries_of(daemon: DaemonClient, delivery_id: str) -> list[dict[str, Any]]:
    """Return what is asked about a delivery, and about the posts that follow it in its thread."""
    question = daemon.get(f"/deliveries/{quote(delivery_id, safe='')}/question")
    deliveries: list[dict[str, Any]] = question["deliveries"]
    return deliveries


def print_questions(rows: list[dict[str, Any]]) -> None:
    """Print each question with what it asks about."""
    if not rows:
        say("nothing waits for approval")
    for row in rows:
        approvers = row["who"] or "any approver"
        say(
            styled(f"question {row['number']}", "bold"),
            f", asked {tables.clock(row['asked_at'])}, for {approvers}, until {tables.clock(row['lapses_at'])}",
        )
        for delivery in row["deliveries"]:
            if delivery["waits"] or delivery["state"] == "planned":
                _delivery(delivery)


_SHOWN_OF_ORDERS = ("approval", "channels", "of")
"""What the first line says of an order to withdraw."""


def _delivery(row: dict[str, Any]) -> None:
    revision = row["revision"]
    is_order = row["kind"] == "withdraw" and not row["target"]
    what = tables.where(row)
    if is_order:
        what = f"withdrawal of {scope_text(row['content'] or {}, row['subject'])}"
    say(
        styled(f"  {row['number']} {what}", "bold"),
        f", revision {revision['number']}, hash {revision['hash'][:12]}",
    )
    for name, value in (row["content"] or {}).items():
        if value not in (None, "", []) and not (is_order and name in _SHOWN_OF_ORDERS):
            say(f"    {name}:")
            say_text("\n".join(f"      {line}" for line in _lines(name, value)))
    for change in row["difference"]:
        say(styled("    changed: ", "yellow"), change["field"])
        say_text("\n".join(f"      before: {line}" for line in _before(change)))
    holds = [hold for hold in row["holds"] if hold != "approval"]
    if holds:
        say(f"    held too for: {', '.join(holds)}")
    if row["reason"]:
        say(f"    {row['reason']}")
    if row["why_not"]:
        say(styled(f"    you may not approve it: {row['why_not']}", "yellow"))


def _before(change: dict[str, Any]) -> list[str]:
    return _lines(change["field"], change["before"])


def _lines(name: str, value: Any) -> list[str]:
    if name == "images" and isinstance(value, list):
        return [*image_lines(value)]
    if isinstance(value, list):
        return [line for each in value for line in _lines(name, each)]
    return str(value).splitlines() or [""]
