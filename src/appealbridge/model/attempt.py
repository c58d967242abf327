"""An attempt to publish or take back a post, or a search for it on the account, with its outcome."""

from __future__ import annotations

from enum import StrEnum

from appealbridge.model.value import value


class AttemptKind(StrEnum):
    """What was tried."""

    SEND = "send"
    EDIT = "edit"
    FIND = "find"
    REMOVE = "remove"
    LOOK = "look"
    UPLOAD = "upload"


class Outcome(StrEnum):
    """
    The outcome. The first five end an attempt to send, the next three a search.

    `removed` is the platform's word that a post is gone. A look finds it `absent`, or that it `stands`. An image is
    `uploaded`.

    `deferred` is caused by the account, not by the message: a rate limit or an expired login.
    """

    DELIVERED = "delivered"
    TRY_AGAIN = "try_again"
    DEFERRED = "deferred"
    UNSURE = "unsure"
    REJECTED = "rejected"
    FOUND = "found"
    ABSENT = "absent"
    CANNOT_TELL = "cannot_tell"
    REMOVED = "removed"
    STANDS = "stands"
    UPLOADED = "uploaded"


@value
class Attempt:
    """
    One finished attempt or search. Of an unfinished one there is only `begun_at` of its delivery.

    `detail` is the platform's own words, or what a search found, without secrets.
    """

    delivery_id: str
    number: int
    kind: AttemptKind
    begun_at: float
    ended_at: float
    outcome: Outcome
    detail: str = ""
