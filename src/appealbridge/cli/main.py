"""The command `appealbridge`. Its exit status is 0 for success, 1 for failure, 2 for wrong use."""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from appealbridge import __version__

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

FILES = {
    "daemon": ("run", "reload"),
    "practice": ("demo", "sandbox"),
    "recipes": ("check", "test", "preview"),
    "send": ("send",),
    "backtest": ("backtest",),
    "new": ("new",),
    "schema": ("schema",),
    "operator": (
        "deliveries",
        "runs",
        "events",
        "trace",
        "release",
        "confirm",
        "retry",
        "cancel",
        "replay",
    ),
    "withdrawals": ("withdraw", "withdrawals", "lift"),
    "decisions.audit": ("audit",),
    "decisions.approvals": ("questions", "approve", "reject", "edit", "take-back"),
    "decisions.acceptances": ("recipes",),
    "decisions.stops": ("stop", "start", "status"),
    "people.commands": ("people", "tokens"),
    "people.duty": ("duty",),
    "channels": ("channels",),
    "db": ("db",),
    "completion": ("completion",),
}
"""The commands, by the file in this folder that contains them."""


OTHER_WORDS = {
    **dict.fromkeys(("lint", "validate", "verify"), "check"),
    **dict.fromkeys(("list", "ls", "queue", "show"), "deliveries"),
    **dict.fromkeys(("daemon", "serve"), "run"),
    **dict.fromkeys(("pause", "halt", "emergency"), "stop --reason WHY"),
    **dict.fromkeys(("continue", "resume"), "start"),
    **dict.fromkeys(
        ("delete", "remove", "retract", "undo", "unpublish"), "withdraw SUBJECT --reason WHY"
    ),
    **dict.fromkeys(("create", "init"), "new"),
    **dict.fromkeys(("history", "log", "logs"), "trace ID"),
    **dict.fromkeys(("user", "users"), "people list"),
    "help": "--help",
    "login": "people invite NAME",
    "token": "tokens list",
    "version": "--version",
}
"""Words of other programs, and the command that does here what they mean."""


class _Commands(click.Group):
    """Loads only the command that is used, so that it starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for names in FILES.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        file = next((file for file, names in FILES.items() if cmd_name in names), None)
        if file is None:
            return None
        command: click.Command = getattr(
            import_module(f"appealbridge.cli.{file}"), cmd_name.replace("-", "_")
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named first; end with the nearest name, or all of them, if it is unknown."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            from appealbridge.documents.diagnostic import did_you_mean

            suggestion = OTHER_WORDS.get(args[0].lower())
            cure = f"use: appealbridge {suggestion}" if suggestion else did_you_mean(args[0], known)
            raise click.UsageError(f'unknown command "{args[0]}"; {cure}', ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; show an expected error as a message, without a traceback."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except (
            click.exceptions.Exit,
            click.exceptions.NoArgsIsHelpError,  # it shows the help by itself
            click.Abort,
            BrokenPipeError,
        ):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, a person has to be told
            from appealbridge.cli.failures import end_with

            end_with(error)


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="appealbridge")
def main() -> None:
    """Publish appeals and incident updates to every channel: as approved, once, in time."""
