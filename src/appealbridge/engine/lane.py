"""One channel's own way out: how much may be under way at once, and whether anything waits behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from appealbridge.engine.backoff import RetryPolicy, policy_of
from appealbridge.engine.health import WELL, Condition, Health, after_attempt, after_check
from appealbridge.engine.pace import Pace
from appealbridge.model.errors import DeliveryError, LoginExpired, TryAgain
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, AnyChannel, Sought
from appealbridge.plugin.http import Http
from appealbridge.plugin.reply import Reply
from appealbridge.store.records import LaneRecord

LONG_PAUSE = 1800.0
"""A wish to be left alone for longer, in seconds, is told to people, and tried out after a reload."""


@dataclass(slots=True, eq=False)
class Lane:
    """
    The account that deliveries go to, and the state of its queue in this process.

    `backlog`: more is due than there is room for, so a newcomer must queue behind it. `blocked`:
    something due waits for an older delivery of its subject. `hurry`: the account works again, so
    what waits for a later time need not. `changed`: something of its health is not in the store yet,
    where it is as `kept` says. `asked`: in which words the platform wanted to be left alone. `fault`: what
    the plug-in raised over an answer's rate limit, until it is logged.
    The store holds the queue; what stands here can be forgotten at any moment and is found again by
    asking.
    """

    name: str
    channel: AnyChannel
    account: Account
    http: Http
    zone: ZoneInfo
    policy: RetryPolicy = field(init=False)
    pace: Pace = field(init=False)
    health: Health = WELL
    in_flight: int = 0
    backlog: bool = True
    blocked: bool = False
    hurry: bool = False
    fault: Exception | None = None
    changed: bool = False
    asked: str = ""
    kept: LaneRecord = field(init=False)
    closed: bool = False
    looking: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Take the account's own words on retrying and on its rate."""
        self.policy = policy_of(self.account.retry)
        self.pace = Pace(self.account.rate)
        self.http = self.http.heard_by(self._hear)
        self.kept = self.record(0.0)

    @property
    def places(self) -> int:
        """How many more attempts may be under way, whatever the pace."""
        if self.closed or self.health.condition is Condition.LOGIN_EXPIRED:
            return 0
        # A capped account counts before each post, and one that is down is tried out, so only one
        # may be under way.
        one = self.account.daily_cap is not None or not self.health.works
        return (1 if one else self.account.concurrency) - self.in_flight

    def room(self, now: float) -> int:
        """Return how many more attempts may begin now."""
        places = self.places
        return min(places, self.pace.room(now)) if places > 0 else 0

    def begin(self, now: float, count: int) -> None:
        """Take places for attempts that begin now."""
        self.in_flight += count
        self.pace.begun(now, count)

    def reserve(self, now: float) -> bool:
        """Take a place for a delivery that is only now being stored; say whether there was one."""
        # What finds out whether an account works again is chosen among all that wait.
        if self.backlog or not self.health.works:
            return False
        if self.room(now) <= 0:
            self.backlog = True
            return False
        self.begin(now, 1)
        return True

    def leave(self) -> None:
        """Give a place back."""
        self.in_flight -= 1
        if self.backlog:
            self.wake.set()

    def queued(self) -> None:
        """Take note that something was stored for this lane which did not begin at once."""
        self.backlog = self.backlog or self.places <= 0
        self.wake.set()

    def ended(self, *, again: bool) -> None:
        """
        Take note that an attempt's outcome is stored, which may let a later delivery go.

        `again` says that the same delivery comes back at a due time of its own.
        """
        if self.blocked or again:
            self.wake.set()

    def record(self, after: float) -> LaneRecord:
        """Return what is to be kept of the account; a pause that ends before `after` is not."""
        until = self.pace.until
        health = self.health
        return LaneRecord(
            channel=self.name,
            condition=health.condition,
            since=health.since,
            reason=health.reason,
            alarmed=health.alarmed,
            paused_until=until if until > after else 0.0,
        )

    def heard(self, result: Receipt | DeliveryError, now: float) -> None:
        """Take note of how an attempt ended, which may tell of the whole account."""
        if type(result) is Receipt and self.health is WELL:
            return
        if isinstance(result, TryAgain) and result.after:
            self.pace.pause(now + min(max(result.after, self.policy.least), self.policy.most))
            self.asked, self.changed = str(result), True
        self._becomes(after_attempt(self.health, result, now))

    def looked(self, result: Sought | DeliveryError, now: float) -> None:
        """Take note of how a look ended: what it finds was published, and reading tells of the login."""
        if isinstance(result, LoginExpired):
            self._becomes(after_attempt(self.health, result, now))
        elif isinstance(result, Sought) and result.receipt is not None:
            self.heard(result.receipt, now)
        elif isinstance(result, Sought) and self.health.condition is Condition.DOWN:
            self.health = replace(self.health, probe_at=now)

    def checked(self, error: DeliveryError | None, now: float) -> None:
        """Take note of whether the login works again."""
        self._becomes(after_check(self.health, error, now))

    def _becomes(self, health: Health) -> None:
        if health == self.health:
            return
        self.hurry = self.hurry or (health.works and not self.health.works)
        self.health, self.changed = health, True
        self.wake.set()

    def _hear(self, reply: Reply) -> None:
        try:
            told = self.channel.allowance(reply)
        except Exception as error:  # noqa: BLE001 - the post is out, whatever the plug-in makes of the answer's headers
            self.fault = error
            return
        if told is not None:
            self.pace.told(
                told, reply.now, others=max(0, self.in_flight - 1), longest=self.policy.most
            )

    def close(self) -> None:
        """Begin nothing more; what is under way ends as it began."""
        self.closed = True
        self.wake.set()

    def adopt(self, channel: AnyChannel, account: Account, zone: ZoneInfo, now: float) -> None:
        """Go on with changed settings; what is under way ends as it began."""
        self.channel, self.account, self.zone = channel, account, zone
        self.policy = policy_of(account.retry)
        self.pace.rate = account.rate
        if not self.health.works:  # whoever mended a login wants to see at once that it works
            self.health = replace(self.health, probe_at=0.0)
        if self.pace.until - now > LONG_PAUSE:  # and so does whoever paid a bill
            self.pace.until, self.changed, self.hurry = now, True, True
        self.wake.set()


Lanes = dict[str, Lane]
