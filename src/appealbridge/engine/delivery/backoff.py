"""
When to try again, asked of tenacity's strategies, answered as a due time for the store.

Nothing sleeps here: the strategies are given an attempt's number and the time since the first one,
and what they say becomes a row.
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
    How a channel's deliveries are tried again. Seconds throughout.

    `wait` bounds the pause after the n-th attempt, of which between `jitter` and the whole is
    taken at random; `stop` says when to give up. A platform's own wish is honoured between
    `least` and `most`. `seek_after` is how long after an unclear outcome the account is looked at.
    After an answer with a code of `stop_at` nothing is tried again. An account that cannot be read is
    looked at again until `within` has passed since the first attempt.
    """

    wait: wait_base = field(default_factory=lambda: wait_exponential(multiplier=1, min=1, max=300))
    stop: stop_base = field(default_factory=lambda: stop_after_delay(24 * 3600))
    jitter: float = 0.5
    least: float = 1.0
    most: float = 6 * 3600.0
    seek_after: float = 1.0
    stop_at: frozenset[int] = frozenset()
    within: float = 24 * 3600.0


def policy_of(retry: Retry, own: Mapping[str, Any] | None = None) -> RetryPolicy:
    """Return the policy that an account's options describe, with a recipe's `own` words before them."""
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
    Return when to try again, `None` where the policy gives up.

    `attempts` counts those made; `after` is the platform's own wish in seconds from `now`.
    """
    if policy.stop(_state(attempts, first_begun_at, now)):
        return None
    return put_off(policy, attempts=attempts, now=now, after=after, rng=rng)


def put_off(
    policy: RetryPolicy, *, attempts: int, now: float, after: float | None, rng: random.Random
) -> float:
    """Return when to try again what the policy does not give up."""
    if after is not None:
        # A little later than asked, so that many deliveries do not all come at the very second.
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
