"""All commands under one name. Exit status 0 success, 1 the thing itself failed, 2 wrong use."""

from __future__ import annotations

import click

from appealbridge import __version__
from appealbridge.cli import (
    backtest,
    channels,
    daemon,
    db,
    new,
    operator,
    practice,
    recipes,
    schema,
)

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="appealbridge")
def main() -> None:
    """Publish appeals and incident updates to every channel: as approved, once, in time."""


for command in (
    *daemon.COMMANDS,
    *practice.COMMANDS,
    *recipes.COMMANDS,
    *backtest.COMMANDS,
    *new.COMMANDS,
    *schema.COMMANDS,
    *operator.COMMANDS,
    *channels.COMMANDS,
    *db.COMMANDS,
):
    main.add_command(command)
