"""One channel's own way out: how much may be under way at once, and whether anything waits behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from appealbridge.engine.delivery.backoff import RetryPolicy, policy_of
from appealbridge.engine.delivery.health import (
    WELL,
    Condition,
    Health,
    after_attempt,
    after_check,
    after_look,
)
from appealbridge.engine.delivery.rate_limit import RateLimit
from appealbridge.model.errors import AccountRefused, DeliveryError, Rejected, TryAgain
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, AnyChannel, SearchResult
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.reply import Reply
from appealbridge.store.records import LaneRecord

LONG_PAUSE = 1800.0
"""A wish to be left alone for longer, in seconds, is told to people, and tried out after a reload."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0
"""
Seconds for which an account is left alone after a rate limit that does not say when to come again.

The pause doubles from the first to the longest until something goes out.
"""

_SUSPECTS = 1000
"""How many refused deliveries are remembered at the most, to tell a bad message from a bad account."""


@dataclass(slots=True, eq=False)
class Lane:
    """
    The account that deliveries go to, and the state of its queue in this process.

    `backlog`: more is due than there is room for, so a newcomer must queue behind it. `blocked`:
    something due waits for an older delivery of its subject. `hurry`: the account works again, so
    what waits for a later time need not. `changed`: something of its health is not in the store yet,
    where it is as `kept` says. `asked`: in which words the platform wanted to be left alone. `fault`: what
    the plug-in raised over an answer's rate limit, until it is logged.
    `throttled`: how many times in a row a rate limit was met before anything went out, the first of
    them at `throttled_since`. `suspects`: the deliveries for which the account was refused, and
    whether another one has gone out since.
    The store holds the queue; what stands here can be forgotten at any moment and is found again by
    asking.
    """

    name: str
    channel: AnyChannel
    account: Account
    http: Http
    zone: ZoneInfo
    policy: RetryPolicy = field(init=False)
    pace: RateLimit = field(init=False)
    health: Health = WELL
    in_flight: int = 0
    backlog: bool = True
    blocked: bool = False
    hurry: bool = False
    fault: Exception | None = None
    changed: bool = False
    asked: str = ""
    throttled: int = 0
    throttled_since: float = 0.0
    suspects: dict[str, bool] = field(default_factory=dict)
    kept: LaneRecord = field(init=False)
    closed: bool = False
    looking: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Take the account's own words on retrying and on its rate."""
        self.policy = policy_of(self.account.retry)
        self.pace = RateLimit(self.account.rate)
        self.http = self.http.reporting_to(self._hear)
        self.kept = self.record(0.0)

    @property
    def places(self) -> int:
        """How many more attempts may be under way, whatever the pace."""
        if self.closed or self.health.condition is Condition.LOGIN_EXPIRED:
            return 0
        # A capped account counts before each post, and one in trouble is tried out, so only one may
        # be under way.
        one = self.account.daily_cap is not None or not self.health.works or self.throttled
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

    def heard(
        self, result: Receipt | DeliveryError, now: float, delivery_id: str = ""
    ) -> Receipt | DeliveryError:
        """
        Take note of how an attempt ended, which may tell of the whole account; return what it comes to.

        A refusal of the account is taken for one of this message where others go out meanwhile.
        """
        if type(result) is Receipt:
            if self.health is WELL and not self.throttled and not self.suspects:
                return result
            self._published(delivery_id)
        elif isinstance(result, AccountRefused):
            if result.status in self.policy.stop_at:
                why = f"not tried again, since `stop_at` names {result.status}"
                result = Rejected(f"{result}; {why}", status=result.status)
            elif self.suspects.pop(delivery_id, False):
                result = Rejected(str(result), status=result.status)
            else:
                self.suspects[delivery_id] = False
                if len(self.suspects) > _SUSPECTS:
                    del self.suspects[next(iter(self.suspects))]
        self._pause_for(result, now)
        self._becomes(after_attempt(self.health, result, now, delivery_id))
        return result

    def looked(self, result: SearchResult | DeliveryError, now: float) -> None:
        """Take note of how a look ended: what it finds was published, and reading tells of the login."""
        if isinstance(result, SearchResult):
            if result.receipt is not None:
                self.heard(result.receipt, now)
            elif self.health.condition is Condition.DOWN:
                self.health = replace(self.health, probe_at=now)
            return
        self._pause_for(result, now)
        self._becomes(after_look(self.health, result, now))

    def _published(self, delivery_id: str) -> None:
        self.throttled = 0
        self.suspects.pop(delivery_id, None)
        self.suspects = dict.fromkeys(self.suspects, True)

    def _pause_for(self, result: Receipt | DeliveryError, now: float) -> None:
        """Leave the platform alone as long as it wishes, and ever longer where it only says that it was too much."""
        if not isinstance(result, TryAgain) or not (result.throttled or result.after):
            return
        pause = min(max(result.after or 0.0, self.policy.least), self.policy.most)
        if result.throttled:
            # What was under way when the pause began tells nothing new.
            if now >= self.pace.until:
                self.throttled_since = now if not self.throttled else self.throttled_since
                self.throttled += 1
            if not result.after or self.throttled > 1:
                grown = min(FIRST_PAUSE * 2.0 ** min(self.throttled - 1, 10), LONGEST_PAUSE)
                pause = max(pause, min(grown, self.policy.most))
        self.pace.pause(now + pause)
        self.asked, self.changed = str(result), True

    def pauses_long(self, now: float) -> bool:
        """Whether the platform takes nothing for so long that people are told."""
        paused = self.pace.until - now
        return paused >= LONG_PAUSE or (
            paused > 0 and self.throttled > 0 and now - self.throttled_since >= LONG_PAUSE
        )

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
