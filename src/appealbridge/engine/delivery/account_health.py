"""
Accounts in trouble: kept through a restart, told to people, and tried until they work again.

A lane says how its account is doing; here stands what is done about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from appealbridge.clock import Clock
from appealbridge.engine.delivery.health import FAILURES, WELL, Condition, Health
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.report import Report
from appealbridge.engine.time_limit import GaveUp, within
from appealbridge.model.errors import DeliveryError, StoreError, TryAgain
from appealbridge.model.notice import Alarm, Tell
from appealbridge.plugin.channel import Tools
from appealbridge.store.base import Store
from appealbridge.store.records import LaneRecord

BATCH = 500
"""How many waiting deliveries are called up at once when an account works again."""

WORTH_KEEPING = 5.0
"""A pause shorter than so many seconds is not kept for the next process."""

_ALARMS = {
    Condition.DOWN: Alarm.DOWN,
    Condition.LOGIN_EXPIRED: Alarm.LOGIN_EXPIRED,
    Condition.REFUSED: Alarm.REFUSED,
}


class Accounts:
    """Looks after the accounts of all lanes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rng: Random,
        report: Report,
        clean: Callable[[str], str],
        tell: Tell,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng
        self._report = report
        self._clean = clean
        self._tell = tell

    async def restore(self, lane: Lane) -> None:
        """Take up what an earlier process knew of an account."""
        now = self._clock.now()
        for kept in await self._store.lanes():
            if kept.channel == lane.name:
                lane.kept = kept
                lane.pace.pause(min(kept.paused_until, now + lane.policy.most))
                if kept.condition != Condition.WORKING or kept.alarmed:
                    lane.health = _health(kept)
        self._report.opened(lane.name, works=lane.health.works)
        rate = lane.account.rate
        if rate is not None:
            since = now - rate.seconds
            lane.pace.begun_before(await self._store.sent_times(lane.name, since, rate.count))

    async def tend(self, lane: Lane) -> float:
        """Do what an account in trouble needs now; return for how many seconds it is to be left alone."""
        now = self._clock.now()
        if lane.changed or lane.health.wants_alarm(now):
            await self.keep(lane)
        if lane.hurry:
            lane.hurry = await self._store.hasten(lane.name, now, BATCH) == BATCH
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
        tools = Tools(lane.http, self._clock.now(), self._rng)
        failure: DeliveryError | None = None
        try:
            checking = lane.channel.check(lane.account, tools)
            await within(self._clock, lane.channel.time_limit, checking)
        except DeliveryError as error:
            failure = error
        except GaveUp as error:
            failure = TryAgain(f"the login could not be tried: {error}")
        except Exception as error:  # noqa: BLE001 - a check that breaks has told nothing of the login
            failure = TryAgain(self._clean(f"{type(error).__name__}: {error}"))
        lane.checked(failure, self._clock.now())

    async def keep(self, lane: Lane) -> None:
        """Store how an account is doing, say it, and tell people where that is due."""
        lane.changed = False
        now, kept = self._clock.now(), lane.kept
        if lane.health.condition != kept.condition:
            self._report.channel(lane.name, lane.health, now)
        told = self._to_tell(lane, now)
        if told is not None:
            kind, words = told
            await self._tell(kind, lane.name, words)
            if kind is not Alarm.BACK:
                lane.health = replace(lane.health, alarmed=True)
        record = lane.record(now + WORTH_KEEPING)
        if record != kept:
            try:
                await self._store.keep_lane(record)
            except StoreError:
                lane.changed = True  # so that the next round keeps it
                raise
            lane.kept = record

    def _to_tell(self, lane: Lane, now: float) -> tuple[Alarm, str] | None:
        """Return what people are to be told now of an account, and in which words."""
        health = lane.health
        if health.wants_alarm(now):
            return _ALARMS[health.condition], health.reason
        if lane.pauses_long(now) and not health.alarmed:
            return Alarm.PAUSED, lane.asked
        if lane.kept.alarmed and health == WELL:
            return Alarm.BACK, "it publishes again"
        return None


def _health(kept: LaneRecord) -> Health:
    """Return how an account was doing; it is asked at once how it is now."""
    return Health(
        condition=Condition(kept.condition),
        since=kept.since,
        failures=FAILURES,
        reason=kept.reason,
        alarmed=kept.alarmed,
    )
