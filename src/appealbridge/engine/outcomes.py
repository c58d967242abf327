"""Tells every part of the engine that is concerned what became of deliveries and runs."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.model.delivery import Delivery
from appealbridge.model.run import Run
from appealbridge.model.value import value
from appealbridge.store.records import Settlement


@value
class Result:
    """How an attempt or a search ended: the delivery as it was before, its settlement, and how many seconds it took."""

    delivery: Delivery
    settlement: Settlement
    seconds: float


class OutcomeListener:
    """Learns what became of deliveries and runs, after it is stored. A listener overrides the methods it needs."""

    def on_waiting(self, delivery: Delivery) -> None:
        """Learn of a delivery that was planned, or that a person changed, and that may have to wait."""

    def on_result(self, result: Result) -> None:
        """Learn how an attempt or a search ended."""

    def on_held(self, deliveries: Sequence[Delivery]) -> None:
        """Learn of deliveries that were held before any attempt."""

    def on_expired(self, deliveries: Sequence[Delivery]) -> None:
        """Learn of deliveries whose publish-by time passed while they waited."""

    def on_run_failed(self, run: Run) -> None:
        """Learn of a run that cannot go on."""


class Outcomes(OutcomeListener):
    """Passes each outcome on to all `listeners`, in their order."""

    def __init__(self, listeners: Sequence[OutcomeListener]) -> None:
        self._listeners = listeners

    def on_waiting(self, delivery: Delivery) -> None:
        """Pass it on."""
        for listener in self._listeners:
            listener.on_waiting(delivery)

    def on_result(self, result: Result) -> None:
        """Pass it on."""
        for listener in self._listeners:
            listener.on_result(result)

    def on_held(self, deliveries: Sequence[Delivery]) -> None:
        """Pass them on, if there are any."""
        if deliveries:
            for listener in self._listeners:
                listener.on_held(deliveries)

    def on_expired(self, deliveries: Sequence[Delivery]) -> None:
        """Pass them on, if there are any."""
        if deliveries:
            for listener in self._listeners:
                listener.on_expired(deliveries)

    def on_run_failed(self, run: Run) -> None:
        """Pass it on."""
        for listener in self._listeners:
            listener.on_run_failed(run)
