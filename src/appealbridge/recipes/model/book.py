"""All recipes in force, and which of them an event may be for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appealbridge.documents import Problem
from appealbridge.model.event import Event
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import AnyTrigger
from appealbridge.recipes.model.index import RecipeIndex
from appealbridge.recipes.model.recipe import Recipe, RecipeTrigger


@dataclass(frozen=True, slots=True)
class Book:
    """
    All recipes in force.

    `recipes` are those without errors by name, and `off` those that are switched off, which no
    event is for. `quarantined` has the problems of the files with errors by file, and `problems`
    all errors and notes in the order of files and lines. `declared` are the settings of the sources
    in appealbridge.yaml, by trigger and name, completed by what recipes say about them. `unchanged` are
    the names of recipes that stay in force as they were, because their files have errors now.
    """

    recipes: Mapping[str, Recipe]
    off: Mapping[str, Recipe] = field(default_factory=dict)
    quarantined: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    declared: Mapping[str, Options] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    _by_source: Mapping[str, RecipeIndex] = field(default_factory=dict, repr=False)
    _by_trigger: Mapping[str, RecipeIndex] = field(default_factory=dict, repr=False)

    @property
    def loaded(self) -> Mapping[str, Recipe]:
        """All recipes without errors by name, in force or switched off."""
        return dict(sorted({**self.recipes, **self.off}.items()))

    def for_event(self, event: Event) -> Sequence[Recipe]:
        """Return the recipes that this event could be for, in the order of their names."""
        index = self._index_for(event)
        return () if index is None else index.candidates(event)

    def others(self, event: Event, but: Sequence[Recipe]) -> Iterable[Recipe]:
        """Return all other recipes with the event's source, in the order of their names."""
        index = self._index_for(event)
        return () if index is None else index.others(but)

    def _index_for(self, event: Event) -> RecipeIndex | None:
        return self._by_source.get(event.source) or self._by_trigger.get(event.trigger)

    def sources(self) -> Mapping[str, tuple[AnyTrigger, Options]]:
        """
        Return the sources that recipes describe themselves, by trigger and name, and their options.

        If several recipes describe a source, the first by name decides how it is polled. The source
        of a recipe that is switched off is polled too, or everything would seem new when it is
        switched on.
        """
        sources: dict[str, tuple[AnyTrigger, Options]] = {}
        for _, trigger in (*_placed(self.recipes), *_placed(self.off)):
            if trigger.own is not None:
                sources.setdefault(trigger.source, (trigger.plugin, trigger.own))
        return sources


def bind(
    recipes: Mapping[str, Recipe],
    quarantined: Mapping[str, Sequence[Problem]] | None = None,
    problems: Sequence[Problem] = (),
    declared: Mapping[str, Options] | None = None,
    unchanged: frozenset[str] = frozenset(),
) -> Book:
    """Return the book of these recipes, indexed by what they want."""
    ordered = {name: recipe for name, recipe in sorted(recipes.items()) if recipe.enabled}
    off = {name: recipe for name, recipe in sorted(recipes.items()) if not recipe.enabled}
    of_any: dict[str, list[Recipe]] = {}
    for recipe in ordered.values():
        for name in {t.plugin.name for t in recipe.triggers if not t.source}:
            of_any.setdefault(name, []).append(recipe)
    by_source: dict[str, dict[str, Recipe]] = {}
    for recipe, trigger in _placed(ordered):
        types = by_source.get(trigger.source)
        if types is None:
            types = by_source[trigger.source] = {
                other.name: other for other in of_any.get(trigger.plugin.name, ())
            }
        types[recipe.name] = recipe
    indexed = {
        source: RecipeIndex(
            [types[name] for name in sorted(types)], source.partition(":")[0], source
        )
        for source, types in by_source.items()
    }
    anyway = {name: RecipeIndex(types, name) for name, types in of_any.items()}
    return Book(
        ordered, off, quarantined or {}, problems, declared or {}, unchanged, indexed, anyway
    )


def _placed(recipes: Mapping[str, Recipe]) -> Iterator[tuple[Recipe, RecipeTrigger]]:
    """Yield every trigger with a source, with its recipe, in the order of names."""
    for recipe in recipes.values():
        for trigger in recipe.triggers:
            if trigger.source:
                yield recipe, trigger
