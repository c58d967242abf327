"""One channel's own way out: how much may be under way at once, and whether anything waits behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from appealbridge.engine.backoff import RetryPolicy, policy_of
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.http import Http


@dataclass(slots=True, eq=False)
class Lane:
    """
    The account that deliveries go to, and the state of its queue in this process.

    `backlog`: more is due than there is room for, so a newcomer must queue behind it. `blocked`:
    something due waits for an older delivery of its subject. `paused_until` (Unix seconds) is the
    platform's own wish to be left alone. The store holds the queue; what stands here can be
    forgotten at any moment and is found again by asking.
    """

    name: str
    channel: AnyChannel
    account: Account
    http: Http
    zone: ZoneInfo
    policy: RetryPolicy = field(init=False)
    in_flight: int = 0
    backlog: bool = True
    blocked: bool = False
    paused_until: float = 0.0
    closed: bool = False
    looking: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Take the account's own words on retrying."""
        self.policy = policy_of(self.account.retry)

    @property
    def room(self) -> int:
        """How many more attempts may begin."""
        if self.closed:
            return 0
        # A capped account counts before each post, so only one may be under way.
        bound = 1 if self.account.daily_cap is not None else self.account.concurrency
        return bound - self.in_flight

    def reserve(self, now: float) -> bool:
        """Take a place for a delivery that is only now being stored; say whether there was one."""
        if self.backlog or self.room <= 0 or now < self.paused_until:
            return False
        self.in_flight += 1
        return True

    def leave(self) -> None:
        """Give a place back."""
        self.in_flight -= 1
        if self.backlog:
            self.wake.set()

    def queued(self) -> None:
        """Take note that something was stored for this lane which did not begin at once."""
        self.backlog = self.backlog or self.room <= 0
        self.wake.set()

    def ended(self, *, again: bool) -> None:
        """
        Take note that an attempt's outcome is stored, which may let a later delivery go.

        `again` says that the same delivery comes back at a due time of its own.
        """
        if self.blocked or again:
            self.wake.set()

    def pause(self, until: float) -> None:
        """Leave the platform alone until a moment (Unix seconds)."""
        self.paused_until = max(self.paused_until, until)

    def close(self) -> None:
        """Begin nothing more; what is under way ends as it began."""
        self.closed = True
        self.wake.set()

    def adopt(self, channel: AnyChannel, account: Account, zone: ZoneInfo) -> None:
        """Go on with changed settings; what is under way ends as it began."""
        self.channel, self.account, self.zone = channel, account, zone
        self.policy = policy_of(account.retry)
        self.wake.set()


Lanes = dict[str, Lane]
