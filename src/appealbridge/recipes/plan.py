"""
What a recipe wants done about an event, given what has been done so far: one pure function.

Called when the event arrives and again whenever something it waits for happened. Values in, values
out; the time is an argument, and planning twice gives the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appealbridge.model.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is to be done now.

    `deliveries` are new ones, `planned`, with their hold if they are to wait for a person; `done`
    says that nothing more will ever come of this run; `failed` is why the run cannot go on, with its
    place, empty if it can; `trace` is what was decided, as JSON objects with `step` and `said`.
    """

    deliveries: Sequence[Delivery]
    done: bool
    failed: str = ""
    trace: Sequence[Mapping[str, Any]] = ()
