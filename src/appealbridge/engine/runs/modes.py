"""Decides by a recipe's `mode` which of its runs about one subject may go on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from appealbridge.model.run import Run, RunState
from appealbridge.recipes.model.recipe import QUEUED, RESTART, SINGLE

BEGUN = "begun"
"""The mark of a waiting run whose turn has come."""


def begun(run: Run, now: float) -> Run:
    """Return a run whose turn has come."""
    return replace(run, marks={**run.marks, BEGUN: {"at": now}})


def kept_back(run: Run, mode: str, older: Sequence[Run], now: float) -> Run | None:
    """
    Return a run as it is while it must wait for older ones, `None` if its turn has come.

    `older` are the older open runs of its recipe and subject, the oldest first.
    """
    if not older or mode not in (QUEUED, SINGLE):
        return None
    if mode == SINGLE:
        reason = f"run {older[0].id} is still open, and the recipe has mode: single"
        return _over(run, RunState.SKIPPED, reason, now)
    message = f"waits for its turn, because run {older[-1].id} is still open"
    waits = replace(run, wake_at=None)
    if any(entry.get("message") == message for entry in run.trace):
        return waits
    return _traced(waits, message, now)


def ended_by(run: Run, mode: str, older: Sequence[Run], now: float) -> Sequence[Run]:
    """Return the older runs that this one ends when its turn has come, as they are then."""
    if mode != RESTART:
        return ()
    reason = f"ended by run {run.id}, because the recipe has mode: restart"
    return [
        _over(each, RunState.PLANNED if BEGUN in each.marks else RunState.SKIPPED, reason, now)
        for each in older
    ]


def _over(run: Run, state: RunState, reason: str, now: float) -> Run:
    return _traced(replace(run, state=state, reason=reason, wake_at=None), reason, now)


def _traced(run: Run, message: str, now: float) -> Run:
    entry: dict[str, Any] = {"at": now, "step": "", "message": message}
    return replace(run, trace=(*run.trace, entry))
