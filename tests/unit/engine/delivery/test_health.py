"""How an account is doing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.engine.delivery.health import (
    ALARM_AFTER,
    FAILURES,
    WELL,
    Condition,
    after_attempt,
    after_check,
    after_search,
)
from appealbridge.model.errors import AccountRefused, LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.model.receipt import Receipt

NOW = 1_800_000_000.0
RECEIPT = Receipt("17", "", None)
SILENCE = TryAgain("no connection")
EXPIRED = LoginExpired("401")
REFUSED = AccountRefused("403 read-only", status=403)
PERHAPS_REFUSED = AccountRefused("403", sure=False, status=403)
THROTTLED = TryAgain("429", throttled=True, after=60, status=429)


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


def test_one_delivery_s_unclear_attempts_count_once():
    """A server that cannot answer to the repeat of one post takes all the others."""
    lost = Unsure("500", status=500)
    health = WELL
    for number in range(9):
        health = after_attempt(health, lost, NOW + number, "a")
    assert health.works
    health = after_attempt(health, lost, NOW + 9, "b")
    assert after_attempt(health, lost, NOW + 10, "c").condition is Condition.DOWN


def test_an_account_that_cannot_be_read_is_down():
    """What waits for a look is not tried again meanwhile, so nothing else would tell."""
    health = WELL
    for number in range(FAILURES):
        health = after_search(health, SILENCE, NOW + number)
    assert health.condition is Condition.DOWN
    assert after_search(WELL, Rejected("400", status=400), NOW) is WELL
    assert after_search(WELL, THROTTLED, NOW).failures == 0
    assert after_search(WELL, EXPIRED, NOW).condition is Condition.LOGIN_EXPIRED


def test_an_account_that_may_not_publish_is_tried_out_until_something_goes_out():
    refused = after(REFUSED)
    assert (refused.condition, refused.reason) == (Condition.REFUSED, "403 read-only")
    assert after(REFUSED, RECEIPT) is WELL
    for tells_nothing in (SILENCE, Unsure("500", status=500), THROTTLED):
        still = after(REFUSED, tells_nothing)
        assert (still.condition, still.reason) == (Condition.REFUSED, "403 read-only")
        assert still.probe_at > NOW + 1
    assert after(REFUSED, Rejected("too long", status=400)).works


def test_a_login_that_may_not_write_is_no_expired_login():
    assert after_check(after(EXPIRED), REFUSED, NOW + 9).condition is Condition.REFUSED


def test_people_are_told_of_a_refusal_at_once_where_it_is_surely_the_account_s():
    assert after(REFUSED).wants_alarm(NOW)
    perhaps = after(PERHAPS_REFUSED)
    assert not perhaps.wants_alarm(NOW + ALARM_AFTER - 1)
    assert perhaps.wants_alarm(NOW + ALARM_AFTER)
    assert after(REFUSED, PERHAPS_REFUSED).wants_alarm(NOW + 1)


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


@given(
    results=st.lists(
        st.sampled_from([RECEIPT, SILENCE, EXPIRED, REFUSED, THROTTLED, Rejected("no")])
    )
)
def test_whatever_happens_there_is_a_time_to_ask_again(results):
    health = WELL
    for number, result in enumerate(results):
        health = after_attempt(health, result, NOW + number)
        assert health.works or NOW < health.probe_at <= NOW + number + 300
