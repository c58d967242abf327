"""Take back what was published, and see what remains: withdraw, withdrawals, lift."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from appealbridge.cli.common import common_options
from appealbridge.cli.listings import Stored
from appealbridge.cli.operator import daemon_of
from appealbridge.cli.output import say, show, styled, table
from appealbridge.cli.people.names import with_names
from appealbridge.cli.tables import REASON_REMOVED, REMOVING, clock, recipients_of

STYLES = {**dict(REMOVING.values()), "confirmed": "green", "cancelled": "dim"}

WOULD = {"being removed": "would be removed", "cancelled": "would be cancelled"}
"""The states of a dry run."""


@click.command(short_help="Take back what was published about a subject, or one post.")
@click.argument("what", metavar="SUBJECT_OR_NUMBER")
@click.option("--reason", required=True, help="Why; it is kept, and shown to everybody concerned.")
@click.option("--channels", default="", help="Only on these, separated by commas.")
@click.option(
    "--subject", "is_subject", is_flag=True, help="It is a subject, although it has only digits."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be taken back.")
@common_options
def withdraw(
    config: Path | None,
    as_json: bool,
    dry_run: bool,
    is_subject: bool,
    channels: str,
    reason: str,
    what: str,
) -> None:
    """
    Take back everything that was published about a subject on all channels, or one post by its number.

    With one post goes all that follows it: the later posts of its thread, and the corrections that reply to it.

    What waits is cancelled. What is published is removed, and looked for until it is gone. Unless --channels is
    given, nothing more about the subject is published until you lift the withdrawal.
    """
    is_post = what.isdecimal() and not is_subject
    if is_post and channels:
        raise click.UsageError("--channels is for a subject; a number is one post on one channel")
    query = {"reason": reason, "channels": channels, "dry_run": "1" if dry_run else ""}
    path = f"/deliveries/{what}" if is_post else f"/subjects/{quote(what, safe='')}"
    answer = daemon_of(config, as_json).post(f"{path}/withdraw", query)
    show(answer, as_json, partial(_withdrawn, dry_run=dry_run))


@click.command(short_help="List withdrawals: what is removed, and what remains to be done.")
@click.argument("subject", default="")
@click.option("--limit", default=50, show_default=True, help="The largest number to list.")
@common_options
def withdrawals(config: Path | None, as_json: bool, limit: int, subject: str) -> None:
    """List withdrawals, newest first, perhaps only those of a SUBJECT: what is removed, and what is not."""
    rows = Stored(daemon_of(config, as_json)).get(
        "/withdrawals", {"subject": subject, "limit": limit}
    )
    show(rows, as_json, with_names(config, _withdrawals))


@click.command(short_help="End a withdrawal, so that its subject may be published again.")
@click.argument("number", type=click.IntRange(min=1))
@common_options
def lift(config: Path | None, as_json: bool, number: int) -> None:
    """
    End a withdrawal by its number, so that its subject may be published again.

    What was removed stays removed, and a removal that has begun goes on. What was cancelled stays cancelled; `replay`
    runs an event again.
    """
    answer = daemon_of(config, as_json).post(f"/withdrawals/{number}/lift")
    show(answer, as_json, _lifted)


def _lifted(answer: dict[str, Any]) -> None:
    say(f"withdrawal {answer['number']} is lifted")
    for number in answer["still_withdrawn_by"]:
        say(
            f"withdrawal {number} about {answer['subject'] or 'one of its posts'} is still in force; "
            f"to lift that too: appealbridge lift {number}"
        )

    if answer["posts"]:
        say(
            "what is still taken back, because that has begun or the outcome of its post is not known:"
        )
        _posts(answer["posts"])


def _withdrawn(answer: dict[str, Any], *, dry_run: bool) -> None:
    posts = answer["posts"]
    for subject in answer.get("similar_subjects", ()):
        say(styled(f"there are posts about {subject}; did you mean that?", "yellow"))
    if dry_run:
        _posts([{**post, "state": WOULD.get(post["state"], post["state"])} for post in posts])
        say(
            "nothing was changed" if posts else "there is nothing to take back; nothing was changed"
        )
        return
    _posts(posts)
    say(
        f"withdrawal {answer['number']}; to see what remains: appealbridge withdrawals"
        if posts
        else f"withdrawal {answer['number']}; there was nothing left to take back"
    )


def _withdrawals(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("no withdrawals")
    for row in rows:
        what = row["subject"] if row["whole_subject"] else f"posts about {row['subject'] or '-'}"
        lifted = (
            f", lifted by {row['lifted_by']} {clock(row['lifted_at'])}" if row["lifted_at"] else ""
        )
        by = f" by {row['by']}" if row["by"] else ""
        say(
            f"{row['number']}. {what}, {clock(row['at'])}{by}: {row['reason'] or REASON_REMOVED}{lifted}"
        )
        _posts(row["posts"])
        if others := row["from_other_sources"]:
            named = ", ".join(f"{each['number']} on {each['channel']}" for each in others)
            say(styled(f"not taken back, because another source sent it: {named}", "yellow"))
            say(
                f"to take back all: appealbridge withdraw {shlex.quote(row['subject'])} --reason ..."
            )


def _posts(posts: list[dict[str, Any]]) -> None:
    if not posts:
        return
    lines = [
        (
            str(post["number"]),
            styled(post["state"], STYLES.get(post["state"], "yellow")),
            post["channel"],
            _where(post),
        )
        for post in posts
    ]
    table(("no.", "state", "channel", "where, and why"), lines, cut=("channel",))


def _where(post: dict[str, Any]) -> str:
    """Return where a post is or whom a mail went to, and what is to be known about its removal."""
    return "; ".join(filter(None, (recipients_of(post), _address_and_reason(post))))


def _address_and_reason(post: dict[str, Any]) -> str:
    address, reason = post["address"] or "", post.get("reason") or ""
    if post["state"] == "removed":
        return address  # what a look saw matters only while it is not removed
    if post["state"] == "confirmed" and post.get("ended_at"):
        reason = f"{clock(post['ended_at'])}, {reason}"
    return reason if address in reason else f"{address}: {reason}" if reason else address
