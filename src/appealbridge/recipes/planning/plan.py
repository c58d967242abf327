"""
Plans what a recipe does next about an event, given its deliveries so far. Pure.

Called when the event arrives, and again when something that the run waits for has happened. The
time is an argument, and planning twice gives the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from appealbridge.recipes.planning.progress import PlanningMoment, Progress, progress_of
from appealbridge.recipes.planning.render import RenderedStep, StepContext, held_for, render_step
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
    known_scope: Scope | None = None,
    budget: Budget = NO_BOUND,
) -> Plan:
    """
    Return the next steps about `event`, given the run's deliveries so far by step.

    `marks` are those of the plan before, and `later_events` the later events of the same subject in order.
    Either every step that can be rendered now is planned, or nothing is and `failed` says why.
    `now` is in Unix seconds UTC. `known_scope` has the names as the conditions have just used them, to
    save computing them again. Raise `OutOfTime` if the work exceeds `budget`.
    """
    try:
        if recipe.flow:
            moment = PlanningMoment(recipe, event, so_far, now, later_events, budget)
            return _plan_reached(moment, progress_of(moment, marks))
        states = states_of(recipe.steps, so_far)
        if so_far or known_scope is None or known_scope.at != now:
            results = views(recipe.steps, states, so_far)
            known_scope = recipe.scope(event, results, now, budget=budget)
        context = StepContext(recipe, event, known_scope, event.received_at)
        planned = _render_ready_steps(recipe, states, lambda _: context)
    except RenderError as failure:
        return Plan((), done=True, failed=str(failure), marks=marks)
    if planned.failed:
        return Plan((), done=True, failed=planned.failed, trace=planned.trace, marks=marks)
    if done := StepState.WAITING not in states.values():
        planned.trace += _cancelled(recipe, states, so_far, {})
    return Plan(
        planned.deliveries,
        done=done,
        trace=planned.trace,
        too_long=planned.too_long,
        left_out=planned.left_out,
    )


def _plan_reached(moment: PlanningMoment, progress: Progress) -> Plan:
    """Plan the steps that the run has reached in the tree of its actions."""
    recipe, event = moment.recipe, moment.event
    with_results = replace(moment, results=progress.results)
    scopes: dict[Branch, Scope] = {}

    def context_of(step: Step) -> StepContext:
        branch = progress.position.branches[step.id]
        if branch not in scopes:
            scopes[branch] = with_results.scope(branch)
        since = event.received_at if branch.since is None else branch.since
        return StepContext(recipe, event, scopes[branch], since, branch.hold)

    planned = _render_ready_steps(recipe, progress.states, context_of)
    trace = [*progress.trace, *planned.trace]
    if planned.failed:
        return Plan((), done=True, failed=planned.failed, trace=trace, marks=progress.marks)
    done = StepState.WAITING not in progress.states.values() and not progress.position.undecided
    if done:
        trace += _cancelled(recipe, progress.states, moment.so_far, progress.position.never)
    return Plan(
        planned.deliveries,
        done=done,
        trace=trace,
        reason="" if progress.position.stopped is None else f"stopped: {progress.position.stopped}",
        marks=progress.marks,
        wake_at=progress.wake_at,
        unneeded=progress.unneeded,
        too_long=planned.too_long,
        left_out=planned.left_out,
    )


@dataclass(slots=True)
class _ReadySteps:
    """The deliveries of all steps that are ready, their trace, and why a step failed."""

    deliveries: list[Delivery] = field(default_factory=list)
    trace: list[Mapping[str, Any]] = field(default_factory=list)
    failed: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    too_long: dict[str, Measure] = field(default_factory=dict)
    left_out: dict[str, Sequence[str]] = field(default_factory=dict)

    def add_trace(self, step: str, message: str, scope: Scope) -> None:
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


def _render_ready_steps(
    recipe: Recipe, states: Mapping[str, StepState], context_of: Callable[[Step], StepContext]
) -> _ReadySteps:
    """Finish all steps that are ready, or return why one failed."""
    planned = _ReadySteps()
    unread = ""
    for step in recipe.steps:
        if states[step.id] is StepState.READY:
            context = context_of(step)
            scope = context.scope
            try:
                rendered = render_step(step, context)
            except RenderError as failure:
                return _failed(planned, step, scope, str(failure))
            except OutOfTime:
                raise
            except Exception as error:  # noqa: BLE001 - what a plug-in breaks over fails this run alone
                reason = f"{step.path}: the plug-in of {step.action} failed: {fault(error)}"
                return _failed(planned, step, scope, reason)
            planned.deliveries += rendered.deliveries
            if rendered.too_long is not None:
                planned.too_long[step.id] = rendered.too_long
            if rendered.left_out:
                planned.left_out[step.id] = rendered.left_out
            planned.add_trace(step.id, _planned_message(step, rendered), scope)
            unread = unread or scope.unread
    if unread:
        planned.hold(unread)
    return planned


def _failed(planned: _ReadySteps, step: Step, scope: Scope, reason: str) -> _ReadySteps:
    planned.add_trace(step.id, "could not be written", scope)
    why = {**planned.trace[-1], **({"variables": planned.variables} if planned.variables else {})}
    return _ReadySteps(failed=reason, trace=[why])


def _planned_message(step: Step, rendered: RenderedStep) -> str:
    many, hold = len(rendered.deliveries), rendered.deliveries[0].hold
    message = f"planned {f'{many} deliveries' if many > 1 else 'a delivery'} on {step.channel}"
    if step.plugin is ACTION:
        message = "planned a withdrawal"
    if step.amends is not None:
        message = f"planned an amendment of {step.amends.of} on {step.channel}"
    if rendered.too_long is not None:
        message += f", shortened from {rendered.too_long.count} {rendered.too_long.unit}"
    if rendered.left_out:
        message += (
            f", without {len(rendered.left_out)} more images: {', '.join(rendered.left_out)}"[:600]
        )
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
        {"step": step.id, "message": _cancelled_message(recipe, step, states, so_far, never)}
        for step in recipe.steps
        if states[step.id] is StepState.SKIPPED and step.id not in never
    ]


def _cancelled_message(
    recipe: Recipe,
    step: Step,
    states: Mapping[str, StepState],
    so_far: Mapping[str, Sequence[Delivery]],
    never: Mapping[str, str],
) -> str:
    for need in sorted(step.needs):
        if states[need] not in (StepState.SKIPPED, StepState.FAILED):
            continue
        # The need is one step, or all those of a `post`.
        for part in (each.id for each in recipe.steps if need in (each.id, each.group)):
            deliveries = so_far.get(part, ())
            if part in never and not deliveries:
                return f"cancelled, since {part} was left out: {never[part]}"
            if states[part] is StepState.SKIPPED:
                return f"cancelled, since {part} was"
            last = deliveries[-1]
            return f"cancelled, since {part} is {last.state.value}" + (
                f": {last.reason}" if last.reason else ""
            )
    return "cancelled"
