"""The queue of one account in this process: how many attempts may be under way, and whether more are waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from appealbridge.engine.delivery.backoff import RetryPolicy, policy_of
from appealbridge.engine.delivery.health import (
    WELL,
    Condition,
    Health,
    after_attempt,
    after_check,
    after_search,
)
from appealbridge.engine.delivery.rate_limit import RateLimit
from appealbridge.engine.outcomes import OutcomeListener
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import AccountRefused, DeliveryError, Rejected, TryAgain
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, AnyChannel, SearchResult
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.reply import Reply
from appealbridge.store.records import LaneRecord

LONG_PAUSE = 1800.0
"""If a platform asks for a longer pause, in seconds, people are told, and a reload ends it."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0
"""
Seconds for which an account is paused after a rate limit that does not say for how long.

The pause doubles from the first to the longest until something is published.
"""

_SUSPECTS = 1000
"""How many refused deliveries are remembered, to tell a message that is refused from an account that is."""


@dataclass(slots=True, eq=False)
class Lane:
    """
    The account that deliveries go to, and the state of its queue in this process.

    `backlog`: more is due than may begin, so a new delivery must queue. `blocked`: something due waits for an
    older delivery of its subject. `retry_now`: the account works again, so its waiting deliveries need not wait
    for their due times. `changed`: the state of the account differs from `kept`, the one in the store.
    `pause_reason`: why the platform asked for a pause. `fault`: what the plug-in raised over the rate limit in a
    reply, until it is logged. `throttled`: how many rate limits were met in a row before anything was published,
    the first of them at `throttled_since`. `suspects`: the deliveries for which the account was refused, and
    whether another one was published since. `searching`: the deliveries that are being searched for.
    `removing`: how many removals are under way; none begins before `removes_at`, because the platform asked for that.
    `stopped`: everything is stopped, so only notices and removals begin; `eased`: that was lifted a short time ago.
    `ends` is set when the lane closes.
    `identity`: who the credentials belong to, as `check` names the account; asked for again at `identify_at`.
    `identified` is clear while that is being asked.
    The store holds the queue. What is here can be lost at any time, and is asked for again.
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
    retry_now: bool = False
    fault: Exception | None = None
    changed: bool = False
    pause_reason: str = ""
    throttled: int = 0
    throttled_since: float = 0.0
    suspects: dict[str, bool] = field(default_factory=dict)
    stored: LaneRecord = field(init=False)
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    searching: set[str] = field(default_factory=set)
    removing: int = 0
    removes_at: float = 0.0
    stopped: bool = False
    eased: bool = False
    identity: str = ""
    identify_at: float = 0.0
    identified: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Use the account's options for retries and its rate limit."""
        self.identified.set()
        self.policy = policy_of(self.account.retry)
        self.pace = RateLimit(self.account.rate)
        self.http = self.http.reporting_to(self._on_reply)
        self.stored = self.record(0.0)

    @property
    def closed(self) -> bool:
        """Whether nothing more may begin."""
        return self.ends.is_set()

    @property
    def places(self) -> int:
        """How many more attempts may be under way, whatever the pace."""
        if self.closed or self.health.condition is Condition.LOGIN_EXPIRED:
            return 0
        # An account with a cap counts before each post, and one in trouble is only tested.
        single = (
            self.account.daily_cap is not None
            or not self.health.works
            or self.throttled
            or self.eased
        )
        return (1 if single else self.account.concurrency) - self.in_flight

    def free(self, now: float) -> int:
        """Return how many more attempts may begin now."""
        places = self.places
        return min(places, self.pace.free(now)) if places > 0 else 0

    def begin(self, now: float, count: int) -> None:
        """Take places for attempts that begin now."""
        self.in_flight += count
        self.pace.begun(now, count)

    def reserve(self, now: float) -> bool:
        """Take a place for a delivery that is being stored; return whether there was one."""
        # The delivery that tests an account in trouble is chosen from all that wait.
        if self.backlog or not self.health.works or self.stopped:
            return False
        if self.free(now) <= 0:
            self.backlog = True
            return False
        self.begin(now, 1)
        return True

    def may_remove(self, now: float) -> int:
        """Return how many removals may begin now; limits on publishing do not count."""
        stopped = self.closed or self.health.condition is Condition.LOGIN_EXPIRED
        # A clock that was set back must not stop them for longer than a platform may ask for.
        if stopped or 0 < self.removes_at - now <= self.policy.most:
            return 0
        return (self.account.concurrency if self.health.works else 1) - self.removing

    def removed(self) -> None:
        """Record that a removal is no longer under way."""
        self.removing -= 1
        self.wake.set()

    def leave(self) -> None:
        """Give a place back."""
        self.in_flight -= 1
        if self.backlog:
            self.wake.set()

    def queued(self) -> None:
        """Record that a delivery is queued for this lane."""
        self.backlog = self.backlog or self.places <= 0
        self.wake.set()

    def ended(self, *, again: bool) -> None:
        """
        Record that the outcome of an attempt is stored, which may unblock a later delivery.

        `again` says that the same delivery is tried or searched again.
        """
        if self.blocked or again:
            self.wake.set()

    def record(self, after: float) -> LaneRecord:
        """Return the state of the account for the store; a pause that ends before `after` is left out."""
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

    def on_result(
        self, result: Receipt | DeliveryError, now: float, delivery_id: str = ""
    ) -> Receipt | DeliveryError:
        """
        Record how an attempt ended, which may say something about the account; return the result for the delivery.

        If other deliveries are published meanwhile, a refusal of the account counts as one of this message.
        """
        if type(result) is Receipt:
            if self.health is WELL and not self.throttled and not self.suspects:
                return result
            self._published(delivery_id)
        elif isinstance(result, AccountRefused):
            if result.status in self.policy.stop_at:
                reason = f"{result}; not tried again, because `stop_at` contains {result.status}"
                result = Rejected(reason, status=result.status)
            elif self.suspects.pop(delivery_id, False):
                result = Rejected(str(result), status=result.status)
            else:
                self.suspects[delivery_id] = False
                if len(self.suspects) > _SUSPECTS:
                    del self.suspects[next(iter(self.suspects))]
        self._pause_for(result, now)
        self._set_health(after_attempt(self.health, result, now, delivery_id))
        return result

    def on_search(self, result: SearchResult | DeliveryError, now: float) -> None:
        """Record how a search ended: what it finds is published, and reading says whether the login works."""
        if isinstance(result, SearchResult):
            if result.receipt is not None:
                self.on_result(result.receipt, now)
            elif self.health.condition is Condition.DOWN:
                self.health = replace(self.health, probe_at=now)
            return
        self._pause_for(result, now)
        self._set_health(after_search(self.health, result, now))

    def _published(self, delivery_id: str) -> None:
        self.throttled = 0
        self.suspects.pop(delivery_id, None)
        self.suspects = dict.fromkeys(self.suspects, True)

    def _pause_for(self, result: Receipt | DeliveryError, now: float) -> None:
        """Pause as long as the platform asks, or longer each time if it only says that it was too much."""
        if not isinstance(result, TryAgain) or not (result.throttled or result.after):
            return
        pause = min(max(result.after or 0.0, self.policy.least), self.policy.most)
        if result.throttled:
            # Attempts that were under way when the pause began say nothing new.
            if now >= self.pace.until:
                self.throttled_since = now if not self.throttled else self.throttled_since
                self.throttled += 1
            if not result.after or self.throttled > 1:
                grown = min(FIRST_PAUSE * 2.0 ** min(self.throttled - 1, 10), LONGEST_PAUSE)
                pause = max(pause, min(grown, self.policy.most))
        self.pace.pause(now + pause)
        self.pause_reason, self.changed = str(result), True

    def pauses_long(self, now: float) -> bool:
        """Return whether the platform has been pausing us for so long that people must be told."""
        paused = self.pace.until - now
        return paused >= LONG_PAUSE or (
            paused > 0 and self.throttled > 0 and now - self.throttled_since >= LONG_PAUSE
        )

    def checked(self, error: DeliveryError | None, now: float) -> None:
        """Record whether the login works again."""
        self._set_health(after_check(self.health, error, now))

    def _set_health(self, health: Health) -> None:
        if health == self.health:
            return
        self.retry_now = self.retry_now or (health.works and not self.health.works)
        self.health, self.changed = health, True
        self.wake.set()

    def _on_reply(self, reply: Reply) -> None:
        try:
            allowance = self.channel.allowance(reply)
        except Exception as error:  # noqa: BLE001 - the post is published, whatever the plug-in makes of the headers
            self.fault = error
            return
        if allowance is not None:
            others = max(0, self.in_flight - 1)
            self.pace.on_allowance(allowance, reply.now, others=others, longest=self.policy.most)

    def close(self) -> None:
        """Begin nothing more. Attempts that are under way end as they began."""
        self.ends.set()
        self.wake.set()

    def reconfigure(
        self, channel: AnyChannel, account: Account, zone: ZoneInfo, now: float
    ) -> None:
        """Use changed settings. Attempts that are under way end as they began."""
        if account != self.account:
            self.identity, self.identify_at = "", 0.0
        self.channel, self.account, self.zone = channel, account, zone
        self.policy = policy_of(account.retry)
        self.pace.rate = account.rate
        if (
            not self.health.works
        ):  # somebody may have renewed the login, and wants to see at once that it works
            self.health = replace(self.health, probe_at=0.0)
        if self.pace.until - now > LONG_PAUSE:  # or paid a bill
            self.pace.until, self.changed, self.retry_now = now, True, True
        self.wake.set()


class Lanes(dict[str, Lane], OutcomeListener):
    """The lanes of all accounts, by name."""

    def queued(self, delivery: Delivery) -> None:
        """Wake the lane of a delivery that is stored, if the account still exists."""
        if lane := self.get(delivery.channel):
            lane.queued()

    def on_waiting(self, delivery: Delivery) -> None:
        """Wake its lane, unless it waits for a person; an order to withdraw concerns every lane."""
        if not delivery.channel:
            for lane in self.values():
                lane.queued()
        elif delivery.state is not State.HELD:
            self.queued(delivery)

    def on_expired(self, deliveries: Sequence[Delivery]) -> None:
        """Let the deliveries go on that waited for one of these."""
        for delivery in deliveries:
            if lane := self.get(delivery.channel):
                lane.ended(again=False)
