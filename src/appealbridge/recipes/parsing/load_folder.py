"""Reads a folder of recipes; a file with errors is quarantined, and the others are in force."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path

from appealbridge.documents import InvalidDocuments, Problem, read, unexpected
from appealbridge.files import read_file, read_owned, shown_path
from appealbridge.plugin.options import Options
from appealbridge.plugin.receiver import Receiver
from appealbridge.recipes.model.book import Book, bind
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.copies import copies_among
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.parsing.secrets import TAGS

_ENDINGS = (".yaml", ".yml")
_TRIGGERS = re.compile(rb"^triggers:", re.MULTILINE)
_OFF = re.compile(rb"^enabled:[ \t]*[\"']?(?:false|no|off)\b", re.MULTILINE | re.IGNORECASE)
_SAMPLE = 16 * 1024
"""How many bytes are read to see whether a file is a recipe."""


def load_book(
    folder: Path,
    catalogue: Catalogue,
    only: Sequence[Path] = (),
    before: Mapping[str, Recipe] | None = None,
) -> Book:
    """
    Read every recipe below a folder, in the order of paths.

    `only` are the files or folders to read instead; a file outside the folder gets the name of the
    file. `before` are the recipes in force until now: if the file of one has errors, it stays in
    force as it was, as long as the settings still allow it. Raise `InvalidDocuments` if the folder
    itself cannot be listed.
    """
    shelf = _Shelf(catalogue, dict(catalogue.declared), before or {})
    for place in only or [folder]:
        files, closed = _listed(place)
        for inside, problem in closed.items():
            shelf.put_closed(inside, problem)
        # To look into a pipe would take its beginning away.
        shelf.problems += _unread(files) if files != [place] or place.is_file() else []
        for path in files:
            if _is_read(path) or path == place:
                shelf.put(path, recipe_name(path, folder), named=path == place)
    shelf.problems += copies_among([*shelf.recipes.values()])
    return bind(
        shelf.recipes, shelf.quarantined, shelf.problems, shelf.declared, frozenset(shelf.unchanged)
    )


def _listed(place: Path) -> tuple[list[Path], dict[Path, Problem]]:
    """
    Return the files below a folder in the order of paths, and a problem for each closed folder.

    For a file, return the file. A folder that cannot be listed must not look empty: raise
    `InvalidDocuments` if that is `place` itself.
    """
    files: list[Path] = []
    closed: dict[Path, Problem] = {}
    folders = [place]
    while folders:
        folder = folders.pop()
        try:
            paths = list(folder.iterdir())
        except NotADirectoryError:
            return [place], {}
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            message = f"cannot be listed: {getattr(error, 'strerror', error)}"
            cure = "give the daemon's user permission to read it"
            closed[folder] = Problem(shown_path(folder), 1, 1, "", message, cure)
            if folder == place:
                raise InvalidDocuments([closed[folder]]) from None
            continue
        for path in paths:
            if _is_file(path):
                files.append(path)
            elif not path.name.startswith(".") and path.is_dir() and not path.is_symlink():
                folders.append(path)
    return sorted(files, key=attrgetter("parts")), closed


def _is_file(path: Path) -> bool:
    try:
        return path.is_file() or (path.is_symlink() and not path.exists())
    except OSError:
        return True  # what is in the way is told where it is read


def _unread(files: Sequence[Path]) -> list[Problem]:
    """Return a note for each file that contains a recipe but is not named like one."""
    message = "this file is not read, since its name does not end in .yaml"
    begun = "this file is not read, since its name begins with a dot"
    return [
        Problem(
            shown_path(path), 1, 1, "", begun if path.suffix in _ENDINGS else message,
            "rename it, or move it away", level="note",
        )
        for path in files
        if not _is_read(path) and _like_a_recipe(path)
    ]  # fmt: skip


def _is_read(path: Path) -> bool:
    return path.suffix in _ENDINGS and not path.name.startswith(".")


def _like_a_recipe(path: Path) -> bool:
    try:
        return _TRIGGERS.search(read_file(path, _SAMPLE)) is not None
    except OSError:
        return False


def recipe_name(path: Path, folder: Path) -> str:
    """Return a recipe's name: its path below the folder without the ending, `/` replaced by `-`."""
    inside = _below(path, folder) or _below(path.resolve(), folder.resolve()) or (path.name,)
    return "-".join((*inside[:-1], Path(inside[-1]).stem))


