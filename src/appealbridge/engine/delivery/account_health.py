"""
What is done about accounts in trouble: their state is stored, people are told, and they are tested until they work.

The lane of an account says how it is doing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from appealbridge.engine.context import EngineContext
from appealbridge.engine.delivery.health import FAILURES, WELL, Condition, Health
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.delivery.sanitize import ID_LIMIT
from appealbridge.engine.time_limit import GaveUp
from appealbridge.model.errors import DeliveryError, StoreError, TryAgain
from appealbridge.model.notice import Alarm
from appealbridge.plugin.channel import Tools
from appealbridge.store.records import LaneRecord

IDENTIFY_AGAIN = 600.0
"""After how many seconds it is asked again who the credentials belong to, if nobody knows."""

BATCH = 500
"""How many waiting deliveries are made due at once when an account works again."""

WORTH_KEEPING = 5.0
"""A pause that is shorter than so many seconds is not stored."""

_ALARMS = {
    Condition.DOWN: Alarm.DOWN,
    Condition.LOGIN_EXPIRED: Alarm.LOGIN_EXPIRED,
    Condition.REFUSED: Alarm.REFUSED,
}


class Accounts:
    """Deals with the accounts of all lanes."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock

    async def restore(self, lane: Lane) -> None:
        """Continue with what an earlier process stored about an account."""
        now = self._clock.now()
        for record in await self._store.lanes():
            if record.channel == lane.name:
                lane.stored = record
                lane.pace.pause(min(record.paused_until, now + lane.policy.most))
                if record.condition != Condition.WORKING or record.alarmed:
                    lane.health = _health(record)
        self._context.report.opened(lane.name, works=lane.health.works)
        rate = lane.account.rate
        if rate is not None:
            since = now - rate.seconds
            lane.pace.begun_before(await self._store.sent_times(lane.name, since, rate.count))

    async def tend(self, lane: Lane) -> float:
        """Do what an account in trouble needs now; return for how many seconds it must be left alone."""
        now = self._clock.now()
        if lane.changed or lane.health.wants_alarm(now):
            await self.keep(lane)
        if lane.retry_now:
            lane.retry_now = await self._store.hasten(lane.name, now, BATCH) == BATCH
        if lane.pace.until > now:
            return lane.pace.until - now
        if not lane.health.works:
            return await self._probe(lane, now)
        return 0.0

    async def _probe(self, lane: Lane, now: float) -> float:
        if now < lane.health.probe_at:
            return lane.health.probe_at - now
        if lane.health.condition is Condition.LOGIN_EXPIRED:
            await self._check(lane)
            return 0.0 if lane.health.works else max(0.0, lane.health.probe_at - self._clock.now())
        if lane.places > 0:
            await self._store.hasten(lane.name, now, 1)
        return 0.0

    async def _check(self, lane: Lane) -> None:
        failure: DeliveryError | None = None
        try:
            lane.identity = await self._asked(lane)
        except DeliveryError as error:
            failure = error
        except GaveUp as error:
            failure = TryAgain(f"the login could not be tested: {error}")
        except Exception as error:  # noqa: BLE001 - a check that breaks says nothing about the login
            failure = TryAgain(self._context.clean(f"{type(error).__name__}: {error}"))
        lane.checked(failure, self._clock.now())

    async def identify(self, lane: Lane) -> None:
        """Ask who the credentials belong to, for the receipts: only that account can say that a post is gone."""
        try:
            with suppress(Exception):  # an account in trouble is noticed by its attempts
                lane.identity = await self._asked(lane)
        finally:
            lane.identified.set()

    async def _asked(self, lane: Lane) -> str:
        """Return who the credentials belong to, as the platform says; raise what `check` raises, or `GaveUp`."""
        tools = Tools(lane.http, self._clock.now(), self._context.rng)
        checking = lane.channel.check(lane.account, tools)
        account = await self._context.time_limits.within(lane.channel.time_limit, checking)
        return "".join(filter(str.isprintable, str(account)))[:ID_LIMIT]

    async def keep(self, lane: Lane) -> None:
        """Store and log how an account is doing, and tell people if that is due."""
        lane.changed = False
        now, stored = self._clock.now(), lane.stored
        if lane.health.condition != stored.condition:
            self._context.report.channel(lane.name, lane.health, now)
        alarm = self._alarm(lane, now)
        if alarm is not None:
            kind, message = alarm
            await self._context.alarms.raise_alarm(kind, lane.name, message)
            if kind is not Alarm.BACK:
                lane.health = replace(lane.health, alarmed=True)
        record = lane.record(now + WORTH_KEEPING)
        if record != stored:
            try:
                await self._store.keep_lane(record)
            except StoreError:
                lane.changed = True  # so that the next round stores it
                raise
            lane.stored = record

    def _alarm(self, lane: Lane, now: float) -> tuple[Alarm, str] | None:
        """Return the alarm that is due about an account, and its message."""
        health = lane.health
        if health.wants_alarm(now):
            return _ALARMS[health.condition], health.reason
        if lane.pauses_long(now) and not health.alarmed:
            return Alarm.PAUSED, lane.pause_reason
        if lane.stored.alarmed and health == WELL:
            return Alarm.BACK, "it publishes again"
        return None


def _health(record: LaneRecord) -> Health:
    """Return how an account was doing; it is tested at once."""
    return Health(
        condition=Condition(record.condition),
        since=record.since,
        failures=FAILURES,
        reason=record.reason,
        alarmed=record.alarmed,
    )
