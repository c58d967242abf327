"""One try at a delivery, or one look for it on the account, and what came of it."""

from __future__ import annotations

from enum import StrEnum

from appealbridge.model.value import value


class AttemptKind(StrEnum):
    """What was tried."""

    SEND = "send"
    SEEK = "seek"


class Outcome(StrEnum):
    """
    What came of it; the first five end a send, the last three a seek.

    `put_off` is the account's doing, not the message's: a rate limit or an expired login.
    """

    DELIVERED = "delivered"
    TRY_AGAIN = "try_again"
    PUT_OFF = "put_off"
    UNSURE = "unsure"
    REJECTED = "rejected"
    FOUND = "found"
    ABSENT = "absent"
    CANNOT_TELL = "cannot_tell"


@value
class Attempt:
    """
    One finished try; an unfinished one stands on its delivery as `begun_at`.

    `detail` is the platform's own words or what was sought and seen, redacted.
    """

    delivery_id: str
    number: int
    kind: AttemptKind
    begun_at: float
    ended_at: float
    outcome: Outcome
    detail: str = ""
