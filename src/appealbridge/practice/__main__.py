"""`python -m appealbridge.practice [--listen HOST:PORT] [--smtp HOST:PORT] [--state FILE]`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appealbridge.practice.app import LISTEN, SMTP, main


@click.command()
@click.option("--listen", default=LISTEN, show_default=True, help="Where the platforms listen.")
@click.option("--smtp", default=SMTP, show_default=True, help="Where the mail server listens.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that keeps what was published.",
)
def command(listen: str, smtp: str, state: Path | None) -> None:
    """Run the practice platforms until stopped."""
    sys.exit(main(listen, smtp, state))


command()
