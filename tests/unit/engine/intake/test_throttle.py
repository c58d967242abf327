from hypothesis import given
from hypothesis import strategies as st

from appealbridge.engine.intake.throttle import Throttle
from appealbridge.model.rate import Rate


def test_as_many_as_the_rate_says_may_come_at_once_and_no_more():
    throttle = Throttle(Rate(3, 60.0))
    assert [throttle.wait(100.0) for _ in range(5)] == [0.0, 0.0, 0.0, 20.0, 20.0]
    assert throttle.turned_away == 2


def test_who_waits_as_long_as_told_is_let_through():
    throttle = Throttle(Rate(3, 60.0))
    for _ in range(3):
        throttle.wait(100.0)
    assert throttle.wait(100.0 + throttle.wait(100.0)) == 0.0
    assert throttle.turned_away == 0


def test_a_sender_who_keeps_to_the_rate_never_waits():
    throttle = Throttle(Rate(7, 1.0))
    assert not any(throttle.wait(n / 7) for n in range(1000))


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 20), st.floats(0.01, 100))
def test_no_window_lets_more_than_twice_the_rate_through(pauses, count, seconds):
    throttle, now, let = Throttle(Rate(count, seconds)), 0.0, []
    for pause in pauses:
        now += pause
        if not throttle.wait(now):
            let.append(now)
    for begin in let:
        assert sum(begin <= at < begin + seconds for at in let) <= 2 * count
