"""Finds recipes that look like copies of others: with both in force, everything is published twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from appealbridge.documents import Problem, read
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.parsing.secrets import TAGS

_ASIDE = re.compile(
    r"(?:copy|copies|kopie|old|older|obsolete|archived?|bak|backup|orig|previous|tmp|temp|drafts?|unused|disabled|off)"
)
"""What people call a folder or file with old things."""
_ADDED = re.compile(rf"(?:{_ASIDE.pattern}|new|final|of|v?\d+)")
"""Other words that people add to the name of a copy."""
_WORDS = re.compile(r"[a-z0-9]+")
_TRIGGERS = re.compile(r"^triggers:.*(?:\n(?:[ \t-].*|))*", re.MULTILINE)
_BESIDE = ("#", "alias:", "description:", "enabled:")
"""Beginnings of lines that do not change what a recipe publishes."""


def copies_among(recipes: Sequence[Recipe]) -> list[Problem]:
    """Return a note for each recipe in force that looks like a copy, or is in a folder for old things."""
    notes: list[Problem] = []
    aliases: dict[str, str] = {}
    same: dict[tuple[str, ...], str] = {}
    on = [(recipe, _base(recipe.name)) for recipe in recipes if recipe.enabled]
    named = {recipe.name: recipe for recipe, base in on if base == recipe.name}
    for recipe, base in on:
        first = same.setdefault(_lines(recipe.text), recipe.file)
        namesake = aliases.setdefault(recipe.alias, recipe.file)
        like, aside = named.get(base), _aside(recipe)
        if first != recipe.file:
            message = f"{first} is the same, so everything is published twice"
            notes.append(_note(recipe, message, "delete one of the two"))
        elif like is not None and like is not recipe and _alike(recipe, like):
            message = f"this looks like a copy of {like.file}, and both publish"
            notes.append(_note(recipe, message, "delete one of the two"))
        elif aside is not None:
            message = f'this recipe is in force, although it is in a folder called "{aside}"'
            notes.append(_note(recipe, message, "move it out of the recipes"))
        elif namesake != recipe.file:
            message = f"{namesake} has this alias too"
            cure = "give each its own, so that a list of runs shows which is which"
            document = read(recipe.text, recipe.file, TAGS)
            notes.append(document.problem(("alias",), message, cure, level="note"))
    return notes


def _note(recipe: Recipe, message: str, cure: str) -> Problem:
    cure = f"{cure}, or write enabled: false"
    return Problem(recipe.file, 1, 1, "", message, cure, level="note")


def _lines(text: str) -> tuple[str, ...]:
    """Return those lines of a recipe that change what it does."""
    return tuple(
        [line for line in map(str.strip, text.split("\n")) if line and not line.startswith(_BESIDE)]
    )


def _base(name: str) -> str:
    """Return a recipe's name without words such as `copy` or `old`."""
    parts = _WORDS.findall(name)
    stem = [word for word in parts if not _ADDED.fullmatch(word)]
    return "-".join(stem) if stem and stem != parts else name


def _alike(recipe: Recipe, other: Recipe) -> bool:
    """Return whether two recipes have the same triggers."""
    own, others = _TRIGGERS.search(recipe.text), _TRIGGERS.search(other.text)
    return own is not None and others is not None and _lines(own[0]) == _lines(others[0])


def _aside(recipe: Recipe) -> str | None:
    """Return the name of the folder for old things that a recipe is in, `None` if it is in no such folder."""
    path = PurePath(recipe.file)
    folders = path.parts[:-1]
    for depth in range(recipe.name.count("-") + 1):
        below = folders[len(folders) - depth :]
        if "-".join((*below, path.stem)) == recipe.name:
            return next((name for name in below if _ASIDE.fullmatch(name.lower())), None)
    return None
