"""Expires deliveries whose publish-by time has passed."""

from __future__ import annotations

import asyncio

from appealbridge.engine.context import EngineContext
from appealbridge.engine.outcomes import OutcomeListener, Result
from appealbridge.engine.supervise import repeat
from appealbridge.model.delivery import OPEN, Delivery


class ExpiryTimer(OutcomeListener):
    """The next publish-by time, in Unix seconds; `wake` is set when an earlier one becomes known."""

    def __init__(self) -> None:
        self.next: float | None = None
        self.wake = asyncio.Event()

    def on_waiting(self, delivery: Delivery) -> None:
        """Register a delivery's publish-by time."""
        at = delivery.publish_by
        if at is not None and (self.next is None or at < self.next):
            self.next = at
            self.wake.set()

    def on_result(self, result: Result) -> None:
        """Register it again: the store does not expire a delivery while it is being sent."""
        if result.settlement.target in OPEN:
            self.on_waiting(result.delivery)


class Expiry:
    """Expires waiting deliveries on time, whether or not their lane ever reaches them."""

    def __init__(
        self, context: EngineContext, outcomes: OutcomeListener, timer: ExpiryTimer
    ) -> None:
        self._context = context
        self._outcomes = outcomes
        self._timer = timer

    async def run(self) -> None:
        """Expire deliveries when they are due, until cancelled."""
        await repeat(self._context, "upkeep", self._expire_due, self._timer.wake)

    async def _expire_due(self) -> float | None:
        store = self._context.store
        self._outcomes.on_expired(await store.expire(self._context.clock.now()))
        self._timer.next = await store.next_expiry()
        return self._timer.next
