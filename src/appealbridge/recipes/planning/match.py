"""Decides whether an event is for a recipe. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from appealbridge.model.event import Event
from appealbridge.model.source import source_label
from appealbridge.model.value import value
from appealbridge.plugin.jsonpath import compile_path
from appealbridge.plugin.text.normal_form import composed
from appealbridge.recipes.conditions.conditions import shown
from appealbridge.recipes.model.index_hints import IndexHint
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.templates.limits import NO_BOUND, Budget
from appealbridge.recipes.templates.scope import Scope
from appealbridge.recipes.templates.summary import looked_at


@value
class Match:
    """
    Whether an event is for a recipe, and why.

    `why_not` is empty if it is. Then `trace` has JSON objects with `step` and `message`: which
    trigger accepts it, and the values that the conditions read. `scope` has the names that the
    conditions used, `None` if there are no conditions.
    """

    why_not: str
    trace: Sequence[Mapping[str, Any]] = ()
    scope: Scope | None = None


def match(recipe: Recipe, event: Event) -> str:
    """Return why the event is not for the recipe; empty if it is."""
    return matched(recipe, event).why_not


def matched(recipe: Recipe, event: Event, budget: Budget = NO_BOUND) -> Match:
    """
    Return whether the event is for the recipe, and why.

    For conditions the time is the moment at which the event was received. Raise `RenderError` if a
    template of a condition has no value.
    """
    number, why = _wanted_by(recipe, event)
    if why:
        return Match(why)
    trace: list[Mapping[str, Any]] = [
        {
            "step": f"triggers[{number}]",
            "message": f"wants {event.type} from {source_label(event.source)}",
        }
    ]
    scope = None
    if recipe.conditions is not None:
        scope = recipe.scope(event, {}, event.received_at, budget=budget)
        why = recipe.conditions(scope)
        if why:
            return Match(why)
        trace.append({"step": "conditions", "message": f"all hold{looked_at(scope.seen)}"})
    return Match("", trace, scope)


def ruled_out(recipe: Recipe, event: Event) -> str:
    """
    Return why an event that lacks a value of the recipe's index hints is not for it, without asking its conditions.

    Empty if a plug-in fails over the event: nobody needs to know what goes wrong in a recipe for other events.
    """
    try:
        _, why = _wanted_by(recipe, event)
    except Exception:  # noqa: BLE001 - likewise
        return ""
    return why or next(filter(None, (_lacks(hint, event) for hint in recipe.index_hints)), "")


def _lacks(hint: IndexHint, event: Event) -> str:
    """Return which value of a hint an event lacks; empty if it has one."""
    values = compile_path(hint.place).all(event.data)
    if not values:
        return f"{hint.place} is missing"
    value = values[0]
    if type(value) is str and composed(value) in hint.values:
        return ""
    values = sorted(hint.values)
    wanted = f"equals {values[0]}" if len(values) == 1 else f"in [{', '.join(values)}]"
    return f"{hint.place} is {shown(value)}, wanted {wanted}"


def _wanted_by(recipe: Recipe, event: Event) -> tuple[int, str]:
    """Return the number of the trigger that accepts the event, or why none does."""
    reasons = []
    for number, trigger in enumerate(recipe.triggers):
        if trigger.plugin.name != event.trigger or trigger.source not in ("", event.source):
            continue
        why = trigger.plugin.accepts(trigger.options, event)
        if not why:
            return number, ""
        reasons.append(why)
    return 0, "; ".join(
        reasons
    ) or f"none of its triggers wants events of {source_label(event.source)}"
