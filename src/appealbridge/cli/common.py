"""Shared by all commands: the common options, printing problems, and failing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from appealbridge.cli.output import say_last, say_text
from appealbridge.documents import InvalidDocuments, Problem
from appealbridge.model.duration import seconds

if TYPE_CHECKING:
    from appealbridge.store.backend import Backend

F = TypeVar("F", bound=Callable[..., Any])

WRONG_USE = 2


class SpanParameter(click.ParamType[float]):
    """A length of time as people write it (`2h`, `3d`), in seconds."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, or end the command with an error."""
        try:
            return seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def config_option(function: F) -> F:
    """Add `--config`: the settings file, `appealbridge.yaml` in this folder if left out."""
    option: Callable[[F], F] = click.option(
        "--config",
        "-c",
        # A file that cannot be read is reported when it is read.
        type=click.Path(path_type=Path, dir_okay=False, readable=False),
        default=None,
        envvar="APPEALBRIDGE_CONFIG",
        help="The settings file. If left out, ./appealbridge.yaml.",
    )
    return option(function)


def json_option(function: F) -> F:
    """Add `--json`: prints the same as JSON."""
    option: Callable[[F], F] = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON for programs."
    )
    return option(function)


def common_options(function: F) -> F:
    """Add `--config` and `--json`, which most commands have."""
    return config_option(json_option(function))


def not_on_windows() -> None:
    """End a command that needs what only Linux and macOS have."""
    if str(sys.platform) == "win32":
        fail(
            "this runs on Linux and macOS only; on Windows you can write recipes, with check, test, preview, new, "
            "backtest, schema and completion",
            WRONG_USE,
        )


def fail(message: str, status: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    say_last(f"appealbridge: {message}")
    sys.exit(status)


def fail_with(error: InvalidDocuments, status: int = 1, message: str = "") -> NoReturn:
    """End the command with every problem of the documents, and perhaps a final message."""
    say_last(_text_of(error.problems) + (f"\n\nappealbridge: {message}" if message else ""))
    sys.exit(status)


def needs_settings(config: Path | None, store: Backend | None = None) -> None:
    """End a command that finds neither settings nor a store where it runs: it is probably in the wrong folder."""
    from appealbridge.settings.load import DEFAULT, no_settings

    if config is None and not DEFAULT.exists() and (store is None or not store.exists()):
        fail_with(InvalidDocuments([no_settings()]))


def assembly_of(config: Path | None, only: Sequence[Path] = ()) -> Any:
    """Read the settings and recipes without needing the secrets; end the command if there are none."""
    from appealbridge.daemon.assembly import assemble

    assembly = assemble(config, only=only, offline=True)
    if not (assembly.book.loaded or assembly.book.quarantined or assembly.problems):
        needs_settings(config)
    return assembly


def print_problems(problems: Iterable[Problem], *, err: bool = False) -> None:
    """Print problems for people, separated by blank lines."""
    say_text(_text_of(problems), err=err)


def _text_of(problems: Iterable[Problem]) -> str:
    return "\n\n".join(problem.text() for problem in problems)
