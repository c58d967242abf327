"""What is due goes out: one loop a lane, so that a dead platform delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from appealbridge.clock import Clock
from appealbridge.engine.delivery.account_health import Accounts
from appealbridge.engine.delivery.attempt import Attempts
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.report import Report
from appealbridge.model.delivery import Delivery
from appealbridge.model.errors import StoreError
from appealbridge.store.base import Store

SAFETY_SECONDS = 120.0
"""How long a lane sleeps at most before it asks the store again, whatever it was told."""

LOOKS = 16
"""How many looks on one account may be under way at once."""


class Dispatcher:
    """Claims what is due on each lane and has it attempted, within the lane's room."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        attempts: Attempts,
        accounts: Accounts,
        tasks: asyncio.TaskGroup,
        report: Report,
    ) -> None:
        self._store = store
        self._clock = clock
        self._attempts = attempts
        self._accounts = accounts
        self._tasks = tasks
        self._report = report
        self._under_way: set[asyncio.Task[None]] = set()
        self.sending: set[str] = set()
        """The ids of the deliveries that an attempt is being made at."""

    def begin(self, lane: Lane, delivery: Delivery) -> None:
        """Make the attempt of a delivery that is stored as begun and has its place in the lane."""
        self.sending.add(delivery.id)
        task = self._start(self._attempts.send(lane, delivery))
        task.add_done_callback(lambda _: self.sending.discard(delivery.id))

    async def run(self, lane: Lane) -> None:
        """Serve one lane until cancelled."""
        await self._persist(lane, self._accounts.restore)
        while not lane.closed:
            await self._persist(lane, self._round)
        if lane.changed:
            await self._accounts.keep(lane)

    async def finish(self) -> None:
        """Wait for every attempt and look under way; the caller sets the bound."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def abandon(self) -> None:
        """End every attempt and look under way; the store knows them as begun."""
        for task in self._under_way:
            task.cancel()

    async def _persist(self, lane: Lane, step: Callable[[Lane], Awaitable[None]]) -> None:
        """Take a step once the store lets us, or leave it where the lane closes meanwhile."""
        while not lane.closed:
            try:
                await step(lane)
            except StoreError as error:
                self._report.store_failed(error, f"channel {lane.name}")
                await self._clock.sleep(1.0)
            else:
                self._report.store_worked(f"channel {lane.name}")
                return

    async def _round(self, lane: Lane) -> None:
        lane.wake.clear()
        rest = await self._accounts.tend(lane)
        if rest > 0:
            await self._clock.wait(lane.wake, min(rest, SAFETY_SECONDS))
            return
        now = self._clock.now()
        # Look first, claim then: what is let go in between is claimed, and whatever is let go later
        # finds `blocked` set and wakes the lane.
        outlook = await self._store.outlook(lane.name, now)
        lane.blocked = outlook.blocked
        if outlook.looks:
            await self._look(lane, now)
        await self._claim(lane, now)
        pause = SAFETY_SECONDS
        if outlook.next_due is not None:
            pause = min(pause, max(0.0, outlook.next_due - now))
        if lane.places > 0 and (opens_at := lane.pace.opens_at(now)) > now:
            pause = min(pause, opens_at - now)
        await self._clock.wait(lane.wake, pause)

    async def _claim(self, lane: Lane, now: float) -> None:
        # Newcomers queue up meanwhile, or they would take the very places that are being filled;
        # and where there is no room, whoever leaves has to wake the lane.
        room, lane.backlog = lane.room(now), True
        if room > 0:
            claimed = await self._store.claim(lane.name, now, room)
            lane.begin(now, len(claimed))
            lane.backlog = len(claimed) == room
            for delivery in claimed:
                self.begin(lane, delivery)

    async def _look(self, lane: Lane, now: float) -> None:
        # An account in trouble is asked by one at a time, whatever it is asked for.
        most = LOOKS if lane.health.works and not lane.throttled else 1
        for delivery in await self._store.claim_unknown(lane.name, now, LOOKS):
            if delivery.id not in lane.looking and len(lane.looking) < most:
                lane.looking.add(delivery.id)
                self._start(self._attempts.look(lane, delivery))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task
