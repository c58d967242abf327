"""
Plans the replay of an event, never publishing twice to a channel. Pure.

A destination is a channel, and for a mail also its recipient. If an earlier delivery of the same event, by whatever
recipe, was published there or may still be, a new one is left out. The earlier delivery then replaces it, so that
later steps can use its result. Deliveries that failed, expired or were cancelled do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from appealbridge.engine.intake.arrival import OWN_POST
from appealbridge.model.actor import Actor
from appealbridge.model.delivery import OPEN, Delivery, Hold, Kind, State
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import run_id
from appealbridge.model.run import Run, RunState
from appealbridge.model.value import value
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.match import matched
from appealbridge.recipes.planning.plan import Plan, plan
from appealbridge.recipes.templates.limits import NO_BOUND, Budget, OutOfTime

ASK_AGAIN = 60.0
"""After how many seconds a run that waits for a delivery of another run is planned again."""

_HAD_IT = OPEN | {State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN}

LEFT_OUT = "left_out"
"""The mark with the numbers of the earlier deliveries that replace the steps left out."""

HAD_BY_SOME = "left_out_recipients"
"""The mark with the numbers of the earlier deliveries that replace some of a step's, such as some mails of a list."""

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
    The result of a replay for one recipe.

    `run` is the run that begins, `None` if none does, and then `why_not` says why. `deliveries` are those that it
    plans at once, and `left_out` the earlier ones that replace others.
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
    by: Actor,
    budget: Budget = NO_BOUND,
) -> Sequence[Replayed]:
    """Return the results of a replay; `runs` and `deliveries` are all that the event has caused."""
    number = next_number(run.id for run in runs)
    under_way = {run.recipe: run.id for run in runs if run.state is RunState.OPEN}
    return [
        Replayed(recipe.name, None, f"its run {under_way[recipe.name]} is still open")
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
    by: Actor,
    budget: Budget,
) -> Replayed:
    if recipe.name in event.cause:
        return Replayed(recipe.name, None, OWN_POST)
    budget.begin()
    try:
        match = matched(recipe, replace(event, received_at=now), budget)
        if match.why_not:
            return Replayed(recipe.name, None, match.why_not)
        first = {"step": "", "message": f"run again, as {by.shown or 'somebody'} asked"}
        if by.person:
            first["by"] = by.person
        entries = [first, *match.trace]
        run = Run(
            id=f"{run_id(event.id, recipe.name)}~{number}",
            event_id=event.id,
            recipe=recipe.name,
            version=recipe.version,
            state=RunState.OPEN,
            begun_at=now,
            wake_at=now,
            trace=tuple({"at": now, **entry} for entry in entries),
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
        # What the person was shown as left out stays so, though it may be called off before the run goes on.
        None if nothing else replace(run, marks=_decided(planned.marks)),
        "everything of it was published already" if nothing else "",
        planned.deliveries,
        again.left_out,
    )


def under(withdrawals: Sequence[Withdrawal], results: Sequence[Replayed]) -> Sequence[Replayed]:
    """Return the results of a replay under the withdrawals of its subject, as the store will decide too."""
    blocks = [each for each in withdrawals if each.blocks]
    return [_under(blocks, each) for each in results] if blocks else results


def _under(blocks: Sequence[Withdrawal], result: Replayed) -> Replayed:
    if any(each.kind is Kind.WITHDRAW and _is_whole(each) for each in result.deliveries):
        return result  # whoever withdraws everything may announce it
    deliveries = [_cancelled(blocks, each) for each in result.deliveries]
    cancelled = [each for each in deliveries if each.state is State.CANCELLED]
    if not cancelled or len(cancelled) < len(deliveries):
        return replace(result, deliveries=deliveries)
    return replace(result, run=None, why_not=cancelled[0].reason, deliveries=())


def _is_whole(order: Delivery) -> bool:
    what = orjson.loads(order.content)
    return order.state is not State.HELD and not what["of"] and not what["channels"]


def _cancelled(blocks: Sequence[Withdrawal], delivery: Delivery) -> Delivery:
    block = next((each for each in blocks if each.origin in ("", delivery.origin)), None)
    if block is None or not delivery.channel:
        return delivery
    return replace(delivery, state=State.CANCELLED, hold="", reason=block.explanation)


def _decided(marks: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: marks[name] for name in (LEFT_OUT, HAD_BY_SOME)}


def number_of(run: Run) -> int:
    """Return which replay a run belongs to, 0 for the run that its event began."""
    suffix = run.id.removeprefix(run_id(run.event_id, run.recipe))
    return int(suffix[1:]) if suffix else 0


