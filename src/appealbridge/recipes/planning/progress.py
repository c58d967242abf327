"""
Decides where a run goes next in the tree of its actions: makes choices, begins and ends waits. Pure.

A decision is final, whatever the clock or the results say later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.moment import NoTime, shown
from appealbridge.model.value import value
from appealbridge.recipes.model.flow import Choice, Delay, Stop, WaitFor, every_node
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.position import Branch, ControlNode, Marks, Position, position_of
from appealbridge.recipes.planning.results import StepState, settled, states_of, views
from appealbridge.recipes.templates.limits import Budget
from appealbridge.recipes.templates.scope import EventView, ResultView, Scope, WaitView
from appealbridge.recipes.templates.summary import looked_at

TraceEntry = Mapping[str, Any]
"""One entry of a trace: `step` and `message`."""


@value
class Progress:
    """
    How far a run has come.

    `results` are those of the steps so far, `marks` the decisions to keep. `wake_at` is when the
    current wait ends, in Unix seconds. `unneeded` are the ids of events that no wait of this run can
    use. `trace` is what was decided now.
    """

    position: Position
    states: Mapping[str, StepState]
    results: Mapping[str, ResultView]
    marks: Marks
    wake_at: float | None
    unneeded: frozenset[str]
    trace: Sequence[TraceEntry]


@dataclass(frozen=True, slots=True)
class PlanningMoment:
    """
    Everything that a decision may use.

    `so_far` are the run's deliveries by step, and `later_events` the events of its subject after its own.
    """

    recipe: Recipe
    event: Event
    so_far: Mapping[str, Sequence[Delivery]]
    now: float
    later_events: Sequence[Event]
    budget: Budget
    results: Mapping[str, ResultView] = field(default_factory=dict)

    def scope(self, branch: Branch, event: Event | None = None) -> Scope:
        """Return the names that an entry can use; `event` replaces the run's own."""
        wait = None
        if branch.completed is not None:
            awaited = next((each for each in self.later_events if each.id == branch.event), None)
            wait = WaitView(branch.completed, None if awaited is None else EventView(awaited))
        return self.recipe.scope(event or self.event, self.results, self.now, wait, self.budget)

    def clock(self, at: float) -> str:
        """Return a moment as people read it."""
        return shown(at, self.recipe.zone)


def progress_of(moment: PlanningMoment, marks: Marks) -> Progress:
    """Return how far the run gets at this moment; raise `RenderError` if a decision has no value."""
    recipe, so_far, new_marks = moment.recipe, moment.so_far, dict(marks)
    trace: list[TraceEntry] = []
    unneeded = {later.id for later in moment.later_events if not _is_awaited(recipe, later)}
    while True:
        position = position_of(recipe.flow, new_marks)
        states = states_of(recipe.steps, so_far, position)
        results = views(recipe.steps, states, so_far)
        moment = replace(moment, results=results)
        for node, branch in position.undecided:
            if settled(node.needs, states):
                mark, message = _decided(
                    node, branch, new_marks.get(node.path, {}), moment, unneeded
                )
                if message:
                    new_marks[node.path] = mark
                    trace.append({"step": node.path, "message": message})
                    break
        else:
            unneeded -= {mark.get("event", "") for mark in new_marks.values()}
            wake_at = _wake_at(position, new_marks)
            return Progress(
                position, states, results, new_marks, wake_at, frozenset(unneeded), trace
            )


def _is_awaited(recipe: Recipe, event: Event) -> bool:
    return any(
        isinstance(node, WaitFor) and node.wants(event.type) for node in every_node(recipe.flow)
    )


def _wake_at(position: Position, marks: Marks) -> float | None:
    return min(
        (
            marks[node.path]["until"]
            for node, _ in position.undecided
            if "until" in marks.get(node.path, {})
        ),
        default=None,
    )


Decision = tuple[Mapping[str, Any], str]
"""The entry's new mark, and its trace entry, which is empty if nothing changed."""


def _decided(
    node: ControlNode,
    branch: Branch,
    mark: Mapping[str, Any],
    moment: PlanningMoment,
    unneeded: set[str],
) -> Decision:
    if isinstance(node, Choice):
        return _choose(node, moment.scope(branch))
    if isinstance(node, Stop):
        reason = node.reason(moment.scope(branch))
        return {"reason": reason}, f"stopped: {reason}"
    if not mark:
        return _begin(node, branch, moment)
    if isinstance(node, Delay):
        unneeded |= {event.id for event in moment.later_events if event.received_at < mark["until"]}
        return _over(mark, moment.now)
    return _listen(node, branch, mark, moment, unneeded)


def _choose(node: Choice, scope: Scope) -> Decision:
    reasons = []
    for alternative in node.alternatives:
        why_not = alternative.condition(scope)
        if not why_not:
            return {
                "way": alternative.name
            }, f"{alternative.name}: its conditions hold{looked_at(scope.seen)}"
        reasons.append(why_not)
    return {"way": node.last}, f"{node.last}: {'; '.join(reasons)}"


def _begin(node: Delay | WaitFor, branch: Branch, moment: PlanningMoment) -> Decision:
    scope = moment.scope(branch)
    if node.needs:
        scope.since = moment.now
    elif branch.since is not None:
        scope.since = branch.since
    try:
        until = node.until(scope)
    except NoTime as error:
        return _no_time(moment.now, str(error))
    mark = {"begun": moment.now, "until": until}
    if isinstance(node, Delay):
        return mark, f"waits until {moment.clock(until)}"
    types = " or ".join(node.types)
    return mark, f"waits for {types} until {moment.clock(until)} at the latest"


def _no_time(now: float, problem: str) -> Decision:
    """End a delay of unknown length; the steps after it are held."""
    mark = {"begun": now, "until": now, "over": now}
    hold = f"its time is not known: {problem}; release it when it may go out"
    message = f"cannot tell how long to wait: {problem}; the steps after it are held"
    return {**mark, "hold": hold}, message


def _over(mark: Mapping[str, Any], now: float) -> Decision:
    if now < mark["until"]:
        return mark, ""
    return {**mark, "over": max(mark["begun"], mark["until"])}, "the wait is over"


def _listen(
    node: WaitFor,
    branch: Branch,
    mark: Mapping[str, Any],
    moment: PlanningMoment,
    unneeded: set[str],
) -> Decision:
    for event in _since(branch, moment.later_events):
        if event.received_at > mark["until"]:
            break
        if event.id in unneeded:
            continue
        if node.wants(event.type) and _holds(node, moment.scope(branch, event)):
            over = {**mark, "over": max(mark["begun"], event.received_at), "event": event.id}
            return over, f"{event.type} came: event {event.id}"
        unneeded.add(event.id)
    mark, message = _over(mark, moment.now)
    return ({**mark, "event": ""}, "nothing came in time") if message else (mark, "")


def _since(branch: Branch, later_events: Sequence[Event]) -> Sequence[Event]:
    """Return the events that came after the wait before this entry ended."""
    ids = [event.id for event in later_events]
    after = ids.index(branch.event) + 1 if branch.event in ids else 0
    return [event for event in later_events[after:] if event.received_at >= branch.accepts_from]


def _holds(node: WaitFor, scope: Scope) -> bool:
    try:
        return node.condition is None or not node.condition(scope)
    except RenderError:
        # It is not the event for which this recipe was written, and may lack fields.
        return False
