"""How an account is doing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.engine.health import (
    ALARM_AFTER,
    FAILURES,
    WELL,
    Condition,
    after_attempt,
    after_check,
)
from appealbridge.model.errors import LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.model.receipt import Receipt

NOW = 1_800_000_000.0
RECEIPT = Receipt("17", "", None)
SILENCE = TryAgain("no connection")
EXPIRED = LoginExpired("401")
THROTTLED = TryAgain("429", throttled=True, after=60)


def after(*results, health=WELL, apart=1.0):
    for number, result in enumerate(results):
        health = after_attempt(health, result, NOW + number * apart)
    return health


def test_a_platform_that_is_silent_often_enough_is_down():
    assert after(*[SILENCE] * (FAILURES - 1)).works
    down = after(*[SILENCE] * FAILURES)
    assert (down.condition, down.since, down.reason) == (Condition.DOWN, NOW, "no connection")


@pytest.mark.parametrize(
    "answer",
    [RECEIPT, Rejected("too long"), Unsure("duplicate", status=403), TryAgain("450", status=450)],
)
def test_any_answer_shows_that_the_platform_is_there(answer):
    assert after(SILENCE, SILENCE, answer) is WELL
    assert after(*[SILENCE] * FAILURES, answer) is WELL


def test_an_answer_that_it_cannot_answer_is_none():
    busy = [TryAgain("503", status=503), Unsure("500", status=500), TryAgain("421", status=421)]
    assert after(*busy).condition is Condition.DOWN


def test_an_expired_login_stops_the_account_at_once_and_only_a_check_lets_it_go_on():
    expired = after(EXPIRED)
    assert expired.condition is Condition.LOGIN_EXPIRED
    assert after(EXPIRED, RECEIPT) == expired, "what was on the way before tells nothing"
    assert after_check(expired, SILENCE, NOW + 9).condition is Condition.LOGIN_EXPIRED
    assert after_check(expired, None, NOW + 9).works


def test_a_login_that_works_and_expires_again_is_one_trouble():
    once = after_check(after(EXPIRED), None, NOW + 60)
    again = after_attempt(once, EXPIRED, NOW + 61)
    assert again.since == NOW
    assert again.probe_at - (NOW + 61) > 10


def test_a_rate_limit_is_no_trouble_and_ends_an_outage():
    assert after(THROTTLED) is WELL
    back = after(*[SILENCE] * FAILURES, THROTTLED)
    assert back.works
    assert back.failures == FAILURES, "nothing has gone out yet"


def test_people_are_told_of_a_login_at_once_and_of_an_outage_after_a_while():
    assert after(EXPIRED).wants_alarm(NOW)
    down = after(*[SILENCE] * FAILURES)
    assert not down.wants_alarm(NOW + ALARM_AFTER - 1)
    assert down.wants_alarm(NOW + ALARM_AFTER)


@given(lasted=st.floats(0, 1e6))
def test_a_short_outage_is_noticed_soon_and_a_long_one_is_not_prodded(lasted):
    down = after_attempt(after(*[SILENCE] * FAILURES), SILENCE, NOW + lasted)
    pause = down.probe_at - (NOW + lasted)
    assert 0.5 <= pause <= 30.0
    assert pause <= max(0.5, lasted / 4) + 1e-6


@given(results=st.lists(st.sampled_from([RECEIPT, SILENCE, EXPIRED, THROTTLED, Rejected("no")])))
def test_whatever_happens_there_is_a_time_to_ask_again(results):
    health = WELL
    for number, result in enumerate(results):
        health = after_attempt(health, result, NOW + number)
        assert health.works or NOW < health.probe_at <= NOW + number + 300
