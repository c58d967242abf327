"""What came of a run's steps so far: which may be planned now, and what their results are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from appealbridge.model.delivery import OPEN, Delivery, State
from appealbridge.recipes.recipe import Step
from appealbridge.recipes.scope import ResultView

_PUBLISHED = frozenset({State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN})


class Standing(Enum):
    """Where a step stands within its run."""

    READY = auto()
    """Not planned, and all it needs is there."""
    WAITING = auto()
    """Not planned, and what it needs may still come."""
    SKIPPED = auto()
    """Never to be planned, since what it needs will not come."""
    UNDER_WAY = auto()
    """Planned, and not all of it has ended."""
    DELIVERED = auto()
    """Ended, and at least one of its deliveries is published."""
    FAILED = auto()
    """Ended, and nothing of it is published."""


def standing(
    steps: Sequence[Step], so_far: Mapping[str, Sequence[Delivery]]
) -> dict[str, Standing]:
    """Return where every step stands; a step comes after all it needs."""
    if not so_far:  # the moment at which the event arrives, and the only one that has to be quick
        return {s.id: Standing.WAITING if s.needs else Standing.READY for s in steps}
    found: dict[str, Standing] = {}
    for step in steps:
        found[step.id] = _one(step, so_far.get(step.id, ()), found)
    return found


def _one(step: Step, made: Sequence[Delivery], others: Mapping[str, Standing]) -> Standing:
    if made:
        if any(delivery.state in OPEN for delivery in made):
            return Standing.UNDER_WAY
        published = any(delivery.state in _PUBLISHED for delivery in made)
        return Standing.DELIVERED if published else Standing.FAILED
    needs = {others[need] for need in step.needs}
    if needs & {Standing.READY, Standing.WAITING, Standing.UNDER_WAY}:
        return Standing.WAITING
    if needs & {Standing.FAILED, Standing.SKIPPED} and not step.even_if_failed:
        return Standing.SKIPPED
    return Standing.READY


def views(
    standings: Mapping[str, Standing], so_far: Mapping[str, Sequence[Delivery]]
) -> dict[str, ResultView]:
    """Return the results so far as templates see them; a step that is skipped has only its state."""
    found = {step: _view(made) for step, made in so_far.items() if made}
    for step, where in standings.items():
        if where is Standing.SKIPPED:
            found[step] = ResultView(State.CANCELLED.value)
    return found


def _view(made: Sequence[Delivery]) -> ResultView:
    # A step of many messages has the result of the first one that is published.
    best = next((delivery for delivery in made if delivery.receipt is not None), made[0])
    receipt = best.receipt
    if receipt is None:
        return ResultView(best.state.value)
    return ResultView(best.state.value, receipt.id or None, receipt.url or None)
