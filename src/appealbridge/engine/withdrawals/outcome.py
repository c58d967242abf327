"""What the result of an attempt to remove a post, or of a look at it, means for the removal. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from appealbridge.engine.delivery.backoff import RetryPolicy, defer
from appealbridge.engine.delivery.outcome import DETAIL_LIMIT
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    Rejected,
    TryAgain,
)
from appealbridge.model.receipt import Receipt
from appealbridge.model.withdrawal import LOOK_LATER, LOOKS, REMOVE_AGAIN
from appealbridge.plugin.published import Standing
from appealbridge.store.records import Settlement


def settle_removal(
    removal: Delivery,
    result: str | DeliveryError,
    receipt: Receipt | None,
    policy: RetryPolicy,
    *,
    account: str,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    """
    Return the settlement of a removal after its channel said that the post is gone, or raised.

    `account` is who the credentials belong to now, as `check` names it; empty if nobody knows.
    """
    tried = _Tried(State.SENDING, AttemptKind.REMOVE, str(result), begun_at, now)
    ended = partial(_settlement, removal, tried)
    if isinstance(result, AlreadyGone):
        doubt = not_ours(receipt, account)
        if doubt and not account and _names_an_account(receipt):
            # `check` did not answer; it is asked again.
            return ended(State.UNKNOWN, Outcome.CANNOT_TELL, doubt, now + LOOKS[0])
        if doubt:
            return ended(State.HELD, Outcome.CANNOT_TELL, task(doubt, receipt))
        return ended(State.DELIVERED, Outcome.ABSENT, f"it was gone already: {result}")
    if isinstance(result, Rejected):
        return ended(State.HELD, Outcome.REJECTED, task(str(result), receipt))
    if isinstance(result, TryAgain):
        first = removal.first_begun_at or begun_at
        if isinstance(result, AccountRefused) and not result.sure and now - first >= REMOVE_AGAIN:
            return ended(State.HELD, Outcome.REJECTED, task(str(result), receipt))
        after = result.after
        due = defer(policy, attempts=max(1, removal.attempts), now=now, after=after, rng=rng)
        outcome = Outcome.DEFERRED if result.is_about_the_account else Outcome.TRY_AGAIN
        return ended(State.READY, outcome, str(result), due)
    outcome = Outcome.UNSURE if isinstance(result, DeliveryError) else Outcome.REMOVED
    return ended(State.UNKNOWN, outcome, str(result), now + LOOKS[0])


def settle_look(
    removal: Delivery,
    result: Standing | DeliveryError,
    receipt: Receipt | None,
    before: Sequence[Attempt],
    *,
    account: str,
    begun_at: float,
    now: float,
) -> Settlement:
    """Return the settlement of a removal after a look at its post; `before` are its attempts and looks so far."""
    seen = result.seen if isinstance(result, Standing) else str(result)
    tried = _Tried(State.UNKNOWN, AttemptKind.LOOK, seen, begun_at, now)
    ended = partial(_settlement, removal, tried)
    removals = [attempt for attempt in before if attempt.kind is AttemptKind.REMOVE]
    first = removals[0].begun_at if removals else begun_at
    last = removals[-1].ended_at if removals else first
    times = [first + after for after in LOOKS]
    # A platform may be slow, also after the last attempt and after one that a person asked for.
    again = [last + after for after in LOOKS if after <= REMOVE_AGAIN]
    later = [at for at in times if at > begun_at] or [at for at in again if at > begun_at]
    confirmed = any(attempt.outcome is Outcome.REMOVED for attempt in removals)
    doubt = ""
    if isinstance(result, Standing) and not result.there:
        doubt = not_ours(receipt, account)
        if not doubt or (confirmed and not _names_an_account(receipt)):
            return ended(State.DELIVERED, Outcome.ABSENT, seen)
        if account or not _names_an_account(receipt):
            return ended(State.HELD, Outcome.CANNOT_TELL, task(doubt, receipt))
    is_there = isinstance(result, Standing) and result.there
    outcome = Outcome.STANDS if is_there else Outcome.CANNOT_TELL
    stands = f"it still stands: {seen}" if is_there else doubt or seen
    if not removals:
        return ended(State.READY, outcome, stands, now)
    # A look only counts against the last attempt if it had its time; a platform may be slow.
    due = [at for at in times if last < at <= begun_at and at - first >= REMOVE_AGAIN]
    if outcome is Outcome.STANDS and due:
        return ended(State.READY, outcome, stands, now)
    if later:
        return ended(State.UNKNOWN, outcome, stands, later[0])
    if outcome is Outcome.CANNOT_TELL:
        # An outage of the platform says nothing about the post; after 30 days it becomes a task.
        return ended(State.UNKNOWN, outcome, stands, now + LOOK_LATER)
    answer = "said that it removed" if confirmed else "was asked to remove"
    why = f"the platform {answer} the post, but {stands}"
    return ended(State.HELD, outcome, task(why, receipt))


def settle_impossible(
    removal: Delivery, why: str, receipt: Receipt | None, *, now: float
) -> Settlement:
    """Return the settlement of a removal that was under way, and whose post cannot even be looked for."""
    tried = _Tried(State.UNKNOWN, AttemptKind.LOOK, why, now, now)
    return _settlement(removal, tried, State.HELD, Outcome.REJECTED, task(why, receipt))


def not_ours(receipt: Receipt | None, account: str) -> str:
    """Return why a post that is not there may only be hidden from this account; empty if it is gone."""
    publisher = receipt.account if receipt is not None else ""
    if not publisher:
        return "the post is not there, but nobody knows which account published it"
    if publisher != account:
        return (
            f"the post is not there for {account or 'these credentials'}, but {publisher} published it, "
            "and may still have it"
        )
    return ""


def _names_an_account(receipt: Receipt | None) -> bool:
    return receipt is not None and bool(receipt.account)


def task(why: str, receipt: Receipt | None) -> str:
    """Return the reason of a task for a person: why, and where the post is."""
    where = "" if receipt is None else receipt.url or receipt.id
    return f"{why}; remove it by hand if that is possible{f': {where}' if where else ''}"


class _Tried(NamedTuple):
    """An attempt or a look that has ended: the state in which it began, and what it showed."""

    source: State
    kind: AttemptKind
    detail: str
    begun_at: float
    now: float


def _settlement(
    removal: Delivery,
    tried: _Tried,
    target: State,
    outcome: Outcome,
    reason: str,
    due_at: float | None = None,
) -> Settlement:
    source, kind, detail, begun_at, now = tried
    detail = detail[:DETAIL_LIMIT]
    return Settlement(
        delivery_id=removal.id,
        source=source,
        target=target,
        at=now,
        attempt=Attempt(removal.id, removal.attempts, kind, begun_at, now, outcome, detail),
        due_at=due_at,
        hold=Hold.CANNOT_REMOVE if target is State.HELD else "",
        reason=reason,
    )
