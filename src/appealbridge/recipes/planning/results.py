"""Decides which steps of a run can be planned now, and collects the results of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from appealbridge.model.delivery import OPEN, Delivery, State
from appealbridge.recipes.model.step import Step
from appealbridge.recipes.planning.position import Position
from appealbridge.recipes.templates.scope import PostView, ResultView

_PUBLISHED = frozenset({State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN})


class StepState(Enum):
    """The state of a step within its run."""

    READY = auto()
    """Not planned; everything that it needs is there."""
    WAITING = auto()
    """Not planned; it waits for other steps."""
    SKIPPED = auto()
    """Never planned, because a step that it needs failed or was left out."""
    UNDER_WAY = auto()
    """Planned; not all of its deliveries have ended."""
    DELIVERED = auto()
    """Ended; at least one of its deliveries is published."""
    FAILED = auto()
    """Ended; none of its deliveries is published."""


_ENDED = frozenset({StepState.SKIPPED, StepState.DELIVERED, StepState.FAILED})

_OF_A_POST = (
    StepState.WAITING,
    StepState.READY,
    StepState.UNDER_WAY,
    StepState.DELIVERED,
    StepState.FAILED,
    StepState.SKIPPED,
)
"""The state of a `post` is the first of these that one of its channels has."""


def states_of(
    steps: Sequence[Step],
    so_far: Mapping[str, Sequence[Delivery]],
    position: Position | None = None,
) -> dict[str, StepState]:
    """
    Return the state of every step and every `post`.

    `position` has the steps that the run has reached; without it all are.
    """
    if not so_far and position is None:  # nearly every event takes this path, so it must be quick
        return {s.id: StepState.WAITING if s.needs else StepState.READY for s in steps}
    states: dict[str, StepState] = {}
    for step in steps:
        deliveries = so_far.get(step.id, ())
        if deliveries or position is None or step.id in position.branches:
            states[step.id] = _state_of(step, deliveries, states)
        else:
            states[step.id] = StepState.SKIPPED if step.id in position.never else StepState.WAITING
        if step.group:
            both = (states[step.id], states.get(step.group, StepState.SKIPPED))
            states[step.group] = min(both, key=_OF_A_POST.index)
    return states


def settled(needs: frozenset[str], states: Mapping[str, StepState]) -> bool:
    """Return whether all these steps have ended, published or not."""
    return all(states[need] in _ENDED for need in needs)


def _state_of(
    step: Step, deliveries: Sequence[Delivery], others: Mapping[str, StepState]
) -> StepState:
    if deliveries:
        if any(delivery.state in OPEN for delivery in deliveries):
            return StepState.UNDER_WAY
        published = any(delivery.state in _PUBLISHED for delivery in deliveries)
        return StepState.DELIVERED if published else StepState.FAILED
    needs = {others[need] for need in step.needs}
    if needs - _ENDED:
        return StepState.WAITING
    if needs & {StepState.FAILED, StepState.SKIPPED} and not step.even_if_failed:
        return StepState.SKIPPED
    return StepState.READY


def views(
    steps: Sequence[Step],
    states: Mapping[str, StepState],
    so_far: Mapping[str, Sequence[Delivery]],
) -> dict[str, ResultView]:
    """Return the results so far for templates; a skipped step has only its state."""
    result_views: dict[str, ResultView] = {}
    posts: dict[str, dict[str, ResultView]] = {}
    for step in steps:
        if deliveries := so_far.get(step.id):
            view = _view(deliveries)
        elif states[step.id] is StepState.SKIPPED:
            view = ResultView(State.CANCELLED.value)
        else:
            continue
        result_views[step.id] = view
        if step.group:
            posts.setdefault(step.group, {})[step.channel] = view
    for post, channels in posts.items():
        best = next((view for view in channels.values() if view.id), next(iter(channels.values())))
        result_views[post] = PostView(best.state, best.id, best.url, channels)
    return result_views


def _view(deliveries: Sequence[Delivery]) -> ResultView:
    # A step of many messages has the result of the first one that is published.
    best = next(
        (delivery for delivery in deliveries if delivery.receipt is not None), deliveries[0]
    )
    receipt = best.receipt
    if receipt is None:
        return ResultView(best.state.value)
    return ResultView(best.state.value, receipt.id or None, receipt.url or None)
