"""
An index that finds, among very many recipes, those that an event could be for.

A recipe whose condition says `equals` or `in` of a field can only match events that have one of
these values there, so it is indexed by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter

from appealbridge.model.event import Event
from appealbridge.plugin.jsonpath import compile_path
from appealbridge.plugin.text.normal_form import composed
from appealbridge.recipes.model.index_hints import TYPE, IndexHint
from appealbridge.recipes.model.recipe import Recipe


class RecipeIndex:
    """
    Finds the recipes that an event of one source could be for, among the `recipes` that use this source.

    These are the recipes of which the event has an indexed value, and those that have none. `source` has the
    trigger's name in front, and is empty for sources that no recipe names.
    """

    def __init__(self, recipes: Sequence[Recipe], trigger: str, source: str = "") -> None:
        self._recipes = tuple(recipes)
        known = {recipe.name: _of(recipe, trigger, source) for recipe in recipes}
        common = Counter(
            (hint.place, value)
            for index_hints in known.values()
            for hint in index_hints
            for value in hint.values
        )
        self._unindexed: list[Recipe] = []
        places: dict[str, dict[str, list[Recipe]]] = {}
        for recipe in recipes:
            # The rarer its values, the fewer recipes are matched in vain.
            rarest = min(
                known[recipe.name],
                key=lambda hint: max(common[hint.place, value] for value in hint.values),
                default=None,
            )
            if rarest is None:
                self._unindexed.append(recipe)
                continue
            by_value = places.setdefault(rarest.place, {})
            for value in rarest.values:
                by_value.setdefault(value, []).append(recipe)
        self._by_type = places.pop(TYPE, {})
        self._by_field = [(compile_path(place), by_value) for place, by_value in places.items()]

    def candidates(self, event: Event) -> Sequence[Recipe]:
        """Return the recipes that this event could be for, in the order of their names."""
        recipes = [*self._unindexed, *self._by_type.get(event.type, ())]
        for path, by_value in self._by_field:
            word = path.first(event.data)
            if type(word) is str:
                recipes += by_value.get(composed(word), ())
        if len(recipes) > 1:
            recipes.sort(key=attrgetter("name"))
        return [recipe for recipe in recipes if _accepts(recipe, event)] if recipes else recipes

    def others(self, but: Sequence[Recipe]) -> Iterable[Recipe]:
        """Return all other recipes than these, in the order of their names; without these, in no time."""
        if not but:
            return self._recipes
        if len(but) == len(self._recipes):
            return ()
        names = {recipe.name for recipe in but}
        return (recipe for recipe in self._recipes if recipe.name not in names)


def _of(recipe: Recipe, trigger: str, source: str) -> list[IndexHint]:
    """Return the recipe's index hints, and what its triggers for this source say of the event's type."""
    types: set[str] = set()
    for each in recipe.triggers:
        if each.plugin.name == trigger and each.source in ("", source):
            try:
                required = each.plugin.types(each.options)
            except Exception:  # noqa: BLE001 - it is asked about every event, so that its runs say what went wrong
                required = None
            if required is None:
                return [*recipe.index_hints]
            types |= required
    return (
        [IndexHint(TYPE, frozenset(types)), *recipe.index_hints] if types else [*recipe.index_hints]
    )


def _accepts(recipe: Recipe, event: Event) -> bool:
    trigger, source = event.trigger, event.source
    try:
        for each in recipe.triggers:
            if (
                each.plugin.name == trigger
                and each.source in ("", source)
                and not each.plugin.accepts(each.options, event)
            ):
                return True
    except Exception:  # noqa: BLE001 - it is asked, so that its run says what went wrong
        return True
    return False