def next_number(run_ids: Iterable[str]) -> int:
    """Return the number of the next replay of an event that has these runs."""
    used = {id_.rpartition("~")[2] for id_ in run_ids}
    number = 2
    while str(number) in used:
        number += 1
    return number


def plan_again(
    recipe: Recipe,
    run: Run,
    event: Event,
    so_far: Mapping[str, Sequence[Delivery]],
    others: Sequence[Delivery],
    now: float,
    later_events: Sequence[Event] = (),
    budget: Budget = NO_BOUND,
) -> Again:
    """
    Return what a replayed run does next; `others` are all deliveries of its event.

    A person asked for it, so `publish_within` counts from then, and nothing is held as part of a flood again. A step
    that was left out once stays so, whatever becomes of the earlier delivery.
    """
    event = replace(
        event, received_at=run.begun_at, hold="" if event.hold == Hold.BURST else event.hold
    )
    before = _had(others, number_of(run))
    by_some = run.marks.get(HAD_BY_SOME, {})
    replaced = {
        (step, _address(each)): each
        for step, numbers in by_some.items()
        for each in others
        if each.number in numbers
    }
    decided = run.marks.get(LEFT_OUT, {})
    left_out = {
        step: [each for each in others if each.number in numbers]
        for step, numbers in decided.items()
    }
    while True:
        planned = plan(
            recipe, event, {**left_out, **so_far}, now, run.marks, later_events, budget=budget
        )
        fresh, stood_in = _parted(run, planned.deliveries, before, replaced)
        whole = stood_in.keys() - {delivery.step for delivery in fresh}
        if not whole:
            break
        left_out |= {step: stood_in[step] for step in whole}
    some = {each.number: each for group in (left_out | stood_in).values() for each in group}
    everything = [some[number] for number in sorted(some)]
    wake_at = planned.wake_at
    if not planned.done and any(each.state in OPEN for each in everything):
        # The end of another run's delivery does not wake this run.
        wake_at = now + ASK_AGAIN if wake_at is None else min(wake_at, now + ASK_AGAIN)
    marks = {
        **planned.marks,
        LEFT_OUT: {step: [each.number for each in some] for step, some in left_out.items()},
        HAD_BY_SOME: {
            **by_some,
            **{
                step: [each.number for each in some]
                for step, some in stood_in.items()
                if step not in left_out
            },
        },
    }
    entries = [{"step": each.step, "message": _left_out(each)} for each in everything]
    trace = _new(run, [*entries, *planned.trace])
    planned = replace(planned, deliveries=fresh, trace=trace, wake_at=wake_at, marks=marks)
    return Again(planned, everything)


def _had(deliveries: Iterable[Delivery], number: int) -> Mapping[Address, Delivery]:
    """Return the earlier deliveries of the event by destination, published ones first."""
    by_destination: dict[Address, Delivery] = {}
    for delivery in deliveries:
        if delivery.state in _HAD_IT and not delivery.run_id.endswith(f"~{number}"):
            earlier = by_destination.get(_address(delivery))
            if earlier is None or earlier.state in OPEN:
                by_destination[_address(delivery)] = delivery
    return by_destination


def _parted(
    run: Run,
    planned: Sequence[Delivery],
    before: Mapping[Address, Delivery],
    replaced: Mapping[tuple[str, Address], Delivery],
) -> tuple[list[Delivery], dict[str, list[Delivery]]]:
    """
    Return the planned deliveries that are new, and by step the earlier ones that replace the rest.

    `replaced` are those that replaced one of the step before, whatever became of them.
    """
    fresh: list[Delivery] = []
    stood_in: dict[str, list[Delivery]] = {}
    removed: dict[str, Delivery] = {}
    for delivery in planned:
        # The later posts of a thread are treated like its first one.
        address = _address(delivery)
        earlier = replaced.get((delivery.step, address)) or before.get(address)
        if delivery.follows:
            earlier = removed.get(delivery.follows)
        if earlier is None:
            fresh.append(_of_run(run, delivery))
        else:
            removed[delivery.id] = earlier
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


def _left_out(earlier: Delivery) -> str:
    return (
        f"left out, because {earlier.channel} had it: no. {earlier.number}, {earlier.state.value}"
    )


def _new(run: Run, entries: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """Return the entries that are not yet in the run's trace, because a run is planned from its beginning."""
    known = {(entry.get("step"), entry.get("message")) for entry in run.trace}
    return [entry for entry in entries if (entry.get("step"), entry.get("message")) not in known]
