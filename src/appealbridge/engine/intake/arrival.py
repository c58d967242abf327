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
from appealbridge.model.value import value
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.match import matched
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.limits import NO_BOUND, Budget, OutOfTime

LONGEST_REASON = 1000
"""How many characters of a run's reason are kept; it may quote what was sent."""

OWN_POST = (
    "this comes of a post that the recipe itself has published; it would answer itself for ever"
)


KEPT = 10
"""Of how many recipes at the most that did not want an event it is kept why."""


@value
class Planned:
    """What one event causes: its runs, and the first deliveries."""

    runs: tuple[Run, ...]
    deliveries: tuple[Delivery, ...]


Step = tuple[Run, Sequence[Delivery]]
"""The run of one recipe, and its first deliveries."""


def plan_each(
    event: Event, recipes: Iterable[Recipe], now: float, budget: Budget = NO_BOUND
) -> Iterator[Step]:
    """Yield what `event` causes, one recipe at a time; a recipe that fails or takes too long affects no other."""
    for recipe in recipes:
        budget.begin()
        step = _one(event, recipe, now, budget)
        budget.end()
        yield step


def planned_of(steps: Iterable[Step]) -> Planned:
    """Return all that an event causes."""
    made = list(steps)
    return Planned(
        tuple([run for run, _ in made]),
        tuple([delivery for _, planned in made for delivery in planned]),
    )


def arrive(
    event: Event, recipes: Iterable[Recipe], now: float, budget: Budget = NO_BOUND
) -> Planned:
    """Return what `event` causes."""
    return planned_of(plan_each(event, recipes, now, budget))


def with_skipped(
    event: Event,
    planned: Planned,
    others: Iterable[Recipe],
    now: float,
    budget: Budget = NO_BOUND,
) -> Planned:
    """
    Return what an event causes with a skipped run for each of the first `KEPT` recipes that did not want it.

    Those come first that were asked closely, then the `others`, whose words or type an event has to
    have were not there. So it costs the same however many recipes there are.
    """
    skipped = [run for run in planned.runs if run.state is RunState.SKIPPED]
    if len(skipped) <= KEPT and not others:
        return planned
    unasked = islice(others, max(KEPT - len(skipped), 0))
    runs = [run for run in planned.runs if run.state is not RunState.SKIPPED]
    runs += skipped[:KEPT]
    runs += [run for recipe in unasked if (run := _unasked(event, recipe, now, budget))]
    if len(runs) > 1:
        runs.sort(key=attrgetter("recipe"))
    return Planned(tuple(runs), planned.deliveries)


def _unasked(event: Event, recipe: Recipe, now: float, budget: Budget) -> Run | None:
    budget.begin()
    try:
        why_not = matched(recipe, event, budget).why_not
    except Exception:  # noqa: BLE001 - it is not for this event, so what goes wrong in it is no matter
        return None
    finally:
        budget.end()
    return _run(event, recipe, now, RunState.SKIPPED, why_not)


LARGE = 2_000
"""Data of more than so many characters are large."""

_VALUE = 10
"""What a value other than text counts for."""


def is_large(data: Any) -> bool:
    """Return whether planning with these data may take long."""
    room = LARGE
    values = [data]
    while values:
        value = values.pop()
        kind = type(value)
        room -= len(value) if kind is str else _VALUE
        if room < 0:
            return True
        if kind is dict:
            values += value.values()
        elif kind is list:
            values += value
    return False


def _one(event: Event, recipe: Recipe, now: float, budget: Budget) -> Step:
    if recipe.name in event.cause:
        return _run(event, recipe, now, RunState.SKIPPED, OWN_POST), ()
    try:
        match = matched(recipe, event, budget)
        if match.why_not:
            return _run(event, recipe, now, RunState.SKIPPED, match.why_not), ()
        if recipe.waits:  # its turn may not have come, which only the store knows
            trace = _at(now, match.trace)
            return _run(event, recipe, now, RunState.OPEN, trace=trace, wake_at=now), ()
        planned = plan(recipe, event, {}, now, seen=match.scope, budget=budget)
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


def _at(now: float, said: Iterable[Mapping[str, object]]) -> tuple[dict[str, object], ...]:
    return tuple([{"at": now, **entry} for entry in said])


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