def _below(path: Path, folder: Path) -> tuple[str, ...]:
    """Return the parts of a path below a folder, none if it is not below it."""
    above = folder.parts
    return path.parts[len(above) :] if path.parts[: len(above)] == above else ()


@dataclass(slots=True)
class _Shelf:
    """The recipes read so far."""

    catalogue: Catalogue
    declared: dict[str, Options]
    before: Mapping[str, Recipe]
    unchanged: set[str] = field(default_factory=set)
    recipes: dict[str, Recipe] = field(default_factory=dict)
    quarantined: dict[str, Sequence[Problem]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, path: Path, name: str, *, named: bool) -> None:
        """Read one file; `named` says that somebody named it. A mistake in it affects no other file."""
        raw, owner, problems = _read(path, pipes=named)
        recipe = None
        try:
            if not problems:
                recipe, problems = load_recipe(raw, shown_path(path), name, self.catalogue)
                recipe = recipe and replace(recipe, owners=recipe.owners | {owner})
            self._put(path, name, recipe, problems)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, here too
            recipe, problems = None, [unexpected(shown_path(path), error)]
            self.problems += problems
        if recipe is None or any(problem.level == "error" for problem in problems):
            self.quarantined[str(path)] = tuple(problems)
            # Who switches it off, and makes a mistake in doing so, wants it off all the same.
            if not _OFF.search(raw):
                self._keep(name)

    def put_closed(self, folder: Path, problem: Problem) -> None:
        """Record a folder that cannot be listed; the recipes in it stay as they were."""
        self.problems.append(problem)
        self.quarantined[str(folder)] = (problem,)
        for name, recipe in self.before.items():
            if recipe.file.startswith(f"{shown_path(folder)}/"):
                self._keep(name)

    def _put(self, path: Path, name: str, recipe: Recipe | None, problems: list[Problem]) -> None:
        """Put a recipe in force, or add to `problems` why it cannot be."""
        if name in self.recipes:
            message = f'there are two recipes called "{name}"'
            cure = f"rename this file or {self.recipes[name].file}"
            problems.append(Problem(shown_path(path), 1, 1, "", message, cure))
        elif recipe is not None:
            problems += self._settle(recipe)
            if not any(problem.level == "error" for problem in problems):
                self.recipes[name] = recipe
        self.problems += problems

    def _keep(self, name: str) -> None:
        """Keep a recipe in force as it was, so that a mistake in its file loses no event."""
        old = self.before.get(name)
        if old is None or name in self.recipes:
            return
        recipe, _ = load_recipe(old.text, old.file, name, self.catalogue, old.templates)
        if recipe is not None and not self._settle(recipe):
            self.recipes[name] = replace(recipe, owners=old.owners)
            self.unchanged.add(name)

    def _settle(self, recipe: Recipe) -> list[Problem]:
        """Apply what a recipe says about its webhooks, or return why that is not possible."""
        settled: dict[str, Options] = {}
        for number, trigger in enumerate(recipe.triggers):
            source = settled.get(trigger.source) or self.declared.get(trigger.source)
            if source is None or not isinstance(trigger.plugin, Receiver):
                continue
            try:
                settled[trigger.source] = trigger.plugin.with_recipe(source, trigger.options)
            except ValueError as error:
                problem, _, cure = str(error).partition("; ")
                document = read(recipe.text, recipe.file, TAGS)
                return [document.problem(("triggers", number), problem, cure)]
        self.declared.update(settled)
        return []


def _read(path: Path, *, pipes: bool) -> tuple[bytes, int, list[Problem]]:
    """Return a file's bytes and the user to whom it belongs, or why it cannot be read."""
    try:
        return *read_owned(path, pipes=pipes), []
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        cure = "give the daemon permission to read it"
        return b"", 0, [Problem(shown_path(path), 1, 1, "", message, cure)]
