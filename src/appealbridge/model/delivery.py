"""A delivery: one finished message for one channel, its states, and the changes that are allowed between them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from appealbridge.model.amendment import Amends, Change
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value


class State(StrEnum):
    """The states of a delivery."""

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


class Images(StrEnum):
    """Whether a planned delivery waits until its images are prepared, and whether it goes out without one."""

    NONE = ""
    REQUIRED = "required"
    OPTIONAL = "optional"


class Kind(StrEnum):
    """What a delivery does: publish a post, change one, or take one back."""

    POST = "post"
    AMEND = "amend"
    WITHDRAW = "withdraw"


_S = State

MOVES: dict[State, frozenset[State]] = {
    _S.PLANNED: frozenset(
        {_S.HELD, _S.READY, _S.SENDING, _S.UNKNOWN, _S.EXPIRED, _S.CANCELLED, _S.FAILED}
    ),
    _S.HELD: frozenset({_S.READY, _S.PLANNED, _S.DELIVERED, _S.EXPIRED, _S.CANCELLED}),
    _S.READY: frozenset({_S.SENDING, _S.HELD, _S.UNKNOWN, _S.EXPIRED, _S.CANCELLED, _S.FAILED}),
    _S.SENDING: frozenset({_S.DELIVERED, _S.READY, _S.UNKNOWN, _S.HELD, _S.FAILED, _S.EXPIRED}),
    _S.UNKNOWN: frozenset({_S.UNKNOWN, _S.DELIVERED, _S.READY, _S.HELD, _S.EXPIRED, _S.CANCELLED}),
    _S.DELIVERED: frozenset({_S.WITHDRAWING}),
    _S.FAILED: frozenset({_S.READY, _S.PLANNED}),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset({_S.PLANNED}),
    _S.WITHDRAWING: frozenset({_S.WITHDRAWN, _S.DELIVERED}),
    _S.WITHDRAWN: frozenset(),
}
"""
Every allowed change of state; the store refuses any other.

After a backup is restored, a delivery that had not begun becomes unknown: it may have gone out since. A delivery
that was cancelled because an earlier post of its thread failed is planned again when that post is retried. One whose
images could not be prepared is planned again when a person retries it.

A delivery that takes back a post is `unknown` while nobody has seen yet that the post is gone.
"""

OPEN = frozenset({_S.PLANNED, _S.HELD, _S.READY, _S.SENDING, _S.UNKNOWN})
"""The states in which a delivery may still be published."""

KEEPS_TURN = frozenset({_S.READY, _S.SENDING, _S.UNKNOWN})
"""
The states in which later deliveries about the same subject wait for this one.

In these states it goes on by itself. A held delivery waits for a person, perhaps for hours, so nothing waits for
it. The later posts of a thread are `planned`; the post that goes out next keeps the turn for all of them.
"""


class Hold(StrEnum):
    """Why a delivery waits for a person."""

    APPROVAL = "approval"
    UNKNOWN = "unknown"
    ALT_TEXT = "alt_text"
    DAILY_CAP = "daily_cap"
    BURST = "burst"
    SAME_TEXT = "same_text"
    TIME = "time"
    UNDATED = "undated"
    SAME_REQUEST = "same_request"
    CANNOT_REMOVE = "cannot_remove"
    EDITED_BY_HAND = "edited_by_hand"
    STOP = "stop"
    ACCEPTANCE = "acceptance"


_ORDER = (Hold.STOP, Hold.UNKNOWN, Hold.APPROVAL)
_LAST = (Hold.TIME,)


def in_order(holds: Iterable[str]) -> list[str]:
    """Return holds in the order in which people are shown them: stop, unknown, approval, the others, time."""

    def place(hold: str) -> tuple[int, str]:
        if hold in _ORDER:
            return _ORDER.index(Hold(hold)), hold
        return (len(_ORDER) + (hold in _LAST), hold)

    return sorted(map(str, set(holds)), key=place)


def with_hold(holds: str, more: str) -> str:
    """Return the `hold` of a delivery that is held for one more reason."""
    return " ".join(in_order([*holds.split(), more]))


def holds_with(hold: str) -> list[str]:
    """Return every `hold` that a delivery can have with this reason in it."""
    return [hold, *(each for each in COMBINED if hold in each.split())]


COMBINED = (
    *(f"{Hold.APPROVAL} {other}" for other in (Hold.BURST, Hold.SAME_TEXT, Hold.ALT_TEXT)),
    *(
        with_hold(Hold.ACCEPTANCE, other)
        for other in (
            Hold.BURST, Hold.SAME_TEXT, Hold.ALT_TEXT, Hold.UNDATED, Hold.SAME_REQUEST, Hold.TIME,
        )
    ),
)  # fmt: skip
"""Every `hold` of more than one reason; more kinds of it need no other change."""


CONFIRMED_BY_A_PERSON = "confirmed by a person"
"""The reason of a delivery that was held as unknown, and that a person confirmed."""


@value(kw_only=True)
class Delivery:
    """
    One finished message for one channel.

    `content` is the rendered message as canonical JSON and `content_hash` its SHA-256 in hex: the message
    that was approved is sent, byte for byte. `channel` is the account's name in appealbridge.yaml, `action` the
    recipe's name for the step (`tweet`). `number` is its short number for people, 0 until it is stored. Times are
    Unix seconds UTC. `due_at` is when the next attempt or search may be made, `publish_by` the time after which it
    must not go out. `hold` is why it is held: all reasons with a space between them, see `holds`; it goes out when all
    are cleared. `begun_at` is when the current attempt began, `first_begun_at` when the first one did.
    `attempts` counts the attempts that have begun. `origin` is that of its event: deliveries with the same channel,
    origin and subject keep their order. `follows` is the id of the delivery whose post this one replies to: it stays
    `planned` until that one is delivered, and is cancelled if that one ends otherwise. `kind` says what it does; unless
    it is a post, `target` is the id of the delivery whose post it changes. `change` says how an amendment does that, a
    value of `Change`. `amends` is only given to the store, which then finds what is amended; `corrects` too, which then
    makes it the next revision of an earlier delivery of its step that still waits for approval.
    A new delivery with `images` stays `planned`, with the `hold` that it will have, until they are prepared.
    `question` is the number of the question by which it is approved, 0 if nothing was asked about it.
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
    kind: Kind = Kind.POST
    target: str = ""
    change: str = ""
    amends: Amends | None = None
    corrects: bool = False
    question: int = 0

    @property
    def is_order(self) -> bool:
        """Whether it is a recipe's order to withdraw, which has no target of its own."""
        return self.kind is Kind.WITHDRAW and not self.target

    @property
    def is_confirmed(self) -> bool:
        """Whether a person said that it is published: its receipt has the address that they gave, and no id."""
        return self.receipt is not None and self.reason == CONFIRMED_BY_A_PERSON

    @property
    def is_edit(self) -> bool:
        """Whether it edits a post, and so publishes nothing of its own."""
        return self.change == Change.EDIT

    @property
    def holds(self) -> list[str]:
        """Why it is held, in the order in which people are shown it; empty if it is not held."""
        return in_order(self.hold.split()) if self.state is State.HELD else []

    images: Images = Images.NONE

    def stored(self, state: State, begun_at: float | None = None) -> Delivery:
        """
        Return a newly planned delivery in the state in which it is stored.

        `begun_at` (Unix seconds) is given with `sending`, if its first attempt begins at once. Every delivery passes
        here, and `dataclasses.replace` would take three times as long.
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
            kind=self.kind,
            target=self.target,
            change=self.change,
            amends=self.amends,
            corrects=self.corrects,
            images=self.images,
        )
