"""What the result of an attempt or a search means for the delivery. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from appealbridge.engine.delivery.backoff import RetryPolicy, defer, next_due
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import DeliveryError, Rejected, TryAgain, Unsure, UploadExpired
from appealbridge.model.receipt import Receipt
from appealbridge.model.value import value
from appealbridge.model.withdrawal import RESTORED, SEARCHES, WITHDRAWN
from appealbridge.plugin.channel import Account, AnyChannel, Repeat, SearchResult, WhenUnsure
from appealbridge.store.records import Settlement

DETAIL_LIMIT = 2000
"""How many characters of a platform's reply are kept with an attempt."""

_KEPT_DEFERRED = 16
"""How many deferred attempts of a delivery are all kept; after that only the 32nd, the 64th and so on."""

_SEARCHES_SPREAD = 3.0
"""After a search that finds nothing, the next one is made after so many times as long, until it may be sent again."""

_SOONEST = 0.25
"""The least number of seconds between two searches."""

_APART = 0.5
"""A failed search is kept if this share of the time since the first attempt has passed since the last one kept."""


@value
class Tried:
    """How many attempts count, including the one that just ended, and when the first of them began."""

    count: int
    first_at: float


def next_attempt(
    error: DeliveryError, policy: RetryPolicy, so_far: Tried, now: float, rng: random.Random
) -> float | None:
    """Return when to make an attempt again that ended with this error, `None` if the policy gives up."""
    return next_due(
        policy,
        attempts=so_far.count,
        first_begun_at=so_far.first_at,
        now=now,
        after=getattr(error, "after", None),
        rng=rng,
    )


