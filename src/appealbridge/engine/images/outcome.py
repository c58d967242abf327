"""What an attempt to upload an image means for its delivery. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from appealbridge.engine.delivery.backoff import RetryPolicy, next_due
from appealbridge.engine.delivery.outcome import DETAIL_LIMIT, Tried
from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import DeliveryError, Rejected, TryAgain, UploadExpired
from appealbridge.model.value import value
from appealbridge.store.records import Settlement, StoredUpload

MARGIN = 60.0
"""An upload that expires within so many seconds is made again."""

FIRST_QUESTION, LAST_QUESTION = 1.0, 30.0
"""The least and the greatest number of seconds after which it is asked again whether an upload is ready."""

LONGEST_WORK = 1800.0
"""After so many seconds the platform is no longer waited for, and the image is uploaded again."""


@value
class UploadAttempt:
    """
    How one attempt at an image ended: with what the platform has of it, or with an error.

    The image has this `number` of `count`; the count is 0 if it was only asked whether the image is ready. With `again`
    all images are uploaded again.
    """

    number: int
    count: int
    result: StoredUpload | DeliveryError
    again: bool = False


def tried_uploads(before: Sequence[Attempt], begun_at: float) -> Tried:
    """Return which attempts at uploads count: those since the last one that succeeded, and the one begun now."""
    times: list[float] = []
    for attempt in before:
        if attempt.kind is AttemptKind.UPLOAD and attempt.outcome is not Outcome.DEFERRED:
            times = [] if attempt.outcome is Outcome.UPLOADED else [*times, attempt.begun_at]
    return Tried(len(times) + 1, min([begun_at, *times]))


def settle_upload(
    delivery: Delivery,
    upload: UploadAttempt,
    policy: RetryPolicy,
    so_far: Tried,
    *,
    begun_at: float,
    now: float,
    rng: random.Random,
) -> Settlement:
    """
    Return the settlement of a `sending` delivery after one attempt at an upload.

    It becomes `ready` again, so that its deadline and a withdrawal count before the next one. Nothing was published,
    whatever became of the upload.
    """
    which = f"image {upload.number}"
    result = upload.result
    if isinstance(result, StoredUpload):
        # It is asked again after half as long as the platform has been working on it.
        pause = min(max((now - result.at) / 2, FIRST_QUESTION), LAST_QUESTION)
        due = now if result.ready else now + pause
        detail = f"{which} is uploaded" if result.ready else f"the platform still works on {which}"
        return _settlement(
            delivery, State.READY, Outcome.UPLOADED, detail, begun_at, now, due, upload=result
        )
    detail = f"{which}: {result}"
    if isinstance(result, Rejected):
        return _settlement(delivery, State.FAILED, Outcome.REJECTED, detail, begun_at, now)
    if isinstance(result, TryAgain) and result.is_about_the_account:
        return _settlement(delivery, State.READY, Outcome.DEFERRED, detail, begun_at, now, now)
    outcome = Outcome.TRY_AGAIN if isinstance(result, TryAgain) else Outcome.UNSURE
    again = next_due(
        policy,
        attempts=so_far.count,
        first_begun_at=so_far.first_at,
        now=now,
        after=getattr(result, "after", None),
        rng=rng,
    )
    if again is None or result.status in policy.stop_at:
        reason = f"gave up after {so_far.count} attempts; the last one: {detail}"
        return _settlement(delivery, State.FAILED, outcome, detail, begun_at, now, reason=reason)
    return _settlement(
        delivery,
        State.READY,
        outcome,
        detail,
        begun_at,
        now,
        again,
        expired=upload.again or isinstance(result, UploadExpired),
    )


def _settlement(
    delivery: Delivery,
    target: State,
    outcome: Outcome,
    detail: str,
    begun_at: float,
    now: float,
    due_at: float | None = None,
    *,
    reason: str = "",
    upload: StoredUpload | None = None,
    expired: bool = False,
) -> Settlement:
    attempt = Attempt(
        delivery.id, delivery.attempts, AttemptKind.UPLOAD, begun_at, now, outcome,
        detail[:DETAIL_LIMIT],
    )  # fmt: skip
    return Settlement(
        delivery_id=delivery.id,
        source=State.SENDING,
        target=target,
        at=now,
        attempt=attempt,
        due_at=due_at,
        hold=delivery.hold if target is State.READY else "",
        reason=reason or detail,
        upload=upload,
        uploads_expired=expired,
    )
