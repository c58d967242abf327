"""From what a channel answered to the move the delivery makes. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from appealbridge.engine.delivery.backoff import RetryPolicy, next_due, put_off
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import DeliveryError, Rejected, TryAgain, Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.plugin.channel import Account, AnyChannel, Repeat, SearchResult, WhenUnsure
from appealbridge.store.records import Settlement

DETAIL_LIMIT = 2000
"""How much of a platform's words is kept with an attempt."""

_KEPT_DEFERRED = 16
"""Of how many attempts that were put off each is kept; later only the 32nd, the 64th and so on."""

_LOOKS_SPREAD = 3.0
"""A look that finds nothing is followed by one after so many times as long, until it may be sent again."""

_SOONEST = 0.25
"""How many seconds lie between two looks at the least."""

_APART = 0.5
"""A failed look is kept if this share of the time since the first attempt has passed since the last one kept."""


@value
class Tried:
    """How many attempts count, the one that just ended among them, and when the first of them began."""

    count: int
    first_at: float


def tried(delivery: Delivery, before: Sequence[Attempt], begun_at: float) -> Tried:
    """Return what counts of the attempts `before` and of the one begun at `begun_at`."""
    since = delivery.first_begun_at if delivery.first_begun_at is not None else begun_at
    counted = [
        attempt.begun_at
        for attempt in before
        if attempt.kind is AttemptKind.SEND
        and attempt.outcome is not Outcome.DEFERRED
        # What a person lets try again once it has failed begins anew.
        and since <= attempt.begun_at < begun_at
    ]
    return Tried(len(counted) + 1, min([begun_at, *counted]))


class _End(NamedTuple):
    """Where an attempt leads."""

    target: State
    outcome: Outcome
    reason: str
    due_at: float | None = None
    hold: str = ""


_DELIVERED = _End(State.DELIVERED, Outcome.DELIVERED, "")


