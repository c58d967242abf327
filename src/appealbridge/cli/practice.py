"""`demo` and `sandbox`: everything on this machine, nothing in public."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from appealbridge.cli.common import fail
from appealbridge.cli.output import say


@click.command(short_help="Show the main job on practice platforms.")
@click.option("--once", is_flag=True, help="End as soon as all is published; status 0 if it was.")
def demo(once: bool) -> None:
    """Run the daemon with the shipped recipes and the practice platforms, and let things happen."""
    _must_have_a_mail_server()
    from appealbridge.demo.play import DemoFailed, play
    from appealbridge.demo.show import Show

    try:
        asyncio.run(play(once=once, show=Show()))
    except DemoFailed as error:
        fail(str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say()
        say("the demo is over; nothing of it is left")


@click.command(short_help="Run the practice platforms alone.")
@click.option(
    "--listen", default="127.0.0.1:8090", show_default=True, help="Where the platforms listen."
)
@click.option(
    "--smtp", default="127.0.0.1:8025", show_default=True, help="Where the mail server listens."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that keeps what was published over a restart.",
)
def sandbox(listen: str, smtp: str, state: Path | None) -> None:
    """Run the practice platforms alone: X, Facebook, Mastodon and a mail server, with a wall to look at."""
    _must_have_a_mail_server()
    from appealbridge.practice.app import main

    sys.exit(main(listen, smtp, state))


def _must_have_a_mail_server() -> None:
    """End the command where the practice platforms cannot have one, since a server needs no such thing."""
    if find_spec("aiosmtpd") is None:
        fail(
            "the practice platforms need the package aiosmtpd; get it with: pip install 'appealbridge[sandbox]', "
            "or '.[sandbox]' from a clone"
        )
