"""`duty`: who is on duty, and is asked first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from appealbridge.cli.common import common_options
from appealbridge.cli.operator import daemon_of
from appealbridge.cli.output import say, show
from appealbridge.cli.people.names import with_names
from appealbridge.cli.tables import clock


@click.command(short_help="Say that you are on duty, and see who is.")
@click.option("--until", default="", help="You are on duty until then, such as 07:00.")
@click.option("--end", is_flag=True, help="You are not on duty any more.")
@common_options
def duty(config: Path | None, as_json: bool, end: bool, until: str) -> None:
    """
    Show who is on duty, or say that you are.

    Whoever is on duty is asked first about what waits for approval; all others who may answer are asked with the first
    reminder.
    """
    if end and until:
        raise click.UsageError("give --until or --end, not both")
    daemon = daemon_of(config, as_json)
    if end:
        print_one = with_names(config, _off_duty)
        show(daemon.post("/duty/end"), as_json, lambda row: print_one(_with_who(row)))
        return
    print_all = with_names(config, _on_duty)
    if until:
        answer = daemon.post("/duty", {"until": until})
        show(answer, as_json, lambda row: print_all([_with_who(row)]))
    else:
        show(daemon.get("/duty"), as_json, lambda rows: print_all(list(map(_with_who, rows))))


def _with_who(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "who": row["id"]}


def _off_duty(row: dict[str, Any]) -> None:
    say(f"{row['who']} is not on duty")


def _on_duty(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        say(f"{row['who']} is on duty until {clock(row['until'])}")
    if not rows:
        say("nobody is on duty, so everybody who may answer is asked at once")
