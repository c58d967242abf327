"""
Write the man page and the shells' completion scripts, made from the command line itself, into a folder.

    python packaging/manual.py packaging/share
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from appealbridge import __version__
from appealbridge.cli.completion import SHELLS, script
from appealbridge.cli.main import main

SCRIPTS = {
    "bash": "bash-completion/completions/appealbridge",
    "fish": "fish/vendor_completions.d/appealbridge.fish",
    "zsh": "zsh/site-functions/_appealbridge",
}
"""Where each shell looks for completion scripts, below share/."""

FILES = """\
.SH FILES
.TP
.I appealbridge.yaml
The settings. appealbridge looks for them in the current folder.
.TP
.I recipes/
The recipes, beside the settings.
.SH ENVIRONMENT
.TP
.B APPEALBRIDGE_CONFIG
The settings file to use where \\-\\-config is not given.
.TP
.BI APPEALBRIDGE_SECRET_ NAME
The secret of that name, where no systemd credential and no file has it.
.SH EXIT STATUS
0 for success, 1 for failure, 2 for wrong use.
"""


def roff(text: str) -> str:
    """Return a text so that roff prints it as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(
        f"\\&{line}" if line.startswith((".", "'")) else line for line in text.split("\n")
    )


def manual() -> str:
    """Return the man page: every command with its arguments and options."""
    lines = [
        f'.TH APPEALBRIDGE 1 "" "AppealBridge {__version__}" "AppealBridge"',
        ".SH NAME",
        "appealbridge \\- publish appeals and incident updates to every channel",
        ".SH SYNOPSIS",
        ".B appealbridge",
        ".I COMMAND\n[OPTIONS] [ARGUMENTS]",
        ".SH DESCRIPTION",
        roff(cleandoc(main.help or "")),
        ".SH COMMANDS",
    ]
    for name, command in _commands(main, "appealbridge"):
        lines += _one_command(name, command)
    return "\n".join(lines) + "\n" + FILES


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _one_command(name: str, command: click.Command) -> list[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f".SS {roff(name)} {roff(usage)}"]
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        as_written = paragraph.startswith("\b")
        lines += [".PP", ".nf"] if as_written else [".PP"]
        lines.append(roff(paragraph.removeprefix("\b\n")))
        if as_written:
            lines.append(".fi")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            lines += [".TP", f".B {roff(record[0])}", roff(record[1])]
    return lines


def files() -> dict[str, str]:
    """Return what belongs below share/, by its path there."""
    return {"man/man1/appealbridge.1": manual()} | {
        SCRIPTS[shell]: script(shell) + "\n" for shell in SHELLS
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give the folder to write to, for example packaging/share")
    for place, content in files().items():
        target = Path(sys.argv[1]) / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
