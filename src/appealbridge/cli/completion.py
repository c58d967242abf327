"""`completion`: prints the script by which a shell completes the command line."""

from __future__ import annotations

import click

from appealbridge.cli.output import say_text

SHELLS = ("bash", "fish", "zsh")


@click.command(short_help="Print the script that completes commands in your shell.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """
    Print the script with which SHELL (bash, fish or zsh) completes appealbridge's commands and options.

    \b
    bash: appealbridge completion bash > ~/.local/share/bash-completion/completions/appealbridge
    fish: appealbridge completion fish > ~/.config/fish/completions/appealbridge.fish
    zsh:  appealbridge completion zsh > ~/.zfunc/_appealbridge, with ~/.zfunc in your fpath
    """  # noqa: D301 - the mark by which click keeps the lines
    say_text(script(shell))


def script(shell: str) -> str:
    """Return the completion script of a shell, one of `SHELLS`."""
    from click.shell_completion import get_completion_class

    from appealbridge.cli.main import main

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click knows all of SHELLS
        raise LookupError(shell)
    return kind(main, {}, "appealbridge", "_APPEALBRIDGE_COMPLETE").source()
