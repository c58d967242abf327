"""The rule of count and seconds; what each fault does to a platform stands in test_answering."""

import pytest

from appealbridge.practice.faults import FaultName, Faults

F = FaultName


@pytest.fixture
def faults(clock):
    return Faults(clock)


def bites(faults, name, platform="x", times=5):
    return sum(faults.take(platform, {name}) is not None for _ in range(times))


def test_a_fault_without_bounds_bites_once(faults):
    faults.add("x", F.REFUSE, None, None)
    assert bites(faults, F.REFUSE) == 1


def test_count_bounds_the_bites(faults):
    faults.add("x", F.REFUSE, 3, None)
    assert bites(faults, F.REFUSE) == 3


def test_seconds_alone_are_a_window_without_a_count(faults, clock):
    faults.add("x", F.REFUSE, None, 10)
    assert bites(faults, F.REFUSE) == 5
    clock.passes(10)
    assert bites(faults, F.REFUSE) == 0


def test_with_both_whichever_comes_first_ends_it(faults, clock):
    faults.add("x", F.REFUSE, 3, 10)
    assert bites(faults, F.REFUSE, times=1) == 1
    clock.passes(10)
    assert bites(faults, F.REFUSE) == 0


@pytest.mark.parametrize("name", [F.HTTP_429, F.POST_THEN_HANG, F.SLOW])
def test_of_three_faults_seconds_tell_what_one_answer_does_if_there_is_a_count(faults, clock, name):
    faults.add("x", name, 2, 10)
    clock.passes(60)
    assert bites(faults, name) == 2


def test_a_rate_limit_without_a_count_resets_at_the_end_of_its_window(faults, clock):
    fault = faults.add("x", F.HTTP_429, None, 10)
    clock.passes(4)
    assert faults.throttled_for(fault) == 6


def test_a_hang_ends_with_its_window_and_never_lasts_longer_than_a_minute(faults, clock):
    fault = faults.add("x", F.POST_THEN_HANG, None, 100)
    assert faults.hangs_for(fault) == 60
    clock.passes(70)
    assert faults.hangs_for(fault) == 30


def test_a_fault_is_for_its_platform_only(faults):
    faults.add("x", F.REFUSE, 1, None)
    assert bites(faults, F.REFUSE, platform="facebook") == 0


def test_of_several_the_first_asked_for_bites_first(faults):
    faults.add("x", F.HTML, 1, None)
    faults.add("x", F.HTTP_503, 1, None)
    expected = {F.HTML, F.HTTP_503}
    assert [faults.take("x", expected).name for _ in range(2)] == [F.HTML, F.HTTP_503]


def test_what_is_left_is_shown(faults, clock):
    faults.add("x", F.REFUSE, 3, 10)
    faults.take("x", {F.REFUSE})
    clock.passes(4)
    assert faults.shown() == [{"platform": "x", "fault": "refuse", "count": 2, "seconds": 6.0}]
    faults.clear()
    assert faults.shown() == []
