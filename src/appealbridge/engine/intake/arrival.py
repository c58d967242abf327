"""From an event to its runs and deliveries: match every recipe, plan what matches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from operator import attrgetter
from typing import Any

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import run_id
from appealbridge.model.run import Run, RunState
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.match import matched, ruled_out
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.limits import NO_BOUND, Budget, OutOfTime
from appealbridge.store.records import Arrival

LONGEST_REASON = 1000
"""How many characters of a run's reason are kept; it may quote what was sent."""

OWN_POST = "the recipe itself published this post; it would answer itself without end"

KEPT = 10
"""For how many recipes that did not want an event the reason is kept."""

Step = tuple[Run, Sequence[Delivery]]
"""The run of one recipe, and its first deliveries."""


def plan_each(
    event: Event, recipes: Iterable[Recipe], now: float, budget: Budget = NO_BOUND
) -> Iterator[Step]:
    """Yield what `event` causes, one recipe at a time; a recipe that fails or takes too long affects no other."""
    for recipe in recipes:
        budget.begin()
        step = _step(event, recipe, now, budget)
        budget.end()
        yield step


def arrive(
    event: Event,
    recipes: Iterable[Recipe],
    now: float,
    budget: Budget = NO_BOUND,
    others: Iterable[Recipe] = (),
) -> Arrival:
    """Return an event with what it causes in these recipes."""
    return arrival_of(event, now, plan_each(event, recipes, now, budget), others)


def arrival_of(
    event: Event, now: float, steps: Iterable[Step], others: Iterable[Recipe]
) -> Arrival:
    """
    Return an event with what it causes, and a skipped run for each of the first `KEPT` recipes that did not want it.

    `steps` are those of `plan_each`. `others` are recipes that the index ruled out; they come last. So the
    cost does not grow with the number of recipes.
    """
    runs: list[Run] = []
    deliveries: list[Delivery] = []
    skipped = 0
    for run, planned in steps:
        if run.state is RunState.SKIPPED:
            skipped += 1
            if skipped > KEPT:
                continue
        runs.append(run)
        deliveries += planned
    if others and skipped < KEPT:
        runs += [
            _run(event, recipe, now, RunState.SKIPPED, why_not)
            for recipe in islice(others, KEPT - skipped)
            if (why_not := ruled_out(recipe, event))
        ]
        runs.sort(key=attrgetter("recipe"))
    return Arrival(event, runs, deliveries)


LARGE = 2_000
"""Data of more than so many characters are large."""

_VALUE = 10
"""What a value other than text counts for."""


def is_large(data: Any) -> bool:
    """Return whether planning with these data may take long."""
    left = LARGE
    values = [data]
    while values:
        value = values.pop()
        kind = type(value)
        left -= len(value) if kind is str else _VALUE
        if left < 0:
            return True
        if kind is dict:
            values += value.values()
        elif kind is list:
            values += value
    return False


def _step(event: Event, recipe: Recipe, now: float, budget: Budget) -> Step:
    if recipe.name in event.cause:
        return _run(event, recipe, now, RunState.SKIPPED, OWN_POST), ()
    try:
        match = matched(recipe, event, budget)
        if match.why_not:
            return _run(event, recipe, now, RunState.SKIPPED, match.why_not), ()
        if recipe.waits:  # only the store knows whether an older run goes first
            trace = _at(now, match.trace)
            return _run(event, recipe, now, RunState.OPEN, trace=trace, wake_at=now), ()
        planned = plan(recipe, event, {}, now, known_scope=match.scope, budget=budget)
    except (RenderError, OutOfTime) as error:
        return _run(event, recipe, now, RunState.FAILED, str(error)), ()
    except Exception as error:  # noqa: BLE001 - whatever one recipe does must not lose the event for the others
        return _run(event, recipe, now, RunState.FAILED, f"{type(error).__name__}: {error}"), ()
    trace = _at(now, (*match.trace, *planned.trace))
    if planned.failed:
        return _run(event, recipe, now, RunState.FAILED, planned.failed, trace), ()
    state = RunState.PLANNED if planned.done else RunState.OPEN
    run = _run(event, recipe, now, state, planned.reason, trace)
    if planned.marks and not planned.done:
        run = replace(run, marks=planned.marks)
    return run, tuple(planned.deliveries)


def _at(now: float, entries: Iterable[Mapping[str, object]]) -> tuple[dict[str, object], ...]:
    return tuple([{"at": now, **entry} for entry in entries])


def _run(
    event: Event,
    recipe: Recipe,
    now: float,
    state: RunState,
    reason: str = "",
    trace: tuple[dict[str, object], ...] = (),
    wake_at: float | None = None,
) -> Run:
    return Run(
        id=run_id(event.id, recipe.name),
        event_id=event.id,
        recipe=recipe.name,
        version=recipe.version,
        state=state,
        begun_at=now,
        wake_at=wake_at,
        reason=reason[:LONGEST_REASON],
        trace=trace,
    )
