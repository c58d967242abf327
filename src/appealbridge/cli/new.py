"""`new`: asks a few questions, makes a recipe from a blueprint, and shows what it would post before it is in force."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from appealbridge.cli.common import WRONG_USE, config_option, fail, print_problems
from appealbridge.cli.output import answer_to, answered_yes, say, styled
from appealbridge.cli.questions import ask, ask_which, introduce
from appealbridge.cli.recipes import print_previews, print_tests
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.files import read_file, shown_path, write_file

if TYPE_CHECKING:
    from appealbridge.blueprints.answers import Offer
    from appealbridge.blueprints.blueprint import Blueprint
    from appealbridge.daemon.assembly import Assembly
    from appealbridge.recipes.model.recipe import Recipe


@click.command(short_help="Make a recipe by answering a few questions.")
@click.argument("blueprint", required=False)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The new recipe's file. If left out, the blueprint's name in the folder of recipes.",
)
@click.option(
    "--input",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Answer a question in advance. May be given several times.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@config_option
def new(
    config: Path | None,
    force: bool,
    arguments: tuple[str, ...],
    output: Path | None,
    blueprint: str | None,
) -> None:
    """
    Ask a few questions and make a recipe from a BLUEPRINT.

    BLUEPRINT is a name or a file. If it is left out, the blueprints that come with the program are listed. The new
    recipe is checked, its own tests are run, and what it would post is shown. Then you are asked whether to switch it
    on; until then it is off. Without a terminal there are no questions: use --input for each one that has no default.
    The recipe then stays off.
    """
    from appealbridge.blueprints.filling import fill
    from appealbridge.daemon.assembly import assemble

    assembly = assemble(config, offline=True)
    chosen = _chosen(blueprint)
    file = _free(output or assembly.settings.recipes / f"{chosen.name}.yaml", force)
    answers = _answers(chosen, assembly, _from_arguments(chosen, arguments))
    try:
        text = fill(chosen, answers)
    except ValueError as error:
        fail(str(error), WRONG_USE)
    written = _write(file, text, chosen.name, assembly)
    say()
    say(f"wrote {shown_path(file)}, switched off")
    recipe = _checked(file, assembly)
    _show_posts(recipe)
    _switch_on(file, recipe, written)


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _chosen(blueprint_name: str | None) -> Blueprint:
    from appealbridge.blueprints.find import get, names

    try:
        if blueprint_name is None:
            known = [get(name) for name in names()]
            if not _terminal():
                lines = "".join(
                    f"\n  {blueprint.name:24} {blueprint.head.name}" for blueprint in known
                )
                fail(f"choose a blueprint:{lines}", WRONG_USE)
            chosen = ask_which(known)
        else:
            chosen = get(blueprint_name)
    except LookupError as error:
        fail(str(error.args[0]), WRONG_USE)
    return chosen


def _from_arguments(blueprint: Blueprint, arguments: tuple[str, ...]) -> dict[str, str]:
    answers = {}
    for text in arguments:
        name, equals, answer = text.partition("=")
        if not equals:
            fail(f"--input {text} has no value; write --input NAME=VALUE", WRONG_USE)
        if name not in blueprint.inputs:
            cure = did_you_mean(name, blueprint.inputs)
            fail(f'{blueprint.name} does not ask for "{name}"; {cure}', WRONG_USE)
        answers[name] = answer
    return answers


def _answers(
    blueprint: Blueprint, assembly: Assembly, arguments: Mapping[str, str]
) -> dict[str, Any]:
    """Return the value of each input: given, asked for, or the default. All wrong ones are reported together."""
    from appealbridge.blueprints.answers import offer, understood

    offers = {
        name: offer(question, assembly.catalogue) for name, question in blueprint.inputs.items()
    }
    values: dict[str, Any] = {}
    wrong = []
    for name, answer in arguments.items():
        try:
            values[name] = understood(blueprint.inputs[name], answer, offers[name])
        except ValueError as error:
            wrong.append(f"--input {name}: {error}")
    if wrong:
        fail("\n".join(wrong), WRONG_USE)
    _complete(blueprint, offers, values)
    return values


def _complete(blueprint: Blueprint, offers: Mapping[str, Offer], values: dict[str, Any]) -> None:
    """Fill in the missing answers: ask on a terminal, else use the defaults."""
    from appealbridge.blueprints.answers import understood
    from appealbridge.blueprints.filling import still_asked

    open_ = [name for name in blueprint.inputs if name not in values]
    terminal = _terminal()
    if terminal and open_:
        introduce(blueprint)
    missing = []
    for number, name in enumerate(open_, 1):
        question, offered = blueprint.inputs[name], offers[name]
        if not still_asked(blueprint, name, values):
            values[name] = None
        elif terminal:
            values[name] = ask(question, offered, f"{number}/{len(open_)}")
        elif offered.default is None:
            missing.append(name)
        else:
            values[name] = understood(question, offered.default, offered)
    if missing:
        _refuse_missing(blueprint, missing, offers)


def _refuse_missing(
    blueprint: Blueprint, missing: Sequence[str], offers: Mapping[str, Offer]
) -> NoReturn:
    lines = []
    for name in missing:
        question = blueprint.inputs[name]
        choice = f": {', '.join(offers[name].names)}" if offers[name].names else ""
        lines.append(f"\n  --input {name}=…    {question.description} ({question.kind}{choice})")
    fail(
        f"{blueprint.name} has questions without a default; answer them:{''.join(lines)}", WRONG_USE
    )


def _free(file: Path, force: bool) -> Path:
    """Return the file to write: one that does not exist yet, unless `force` is given."""
    if force or not os.path.lexists(file):
        return file
    if not _terminal():
        fail(
            f"{shown_path(file)} already exists; give --output another file, or --force", WRONG_USE
        )
    say(f"{shown_path(file)} already exists.")
    return _free(Path(answer_to("Which file to write instead", shown_path(_another(file)))), force)


def _another(file: Path) -> Path:
    number = 2
    while os.path.lexists(other := file.with_stem(f"{file.stem}-{number}")):
        number += 1
    return other


def _write(file: Path, text: str, blueprint: str, assembly: Assembly) -> str:
    """Write the recipe, switched off, and the schemas for an editor beside the settings; return the text."""
    from appealbridge.blueprints.filling import switched_off
    from appealbridge.editor.files import FILES, FOLDER, modeline, write_schemas

    settings = assembly.settings.file
    folder = (settings.parent if settings else Path()) / FOLDER
    head = (
        f"{modeline(file, folder / FILES['recipe'])}\n# Made by `appealbridge new {blueprint}`.\n"
    )
    written = head + switched_off(text)
    try:
        write_schemas(folder, assembly.registry, assembly.catalogue)
        file.parent.mkdir(0o755, parents=True, exist_ok=True)
        write_file(file, written.encode())
    except OSError as error:
        # A full disk is found while writing, where no file is named.
        fail(f"cannot write {error.filename or file}: {error.strerror}")
    return written


def _checked(file: Path, assembly: Assembly) -> Recipe:
    """Check the new recipe and run its tests, as `check` and `test` do; end the command if one of them fails."""
    from appealbridge.recipes.parsing.load import load_recipe
    from appealbridge.recipes.parsing.load_folder import recipe_name
    from appealbridge.recipes.rehearsal.selftest import run_tests

    name = recipe_name(file, assembly.settings.recipes)
    recipe, problems = load_recipe(read_file(file), shown_path(file), name, assembly.catalogue)
    if problems:
        say()
        print_problems(problems)
    if recipe is None:
        say()
        say(f"Fix it, or your settings. Then run: appealbridge check {shown_path(file)}")
        raise SystemExit(1)
    results = [(recipe, result) for result in run_tests(recipe)]
    if results:
        say()
        print_tests(results)
    if any(not result.passed for _, result in results):
        raise SystemExit(1)
    return recipe


def _show_posts(recipe: Recipe) -> None:
    """Show what the recipe would post about the event of its first test; end the command if it cannot be planned."""
    from appealbridge.recipes.rehearsal.preview import preview

    if not recipe.tests:
        say()
        say("It has no tests, so there is no event to show what it would post.")
        say(f"Name one: appealbridge preview {recipe.name} --event FILE")
        return
    shown = preview(recipe)
    say()
    say(styled("This is what it would post about the event of its first test:", "bold"))
    print_previews([shown], several=False)
    if shown.failed:
        raise SystemExit(1)


def _switch_on(file: Path, recipe: Recipe, text: str) -> None:
    """Ask whether the recipe should be in force, now that what it posts was seen; say what to do next."""
    from appealbridge.blueprints.filling import switched_on

    say()
    if recipe.enabled:  # the blueprint itself says so
        say("It is switched on. To put it in force, run: appealbridge reload")
    elif _terminal() and recipe.tests and answered_yes("Switch it on"):
        write_file(file, switched_on(text).encode())
        say("It is switched on. To put it in force, run: appealbridge reload")
    else:
        say("It stays switched off. To see other events in it, use: appealbridge preview --event")
        say("To switch it on, delete the line `enabled: false`, and run: appealbridge reload")
