"""Expires deliveries whose publish-by time has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from appealbridge.clock import Clock
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.report import Report
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import StoreError
from appealbridge.store.base import Store


class Upkeep:
    """Expires waiting deliveries at their time, whether or not their lane ever gets to them."""

    def __init__(self, store: Store, clock: Clock, lanes: Lanes, report: Report) -> None:
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._report = report
        self._next: float | None = None
        self._wake = asyncio.Event()
        self.ended: Callable[[Delivery], None] = lambda delivery: None
        """Called with each delivery that expired, so that its run may go on."""

    def watch(self, delivery: Delivery) -> None:
        """Register a new delivery's publish-by time."""
        if delivery.publish_by is not None and (
            self._next is None or delivery.publish_by < self._next
        ):
            self._next = delivery.publish_by
            self._wake.set()

    async def run(self) -> None:
        """Expire deliveries when they are due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._expire()
                self._next = await self._store.next_expiry()
                self._report.store_worked("upkeep")
            except StoreError as error:
                self._report.store_failed(error, "upkeep")
                self._next = self._clock.now() + 1.0
            pause = None if self._next is None else max(0.0, self._next - self._clock.now())
            await self._clock.wait(self._wake, pause)

    async def _expire(self) -> None:
        expired = await self._store.expire(self._clock.now())
        for delivery in expired:
            self.ended(delivery)
            if delivery.channel in self._lanes:
                self._lanes[delivery.channel].ended(again=False)
        self._report.expired(expired)
