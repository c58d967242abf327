"""`check`, `test` and `preview`: show what recipes do before they publish anything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import click

from appealbridge.cli.common import (
    WRONG_USE,
    config_option,
    fail,
    fail_with,
    json_option,
    print_problems,
)
from appealbridge.cli.output import say, say_json, styled
from appealbridge.clock import SystemClock
from appealbridge.documents import InvalidDocuments, Problem


def _assembly(config: Path | None, only: Sequence[Path] = ()) -> Any:
    from appealbridge.daemon.assembly import assemble

    try:
        return assemble(config, only=only, offline=True)
    except InvalidDocuments as error:
        fail_with(error)


@click.command(short_help="List every mistake, where it is and how to fix it.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="For people, for programs, or as annotations in a GitHub workflow.",
)
@config_option
def check(config: Path | None, form: str, files: tuple[Path, ...]) -> None:
    """
    List every mistake in the settings and the recipes, where it is and how to fix it.

    FILES are recipes, folders of recipes, or appeals. If left out, all recipes of the settings.
    Connects to nothing. The exit status is 1 if there is an error; notes do not count.
    """
    loaded, off = 0, list[str]()
    appeals, problems = _appeals(files)
    settings = (config or Path("appealbridge.yaml")).resolve()
    # The settings are always checked, and are not a recipe.
    recipes = [file for file in files if file not in appeals and file.resolve() != settings]
    if recipes or not appeals:
        checked, loaded, off = _recipes(config, recipes)
        problems += checked
    errors = [problem for problem in problems if problem.level == "error"]
    _print_check(form, problems)
    if form == "text":
        notes = len(problems) - len(errors)
        if problems:
            say()
        silent = f", {len(off)} of them off ({', '.join(off)})" if off else ""
        fine = [f"{_count(loaded, 'recipe')} fine{silent}"] if recipes or not appeals else []
        fine += [f"{_count(sum(appeals.values()), 'appeal')} fine"] if appeals else []
        say(", ".join([*fine, _count(len(errors), "error"), _count(notes, "note")]))
    if errors:
        raise SystemExit(1)


def _recipes(config: Path | None, only: Sequence[Path]) -> tuple[list[Problem], int, list[str]]:
    """Return the problems of settings and recipes, how many recipes are loaded, and which are switched off."""
    from appealbridge.cli.renewed import notes as renewed
    from appealbridge.daemon.assembly import assemble
    from appealbridge.settings.load import no_settings

    try:
        assembly = assemble(config, only=only, offline=True)
    except InvalidDocuments as error:
        return list(error.problems), 0, []
    problems = [*assembly.settings.weaknesses, *assembly.problems]
    problems += [] if only else renewed(assembly)
    if assembly.settings.file is None:
        loaded = len(assembly.book.loaded) or assembly.book.quarantined
        problems.insert(0, replace(no_settings(), level="note" if loaded else "error"))
    return problems, len(assembly.book.loaded), [*assembly.book.off]


def _appeals(files: Sequence[Path]) -> tuple[dict[Path, bool], list[Problem]]:
    """Return the files that are appeals, whether each is valid, and their problems."""
    from appealbridge.files import read_file
    from appealbridge.triggers.appeal.files import check_appeal, like_an_appeal

    checked, problems = dict[Path, bool](), list[Problem]()
    for path in files:
        try:
            content = read_file(path) if path.is_file() else b""
        except OSError:  # the reader of recipes reports it
            continue
        if not content or not like_an_appeal(path.name, content):
            continue
        try:
            check_appeal(content, str(path))
            checked[path] = True
        except InvalidDocuments as error:
            checked[path] = False
            problems += error.problems
    return checked, problems


def _print_check(form: str, problems: Sequence[Problem]) -> None:
    if form == "json":
        say_json([problem.as_json() for problem in problems])
    elif form == "github":
        for problem in problems:
            say(_annotation(problem))
    elif problems:
        print_problems(problems)


def _annotation(problem: Problem) -> str:
    level = "error" if problem.level == "error" else "notice"
    where = f"{problem.path}: " if problem.path else ""
    message = f"{where}{problem.problem}; {problem.cure}".strip("; ")
    place = f"file={_property(problem.file)},line={problem.line},col={problem.column}"
    return f"::{level} {place},title=appealbridge check::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@config_option
@json_option
def test(config: Path | None, as_json: bool, files: tuple[Path, ...]) -> None:
    """
    Run the recipes' own tests. This cannot reach a channel.

    FILES are recipes or folders of recipes. If left out, all recipes of the settings.
    """
    from appealbridge.recipes.rehearsal.selftest import run_tests

    assembly = _assembly(config, files)
    broken = [problem for problem in assembly.problems if problem.level == "error"]
    if broken:
        print_problems(broken, err=True)
    results = [
        (recipe, result) for recipe in assembly.book.loaded.values() for result in run_tests(recipe)
    ]
    if as_json:
        say_json(
            [
                {
                    "recipe": recipe.name,
                    "test": result.name,
                    "passed": result.passed,
                    "why": result.why,
                }
                for recipe, result in results
            ]
        )
    else:
        print_tests(results)
    if broken or any(not result.passed for _, result in results):
        raise SystemExit(1)


def print_tests(results: Sequence[tuple[Any, Any]]) -> None:
    """Print a line for each test, and what happened instead if it failed."""
    for recipe, result in results:
        mark = styled("ok  ", "green") if result.passed else styled("FAIL", "red")
        say(mark, f" {recipe.name}: {result.name}")
        for line in result.why.split("\n") if result.why else ():
            say(f"       {line}")
    failed = sum(not result.passed for _, result in results)
    say(f"{_count(len(results), 'test')}, {len(results) - failed} passed, {failed} failed")


@click.command(short_help="Show what a recipe would post, channel by channel.")
@click.argument("recipe_name", metavar="RECIPE")
@click.option(
    "--event",
    "event_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file of an appeal, or a YAML or JSON file with an event (type, subject, data). If left out, the event of "
    "the recipe's first test.",
)
@config_option
@json_option
def preview(config: Path | None, as_json: bool, event_file: Path | None, recipe_name: str) -> None:
    """
    Show what a recipe would post about an event, with each platform's own count of characters.

    RECIPE is a recipe's name or file. This cannot reach a channel.
    """
    from appealbridge.recipes.rehearsal.preview import preview as rehearse

    _, wanted = chosen(config, recipe_name)
    try:
        shown = rehearse(wanted, event_file, SystemClock().now())
    except InvalidDocuments as error:
        fail_with(error)
    if as_json:
        say_json(shown.as_json())
    else:
        width = get_terminal_size().columns - 5 if sys.stdout.isatty() else 0
        for line in shown.lines(max(0, width)):
            say(*(styled(text, "blue underline") if link else text for text, link in line))
    if shown.failed:
        raise SystemExit(1)


def chosen(config: Path | None, recipe_name: str) -> tuple[Any, Any]:
    """Return the assembly and the recipe with this name or file; end the command if there is none."""
    file = Path(recipe_name)
    assembly = _assembly(config, [file] if file.is_file() else [])
    recipes = assembly.book.loaded
    wanted = next(iter(recipes.values()), None) if file.is_file() else recipes.get(recipe_name)
    if wanted is None:
        broken = [problem for problem in assembly.problems if problem.level == "error"]
        if broken:
            print_problems(broken, err=True)
            raise SystemExit(1)
        known = ", ".join(sorted(recipes)) or "none"
        fail(f"unknown recipe {recipe_name!r}; known: {known}", WRONG_USE)
    return assembly, wanted
