"""
Checks lists of the settings against the options that recipes fill from them, to find a wrong address early.

A wrong entry does not stop a recipe: the other recipients still get their mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from appealbridge.documents import Problem
from appealbridge.plugin.channel import AnyChannel
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.parsing.catalogue import Catalogue
from appealbridge.recipes.parsing.message import flaw_of


def list_problems(recipes: Iterable[Recipe], catalogue: Catalogue) -> list[Problem]:
    """Return each wrong entry of a list once, with its place in the settings."""
    uses = {
        (step.plugin, option, name, as_it_is): None
        for recipe in recipes
        for step in recipe.steps
        for option, name, as_it_is in sorted(step.lists)
    }
    return [*dict.fromkeys(problem for use in uses for problem in _wrong(catalogue, *use))]


def _wrong(
    catalogue: Catalogue, plugin: AnyChannel, option: str, name: str, as_it_is: bool
) -> Iterator[Problem]:
    entries = [entry for entry in catalogue.lists.get(name, ()) if isinstance(entry, str)]
    flaws = [flaw_of(plugin, option, entry) for entry in entries]
    # A list that a recipe makes something else of may hold anything; one good entry shows that it does not.
    if not as_it_is and all(flaws):
        return
    for number, flaw in enumerate(flaws):
        if flaw is not None:
            yield catalogue.in_list(name, number, *flaw)
