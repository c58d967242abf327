from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from appealbridge.recipes.times import LONGEST, NoTime, after, moment

LONDON = ZoneInfo("Europe/London")


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


NOW = local("2026-05-01T13:00:10")


@pytest.mark.parametrize(
    ("written", "seconds"), [("2h", 7200), (" 1d ", 86400), (90, 90), (0, 0), (1.5, 1.5)]
)
def test_a_length_of_time_counts_from_now(written, seconds):
    assert after(written, NOW, LONDON) == NOW + seconds


@pytest.mark.parametrize(
    "written", ["", "soon", "00:05:00", -1, True, None, [], LONGEST + 1, "nan", float("nan")]
)
def test_anything_else_is_no_length_of_time(written):
    with pytest.raises(NoTime, match="is no length of time"):
        after(written, NOW, LONDON)


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ("14:30", "2026-05-01T14:30"),
        ("13:00:10", "2026-05-01T13:00:10"),
        ("13:00", "2026-05-02T13:00"),
        ("2026-05-03", "2026-05-03T00:00"),
        ("2026-05-03T09:00", "2026-05-03T09:00"),
        ("2026-05-03 09:00", "2026-05-03T09:00"),
        ("2026-05-03T08:00:00Z", "2026-05-03T09:00"),
        ("2020-01-01", "2020-01-01T00:00"),
    ],
)
def test_a_moment_without_a_zone_is_local_time(written, then):
    assert moment(written, NOW, LONDON) == local(then)


def test_a_moment_may_be_unix_seconds():
    assert moment(NOW + 5, NOW, LONDON) == NOW + 5


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-10-24T12:00", "2026-10-25T07:00"),  # the clock goes back in between
        ("2026-03-28T12:00", "2026-03-29T07:00"),  # and forward
    ],
)
def test_the_next_time_by_the_clock_is_that_of_the_clock_on_the_wall(now, then):
    assert moment("07:00", local(now), LONDON) == local(then)


@pytest.mark.parametrize(
    "written", ["", "tomorrow", "25:00", "7:00", True, -5, None, "9999-01-01", 1e300, {}]
)
def test_anything_else_is_no_moment(written):
    with pytest.raises(NoTime, match="is no time to wait for"):
        moment(written, NOW, LONDON)
