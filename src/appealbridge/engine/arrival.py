"""From an event to its runs and deliveries: match every recipe, plan what matches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from operator import attrgetter

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import run_id
from appealbridge.model.run import Run, RunState
from appealbridge.model.value import value
from appealbridge.recipes.match import match, matched
from appealbridge.recipes.plan import plan
from appealbridge.recipes.recipe import Recipe

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


def arrive(event: Event, recipes: Iterable[Recipe], now: float) -> Planned:
    """Return what `event` causes; a recipe that cannot be planned harms no other."""
    runs: list[Run] = []
    deliveries: list[Delivery] = []
    for recipe in recipes:
        run, planned = _one(event, recipe, now)
        runs.append(run)
        deliveries.extend(planned)
    return Planned(tuple(runs), tuple(deliveries))


def with_skipped(event: Event, planned: Planned, others: Iterable[Recipe], now: float) -> Planned:
    """
    Return what an event causes with a skipped run for each of the first `KEPT` recipes that did not want it.

    Those come first that were asked closely, then the `others`, whose words or type an event has to
    have were not there. So it costs the same however many recipes there are.
    """
    runs = [run for run in planned.runs if run.state is not RunState.SKIPPED]
    skipped = [run for run in planned.runs if run.state is RunState.SKIPPED][:KEPT]
    skipped += _unasked(event, islice(others, KEPT - len(skipped)), now)
    return replace(planned, runs=tuple(sorted([*runs, *skipped], key=attrgetter("recipe"))))


def _unasked(event: Event, recipes: Iterable[Recipe], now: float) -> Iterator[Run]:
    for recipe in recipes:
        try:
            why_not = match(recipe, event)
        except Exception:  # noqa: BLE001, S112 - it is not for this event, so what goes wrong in it is no matter
            continue
        yield _run(event, recipe, now, RunState.SKIPPED, why_not)


def _one(event: Event, recipe: Recipe, now: float) -> tuple[Run, tuple[Delivery, ...]]:
    if recipe.name in event.cause:
        return _run(event, recipe, now, RunState.SKIPPED, OWN_POST), ()
    try:
        match = matched(recipe, event)
        if match.why_not:
            return _run(event, recipe, now, RunState.SKIPPED, match.why_not), ()
        if recipe.waits:  # its turn may not have come, which only the store knows
            trace = _at(now, match.trace)
            return _run(event, recipe, now, RunState.OPEN, trace=trace, wake_at=now), ()
        planned = plan(recipe, event, {}, now, seen=match.scope)
    except RenderError as error:
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
        reason=reason,
        trace=trace,
    )
