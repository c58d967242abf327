"""Whether an event is for a recipe. Pure."""

from __future__ import annotations

from appealbridge.model.event import Event
from appealbridge.recipes.recipe import Recipe


def match(recipe: Recipe, event: Event) -> str:
    """
    Return why the event is not for the recipe; empty if it is.

    Conditions see the moment at which the event was received as the time. Raise `RenderError` where
    a condition's template has no value.
    """
    why = _why_not_wanted(recipe, event)
    if why or recipe.conditions is None:
        return why
    return recipe.conditions(recipe.scope(event, {}, event.received_at))


def _why_not_wanted(recipe: Recipe, event: Event) -> str:
    reasons = []
    for trigger in recipe.triggers:
        if trigger.plugin.name != event.trigger or trigger.source not in ("", event.source):
            continue
        why = trigger.plugin.accepts(trigger.options, event)
        if not why:
            return ""
        reasons.append(why)
    return "; ".join(reasons) or f"no trigger of it wants events of {event.source}"
