"""
Plans what a recipe does next about an event, given its deliveries so far. Pure.

Called when the event arrives, and again when something that the run waits for has happened. The
time is an argument, and planning twice gives the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from appealbridge.documents.diagnostic import fault
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.value import value
from appealbridge.plugin.channel import Measure
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.model.withdraw import ACTION
from appealbridge.recipes.planning.position import Branch, Marks
from appealbridge.recipes.planning.progress import Progress, progress_of, wait_view
from appealbridge.recipes.planning.render import Finished, Where, finished, held_for
from appealbridge.recipes.planning.results import StepState, states_of, views
from appealbridge.recipes.templates.limits import NO_BOUND, Budget, OutOfTime
from appealbridge.recipes.templates.scope import Scope
from appealbridge.recipes.templates.summary import brief

NO_MARKS: Marks = MappingProxyType({})


@value
class Plan:
    """
    The next steps of a run.

    `deliveries` are new ones in the state `planned`, with their hold. `done` says that the run has
    ended. `failed` is why the run cannot go on, with the path in the recipe, and `reason` why it
    was stopped; both are empty otherwise. `trace` has JSON objects with `step`, `message` and, if
    new ones were used, `variables`. `marks` are passed to the next plan, which is due at `wake_at`
    (Unix seconds) at the latest. `unneeded` are the ids of events that need not be passed again.
    `too_long` is the length before shortening, by step, and `left_out` the images that a channel does not take.
    """

    deliveries: Sequence[Delivery]
    done: bool
    failed: str = ""
    trace: Sequence[Mapping[str, Any]] = ()
    reason: str = ""
    marks: Marks = field(default_factory=dict)
    wake_at: float | None = None
    unneeded: frozenset[str] = frozenset()
    too_long: Mapping[str, Measure] = field(default_factory=dict)
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)


def plan(
    recipe: Recipe,
    event: Event,
    so_far: Mapping[str, Sequence[Delivery]],
    now: float,
    marks: Marks = NO_MARKS,
    later_events: Sequence[Event] = (),
    seen: Scope | None = None,
    budget: Budget = NO_BOUND,
) -> Plan:
    """
    Return the next steps about `event`, given the run's deliveries so far by step.

    `marks` are those of the plan before, and `later_events` the later events of the same subject in order.
    Either every step that can be rendered now is planned, or nothing is and `failed` says why.
    `now` is in Unix seconds UTC. `seen` has the names as the conditions have just used them, to
    save computing them again. Raise `OutOfTime` if the work exceeds `budget`.
    """
    try:
        if recipe.flow:
            way = progress_of(recipe, event, so_far, now, marks, later_events, budget)
            return _along(recipe, event, so_far, now, later_events, way, budget)
        states = states_of(recipe.steps, so_far)
        if so_far or seen is None or seen.at != now:
            results = views(recipe.steps, states, so_far)
            seen = recipe.scope(event, results, now, budget=budget)
        scope = seen
        here = Where(scope, event.received_at)
        made = _made(recipe, event, states, lambda _: here)
    except RenderError as failure:
        return Plan((), done=True, failed=str(failure), marks=marks)
    if made.failed:
        return Plan((), done=True, failed=made.failed, trace=made.trace, marks=marks)
    if done := StepState.WAITING not in states.values():
        made.trace += _cancelled(recipe, states, so_far, {})
    return Plan(
        made.deliveries,
        done=done,
        trace=made.trace,
        too_long=made.too_long,
        left_out=made.left_out,
    )


def _along(
    recipe: Recipe,
    event: Event,
    so_far: Mapping[str, Sequence[Delivery]],
    now: float,
    later_events: Sequence[Event],
    way: Progress,
    budget: Budget,
) -> Plan:
    """Plan the steps that the run has reached in the tree of its actions."""
    scopes: dict[Branch, Scope] = {}

    def where(step: Step) -> Where:
        place = way.reach.here[step.id]
        if place not in scopes:
            wait = wait_view(place, later_events)
            scopes[place] = recipe.scope(event, way.results, now, wait, budget)
        since = event.received_at if place.since is None else place.since
        return Where(scopes[place], since, place.hold)

    made = _made(recipe, event, way.states, where)
    trace = [*way.trace, *made.trace]
    if made.failed:
        return Plan((), done=True, failed=made.failed, trace=trace, marks=way.marks)
    done = StepState.WAITING not in way.states.values() and not way.reach.undecided
    if done:
        trace += _cancelled(recipe, way.states, so_far, way.reach.never)
    return Plan(
        made.deliveries,
        done=done,
        trace=trace,
        reason="" if way.reach.stopped is None else f"stopped: {way.reach.stopped}",
        marks=way.marks,
        wake_at=way.wake_at,
        unneeded=way.unneeded,
        too_long=made.too_long,
        left_out=made.left_out,
    )


@dataclass(slots=True)
class _Made:
    """The deliveries of all steps that are ready, their trace, and why a step failed."""

    deliveries: list[Delivery] = field(default_factory=list)
    trace: list[Mapping[str, Any]] = field(default_factory=list)
    failed: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    too_long: dict[str, Measure] = field(default_factory=dict)
    left_out: dict[str, Sequence[str]] = field(default_factory=dict)

    def say(self, step: str, message: str, scope: Scope) -> None:
        """Add to the trace, with the variables that are not in it yet."""
        entry: dict[str, Any] = {"step": step, "message": message}
        self.trace.append(entry)
        if scope.fresh:
            values = {name: brief(scope[name]) for name in scope.fresh}
            scope.fresh.clear()
            new = {
                name: value for name, value in values.items() if self.variables.get(name) != value
            }
            if new:
                entry["variables"] = new
                self.variables |= new

    def hold(self, unread: str) -> None:
        """Hold all deliveries planned now."""
        self.deliveries = [held_for(delivery, unread) for delivery in self.deliveries]
        message = f"cannot read a time: {unread}; everything planned now is held"
        self.trace.append({"step": "", "message": message})


def _made(
    recipe: Recipe, event: Event, states: Mapping[str, StepState], where: Callable[[Step], Where]
) -> _Made:
    """Finish all steps that are ready, or return why one failed."""
    made = _Made()
    unread = ""
    for step in recipe.steps:
        if states[step.id] is StepState.READY:
            here = where(step)
            scope = here.scope
            try:
                some = finished(recipe, step, event, here)
            except RenderError as failure:
                return _not_made(made, step, scope, str(failure))
            except OutOfTime:
                raise
            except Exception as error:  # noqa: BLE001 - what a plug-in breaks over fails this run alone
                reason = f"{step.path}: the plug-in of {step.action} failed: {fault(error)}"
                return _not_made(made, step, scope, reason)
            made.deliveries += some.deliveries
            if some.too_long is not None:
                made.too_long[step.id] = some.too_long
            if some.left_out:
                made.left_out[step.id] = some.left_out
            made.say(step.id, _planned_words(step, some), scope)
            unread = unread or scope.unread
    if unread:
        made.hold(unread)
    return made


def _not_made(made: _Made, step: Step, scope: Scope, reason: str) -> _Made:
    made.say(step.id, "could not be written", scope)
    why = {**made.trace[-1], **({"variables": made.variables} if made.variables else {})}
    return _Made(failed=reason, trace=[why])


def _planned_words(step: Step, made: Finished) -> str:
    many, hold = len(made.deliveries), made.deliveries[0].hold
    message = f"planned {f'{many} deliveries' if many > 1 else 'a delivery'} on {step.channel}"
    if step.plugin is ACTION:
        message = "planned a withdrawal"
    if step.amends is not None:
        message = f"planned an amendment of {step.amends.of} on {step.channel}"
    if made.too_long is not None:
        message += f", shortened from {made.too_long.count} {made.too_long.unit}"
    if made.left_out:
        message += f", without {len(made.left_out)} more images: {', '.join(made.left_out)}"[:600]
    return f"{message}, held: {hold}" if hold else message


def _cancelled(
    recipe: Recipe,
    states: Mapping[str, StepState],
    so_far: Mapping[str, Sequence[Delivery]],
    never: Mapping[str, str],
) -> list[Mapping[str, Any]]:
    """Return the trace entries of the steps that were reached and left out."""
    if StepState.SKIPPED not in states.values():
        return []
    return [
        {"step": step.id, "message": _cancelled_words(recipe, step, states, so_far, never)}
        for step in recipe.steps
        if states[step.id] is StepState.SKIPPED and step.id not in never
    ]


def _cancelled_words(
    recipe: Recipe,
    step: Step,
    states: Mapping[str, StepState],
    so_far: Mapping[str, Sequence[Delivery]],
    never: Mapping[str, str],
) -> str:
    for need in sorted(step.needs):
        if states[need] not in (StepState.SKIPPED, StepState.FAILED):
            continue
        for part in _parts_of(recipe, need):
            made = so_far.get(part, ())
            if part in never and not made:
                return f"cancelled, since {part} was left out: {never[part]}"
            if states[part] is StepState.SKIPPED:
                return f"cancelled, since {part} was"
            last = made[-1]
            return f"cancelled, since {part} is {last.state.value}" + (
                f": {last.reason}" if last.reason else ""
            )
    return "cancelled"


def _parts_of(recipe: Recipe, need: str) -> Sequence[str]:
    """Return the steps with this id: one, or those of a `post`."""
    return [step.id for step in recipe.steps if need in (step.id, step.group)]
