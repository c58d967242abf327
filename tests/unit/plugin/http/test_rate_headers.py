"""What a platform says of its own rate limit."""

import pytest
from multidict import CIMultiDict

from appealbridge.plugin.http.rate_headers import Allowance, allowance
from appealbridge.plugin.http.reply import Reply

NOW = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"  # NOW


def allowance_of(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return allowance(Reply(201, CIMultiDict(named), b"", now=NOW))


def test_x_counts_down_to_a_moment():
    text = allowance_of(x_rate_limit_remaining="7", x_rate_limit_reset=str(int(NOW) + 900))
    assert text == Allowance(7, 900.0)


def test_mastodon_writes_the_moment_out():
    text = allowance_of(X_RateLimit_Remaining="0", X_RateLimit_Reset="2027-01-15T08:05:00.000Z")
    assert text == Allowance(0, 300.0)


def test_others_say_how_many_seconds_are_left():
    assert allowance_of(RateLimit_Remaining="10", RateLimit_Reset="30") == Allowance(10, 30.0)


def test_the_platforms_own_clock_counts():
    text = allowance_of(
        Date=DATE, x_rate_limit_remaining="1", x_rate_limit_reset=str(int(NOW) + 60)
    )
    assert text == Allowance(1, 60.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_rate_limit_remaining": "many", "x_rate_limit_reset": "1800000900"},
        {"x_rate_limit_remaining": "-1", "x_rate_limit_reset": "1800000900"},
        {"x_rate_limit_remaining": "5"},
        {"x_rate_limit_remaining": "5", "x_rate_limit_reset": "soon"},
        {"x_rate_limit_remaining": "5", "x_rate_limit_reset": "nan"},
        {"X_App_Usage": "not json"},
        {"X_App_Usage": "[]"},
        {"X_App_Usage": '{"call_count": 99}'},
    ],
)
def test_nothing_and_nonsense_say_nothing(headers):
    assert allowance_of(**headers) is None


def test_meta_says_what_is_used_up():
    assert allowance_of(X_App_Usage='{"call_count": 100, "total_time": 3}') == Allowance(0, 900.0)
    case = '{"17": [{"type": "pages", "call_count": 120, "estimated_time_to_regain_access": 19}]}'
    assert allowance_of(X_Business_Use_Case_Usage=case) == Allowance(0, 19 * 60.0)
