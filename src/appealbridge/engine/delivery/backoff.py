"""
When to try again: tenacity's strategies, from which a due time for the store is calculated.

Nothing sleeps here. The strategies get the number of an attempt and the time since the first one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenacity import (
    RetryCallState,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from appealbridge.plugin.retry import Retry

_EXPONENT_CAP = 64  # beyond it 2**n only overflows; every sane bound is reached long before


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How an account's deliveries are tried again. All times are in seconds.

    `wait` gives the longest pause after the n-th attempt; the pause is a random part of it, at least `jitter`.
    `stop` says when to give up. A pause that the platform asks for is kept within `least` and `most`.
    `search_after` is when to search the account after an unclear outcome. After a reply with a status of `stop_at`
    nothing is tried again. If the account cannot be searched, that is tried until `within` after the first attempt.
    """

    wait: wait_base = field(default_factory=lambda: wait_exponential(multiplier=1, min=1, max=300))
    stop: stop_base = field(default_factory=lambda: stop_after_delay(24 * 3600))
    jitter: float = 0.5
    least: float = 1.0
    most: float = 6 * 3600.0
    search_after: float = 1.0
    stop_at: frozenset[int] = frozenset()
    within: float = 24 * 3600.0


def policy_of(retry: Retry, own: Mapping[str, Any] | None = None) -> RetryPolicy:
    """Return the policy of an account's options; a recipe's `own` options override them."""
    if own:
        retry = Retry.model_validate({**retry.model_dump(exclude_unset=True), **own})
    stop: stop_base = stop_after_delay(retry.within)
    if retry.attempts is not None:
        stop = stop | stop_after_attempt(retry.attempts)
    wait: wait_base = wait_fixed(retry.first)
    if retry.pause == "growing":
        wait = wait_exponential(multiplier=retry.first, max=retry.longest)
    return RetryPolicy(
        wait,
        stop,
        jitter=1.0 - retry.jitter,
        most=retry.obey,
        stop_at=frozenset(retry.stop_at),
        within=retry.within,
    )


def next_due(
    policy: RetryPolicy,
    *,
    attempts: int,
    first_begun_at: float,
    now: float,
    after: float | None,
    rng: random.Random,
) -> float | None:
    """
    Return when to try again, `None` if the policy gives up.

    `attempts` is how many were made; `after` is the pause in seconds that the platform asks for.
    """
    if policy.stop(_state(attempts, first_begun_at, now)):
        return None
    return defer(policy, attempts=attempts, now=now, after=after, rng=rng)


def defer(
    policy: RetryPolicy, *, attempts: int, now: float, after: float | None, rng: random.Random
) -> float:
    """Return when to try again if the policy does not give up."""
    if after is not None:
        # A little later than asked, so that many deliveries are not all sent in the same second.
        return now + min(max(after, policy.least), policy.most) * rng.uniform(1.0, 1.1)
    bound = float(policy.wait(_state(attempts, now, now)))
    return now + max(bound * rng.uniform(policy.jitter, 1.0), 0.0)


def _state(attempts: int, first_begun_at: float, now: float) -> RetryCallState:
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type] # a question, not a retry under way
    state.attempt_number = max(1, min(attempts, _EXPONENT_CAP))
    state.start_time = first_begun_at
    state.outcome_timestamp = max(
        now, first_begun_at
    )  # a clock set back must not look like a long past
    return state
