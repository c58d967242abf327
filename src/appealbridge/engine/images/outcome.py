"""What an attempt to upload an image means for its delivery. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from appealbridge.engine.delivery.backoff import RetryPolicy
from appealbridge.engine.delivery.outcome import DETAIL_LIMIT, Tried, next_attempt
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
    which, result = f"image {upload.number}", upload.result
    due: float | None = now
    if isinstance(result, StoredUpload):
        target, outcome = State.READY, Outcome.UPLOADED
        reason = detail = f"{which} is uploaded"
        if not result.ready:
            reason = detail = f"the platform still works on {which}"
            # It is asked again after half as long as the platform has been working on it.
            due = now + min(max((now - result.at) / 2, FIRST_QUESTION), LAST_QUESTION)
    else:
        reason = detail = f"{which}: {result}"
        target, outcome, due = _not_uploaded(result, policy, so_far, now, rng)
        if target is State.FAILED and outcome is not Outcome.REJECTED:
            reason = f"gave up after {so_far.count} attempts; the last one: {detail}"
    ready = target is State.READY
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
        due_at=due,
        hold=delivery.hold if ready else "",
        reason=reason,
        upload=result if isinstance(result, StoredUpload) else None,
        uploads_expired=ready and (upload.again or isinstance(result, UploadExpired)),
    )


def _not_uploaded(
    error: DeliveryError, policy: RetryPolicy, so_far: Tried, now: float, rng: random.Random
) -> tuple[State, Outcome, float | None]:
    """Return where an attempt leads that ended with an error, its outcome, and when the next one is due."""
    if isinstance(error, Rejected):
        return State.FAILED, Outcome.REJECTED, None
    if isinstance(error, TryAgain) and error.is_about_the_account:
        return State.READY, Outcome.DEFERRED, now
    outcome = Outcome.TRY_AGAIN if isinstance(error, TryAgain) else Outcome.UNSURE
    again = next_attempt(error, policy, so_far, now, rng)
    if again is None or error.status in policy.stop_at:
        return State.FAILED, outcome, None
    return State.READY, outcome, again
