"""Sends what is due: one loop for each lane, so that a platform that is down delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.account_health import IDENTIFY_AGAIN, Accounts
from appealbridge.engine.delivery.attempt import Attempts
from appealbridge.engine.delivery.lane import Lane
from appealbridge.model.delivery import Delivery, Kind
from appealbridge.model.errors import StoreError
from appealbridge.plugin.published import Removes

SAFETY_SECONDS = 120.0
"""How long a lane waits at most before it asks the store again."""

BREATH = 1.0
"""The least number of seconds between two rounds of an account that must be left alone."""

SEARCHES = 16
"""How many searches on one account may be made at once."""


class Dispatcher:
    """
    Claims what is due on each lane and starts the attempts, as many as the lane may make.

    `sending` are the ids of the deliveries for which an attempt is being made.
    """

    def __init__(self, context: EngineContext, attempts: Attempts, accounts: Accounts) -> None:
        self.sending: set[str] = set()
        self._store = context.store
        self._clock = context.clock
        self._report = context.report
        self._create_task = context.tasks.create_task
        self._attempts = attempts
        self._accounts = accounts
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, lane: Lane, delivery: Delivery) -> None:
        """Start the attempt of a delivery that is stored as begun and has its place in the lane."""
        self.sending.add(delivery.id)
        self._start(self._send(lane, delivery))

    async def _send(self, lane: Lane, delivery: Delivery) -> None:
        try:
            await self._attempts.send(lane, delivery)
        finally:
            self.sending.discard(delivery.id)

    async def run(self, lane: Lane) -> None:
        """Serve one lane until cancelled."""
        await self._persist(lane, self._accounts.restore)
        while not lane.closed:
            await self._persist(lane, self._round)
        if lane.changed:
            await self._accounts.keep(lane)

    async def finish(self) -> None:
        """Wait for every attempt and search under way; the caller limits the time."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def abandon(self) -> None:
        """Cancel every attempt and search under way; they are stored as begun."""
        for task in self._under_way:
            task.cancel()

    async def _persist(self, lane: Lane, step: Callable[[Lane], Awaitable[None]]) -> None:
        """Take a step until the store allows it or the lane closes."""
        while not lane.closed:
            try:
                await step(lane)
            except StoreError as error:
                self._report.store_failed(error, f"channel {lane.name}")
                await self._clock.wait(lane.ends, 1.0)
            else:
                self._report.store_worked(f"channel {lane.name}")
                return

    async def _round(self, lane: Lane) -> None:
        lane.wake.clear()
        rest = await self._accounts.tend(lane)
        if rest > 0:
            # What is published is taken back all the same, although nothing may be published.
            await self._take_back(lane, min(rest, SAFETY_SECONDS))
            return
        now = self._clock.now()
        if not lane.identity and lane.identify_at <= now and isinstance(lane.channel, Removes):
            lane.identify_at = now + IDENTIFY_AGAIN
            lane.identified.clear()
            self._start(self._accounts.identify(lane))
        # Read the status before claiming: what is unblocked in between is claimed, and what is unblocked later
        # finds `blocked` set and wakes the lane.
        status = await self._store.queue_status(lane.name, now)
        lane.blocked = status.blocked
        if status.looks:
            await self._search(lane, now)
        if status.removals:
            await self._remove(lane, now)
        await self._claim(lane, now)
        pause = SAFETY_SECONDS
        if status.next_due is not None:
            pause = min(pause, max(0.0, status.next_due - now))
        if status.removals and lane.removes_at > now:
            pause = min(pause, lane.removes_at - now)
        if lane.places > 0 and (opens_at := lane.pace.opens_at(now)) > now:
            pause = min(pause, opens_at - now)
        await self._clock.wait(lane.wake, pause)

    async def _take_back(self, lane: Lane, rest: float) -> None:
        """Remove, and look whether it is gone, while nothing else may be done on an account."""
        now = self._clock.now()
        if (await self._store.outstanding())[0]:
            await self._remove(lane, now)
            status = await self._store.queue_status(lane.name, now)
            if status.looks and lane.health.works:
                await self._search(lane, now, only_removals=True)
            if status.next_due is not None:
                rest = min(rest, max(BREATH, status.next_due - now))
        await self._clock.wait(lane.wake, rest)

    async def _claim(self, lane: Lane, now: float) -> None:
        # New deliveries must queue meanwhile, or they would take the places that are being filled. If there is no
        # place, the next attempt that ends has to wake the lane.
        free, lane.backlog = lane.free(now), True
        if free > 0:
            claimed = await self._store.claim(lane.name, now, free, notices_only=lane.stopped)
            lane.begin(now, len(claimed))
            lane.backlog = len(claimed) == free
            for delivery in claimed:
                self.begin(lane, delivery)

    async def _remove(self, lane: Lane, now: float) -> None:
        free = lane.may_remove(now)
        if free > 0:
            for removal in await self._store.claim_removals(lane.name, now, free):
                lane.removing += 1
                self.begin(lane, removal)

    async def _search(self, lane: Lane, now: float, *, only_removals: bool = False) -> None:
        # An account in trouble gets one request at a time.
        most = SEARCHES if lane.health.works and not lane.throttled else 1
        for delivery in await self._store.claim_unknown(lane.name, now, SEARCHES):
            if only_removals and delivery.kind is not Kind.WITHDRAW:
                continue
            if delivery.id not in lane.searching and len(lane.searching) < most:
                lane.searching.add(delivery.id)
                self._start(self._attempts.search(lane, delivery))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
