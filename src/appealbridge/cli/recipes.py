"""`check`, `test` and `preview`: show what recipes do before they publish anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from appealbridge.cli.common import (
    WRONG_USE,
    assembly_of,
    common_options,
    config_option,
    fail,
    print_problems,
)
from appealbridge.cli.output import say, say_json, show_lines, styled
from appealbridge.cli.send import (
    body_in,
    body_json,
    body_lines,
    header_option,
    headers_in,
    hook_of,
    tried,
    webhook_option,
)
from appealbridge.cli.tables import say_mode
from appealbridge.clock import SystemClock
from appealbridge.documents import InvalidDocuments, Problem
from appealbridge.settings.load import mode_of, only_option


@click.command(short_help="List every mistake, where it is and how to fix it.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="For people, for programs, or as annotations in a GitHub workflow.",
)
@webhook_option
@header_option
@config_option
def check(
    config: Path | None, headers: tuple[str, ...], webhook: str, form: str, files: tuple[Path, ...]
) -> None:
    """
    List every mistake in the settings and the recipes, where it is and how to fix it.

    FILES are recipes, folders of recipes, or appeals. If left out, all recipes of the settings. With --webhook they are
    bodies that its sender would send: each is shown as the events that it becomes, with the recipes that want them.
    Connects to nothing. The exit status is 1 if there is an error; notes do not count.
    """
    if webhook:
        _check_bodies(config, webhook, files, headers_in(headers), form)
        return
    if headers:
        raise click.UsageError("--header is for a body, so name its webhook with --webhook")
    loaded, off, read = 0, list[str](), True
    appeals, problems = _appeals(config, files)
    settings = (config or Path("appealbridge.yaml")).resolve()
    # The settings are always checked, and are not a recipe.
    recipes = [file for file in files if file not in appeals and file.resolve() != settings]
    if recipes or not appeals:
        try:
            checked, loaded, off = _recipes(config, recipes)
        except InvalidDocuments as error:
            checked, read = [*error.problems], False
        problems += checked
    errors = [problem for problem in problems if problem.level == "error"]
    _print_check(form, problems)
    if form == "text":
        notes = len(problems) - len(errors)
        if problems:
            say()
        silent = f", {len(off)} of them off ({', '.join(off)})" if off else ""
        fine = [f"{_count(loaded, 'recipe')} fine{silent}"] if recipes or not appeals else []
        fine = fine if read else ["recipes are checked once the settings are right"]
        fine += [f"{_count(sum(appeals.values()), 'appeal')} fine"] if appeals else []
        mode = [mode_of(config)] if loaded else []
        say(", ".join([*fine, _count(len(errors), "error"), _count(notes, "note"), *mode]))
    if errors:
        raise SystemExit(1)


def _check_bodies(
    config: Path | None, webhook: str, files: Sequence[Path], headers: Mapping[str, str], form: str
) -> None:
    """Print which events each body becomes, or why the webhook would refuse it."""
    if not files:
        raise click.UsageError("with --webhook, name the files with the bodies")
    assembly, problems = assembly_of(config), list[Problem]()
    hook, now = hook_of(assembly, webhook), SystemClock().now()
    bodies = []
    for file in files:
        try:
            body = tried(assembly, webhook, file, body_in(file, hook), headers, now)
        except InvalidDocuments as error:
            problems += error.problems
            continue
        bodies.append({"file": str(file), **body_json(body)})
        if form == "text":
            say(styled(f"{file}, sent to webhook {webhook}, becomes:", "bold"))
            for line in body_lines(body):
                say(line)
    if form == "json":
        say_json({"bodies": bodies, "problems": [problem.as_json() for problem in problems]})
    else:
        _print_check(form, problems)
    if problems:
        raise SystemExit(1)


def _recipes(config: Path | None, only: Sequence[Path]) -> tuple[list[Problem], int, list[str]]:
    """
    Return the problems of settings and recipes, how many recipes are loaded, and which are switched off.

    Raise `InvalidDocuments` if the settings have errors: what a recipe may say depends on them.
    """
    from appealbridge.cli.checks import renewed_sources, unasked_approvals
    from appealbridge.daemon.assembly import assemble
    from appealbridge.settings.load import no_settings

    assembly = assemble(config, only=only, offline=True)
    problems = [*assembly.settings.weaknesses, *assembly.problems, *unasked_approvals(assembly)]
    problems += [] if only else renewed_sources(assembly)
    if assembly.settings.file is None:
        loaded = len(assembly.book.loaded) or assembly.book.quarantined
        problems.insert(0, replace(no_settings(), level="note" if loaded else "error"))
    return problems, len(assembly.book.loaded), [*assembly.book.off]


def _appeals(config: Path | None, files: Sequence[Path]) -> tuple[dict[Path, bool], list[Problem]]:
    """Return the files that are appeals, whether each is valid, and their problems."""
    from appealbridge.files import read_file
    from appealbridge.triggers.appeal.files import check_appeal, like_an_appeal

    checked, problems, now = dict[Path, bool](), list[Problem](), SystemClock().now()
    try:
        zone = ZoneInfo(only_option(config, "time_zone").time_zone)
    except InvalidDocuments:  # an appeal can be checked without valid settings
        zone = ZoneInfo("UTC")
    for path in files:
        try:
            content = read_file(path) if path.is_file() else b""
        except OSError:  # the reader of recipes reports it
            continue
        if not content or not like_an_appeal(path.name, content):
            continue
        try:
            problems += check_appeal(content, str(path), now, zone)
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
@common_options
def test(config: Path | None, as_json: bool, files: tuple[Path, ...]) -> None:
    """
    Run the recipes' own tests. This cannot reach a channel.

    FILES are recipes or folders of recipes. If left out, all recipes of the settings.
    """
    from appealbridge.recipes.rehearsal.selftest import run_tests

    assembly = assembly_of(config, files)
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
@click.argument("recipe_name", metavar="[RECIPE]", default="")
@click.option(
    "--event",
    "event_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file of an appeal, a YAML or JSON file with an event (type, subject, data), or with --webhook a body. If "
    "left out, the event of the recipe's first test.",
)
@click.option(
    "--fetch",
    is_flag=True,
    help="Fetch the pictures of the posts, and show what each channel would get of them. Nothing is fetched otherwise.",
)
@webhook_option
@header_option
@common_options
def preview(
    config: Path | None,
    as_json: bool,
    headers: tuple[str, ...],
    webhook: str,
    event_file: Path | None,
    recipe_name: str,
    *,
    fetch: bool,
) -> None:
    """
    Show what a recipe would post about an event, with each platform's own count of characters.

    RECIPE is a recipe's name or file. With --event it may be left out, for all recipes that want the event. This cannot
    reach a channel.
    """
    if event_file is None and (webhook or headers or not recipe_name):
        raise click.UsageError("name a recipe, or a file with --event, or both")
    if headers and not webhook:
        raise click.UsageError("--header is for a body, so name its webhook with --webhook")
    if recipe_name:
        assembly, recipe = chosen(config, recipe_name)
        recipes = [recipe]
    else:
        assembly = assembly_of(config)
        recipes = [*assembly.book.recipes.values()]
    shown = _previews(assembly, recipes, event_file, webhook, headers)
    if not recipe_name:
        shown = [preview for preview in shown if not preview.rehearsal.why_not]
    if fetch:
        from appealbridge.cli.pictures import with_pictures

        shown = asyncio.run(with_pictures(assembly, shown))
    if as_json:
        # One recipe and one event give one preview, as they always did.
        rows = [preview.as_json() for preview in shown]
        say_json(rows[0] if recipe_name and len(rows) == 1 else rows)
    else:
        say_mode(assembly.active.mode)
        print_previews(shown, several=len(shown) > 1 or not recipe_name)
    if any(preview.failed for preview in shown):
        raise SystemExit(1)


def _previews(
    assembly: Any,
    recipes: Sequence[Any],
    event_file: Path | None,
    webhook: str,
    headers: Sequence[str],
) -> list[Any]:
    """Return what each recipe would post about each event of a file."""
    from appealbridge.recipes.rehearsal.preview import preview as rehearse
    from appealbridge.recipes.rehearsal.preview import preview_of

    now = SystemClock().now()
    if not webhook or event_file is None:
        return _read_by_some(recipes, lambda recipe: rehearse(recipe, event_file, now))
    content = body_in(event_file, hook_of(assembly, webhook))
    body = tried(assembly, webhook, event_file, content, headers_in(headers), now)
    if not body.events:
        fail(f"{event_file}: no event: {body.received.why_none or 'the body has none'}")
    return [preview_of(recipe, each.event) for each in body.events for recipe in recipes]


def _read_by_some(recipes: Sequence[Any], rehearse: Callable[[Any], Any]) -> list[Any]:
    """Return the previews of the recipes that can read the file; raise the first error if none can."""
    shown, errors = [], []
    for recipe in recipes:
        try:
            shown.append(rehearse(recipe))
        except InvalidDocuments as error:
            errors.append(error)
    if errors and not shown:
        raise errors[0]
    return shown


def print_previews(shown: Sequence[Any], *, several: bool) -> None:
    """Print what recipes would post; if `several`, each below its recipe's name."""
    if not shown:
        say("no recipe wants this event")
    for number, preview in enumerate(shown):
        if several:
            if number:
                say()
            say(styled(preview.recipe, "bold"))
        show_lines(preview.lines)


def chosen(config: Path | None, recipe_name: str) -> tuple[Any, Any]:
    """Return the assembly and the recipe with this name or file; end the command if there is none."""
    file = Path(recipe_name)
    assembly = assembly_of(config, [file] if file.is_file() else [])
    recipes = assembly.book.loaded
    recipe = next(iter(recipes.values()), None) if file.is_file() else recipes.get(recipe_name)
    if recipe is None:
        broken = [problem for problem in assembly.problems if problem.level == "error"]
        if broken:
            print_problems(broken, err=True)
            raise SystemExit(1)
        known = ", ".join(sorted(recipes)) or "none"
        fail(f"unknown recipe {recipe_name!r}; known: {known}", WRONG_USE)
    return assembly, recipe
