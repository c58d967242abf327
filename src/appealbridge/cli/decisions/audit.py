"""`audit`: check the trail of decisions, copy it, and keep a checkpoint of it elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from appealbridge.cli.client import DaemonClient
from appealbridge.cli.common import common_options, config_option, fail
from appealbridge.cli.listings import Stored
from appealbridge.cli.output import paragraph, say, say_json, say_last, show_line, styled
from appealbridge.cli.tables import iso
from appealbridge.model.audit import AuditEntry, AuditReport, Checkpoint, Verifier
from appealbridge.settings.load import checkpoints_of
from appealbridge.store.checkpoints import append_checkpoint, read_checkpoints

PAGE = 1000
"""How many entries are read at once."""


@click.group(short_help="Check, copy or mark the trail of decisions.")
def audit() -> None:
    """Check, copy or mark the trail of decisions: who decided what, when and why."""


@audit.command(short_help="Check that no decision was changed, removed, inserted or cut off.")
@click.option(
    "--checkpoints",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with checkpoints, such as a copy kept elsewhere. The one of the settings is always read.",
)
@common_options
def verify(config: Path | None, as_json: bool, files: tuple[Path, ...]) -> None:
    """
    Check the trail, entry by entry, and name every entry that was changed, removed, inserted or cut off.

    Exits with 1 if there is one. Gaps with a known reason, such as a restored backup, are named too.
    """
    points = _checkpoints(config, files)
    verifier: Verifier | None = None
    issued = 0
    for page in _pages(config):
        if verifier is None:
            stored = [Checkpoint(**each) for each in page["checkpoints"]]
            verifier, issued = Verifier([*points, *stored]), page["issued"]
        for row in page["entries"]:
            verifier.add(AuditEntry(**row))
            # Decisions go on while the trail is read.
            issued = max(issued, row["seq"])
    report = (verifier or Verifier(points)).end(issued)
    if as_json:
        say_json(
            {
                "entries": report.entries,
                "problems": list(report.problems),
                "more_problems": report.more,
                "gaps": list(report.gaps),
            }
        )
    else:
        _tell(report, len(points))
    if report.problems:
        sys.exit(1)


@audit.command(short_help="Print all decisions as lines of JSON.")
@config_option
def export(config: Path | None) -> None:
    """Print all decisions, the oldest first, each as one line of JSON with its hash."""
    for page in _pages(config):
        for row in page["entries"]:
            say(json.dumps(row, sort_keys=True, ensure_ascii=False))


@audit.command(short_help="Print the hash of the newest decision, or add it to a file.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common_options
def checkpoint(config: Path | None, as_json: bool, file: Path | None) -> None:
    """
    Print the number and the hash of the newest decision, or add them to FILE.

    Keep it where nobody who can write the store can change it: `audit verify` then shows what was cut off since.
    """
    newest: dict[str, Any] | None = None
    for page in _pages(config):
        newest = page["entries"][-1] if page["entries"] else newest
    if newest is None:
        fail("nothing has been decided yet, so there is nothing to mark")
    point = Checkpoint(newest["seq"], newest["hash"], newest["at"])
    if file is not None:
        append_checkpoint(file, point)
    row = {"seq": point.seq, "hash": point.hash, "at": iso(point.at)}
    show_line(row, as_json, f"{point.seq} {point.hash}", f": added to {file}" if file else "")


def _pages(config: Path | None) -> Iterator[dict[str, Any]]:
    """Yield the trail, page by page, from the daemon or from the store."""
    stored, after = Stored(DaemonClient.of(config)), 0
    while True:
        page = stored.get("/audit", {"after": after, "limit": PAGE})
        yield page
        if len(page["entries"]) < PAGE:
            return
        after = page["entries"][-1]["seq"]


def _checkpoints(config: Path | None, files: tuple[Path, ...]) -> list[Checkpoint]:
    own = checkpoints_of(config)
    try:
        points = [point for file in files for point in read_checkpoints(file)]
        return [*points, *_own_checkpoints(own)]
    except ValueError as error:
        fail(str(error))


def _own_checkpoints(file: Path) -> list[Checkpoint]:
    """Return the checkpoints of the settings; whoever may not read them can still check the trail itself."""
    try:
        return [*read_checkpoints(file)]
    except FileNotFoundError:
        return []
    except PermissionError:
        warning = (
            f"you may not read {file}, so the trail is not compared with its checkpoints: give a copy with "
            "--checkpoints, or run this as the user of the daemon"
        )
        say_last(warning)
        return []


def _tell(report: AuditReport, points: int) -> None:
    for problem in report.problems:
        paragraph(styled(problem, "red"))
    if report.more:
        paragraph(styled(f"and {report.more} more problems", "red"))
    for gap in report.gaps:
        paragraph(styled(f"gap: {gap}", "yellow"))
    checked = f"{report.entries} decisions checked, against {points} checkpoints from files"
    say(checked + ("" if report.problems else ": every one is as it was stored"))