def tried(delivery: Delivery, before: Sequence[Attempt], begun_at: float) -> Tried:
    """Return which attempts count, of those `before` and the one begun at `begun_at`."""
    since = delivery.first_begun_at if delivery.first_begun_at is not None else begun_at
    counted = [
        attempt.begun_at
        for attempt in before
        if attempt.kind in (AttemptKind.SEND, AttemptKind.EDIT)
        and attempt.outcome is not Outcome.DEFERRED
        # When a person retries a failed delivery, the count starts again.
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
    """Return the settlement of a `sending` delivery after its channel returned a receipt or raised."""
    if isinstance(result, Receipt):
        end, receipt, detail = _DELIVERED, result, ""
    else:
        end = _not_delivered(delivery, result, policy, so_far, now, rng)
        receipt, detail = None, str(result)
    counts = end.outcome is not Outcome.DEFERRED or _keeps(delivery.attempts)
    return Settlement(
        delivery_id=delivery.id,
        source=State.SENDING,
        target=end.target,
        at=now,
        attempt=Attempt(
            delivery.id, delivery.attempts, kind_of(delivery), begun_at, now, end.outcome, detail
        )
        if counts
        else None,
        due_at=end.due_at,
        hold=end.hold,
        reason=end.reason,
        receipt=receipt,
        uploads_expired=isinstance(result, UploadExpired),
    )


def kind_of(delivery: Delivery) -> AttemptKind:
    """Return the kind of a delivery's attempts."""
    return AttemptKind.EDIT if delivery.is_edit else AttemptKind.SEND


def _keeps(number: int) -> bool:
    """Return whether a deferred attempt of this number is kept, so that a long outage leaves a short history."""
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
        # The lane deals with the account; its deliveries are due as soon as it works again.
        return _End(State.READY, Outcome.DEFERRED, str(error), now, delivery.hold)
    due = next_attempt(error, policy, so_far, now, rng)
    gave_up = f"gave up after {_times(so_far.count)}; the last one: {error!s}"
    if isinstance(error, TryAgain):
        if error.status in policy.stop_at:
            gave_up = f"{error!s}; not tried again, because `stop_at` contains {error.status}"
        elif due is not None:
            return _End(State.READY, Outcome.TRY_AGAIN, str(error), due, delivery.hold)
        return _End(State.FAILED, Outcome.TRY_AGAIN, gave_up)
    if due is None:
        reason = f"it may be published; {gave_up}"
        return _End(State.HELD, Outcome.UNSURE, reason, hold=Hold.UNKNOWN)
    search_at = now + policy.search_after
    return _End(State.UNKNOWN, Outcome.UNSURE, str(error), search_at, delivery.hold)


def _times(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def settle_unknown(
    delivery: Delivery, channel: AnyChannel, account: Account, now: float
) -> Settlement | None:
    """Return the settlement of an `unknown` delivery without a search; `None` if the account can be searched."""
    if channel.can_find:
        return None
    if delivery.hold == WITHDRAWN or delivery.reason == RESTORED:
        reason = f"it may be published; {channel.platform} offers no way to find out"
        return _held(delivery, now, reason)
    first = delivery.first_begun_at if delivery.first_begun_at is not None else now
    if channel.repeat is Repeat.IDEMPOTENT and now < first + channel.key_seconds:
        reason = "sent again with the same key, which the platform recognises"
        due = now + account.repeat_after
        return _settled(delivery, State.READY, now, due_at=due, reason=reason)
    if account.when_unsure is WhenUnsure.SEND_AGAIN:
        reason = f"it may have been sent before; {delivery.channel} has when_unsure: send_again"
        return _settled(delivery, State.READY, now, reason=reason)
    reason = (
        f"it may be published; {channel.platform} offers no way to find out ({delivery.reason})"
    )
    return _held(delivery, now, reason)


def settle_search(
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
    Return the settlement of an `unknown` delivery after a search on its account.

    `before` are its attempts so far; `waited` is how many seconds had passed since the last one ended when the
    search began, by a clock that never jumps.
    """
    if isinstance(result, TryAgain | Unsure):
        return _search_again(delivery, result, policy, before, begun_at=begun_at, now=now, rng=rng)
    search = (
        result
        if isinstance(result, SearchResult)
        else SearchResult(None, sure=False, seen=str(result))
    )
    if search.receipt is not None:
        attempt = _search(delivery, Outcome.FOUND, search.seen, begun_at, now)
        return _settled(delivery, State.DELIVERED, now, attempt=attempt, receipt=search.receipt)
    outcome = Outcome.ABSENT if search.sure else Outcome.CANNOT_TELL
    attempt = _search(delivery, outcome, search.seen, begun_at, now)
    if delivery.hold == WITHDRAWN and search.sure:
        return _withdrawn_and_absent(delivery, attempt, search.seen, begun_at, now)
    if delivery.reason == RESTORED:
        where = "it is not there" if search.sure else "nobody knows whether it is there"
        reason = (
            f"{where} ({search.seen}), but it comes from a backup and may have been withdrawn since; "
            "release it if it is to be published"
        )
        return _held(delivery, now, reason, attempt)
    if not search.sure and (
        account.when_unsure is not WhenUnsure.SEND_AGAIN or delivery.hold == WITHDRAWN
    ):
        reason = f"it may be published: {search.seen}"
        return _held(delivery, now, reason, attempt)
    search_at = _next_search(delivery, account, policy, before, waited, begun_at, rng)
    if search_at is None:
        return _settled(delivery, State.READY, now, attempt=attempt, reason=search.seen)
    return _settled(
        delivery, State.UNKNOWN, now, attempt=attempt, due_at=search_at, reason=delivery.reason
    )


def _withdrawn_and_absent(
    delivery: Delivery, attempt: Attempt, seen: str, searched_at: float, now: float
) -> Settlement:
    """Return the settlement of a withdrawn delivery that was not found; it is never sent again."""
    first = delivery.planned_at if delivery.first_begun_at is None else delivery.first_begun_at
    later = [first + after for after in SEARCHES if first + after > searched_at]
    if not later:
        return _settled(
            delivery, State.CANCELLED, now, attempt=attempt, reason=f"withdrawn: {seen}"
        )
    return _settled(
        delivery, State.UNKNOWN, now, attempt=attempt, due_at=later[0], reason=delivery.reason
    )


def _next_search(
    delivery: Delivery,
    account: Account,
    policy: RetryPolicy,
    before: Sequence[Attempt],
    waited: float,
    searched_at: float,
    rng: random.Random,
) -> float | None:
    """
    Return when to search again after a search that found nothing; `None` if it may be sent again.

    A slow platform may still publish after its proxy, or AppealBridge, has given up waiting.
    """
    unclear = max(1, sum(attempt.outcome is Outcome.UNSURE for attempt in before))
    pause = defer(policy, attempts=unclear, now=0.0, after=None, rng=rng)
    rest = max(account.repeat_after, pause) - waited
    if rest <= 0:
        return None
    return searched_at + max(_SOONEST, min(rest, _SEARCHES_SPREAD * max(waited, _SOONEST)))


def _search_again(
    delivery: Delivery,
    error: TryAgain | Unsure,
    policy: RetryPolicy,
    before: Sequence[Attempt],
    *,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    attempt = _search(delivery, Outcome.CANNOT_TELL, str(error), begun_at, now)
    first = delivery.first_begun_at if delivery.first_begun_at is not None else begun_at
    if now - first >= policy.within:
        reason = f"it may be published, and the account could not be searched: {error!s}"
        return _held(delivery, now, reason, attempt)
    after = getattr(error, "after", None)
    # Searches are not counted: the longer the outcome has been unclear, the longer the pause.
    attempts = 1 + int(math.log2(1 + max(0.0, now - first)))
    due = defer(policy, attempts=attempts, now=now, after=after, rng=rng)
    last = before[-1].ended_at if before else first
    return _settled(
        delivery,
        State.UNKNOWN,
        now,
        # Otherwise an outage of a day would leave hundreds of searches.
        attempt=attempt if now - last >= _APART * (now - first) else None,
        due_at=due,
        reason=delivery.reason,
    )


def _search(
    delivery: Delivery, outcome: Outcome, seen: str, begun_at: float, now: float
) -> Attempt:
    return Attempt(
        delivery.id,
        delivery.attempts,
        AttemptKind.LOOK if delivery.is_edit else AttemptKind.FIND,
        begun_at,
        now,
        outcome,
        seen[:DETAIL_LIMIT],
    )


def _held(
    delivery: Delivery, now: float, reason: str, attempt: Attempt | None = None
) -> Settlement:
    """Return the settlement of a delivery about which a person has to decide."""
    return _settled(delivery, State.HELD, now, attempt=attempt, hold=Hold.UNKNOWN, reason=reason)


def _settled(delivery: Delivery, target: State, now: float, **more: object) -> Settlement:
    more.setdefault("due_at", now)
    if target in (State.READY, State.UNKNOWN):
        more.setdefault("hold", delivery.hold)  # a person may have released it beyond its cap
    return Settlement(
        delivery_id=delivery.id,
        source=State.UNKNOWN,
        target=target,
        at=now,
        **more,  # type: ignore[arg-type]
    )
