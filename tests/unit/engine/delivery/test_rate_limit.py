"""How quickly a lane may go."""

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.engine.delivery.rate_limit import RateLimit
from appealbridge.model.rate import Rate
from appealbridge.plugin.http.rate_headers import Allowance

NOW = 1_800_000_000.0


def test_without_a_word_from_anyone_there_is_room():
    assert RateLimit().free(NOW) > 1000
    assert RateLimit().opens_at(NOW) == NOW


def test_a_platform_that_wants_to_be_left_alone_is():
    pace = RateLimit()
    pace.pause(NOW + 60)
    pace.pause(NOW + 30)
    assert (pace.free(NOW + 59), pace.opens_at(NOW)) == (0, NOW + 60)
    assert pace.free(NOW + 60) > 0


def test_what_the_platform_has_left_is_all_there_is_until_its_reset():
    pace = RateLimit()
    pace.on_allowance(Allowance(3, 600.0), NOW, others=1, longest=3600)
    assert pace.free(NOW) == 2
    pace.begun(NOW, 2)
    assert (pace.free(NOW + 1), pace.opens_at(NOW + 1)) == (0, NOW + 600)
    assert pace.free(NOW + 600) > 2


def test_no_platform_is_believed_for_longer_than_its_account_obeys():
    pace = RateLimit()
    pace.on_allowance(Allowance(0, 1e9), NOW, others=0, longest=3600)
    assert pace.opens_at(NOW) == NOW + 3600


def test_what_an_earlier_process_sent_counts():
    pace = RateLimit(Rate(2, 60))
    pace.begun_before([NOW - 50, NOW - 10])
    assert (pace.free(NOW), pace.opens_at(NOW)) == (0, NOW + 10)


def test_a_clock_that_is_set_back_does_not_close_a_lane_for_good():
    pace = RateLimit(Rate(1, 60))
    pace.begun(NOW + 86_400)
    assert pace.free(NOW) == 1


@given(
    count=st.integers(1, 5),
    span=st.floats(1, 100),
    waits=st.lists(st.floats(0, 50), max_size=60),
)
def test_no_window_ever_sees_more_than_the_rate(count, span, waits):
    pace = RateLimit(Rate(count, span))
    now, begun = NOW, []
    for wait in waits:
        now += wait
        if pace.free(now):
            pace.begun(now)
            begun.append(now)
        else:
            assert pace.opens_at(now) > now
            assert pace.opens_at(now) <= now + span
    for end in begun:
        assert sum(end - span < at <= end for at in begun) <= count
