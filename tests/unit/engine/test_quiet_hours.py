"""When quiet hours are, and when they end, by a clock that is put forward and back."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.recipes.planning.quiet_hours import THREAT_TO_LIFE, QuietHours, quiet_until

LONDON = ZoneInfo("Europe/London")
NIGHT = QuietHours(time(23), time(6, 30), frozenset({THREAT_TO_LIFE}))
LUNCH = QuietHours(time(12), time(13))


def at(text, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-18 22:59:59", None),
        ("2026-11-18 23:00", "2026-11-19 06:30"),
        ("2026-11-19 03:00", "2026-11-19 06:30"),
        ("2026-11-19 06:30", None),
        ("2026-11-19 12:30", "2026-11-19 13:00"),
        ("2026-03-29 00:30", "2026-03-29 06:30"),  # an hour shorter
        ("2026-10-25 00:30", "2026-10-25 06:30"),  # an hour longer
    ],
)
def test_it_is_quiet_from_the_beginning_up_to_the_end(now, until):
    assert quiet_until([NIGHT, LUNCH], at(now), LONDON) == (until and at(until))


def test_a_period_that_begins_when_another_ends_goes_on():
    more = QuietHours(time(6), time(8))
    assert quiet_until([NIGHT, more], at("2026-11-19 02:00"), LONDON) == at("2026-11-19 08:00")


def test_what_is_a_threat_to_life_does_not_wait_unless_the_period_excepts_nothing():
    marks = frozenset({THREAT_TO_LIFE})
    assert quiet_until([NIGHT], at("2026-11-19 02:00"), LONDON, marks) is None
    assert quiet_until([LUNCH], at("2026-11-19 12:10"), LONDON, marks) is not None


@given(
    begins=st.times(), ends=st.times(), now=st.floats(1.7e9, 1.9e9),
    zone=st.sampled_from(["Europe/London", "America/St_Johns", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_the_end_is_after_now_within_a_day_or_so_and_not_quiet_itself(begins, ends, now, zone):
    period, zone = QuietHours(begins, ends), ZoneInfo(zone)
    until = quiet_until([period], now, zone)
    if until is not None and begins != ends:
        assert now < until <= now + 26 * 3600
        assert quiet_until([period], until, zone) is None
