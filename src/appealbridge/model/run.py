"""A run: one event through one version of a recipe, with a trace of every decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from appealbridge.model.value import value


class RunState(StrEnum):
    """
    The state of a run.

    `open` still waits for something, `planned` has planned all it will, `failed` could not render
    (nothing of it was published), `skipped` did not match.
    """

    OPEN = "open"
    PLANNED = "planned"
    FAILED = "failed"
    SKIPPED = "skipped"


@value(kw_only=True)
class Run:
    """
    One event through one recipe version.

    `id` is the event's id and the recipe's name, so that planning twice makes nothing twice.
    `trace` is a list of JSON objects `{"at": seconds, "step": "…", "message": "…", …}` in order.
    `wake_at` is when it is to be planned again, `None` if time does not matter. `marks` are the
    decisions it has taken, a JSON object by the place in the recipe.
    """

    id: str
    event_id: str
    recipe: str
    version: str
    state: RunState
    begun_at: float
    wake_at: float | None = None
    reason: str = ""
    trace: tuple[dict[str, Any], ...] = field(default=())
    marks: Mapping[str, Any] = field(default_factory=dict)
