from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from appealbridge.model.moment import NoTime
from appealbridge.recipes.planning.times import LONGEST, is_length, length, moment

LONDON = ZoneInfo("Europe/London")


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp()


NOW = local("2026-05-01T13:00:10")


@pytest.mark.parametrize(("written", "seconds"), [("2h", 7200), (" 1d ", 86400), ("0s", 0)])
def test_a_length_of_time_has_its_unit(written, seconds):
    assert length(written) == seconds
    assert is_length(written)


@pytest.mark.parametrize("written", [90, 0, 1.5, -1, float("nan")])
def test_a_bare_number_is_no_length_of_time(written):
    with pytest.raises(NoTime, match="bare number, not a length of time"):
        length(written)


@pytest.mark.parametrize(
    "written", ["", "soon", "00:05", True, None, [], f"{LONGEST + 1:.0f}s", "nan"]
)
def test_anything_else_is_no_length_of_time(written):
    with pytest.raises(NoTime, match="is not a length of time"):
        length(written)
    assert not is_length(written)


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ("14:30", "2026-05-01T14:30"),
        ("13:00:10", "2026-05-01T13:00:10"),
        ("13:00", "2026-05-02T13:00"),
        ("2026-05-03T09:00", "2026-05-03T09:00"),
        ("2026-05-03T08:00:00Z", "2026-05-03T09:00"),
    ],
)
def test_a_moment_without_a_zone_is_local_time(written, then):
    assert moment(written, NOW, LONDON) == local(then)


@pytest.mark.parametrize("written", [10.00, 10, 1000, 20261127, NOW + 5, -5, 1e300])
def test_a_bare_number_is_no_moment(written):
    with pytest.raises(NoTime, match="is a bare number, not a time"):
        moment(written, NOW, LONDON)


@pytest.mark.parametrize("written", ["", "soon", "25:00", True, None, {}, "9999-01-01"])
def test_anything_else_is_no_moment(written):
    with pytest.raises(NoTime):
        moment(written, NOW, LONDON)


@pytest.mark.parametrize("written", ["2025-05-03T09:00", "today 10:00", "2026-05-01T12:00:00Z"])
def test_a_moment_that_was_past_when_the_event_came_is_none(written):
    with pytest.raises(NoTime, match="had already passed when the event came"):
        moment(written, NOW, LONDON)


def test_a_moment_more_than_ten_years_ahead_is_none():
    with pytest.raises(NoTime, match="more than ten years ahead"):
        moment("2037-01-01T00:00", NOW, LONDON)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30 minutes", 1800),
        ("1 hour", 3600),
        ("2 hours 30 mins", 9000),
        ("3 days", 259200),
        ("90 sec", 90),
        ("00:05:00", 300),
        ("1h30m", 5400),
    ],
)
def test_a_length_of_time_may_be_written_as_people_and_other_tools_do(written, seconds):
    assert length(written) == seconds


@pytest.mark.parametrize("written", ["30 months", "5 min utes", "1 m2", "00:60:00", "1:2:3", "m"])
def test_what_could_mean_something_else_is_no_length_of_time(written):
    assert not is_length(written)
