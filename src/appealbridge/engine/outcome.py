"""From what a channel answered to the move the delivery makes. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from appealbridge.engine.backoff import RetryPolicy, next_due, put_off
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import DeliveryError, LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.plugin.channel import Account, AnyChannel, Repeat, Sought, WhenUnsure
from appealbridge.store.records import (
    Settlement,
)

DETAIL_LIMIT = 2000
"""How much of a platform's words is kept with an attempt."""


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
        and attempt.outcome is not Outcome.PUT_OFF
        # What a person lets try again once it has failed begins anew.
        and since <= attempt.begun_at < begun_at
    ]
    return Tried(len(counted) + 1, min([begun_at, *counted]))


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

    def settled(target: State, outcome: Outcome, **more: object) -> Settlement:
        detail = "" if isinstance(result, Receipt) else str(result)
        attempt = Attempt(
            delivery.id, delivery.attempts, AttemptKind.SEND, begun_at, now, outcome, detail
        )
        return Settlement(
            delivery_id=delivery.id,
            source=State.SENDING,
            target=target,
            at=now,
            attempt=attempt,
            **more,  # type: ignore[arg-type]
        )

    if isinstance(result, Receipt):
        return settled(State.DELIVERED, Outcome.DELIVERED, receipt=result)
    if isinstance(result, Rejected):
        return settled(State.FAILED, Outcome.REJECTED, reason=str(result))
    after = getattr(result, "after", None)
    if isinstance(result, TryAgain) and result.is_about_the_account:
        due: float | None = put_off(
            policy, attempts=_as_often(now - so_far.first_at), now=now, after=after, rng=rng
        )
        # Whatever stops an account is looked after by its lane; what waits there is due as soon as it goes on.
        if isinstance(result, LoginExpired):
            due = now
        return settled(
            State.READY, Outcome.PUT_OFF, due_at=due, hold=delivery.hold, reason=str(result)
        )
    due = next_due(
        policy,
        attempts=so_far.count,
        first_begun_at=so_far.first_at,
        now=now,
        after=after,
        rng=rng,
    )
    if isinstance(result, TryAgain):
        if result.status in policy.stop_at:
            reason = f"{result!s}; not tried again, since `stop_at` names {result.status}"
            return settled(State.FAILED, Outcome.TRY_AGAIN, reason=reason)
        if due is None:
            reason = f"gave up after {_times(so_far.count)}; the last: {result!s}"
            return settled(State.FAILED, Outcome.TRY_AGAIN, reason=reason)
        return settled(
            State.READY, Outcome.TRY_AGAIN, due_at=due, hold=delivery.hold, reason=str(result)
        )
    if due is None:
        reason = f"perhaps published; gave up after {_times(so_far.count)}; the last: {result!s}"
        return settled(State.HELD, Outcome.UNSURE, hold=Hold.UNKNOWN, reason=reason)
    # The first look comes soon; where attempt after attempt ends unclear, the looks between them
    # are what keeps us from hammering at a platform in trouble.
    look_at = now + policy.seek_after if so_far.count <= 1 else due
    return settled(
        State.UNKNOWN, Outcome.UNSURE, due_at=look_at, hold=delivery.hold, reason=str(result)
    )


def _times(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def settle_unknown(
    delivery: Delivery, channel: AnyChannel, account: Account, now: float
) -> Settlement | None:
    """Return how an `unknown` delivery goes on without a look on the account; `None` where a look is needed."""
    first = delivery.first_begun_at if delivery.first_begun_at is not None else now
    if channel.repeat is Repeat.IDEMPOTENT and now < first + channel.key_seconds:
        reason = "sent again under the same key, which the platform recognises"
        return _after_look(delivery, State.READY, now, reason=reason)
    if channel.repeat is not Repeat.NEITHER:
        return None
    if account.when_unsure is WhenUnsure.SEND_AGAIN:
        reason = f"perhaps sent before; {delivery.channel} says when_unsure: send_again"
        return _after_look(delivery, State.READY, now, reason=reason)
    reason = f"perhaps published; {channel.platform} offers no way to find out ({delivery.reason})"
    return _after_look(delivery, State.HELD, now, hold=Hold.UNKNOWN, reason=reason)


def settle_sought(
    delivery: Delivery,
    result: Sought | DeliveryError,
    account: Account,
    policy: RetryPolicy,
    *,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    """Return how an `unknown` delivery goes on after a look on the account."""
    if isinstance(result, TryAgain | Unsure):
        return _look_again(delivery, result, policy, begun_at=begun_at, now=now, rng=rng)
    sought = result if isinstance(result, Sought) else Sought(None, sure=False, seen=str(result))
    if sought.receipt is not None:
        attempt = _look(delivery, Outcome.FOUND, sought.seen, begun_at, now)
        return _after_look(delivery, State.DELIVERED, now, attempt=attempt, receipt=sought.receipt)
    if sought.sure:
        attempt = _look(delivery, Outcome.ABSENT, sought.seen, begun_at, now)
        return _after_look(delivery, State.READY, now, attempt=attempt, reason=sought.seen)
    attempt = _look(delivery, Outcome.CANNOT_TELL, sought.seen, begun_at, now)
    if account.when_unsure is WhenUnsure.SEND_AGAIN:
        return _after_look(delivery, State.READY, now, attempt=attempt, reason=sought.seen)
    reason = f"perhaps published: {sought.seen}"
    return _after_look(delivery, State.HELD, now, attempt=attempt, hold=Hold.UNKNOWN, reason=reason)


def _look_again(
    delivery: Delivery,
    error: TryAgain | Unsure,
    policy: RetryPolicy,
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
    return _after_look(
        delivery, State.UNKNOWN, now, attempt=attempt, due_at=due, reason=delivery.reason
    )


def _as_often(unclear_for: float) -> int:
    # Looks are not counted, so the time tells: wait about as long again as the outcome has been unclear.
    return 1 + int(math.log2(1 + max(0.0, unclear_for)))


def _look(delivery: Delivery, outcome: Outcome, seen: str, begun_at: float, now: float) -> Attempt:
    return Attempt(
        delivery.id,
        delivery.attempts,
        AttemptKind.SEEK,
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
