"""Decides whether a delivery may be sent now. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.moment import instants
from appealbridge.model.notice import NOTICE
from appealbridge.model.stop import EASED_POSTS
from appealbridge.model.value import value


@value
class Verdict:
    """The state that a delivery gets: `sending` if it may be sent, otherwise the state it stops in, and why."""

    state: State
    hold: str = ""
    reason: str = ""
    due_at: float | None = None


GO = Verdict(State.SENDING)
"""The delivery may be sent."""


TOO_LATE = Verdict(State.EXPIRED, reason="its publish-by time has passed")

EASED = Verdict(
    State.HELD,
    Hold.STOP,
    f"a stop was lifted a short time ago, and {EASED_POSTS} posts have gone out on this channel since",
)
"""The delivery would be too much for the first minutes after a stop."""


def content_hash(content: str) -> str:
    """Return the SHA-256 of a message's canonical JSON in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


def gate(
    delivery: Delivery,
    now: float,
    *,
    cap: int | None = None,
    sent_today: int = 0,
    quiet: tuple[float, str] | None = None,
) -> Verdict:
    """
    Return whether a delivery may be sent at `now` (Unix seconds UTC).

    `sent_today` is how many its channel has published since local midnight, of at most `cap`. `quiet` is when
    the quiet hours end, and the reason to store.
    """
    if delivery.publish_by is not None and now >= delivery.publish_by:
        return TOO_LATE
    if content_hash(delivery.content) != delivery.content_hash:
        return Verdict(State.HELD, Hold.APPROVAL, "its content is not what was planned; cancel it")
    if quiet is not None:
        return Verdict(State.READY, delivery.hold, quiet[1], due_at=quiet[0])
    # A delivery that a person released keeps the name of its hold, and is not held again. Notices are always sent.
    exempt = Hold.DAILY_CAP in delivery.hold.split() or delivery.recipe == NOTICE
    if cap is not None and sent_today >= cap and not exempt:
        return Verdict(
            State.HELD,
            Hold.DAILY_CAP,
            f"{sent_today} of {cap} posts a day are used up on {delivery.channel}",
        )
    return GO


def not_sent(delivery: Delivery) -> Delivery:
    """
    Return a planned delivery as it is stored if it is not sent at once.

    A later post of a thread stays planned, and so does one whose images have to be prepared.
    """
    if delivery.images:
        return delivery
    if delivery.follows:
        return replace(delivery, hold="", reason="")
    return delivery.stored(State.HELD if delivery.hold else State.READY)


def day_start(now: float, zone: ZoneInfo) -> float:
    """Return the last local midnight before `now`; both Unix seconds UTC."""
    today = datetime.fromtimestamp(now, zone).date()
    # If there are two midnights, or none, the day begins with the first moment of its date.
    return min(instants(datetime.combine(today, time()), zone))
