"""From a folder of files to the book of recipes; a file with errors is quarantined, and the others are in force."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from appealbridge.documents import Document, InvalidDocuments, Problem, read
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import Receiver
from appealbridge.recipes.book import Book, bind
from appealbridge.recipes.catalogue import Catalogue
from appealbridge.recipes.check_secrets import TAGS
from appealbridge.recipes.load import load_recipe
from appealbridge.recipes.recipe import Recipe

_ENDINGS = (".yaml", ".yml")
_NEARLY = (".yaml", ".yml", ".txt", ".json")
_TRIGGERS = re.compile(rb"^triggers:", re.MULTILINE)


def load_book(
    folder: Path,
    catalogue: Catalogue,
    only: Sequence[Path] = (),
    before: Mapping[str, Recipe] | None = None,
) -> Book:
    """
    Read every recipe below a folder, in the order of paths.

    `only` are the files, or folders of them, to read instead; one outside the folder is named after
    its own file. `before` are the recipes in force until now: where a file of one has errors, it stays
    in force as it was, if what is declared still allows it. Raise `InvalidDocuments` where a folder cannot
    be listed.
    """
    shelf = _Shelf(dict(catalogue.declared), before or {})
    for place in only or [folder]:
        files = sorted(_files(place), key=attrgetter("parts"))
        shelf.problems += _unread(files) if files != [place] else []
        for path in files:
            if path.suffix in _ENDINGS or path == place:
                shelf.put(path, recipe_name(path, folder), catalogue)
    return bind(
        shelf.recipes, shelf.quarantined, shelf.problems, shelf.declared, frozenset(shelf.kept)
    )


def _files(place: Path) -> Iterator[Path]:
    """Yield the files below a folder, but for hidden ones, and of a file that file."""
    try:
        found = list(place.iterdir())
    except NotADirectoryError:
        yield place
        return
    except FileNotFoundError:
        return
    except OSError as error:  # what cannot be seen must not pass for an empty folder
        words, cure = (
            f"cannot be listed: {error.strerror}",
            "give the daemon's user the right to read it",
        )
        raise InvalidDocuments([Problem(_shown(place), 1, 1, "", words, cure)]) from None
    for path in found:
        if path.name.startswith("."):
            continue
        if _is_file(path):
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _files(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # what is in the way is told where it is read


def _unread(files: Sequence[Path]) -> list[Problem]:
    """Return a note for each file that is a recipe by what it says, and none by its name."""
    words = "this file is not read, since its name does not end in .yaml"
    return [
        Problem(_shown(path), 1, 1, "", words, "rename it, or take it out", level="note")
        for path in files
        if path.suffix not in _ENDINGS and path.suffix.lower() in _NEARLY and _like_a_recipe(path)
    ]


def _like_a_recipe(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _TRIGGERS.search(file.read(16 * 1024)) is not None
    except OSError:
        return False


def recipe_name(path: Path, folder: Path) -> str:
    """Return a recipe's name: its path below the folder without the ending, with `/` as `-`."""
    inside = _below(path, folder)
    if not inside:  # named in another way, or from elsewhere
        inside = _below(path.resolve(), folder.resolve()) or (path.name,)
    return "-".join((*inside[:-1], Path(inside[-1]).stem))


def _below(path: Path, folder: Path) -> tuple[str, ...]:
    """Return the parts of a path below a folder, none where it is elsewhere."""
    above = folder.parts
    return path.parts[len(above) :] if path.parts[: len(above)] == above else ()


@dataclass(slots=True)
class _Shelf:
    """The book while it is being filled."""

    declared: dict[str, Options]
    before: Mapping[str, Recipe]
    kept: set[str] = field(default_factory=set)
    recipes: dict[str, Recipe] = field(default_factory=dict)
    quarantined: dict[str, Sequence[Problem]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _aliases: dict[str, str] = field(default_factory=dict)

    def put(self, path: Path, name: str, catalogue: Catalogue) -> None:
        """Take one file in."""
        recipe, found = _load(path, name, catalogue)
        if name in self.recipes:
            words = f'there are two recipes called "{name}"'
            cure = f"rename this file or {self.recipes[name].file}"
            found.append(Problem(_shown(path), 1, 1, "", words, cure))
            recipe = None
        if recipe is not None:
            found += [*self._settle(recipe), *self._namesakes(recipe)]
        self.problems += found
        if recipe is None or any(problem.level == "error" for problem in found):
            self.quarantined[str(path)] = tuple(found)
            self._keep(name, catalogue)
        else:
            self.recipes[name] = recipe

    def _keep(self, name: str, catalogue: Catalogue) -> None:
        """Let a recipe stay as it was, so that a slip of the pen loses no event."""
        old = self.before.get(name)
        if old is None or name in self.recipes:
            return
        recipe, _ = load_recipe(old.text, old.file, name, catalogue, old.templates)
        if recipe is not None and not self._settle(recipe):
            self.recipes[name] = recipe
            self.kept.add(name)

    def _settle(self, recipe: Recipe) -> list[Problem]:
        """Let what a recipe says of its webhooks count, or return why it cannot."""
        settled: dict[str, Options] = {}
        for number, trigger in enumerate(recipe.triggers):
            source = settled.get(trigger.source) or self.declared.get(trigger.source)
            if source is None or not isinstance(trigger.plugin, Receiver):
                continue
            try:
                settled[trigger.source] = trigger.plugin.with_recipe(source, trigger.options)
            except ValueError as error:
                problem, _, cure = str(error).partition("; ")
                return [_document(recipe).problem(("triggers", number), problem, cure)]
        self.declared.update(settled)
        return []

    def _namesakes(self, recipe: Recipe) -> list[Problem]:
        """Return a note where another recipe is called the same by people."""
        first = self._aliases.setdefault(recipe.alias, recipe.file)
        if first == recipe.file:
            return []
        words = f"{first} has this alias too"
        cure = "give each its own, so that a list of runs tells them apart"
        return [_document(recipe).problem(("alias",), words, cure, level="note")]


def _document(recipe: Recipe) -> Document:
    return read(recipe.text, recipe.file, TAGS)


def _load(path: Path, name: str, catalogue: Catalogue) -> tuple[Recipe | None, list[Problem]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        words = f"cannot be read: {error.strerror or error}"
        return None, [
            Problem(_shown(path), 1, 1, "", words, "see to it that the daemon may read it")
        ]
    return load_recipe(raw, _shown(path), name, catalogue)


def _shown(path: Path) -> str:
    """Return a path as a person in the working folder would write it."""
    return str(path).removeprefix(f"{Path.cwd()}/")
