"""`demo` and `sandbox`: practice platforms on this machine; nothing is published."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from appealbridge.cli.common import fail, not_on_windows
from appealbridge.cli.output import say
from appealbridge.media.library import missing_library


@click.command(short_help="Show the main features on practice platforms.")
@click.option(
    "--once",
    is_flag=True,
    help="End when all is published, corrected and taken down. Exit with 1 if it was not.",
)
def demo(once: bool) -> None:
    """Run the daemon with the shipped recipes on practice platforms, and send it events."""
    _must_have_a_mail_server()
    if missing := missing_library():
        fail(f"the demo's appeals have pictures: {missing}")
    from appealbridge.demo.demo import DemoFailed, play
    from appealbridge.demo.show import Show

    try:
        asyncio.run(play(once=once, show=Show()))
    except DemoFailed as error:
        fail(str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say()
        say("the demo has ended; its files are removed")


@click.command(short_help="Run only the practice platforms.")
@click.option(
    "--listen", default="127.0.0.1:8090", show_default=True, help="Where the platforms listen."
)
@click.option(
    "--smtp", default="127.0.0.1:8025", show_default=True, help="Where the mail server listens."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that keeps the posts when the platforms restart.",
)
def sandbox(listen: str, smtp: str, state: Path | None) -> None:
    """Run only the practice platforms and a mail server, with a page that shows all posts."""
    _must_have_a_mail_server()
    from appealbridge.practice.app import main

    sys.exit(main(listen, smtp, state))


def _must_have_a_mail_server() -> None:
    """End the command if the package for the practice mail server is not installed. Servers do not need it."""
    not_on_windows()
    if find_spec("aiosmtpd") is None:
        fail(
            "the practice platforms need the package aiosmtpd; install it with: pip install 'appealbridge[sandbox]', "
            "or '.[sandbox]' from a clone"
        )
