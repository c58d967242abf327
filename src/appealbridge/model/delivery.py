"""One finished message for one channel, the states of its life, and the only moves between them."""

from __future__ import annotations

from enum import StrEnum

from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    HELD = "held"
    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"

    # An enum's own hash is a Python function, and states are looked up many times for each delivery.
    __hash__ = str.__hash__


_S = State

MOVES: dict[State, frozenset[State]] = {
    _S.PLANNED: frozenset(
        {_S.HELD, _S.READY, _S.SENDING, _S.UNKNOWN, _S.EXPIRED, _S.CANCELLED, _S.FAILED}
    ),
    _S.HELD: frozenset({_S.READY, _S.DELIVERED, _S.EXPIRED, _S.CANCELLED}),
    _S.READY: frozenset({_S.SENDING, _S.HELD, _S.UNKNOWN, _S.EXPIRED, _S.CANCELLED, _S.FAILED}),
    _S.SENDING: frozenset({_S.DELIVERED, _S.READY, _S.UNKNOWN, _S.HELD, _S.FAILED, _S.EXPIRED}),
    _S.UNKNOWN: frozenset({_S.UNKNOWN, _S.DELIVERED, _S.READY, _S.HELD, _S.EXPIRED, _S.CANCELLED}),
    _S.DELIVERED: frozenset({_S.WITHDRAWING}),
    _S.FAILED: frozenset({_S.READY}),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset({_S.PLANNED}),
    _S.WITHDRAWING: frozenset({_S.WITHDRAWN, _S.DELIVERED}),
    _S.WITHDRAWN: frozenset(),
}
"""
Every legal move; the store refuses any other.

What had not begun becomes unknown where a backup is restored: it may have gone out since. What was
called off behind a failed post of its thread is planned again when that post is tried again.
"""

OPEN = frozenset({_S.PLANNED, _S.HELD, _S.READY, _S.SENDING, _S.UNKNOWN})
"""The states in which a delivery may still be published."""

KEEPS_TURN = frozenset({_S.READY, _S.SENDING, _S.UNKNOWN})
"""
The states in which a delivery goes on by itself. Later ones about the same thing wait behind it.

What is held waits for a person, perhaps for hours, and nothing waits behind it. The rest of a thread
is `planned`, and the one of its posts that goes next keeps the turn for all of them.
"""


class Hold(StrEnum):
    """Why a delivery waits for a person."""

    APPROVAL = "approval"
    UNKNOWN = "unknown"
    DAILY_CAP = "daily_cap"
    BURST = "burst"
    SAME_TEXT = "same_text"
    TIME = "time"
    UNDATED = "undated"
    SAME_REQUEST = "same_request"


@value(kw_only=True)
class Delivery:
    """
    One finished message for one channel.

    `content` is the rendered message as canonical JSON and `content_hash` its SHA-256 in hex: what
    was approved is what is sent, byte for byte. `channel` is the account's name in
    appealbridge.yaml, `action` the recipe's word for the step (`tweet`). `number` is its short
    name for people, 0 until stored. Times are Unix seconds UTC; `due_at` is when the next attempt
    or look may be made, `publish_by` the moment after which it must not go out, `begun_at` that of
    the attempt under way and `first_begun_at` that of the first one. `attempts` counts those begun.
    `origin` is that of its event: deliveries of one channel, origin and subject keep their order.
    `follows` is the id of the delivery whose post this one answers: it stays `planned` until that
    one is delivered, and is called off if that one ends otherwise.
    """

    id: str
    run_id: str
    event_id: str
    recipe: str
    step: str
    subject: str
    channel: str
    action: str
    content: str
    content_hash: str
    state: State
    planned_at: float
    due_at: float
    number: int = 0
    hold: str = ""
    reason: str = ""
    publish_by: float | None = None
    attempts: int = 0
    begun_at: float | None = None
    first_begun_at: float | None = None
    settled_at: float | None = None
    receipt: Receipt | None = None
    follows: str = ""
    origin: str = ""

    def stored(self, state: State, begun_at: float | None = None) -> Delivery:
        """
        Return a delivery fresh from its plan in the state that it is stored in.

        `begun_at`, in Unix seconds, goes with `sending`: its first attempt begins with that. Every
        delivery passes here, and `dataclasses.replace` would take three times as long.
        """
        return Delivery(
            id=self.id,
            run_id=self.run_id,
            event_id=self.event_id,
            recipe=self.recipe,
            step=self.step,
            subject=self.subject,
            channel=self.channel,
            action=self.action,
            content=self.content,
            content_hash=self.content_hash,
            state=state,
            planned_at=self.planned_at,
            due_at=self.due_at,
            hold=self.hold,
            reason=self.reason,
            publish_by=self.publish_by,
            attempts=0 if begun_at is None else 1,
            begun_at=begun_at,
            first_begun_at=begun_at,
            follows=self.follows,
            origin=self.origin,
        )