def settle_send(
    delivery: Delivery,
    result: Receipt | DeliveryError,
    policy: RetryPolicy,
    so_far: Tried,
    *,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    """Return how a `sending` delivery goes on after its channel returned a receipt or raised."""
    if isinstance(result, Receipt):
        end, receipt, detail = _DELIVERED, result, ""
    else:
        end = _not_delivered(delivery, result, policy, so_far, now, rng)
        receipt, detail = None, str(result)
    kept = end.outcome is not Outcome.DEFERRED or _keeps(delivery.attempts)
    return Settlement(
        delivery_id=delivery.id,
        source=State.SENDING,
        target=end.target,
        at=now,
        attempt=Attempt(
            delivery.id, delivery.attempts, AttemptKind.SEND, begun_at, now, end.outcome, detail
        )
        if kept
        else None,
        due_at=end.due_at,
        hold=end.hold,
        reason=end.reason,
        receipt=receipt,
    )


def _keeps(number: int) -> bool:
    """Whether a put-off attempt of this number is kept, so that a long trouble leaves a short history."""
    return number <= _KEPT_DEFERRED or number & (number - 1) == 0


def _not_delivered(
    delivery: Delivery,
    error: DeliveryError,
    policy: RetryPolicy,
    so_far: Tried,
    now: float,
    rng: random.Random,
) -> _End:
    if isinstance(error, Rejected):
        return _End(State.FAILED, Outcome.REJECTED, str(error))
    if isinstance(error, TryAgain) and error.is_about_the_account:
        # Whatever stops an account is looked after by its lane; what waits there is due as soon as it
        # goes on.
        return _End(State.READY, Outcome.DEFERRED, str(error), now, delivery.hold)
    due = next_due(
        policy,
        attempts=so_far.count,
        first_begun_at=so_far.first_at,
        now=now,
        after=getattr(error, "after", None),
        rng=rng,
    )
    if isinstance(error, TryAgain):
        return _surely_not(delivery, error, policy, so_far, due)
    return _perhaps(delivery, error, policy, so_far, now, due)


def _surely_not(
    delivery: Delivery, error: TryAgain, policy: RetryPolicy, so_far: Tried, due: float | None
) -> _End:
    if error.status in policy.stop_at:
        reason = f"{error!s}; not tried again, since `stop_at` names {error.status}"
        return _End(State.FAILED, Outcome.TRY_AGAIN, reason)
    if due is None:
        reason = f"gave up after {_times(so_far.count)}; the last: {error!s}"
        return _End(State.FAILED, Outcome.TRY_AGAIN, reason)
    return _End(State.READY, Outcome.TRY_AGAIN, str(error), due, delivery.hold)


def _perhaps(
    delivery: Delivery,
    error: DeliveryError,
    policy: RetryPolicy,
    so_far: Tried,
    now: float,
    due: float | None,
) -> _End:
    if due is None:
        reason = f"perhaps published; gave up after {_times(so_far.count)}; the last: {error!s}"
        return _End(State.HELD, Outcome.UNSURE, reason, hold=Hold.UNKNOWN)
    return _End(State.UNKNOWN, Outcome.UNSURE, str(error), now + policy.seek_after, delivery.hold)


def _times(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def settle_unknown(
    delivery: Delivery, channel: AnyChannel, account: Account, now: float
) -> Settlement | None:
    """Return how an `unknown` delivery goes on without a look on the account; `None` where a look is needed."""
    if channel.can_find:
        return None
    first = delivery.first_begun_at if delivery.first_begun_at is not None else now
    if channel.repeat is Repeat.IDEMPOTENT and now < first + channel.key_seconds:
        reason = "sent again under the same key, which the platform recognises"
        due = now + account.repeat_after
        return _after_look(delivery, State.READY, now, due_at=due, reason=reason)
    if account.when_unsure is WhenUnsure.SEND_AGAIN:
        reason = f"perhaps sent before; {delivery.channel} says when_unsure: send_again"
        return _after_look(delivery, State.READY, now, reason=reason)
    reason = f"perhaps published; {channel.platform} offers no way to find out ({delivery.reason})"
    return _after_look(delivery, State.HELD, now, hold=Hold.UNKNOWN, reason=reason)


def settle_sought(
    delivery: Delivery,
    result: SearchResult | DeliveryError,
    account: Account,
    policy: RetryPolicy,
    before: Sequence[Attempt] = (),
    *,
    waited: float,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    """
    Return how an `unknown` delivery goes on after a look on the account.

    `before` is what came of it so far; `waited` is how many seconds had passed since its last attempt
    ended when the look began, by a clock that never jumps.
    """
    if isinstance(result, TryAgain | Unsure):
        return _look_again(delivery, result, policy, before, begun_at=begun_at, now=now, rng=rng)
    sought = (
        result
        if isinstance(result, SearchResult)
        else SearchResult(None, sure=False, seen=str(result))
    )
    if sought.receipt is not None:
        attempt = _look(delivery, Outcome.FOUND, sought.seen, begun_at, now)
        return _after_look(delivery, State.DELIVERED, now, attempt=attempt, receipt=sought.receipt)
    outcome = Outcome.ABSENT if sought.sure else Outcome.CANNOT_TELL
    attempt = _look(delivery, outcome, sought.seen, begun_at, now)
    if not sought.sure and account.when_unsure is not WhenUnsure.SEND_AGAIN:
        reason = f"perhaps published: {sought.seen}"
        return _after_look(
            delivery, State.HELD, now, attempt=attempt, hold=Hold.UNKNOWN, reason=reason
        )
    look_at = _next_look(delivery, account, policy, before, waited, begun_at, rng)
    if look_at is None:
        return _after_look(delivery, State.READY, now, attempt=attempt, reason=sought.seen)
    return _after_look(
        delivery, State.UNKNOWN, now, attempt=attempt, due_at=look_at, reason=delivery.reason
    )


def _next_look(
    delivery: Delivery,
    account: Account,
    policy: RetryPolicy,
    before: Sequence[Attempt],
    waited: float,
    looked_at: float,
    rng: random.Random,
) -> float | None:
    """
    Return when to look once more for what a look has not found; `None` where it may be sent again.

    A slow platform may still be at work, and publish after its proxy or we have given up.
    """
    if not delivery.attempts:
        return None  # out of a restored backup, which knows of no attempt
    unclear = max(1, sum(one.outcome is Outcome.UNSURE for one in before))
    pause = put_off(policy, attempts=unclear, now=0.0, after=None, rng=rng)
    rest = max(account.repeat_after, pause) - waited
    if rest <= 0:
        return None
    # Never so soon that it is the same moment once more.
    return looked_at + max(_SOONEST, min(rest, _LOOKS_SPREAD * max(waited, _SOONEST)))


def _look_again(
    delivery: Delivery,
    error: TryAgain | Unsure,
    policy: RetryPolicy,
    before: Sequence[Attempt],
    *,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    attempt = _look(delivery, Outcome.CANNOT_TELL, str(error), begun_at, now)
    first = delivery.first_begun_at if delivery.first_begun_at is not None else begun_at
    if now - first >= policy.within:
        reason = f"perhaps published, and the account could not be looked at: {error!s}"
        return _after_look(
            delivery, State.HELD, now, attempt=attempt, hold=Hold.UNKNOWN, reason=reason
        )
    after = getattr(error, "after", None)
    often = _as_often(now - first)
    due = put_off(policy, attempts=often, now=now, after=after, rng=rng)
    last = before[-1].ended_at if before else first
    return _after_look(
        delivery,
        State.UNKNOWN,
        now,
        # Otherwise a day's outage would be written down look by look.
        attempt=attempt if now - last >= _APART * (now - first) else None,
        due_at=due,
        reason=delivery.reason,
    )


def _as_often(unclear_for: float) -> int:
    # Looks are not counted, so the time tells: wait about as long again as the outcome has been unclear.
    return 1 + int(math.log2(1 + max(0.0, unclear_for)))


def _look(delivery: Delivery, outcome: Outcome, seen: str, begun_at: float, now: float) -> Attempt:
    return Attempt(
        delivery.id,
        delivery.attempts,
        AttemptKind.FIND,
        begun_at,
        now,
        outcome,
        seen[:DETAIL_LIMIT],
    )


def _after_look(delivery: Delivery, target: State, now: float, **more: object) -> Settlement:
    more.setdefault("due_at", now)
    if target in (State.READY, State.UNKNOWN):
        more.setdefault("hold", delivery.hold)  # what a person let out past its cap stays let out
    return Settlement(
        delivery_id=delivery.id,
        source=State.UNKNOWN,
        target=target,
        at=now,
        **more,  # type: ignore[arg-type]
    )
