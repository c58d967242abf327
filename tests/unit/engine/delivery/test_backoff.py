"""When to try again."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import stop_after_attempt, stop_after_delay, wait_exponential, wait_fixed

from appealbridge.engine.delivery.backoff import RetryPolicy, next_due, policy_of
from appealbridge.plugin.retry import Retry

NOW = 1_800_000_000.0
SEED = 7


def due(policy=None, *, attempts=1, begun=NOW, now=NOW, after=None, seed=SEED):
    return next_due(
        policy or RetryPolicy(),
        attempts=attempts,
        first_begun_at=begun,
        now=now,
        after=after,
        rng=random.Random(seed),
    )


@given(attempts=st.integers(1, 10_000), seed=st.integers(0, 2**32))
def test_the_pause_stays_within_its_bounds_for_ever(attempts, seed):
    pause = due(attempts=attempts, seed=seed) - NOW
    assert 0.5 <= pause <= 300.0


def test_the_pause_grows_with_the_attempts():
    pauses = [due(attempts=n) - NOW for n in range(1, 8)]
    assert pauses == sorted(pauses)


def test_a_platform_is_given_the_time_it_asks_for_and_a_little_more():
    assert 60.0 <= due(after=60.0) - NOW <= 66.0


def test_what_a_platform_asks_for_is_clamped():
    policy = RetryPolicy(least=2.0, most=100.0)
    assert due(policy, after=1e9) - NOW <= 110.0
    assert due(policy, after=0.0) - NOW >= 2.0


def test_nothing_is_due_once_the_policy_gives_up():
    assert due(RetryPolicy(stop=stop_after_attempt(3)), attempts=3) is None
    assert due(RetryPolicy(stop=stop_after_attempt(3)), attempts=2) is not None
    assert due(RetryPolicy(stop=stop_after_delay(60)), begun=NOW - 61) is None


def test_any_tenacity_strategy_may_be_the_policy():
    policy = RetryPolicy(wait=wait_fixed(3) + wait_exponential(max=10), jitter=1.0)
    assert due(policy, attempts=1) - NOW == pytest.approx(4.0)


def test_a_clock_set_back_does_not_end_the_trying():
    assert due(RetryPolicy(stop=stop_after_delay(60)), begun=NOW, now=NOW - 1000) is not None


def test_what_people_write_becomes_a_policy():
    policy = policy_of(Retry(first="2s", longest="8s", within="1m", attempts=5, jitter=0.0))
    pauses = [due(policy, attempts=n) - NOW for n in range(1, 5)]
    assert pauses == [2.0, 4.0, 8.0, 8.0]
    assert due(policy, attempts=5) is None
    assert due(policy, attempts=2, begun=NOW - 61) is None


def test_a_steady_pause_stays_as_it_is():
    policy = policy_of(Retry(pause="steady", first="7s", jitter=0.0))
    assert {due(policy, attempts=n) - NOW for n in range(1, 9)} == {7.0}


def test_a_platform_s_wish_is_cut_to_what_people_allow():
    assert due(policy_of(Retry(obey="10s")), after=3600.0) - NOW <= 11.0


def test_what_is_left_to_chance_is_at_most_what_people_say():
    policy = policy_of(Retry(pause="steady", first="10s", jitter=0.3))
    pauses = [due(policy, seed=seed) - NOW for seed in range(200)]
    assert min(pauses) >= 7.0
    assert max(pauses) <= 10.0
    assert max(pauses) - min(pauses) > 2.0
