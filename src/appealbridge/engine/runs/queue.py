"""Knows which runs are open, and wakes their planning when something they may wait for has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.model.delivery import Delivery, Kind, State
from appealbridge.model.run import Run, RunState


class RunQueue(OutcomeListener):
    """
    The ids of the open runs that this process began, and `wake`, which is set if one of them may go on.

    The store has what each run waits for. `from_before` is whether there may be open runs of earlier processes.
    """

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.open: set[str] = set()
        self.from_before = True

    def accepted(self, runs: Iterable[Run], *, woken: bool = False) -> None:
        """Register new runs; `woken` says that their event has woken an older run."""
        for run in runs:
            if run.state is RunState.OPEN:
                self.open.add(run.id)
                woken = woken or run.wake_at is not None
        if woken:
            self.wake.set()

    def ended(self, delivery: Delivery) -> None:
        """Plan the run of a delivery again, because the delivery ended, and those of posts whose place it took."""
        if self.from_before or delivery.run_id in self.open or delivery.change:
            self.wake.set()

    def on_waiting(self, delivery: Delivery) -> None:
        """Plan the runs again whose deliveries a withdrawal or a correction has cancelled, and its own."""
        if delivery.kind is not Kind.POST or delivery.corrects:
            self.wake.set()

    def on_result(self, result: Result) -> None:
        """Plan the run again, unless the delivery is tried or searched again."""
        if result.settlement.target not in (State.READY, State.UNKNOWN):
            self.ended(result.delivery)

    def on_expired(self, deliveries: Sequence[Delivery]) -> None:
        """Plan their runs again."""
        for delivery in deliveries:
            self.ended(delivery)
