"""
Which of very many recipes an event could be for, found without asking each of them.

A recipe whose condition says `equals` or `in` of a field can only match events that have one of
these words there, so it is found by the word. Where a source has few recipes, all of them are asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter

from appealbridge.model.event import Event
from appealbridge.plugin.jsonpath import compile_path
from appealbridge.plugin.normal_form import composed
from appealbridge.recipes.clues import TYPE, Clue
from appealbridge.recipes.recipe import Recipe

MANY = 100
"""Of a source with more recipes than this, those that an event cannot be for leave no run."""

Asked = Callable[[Event], Sequence[Recipe]]
"""The recipes that are to be asked whether they want an event, in the order of their names."""


def asked(recipes: Sequence[Recipe], trigger: str, source: str = "") -> Asked:
    """
    Return who is to be asked about events of one source of a trigger, of all recipes that want any of it.

    `source` has the trigger's name in front, and is empty for sources that no recipe names.
    """
    everybody = tuple(recipes)
    if len(everybody) <= MANY:
        return lambda _: everybody
    return _Index(everybody, trigger, source)


class _Index:
    """Asks those whose word the event has, and those of whom no word is known."""

    def __init__(self, recipes: Sequence[Recipe], trigger: str, source: str) -> None:
        known = {recipe.name: _of(recipe, trigger, source) for recipe in recipes}
        common = Counter(
            (clue.place, word) for clues in known.values() for clue in clues for word in clue.words
        )
        self._always: list[Recipe] = []
        places: dict[str, dict[str, list[Recipe]]] = {}
        for recipe in recipes:
            # The rarer its words, the fewer are asked in vain.
            rarest = min(
                known[recipe.name],
                key=lambda clue: max(common[clue.place, word] for word in clue.words),
                default=None,
            )
            if rarest is None:
                self._always.append(recipe)
                continue
            there = places.setdefault(rarest.place, {})
            for word in rarest.words:
                there.setdefault(word, []).append(recipe)
        self._by_type = places.pop(TYPE, {})
        self._by_field = [(compile_path(place), there) for place, there in places.items()]

    def __call__(self, event: Event) -> Sequence[Recipe]:
        found = [*self._always, *self._by_type.get(event.type, ())]
        for path, there in self._by_field:
            word = path.first(event.data)
            if type(word) is str:
                found += there.get(composed(word), ())
        return sorted((one for one in found if _wanted(one, event)), key=attrgetter("name"))


def _of(recipe: Recipe, trigger: str, source: str) -> list[Clue]:
    """Return the recipe's clues, and what its triggers for this source say of the event's type."""
    types: set[str] = set()
    for one in recipe.triggers:
        if one.plugin.name == trigger and one.source in ("", source):
            try:
                wanted = one.plugin.types(one.options)
            except Exception:  # noqa: BLE001 - it is asked about every event, so that its runs say what went wrong
                wanted = None
            if wanted is None:
                return [*recipe.clues]
            types |= wanted
    return [Clue(TYPE, frozenset(types)), *recipe.clues] if types else [*recipe.clues]


def _wanted(recipe: Recipe, event: Event) -> bool:
    try:
        return any(
            not one.plugin.accepts(one.options, event)
            for one in recipe.triggers
            if one.plugin.name == event.trigger and one.source in ("", event.source)
        )
    except Exception:  # noqa: BLE001 - it is asked, so that its run says what went wrong
        return True
