"""What every command shares: where the settings are, how problems are printed, how a command fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from appealbridge.cli.output import say_last, say_text
from appealbridge.documents import InvalidDocuments, Problem
from appealbridge.model.duration import seconds

F = TypeVar("F", bound=Callable[..., Any])

WRONG_USE = 2


class Span(click.ParamType[float]):
    """A length of time as people write it (`2h`, `3d`), in seconds."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, or end the command with what is wrong."""
        try:
            return seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def config_option(function: F) -> F:
    """Add `--config`: the settings file, `appealbridge.yaml` in this folder if left out."""
    option: Callable[[F], F] = click.option(
        "--config",
        "-c",
        # Whether it can be read is said where it is, with the cure.
        type=click.Path(path_type=Path, dir_okay=False, readable=False),
        default=None,
        envvar="APPEALBRIDGE_CONFIG",
        help="The settings file. If left out, ./appealbridge.yaml.",
    )
    return option(function)


def json_option(function: F) -> F:
    """Add `--json`: the same facts for programs."""
    option: Callable[[F], F] = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON for programs."
    )
    return option(function)


def fail(message: str, status: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    say_last(f"appealbridge: {message}")
    sys.exit(status)


def fail_with(error: InvalidDocuments, status: int = 1, words: str = "") -> NoReturn:
    """End the command with every problem of the documents, and perhaps with what follows from them."""
    say_last(_told(error.problems) + (f"\n\nappealbridge: {words}" if words else ""))
    sys.exit(status)


def print_problems(problems: Iterable[Problem], *, err: bool = False) -> None:
    """Print problems as a person reads them, a blank line between two."""
    say_text(_told(problems), err=err)


def _told(problems: Iterable[Problem]) -> str:
    return "\n\n".join(problem.text() for problem in problems)
