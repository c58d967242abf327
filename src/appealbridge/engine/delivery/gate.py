"""Between the plan and the channel: may this delivery go out now? Pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.moment import instants
from appealbridge.model.notice import NOTICE
from appealbridge.model.value import value


@value
class Verdict:
    """Where a delivery is to go: `sending` if it may go out, otherwise the state to stop in, and why."""

    state: State
    hold: str = ""
    reason: str = ""

    @property
    def go(self) -> bool:
        """Whether the delivery may go out now."""
        return self.state is State.SENDING


GO = Verdict(State.SENDING)


def content_hash(content: str) -> str:
    """Return the SHA-256 of a message's canonical JSON in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


def gate(delivery: Delivery, now: float, *, cap: int | None = None, sent_today: int = 0) -> Verdict:
    """
    Return whether a delivery may go out at `now` (Unix seconds UTC).

    `sent_today` counts what its channel has published since local midnight, against `cap`.
    """
    if delivery.publish_by is not None and now >= delivery.publish_by:
        return Verdict(State.EXPIRED, reason="its publish-by time has passed")
    if content_hash(delivery.content) != delivery.content_hash:
        return Verdict(
            State.HELD,
            Hold.APPROVAL,
            "its content is not what was planned; cancel it",
        )
    # Let out by a person, it keeps the hold's name, and is not held a second time. That something is
    # wrong has to be told whatever is used up.
    let_out = delivery.hold == Hold.DAILY_CAP or delivery.recipe == NOTICE
    if cap is not None and sent_today >= cap and not let_out:
        return Verdict(
            State.HELD,
            Hold.DAILY_CAP,
            f"{sent_today} of {cap} posts a day are used up on {delivery.channel}",
        )
    return GO


def not_sent(delivery: Delivery) -> Delivery:
    """Return a planned delivery as it is while it is not sent; one that follows another waits for that alone."""
    if delivery.follows:
        return replace(delivery, hold="", reason="")
    return delivery.stored(State.HELD if delivery.hold else State.READY)


def day_start(now: float, zone: ZoneInfo) -> float:
    """Return the last local midnight before `now`; both Unix seconds UTC."""
    today = datetime.fromtimestamp(now, zone).date()
    # Where a midnight comes twice, or never, the day begins with the first moment that has its date.
    return min(instants(datetime.combine(today, time()), zone))
