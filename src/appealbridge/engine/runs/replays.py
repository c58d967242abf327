"""
Plans the replay of an event, never publishing twice to a channel. Pure.

What had it is what is published, or may still be, of the same event: on the same channel, and for a
mail to the same recipient, whichever recipe it came from. What failed, expired or was cancelled had
nothing. A step that is left out for that reason counts as done by what had it, so that the steps
which use its result go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from appealbridge.engine.intake.arrival import OWN_POST
from appealbridge.model.delivery import OPEN, Delivery, Hold, State
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import run_id
from appealbridge.model.run import Run, RunState
from appealbridge.model.value import value
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.match import matched
from appealbridge.recipes.planning.plan import Plan, plan
from appealbridge.recipes.templates.limits import NO_BOUND, Budget, OutOfTime

ASK_AGAIN = 60.0
"""After how many seconds a run that waits for a delivery of another run is planned again."""

_HAD_IT = OPEN | {State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN}

LEFT_OUT = "left_out"
"""The mark with the numbers of the earlier deliveries that replace the steps left out."""

Address = tuple[str, str]
"""A channel, and the recipient of a message, which is empty for a post."""


@value
class Again:
    """The result of a recipe in a replay: the plan, and the steps left out because they were already published."""

    plan: Plan
    left_out: Sequence[Delivery]


@value
class Replayed:
    """
    What a replay makes of one recipe.

    `run` is what is begun, `None` where nothing is, and then `why_not` says why. `deliveries` are
    those that it plans at once, and `left_out` those of earlier runs that had it.
    """

    recipe: str
    run: Run | None
    why_not: str = ""
    deliveries: Sequence[Delivery] = ()
    left_out: Sequence[Delivery] = ()


def replay(
    event: Event,
    recipes: Iterable[Recipe],
    runs: Sequence[Run],
    deliveries: Sequence[Delivery],
    now: float,
    by: str,
    budget: Budget = NO_BOUND,
) -> Sequence[Replayed]:
    """Return the results of a replay; `runs` and `deliveries` are all that the event has caused."""
    number = next_number(run.id for run in runs)
    under_way = {run.recipe: run.id for run in runs if run.state is RunState.OPEN}
    return [
        Replayed(recipe.name, None, f"run {under_way[recipe.name]} of it is still under way")
        if recipe.name in under_way
        else _again(event, recipe, number, deliveries, now, by, budget)
        for recipe in recipes
    ]


def _again(
    event: Event,
    recipe: Recipe,
    number: int,
    deliveries: Sequence[Delivery],
    now: float,
    by: str,
    budget: Budget,
) -> Replayed:
    if recipe.name in event.cause:
        return Replayed(recipe.name, None, OWN_POST)
    budget.begin()
    try:
        match = matched(recipe, replace(event, received_at=now), budget)
        if match.why_not:
            return Replayed(recipe.name, None, match.why_not)
        said = [{"step": "", "message": f"run again, as {by or 'somebody'} asked"}, *match.trace]
        run = Run(
            id=f"{run_id(event.id, recipe.name)}~{number}",
            event_id=event.id,
            recipe=recipe.name,
            version=recipe.version,
            state=RunState.OPEN,
            begun_at=now,
            wake_at=now,
            trace=tuple({"at": now, **entry} for entry in said),
        )
        again = plan_again(recipe, run, event, {}, deliveries, now, budget=budget)
    except (RenderError, OutOfTime) as error:
        return Replayed(recipe.name, None, str(error))
    except Exception as error:  # noqa: BLE001 - whatever one recipe does, the others are run
        return Replayed(recipe.name, None, f"{type(error).__name__}: {error}")
    finally:
        budget.end()
    planned = again.plan
    if planned.failed:
        return Replayed(recipe.name, None, f"it stopped: {planned.failed}")
    nothing = not planned.deliveries and planned.done
    return Replayed(
        recipe.name,
        None if nothing else run,
        "nothing of it is left to be published" if nothing else "",
        planned.deliveries,
        again.left_out,
    )


def number_of(run: Run) -> int:
    """Return which replay a run belongs to, 0 for the run that its event began."""
    suffix = run.id.removeprefix(run_id(run.event_id, run.recipe))
    return int(suffix[1:]) if suffix else 0


def next_number(run_ids: Iterable[str]) -> int:
    """Return the number of the next replay of an event that has these runs."""
    taken = {id_.rpartition("~")[2] for id_ in run_ids}
    number = 2
    while str(number) in taken:
        number += 1
    return number


def plan_again(
    recipe: Recipe,
    run: Run,
    event: Event,
    so_far: Mapping[str, Sequence[Delivery]],
    others: Sequence[Delivery],
    now: float,
    heard: Sequence[Event] = (),
    budget: Budget = NO_BOUND,
) -> Again:
    """
    Return what a replayed run does next; `others` are all deliveries of its event.

    A person asked for it, so that `publish_within` counts from then, and what was held as a flood
    is not once more. What was left out once stays so, whatever becomes of what had it.
    """
    event = replace(
        event, received_at=run.begun_at, hold="" if event.hold == Hold.BURST else event.hold
    )
    before = _had(others, number_of(run))
    decided = run.marks.get(LEFT_OUT, {})
    left_out = {
        step: [one for one in others if one.number in numbers] for step, numbers in decided.items()
    }
    while True:
        planned = plan(recipe, event, {**left_out, **so_far}, now, run.marks, heard, budget=budget)
        fresh, stood_in = _parted(run, planned.deliveries, before)
        whole = stood_in.keys() - {delivery.step for delivery in fresh}
        if not whole:
            break
        left_out |= {step: stood_in[step] for step in whole}
    some = {one.number: one for these in (left_out | stood_in).values() for one in these}
    everything = [some[number] for number in sorted(some)]
    wake_at = planned.wake_at
    if not planned.done and any(one.state in OPEN for one in everything):
        # Nothing wakes this run when a delivery of another run ends.
        wake_at = now + ASK_AGAIN if wake_at is None else min(wake_at, now + ASK_AGAIN)
    marks = {**planned.marks, LEFT_OUT: {k: [one.number for one in v] for k, v in left_out.items()}}
    said = [{"step": one.step, "message": _words(one)} for one in everything]
    trace = _new(run, [*said, *planned.trace])
    planned = replace(planned, deliveries=fresh, trace=trace, wake_at=wake_at, marks=marks)
    return Again(planned, everything)


def _had(deliveries: Iterable[Delivery], number: int) -> Mapping[Address, Delivery]:
    """Return the earlier deliveries of the event by destination, published ones first."""
    found: dict[Address, Delivery] = {}
    for one in deliveries:
        if one.state in _HAD_IT and not one.run_id.endswith(f"~{number}"):
            earlier = found.get(_address(one))
            if earlier is None or earlier.state in OPEN:
                found[_address(one)] = one
    return found


def _parted(
    run: Run, planned: Sequence[Delivery], before: Mapping[Address, Delivery]
) -> tuple[list[Delivery], dict[str, list[Delivery]]]:
    """Return the planned deliveries that are new, and by step the earlier ones that replace the rest."""
    fresh: list[Delivery] = []
    stood_in: dict[str, list[Delivery]] = {}
    gone: dict[str, Delivery] = {}
    for delivery in planned:
        # The later posts of a thread are treated like its first one.
        earlier = gone.get(delivery.follows) if delivery.follows else before.get(_address(delivery))
        if earlier is None:
            fresh.append(_of_run(run, delivery))
        else:
            gone[delivery.id] = earlier
            some = stood_in.setdefault(delivery.step, [])
            if earlier not in some:
                some.append(earlier)
    return fresh, stood_in


def _of_run(run: Run, delivery: Delivery) -> Delivery:
    """Return a delivery as one of this run, because it was planned as one of the event's first run."""
    first = delivery.run_id
    follows = delivery.follows and run.id + delivery.follows.removeprefix(first)
    id_ = run.id + delivery.id.removeprefix(first)
    return replace(delivery, id=id_, run_id=run.id, follows=follows)


def _address(delivery: Delivery) -> Address:
    return delivery.channel, delivery.id.removeprefix(f"{delivery.run_id}.{delivery.step}")


def _words(earlier: Delivery) -> str:
    return f"left out, since {earlier.channel} had it: no. {earlier.number}, {earlier.state.value}"


def _new(run: Run, said: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """Return the entries that the run's trace does not have yet, because a run is planned from its beginning."""
    known = {(entry.get("step"), entry.get("message")) for entry in run.trace}
    return [entry for entry in said if (entry.get("step"), entry.get("message")) not in known]
