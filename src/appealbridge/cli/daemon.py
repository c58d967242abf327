"""`run` and `reload`: start the daemon, and make it use new files."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from appealbridge.cli.common import (
    WRONG_USE,
    common_options,
    config_option,
    fail,
    fail_with,
    not_on_windows,
)
from appealbridge.cli.output import say_text, show_line
from appealbridge.documents import InvalidDocuments


@click.command()
@config_option
def run(config: Path | None) -> None:
    """
    Run the daemon until it is stopped.

    SIGHUP reloads recipes and settings. SIGTERM and Ctrl-C finish current work, within a time limit.
    """
    not_on_windows()
    # Modules, settings and recipes are many small objects that all stay in memory. Searching them again and
    # again for garbage would take a quarter of the start.
    gc.disable()
    from appealbridge.daemon.process import run_daemon
    from appealbridge.settings.load import DEFAULT, no_settings

    try:
        if config is None and not DEFAULT.exists():
            raise InvalidDocuments([no_settings()])
        run_daemon(config)
    except InvalidDocuments as error:
        # A restart would find the same problems, so this status tells systemd not to try. Other failures end with 1.
        message = "the daemon does not start until the settings above are fixed"
        fail_with(error, WRONG_USE, message)


@click.command()
@common_options
def reload(config: Path | None, as_json: bool) -> None:
    """Make the running daemon use new recipes and settings."""
    from appealbridge.cli.client import DaemonClient

    answer = DaemonClient.of(config).post("/reload")
    show_line(answer, as_json, answer["summary"])
    if answer["problems"]:
        for problem in answer["problems"]:
            say_text(problem["text"], err=True)
        fail("the settings or recipes above were not changed", 1)
