import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appealbridge.model.moment import (
    CURE,
    NoTime,
    clock,
    instants,
    read,
    shown,
    zone_named,
)
from tests.imports import PACKAGE

LONDON = ZoneInfo("Europe/London")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = utc("2026-11-26T15:00:00")


def meant(text, since=NOW, zone=LONDON):
    return datetime.fromtimestamp(read(text, zone).at(since, zone), UTC).isoformat()[:-6]


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("16:00", "2026-11-26T16:00:00"),
        ("9:30", "2026-11-27T09:30:00"),
        ("15:00:00", "2026-11-26T15:00:00"),
        ("6am", "2026-11-27T06:00:00"),
        ("6.30 pm", "2026-11-26T18:30:00"),
        ("12:15 a.m.", "2026-11-27T00:15:00"),
        ("tomorrow 10:00", "2026-11-27T10:00:00"),
        ("Tomorrow at 10am", "2026-11-27T10:00:00"),
        ("today 18:00", "2026-11-26T18:00:00"),
        ("today 10:00", "2026-11-26T10:00:00"),
        ("2026-11-27", "2026-11-27T00:00:00"),
        ("2026-11-27T10:00", "2026-11-27T10:00:00"),
        ("2026-11-27 at 10:00", "2026-11-27T10:00:00"),
        ("2026-11-27\u00a010:00", "2026-11-27T10:00:00"),
        ("2026-07-27T10:00", "2026-07-27T09:00:00"),
        ("2026-07-27T10:00:00.123456789Z", "2026-07-27T10:00:00.123456"),
        ("2026-07-27t10:00:00+0530", "2026-07-27T04:30:00"),
        ("2026-07-27T10:00-05", "2026-07-27T15:00:00"),
        ("2026-07-27 10:00 BST", "2026-07-27T09:00:00"),
        ("2026-07-27 10:00 gmt", "2026-07-27T10:00:00"),
        ("2026-07-27 10:00 CEST", "2026-07-27T08:00:00"),
        ("10:00 UTC", "2026-11-27T10:00:00"),
    ],
)
def test_a_moment_is_read_as_people_and_systems_write_it(text, then):
    assert meant(text) == then


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10", "a bare number"),
        ("10.00", "a bare number"),
        ("1000", "a bare number"),
        ("0700", "a bare number"),
        ("22.30", "a bare number"),
        ("20261127", "a bare number"),
        ("1795773600", "a bare number"),
        ("27/11/2026 10:00", "not a time that AppealBridge understands"),
        ("27.11.2026", "not a time that AppealBridge understands"),
        ("2026-W48-5", "not a time that AppealBridge understands"),
        ("2026-331", "not a time that AppealBridge understands"),
        ("20261127T1000", "not a time that AppealBridge understands"),
        ("2026-11-27 10.00", "not a time that AppealBridge understands"),
        ("2026-11-27x10:00", "not a time that AppealBridge understands"),
        ("10:00-11:00", "not a time that AppealBridge understands"),
        ("10:00 or so", "not a time that AppealBridge understands"),
        ("noon", "not a time that AppealBridge understands"),
        ("", "not a time that AppealBridge understands"),
        ("٠٧:٠٠", "not a time that AppealBridge understands"),
        ("x" * 5000, "not a time that AppealBridge understands"),
        ("tomorrow", "has no time of day"),
        ("2026-11-27T", "has no time of day"),
        ("2026-11-31", "not a date"),
        ("0001-01-01T00:00", "not a date"),
        ("25:00", "not a time of day"),
        ("24:00", "not a time of day"),
        ("13pm", "not a time of day"),
        ("10:00 IST", "not known, or could be several"),
        ("10:00 EST", "not known, or could be several"),
        ("2026-11-27T10:00+25:00", "not a time that AppealBridge understands"),
        ("2026-11-27 10:00 BST", "BST is not in force on 27 November 2026"),
        ("2026-07-27 10:00 CET", "CET is not in force"),
    ],
)
def test_nothing_is_guessed(text, message):
    with pytest.raises(NoTime, match=message):
        meant(text)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("27/11/2026 10:00", "write 2026-11-27T10:00 for 27 November"),
        ("27/11/2026 10:00 GMT", "write 2026-11-27T10:00 GMT for 27 November"),
        ("11/27/2026", "write 2026-11-27 for 27 November, or with a time 2026-11-27T10:00"),
        ("5/6/26", "write 2026-06-05 for 5 June, or with a time 2026-06-05T10:00"),
        ("27.11.2026, 6pm", "write 2026-11-27T18:00 for 27 November"),
        ("3 March 2026", "write 2026-03-03 for 3 March, or with a time 2026-03-03T10:00"),
        ("the 3rd of March 2026", "write 2026-03-03 for 3 March"),
        ("Tuesday 3 March 2026 at 10.30", "write 2026-03-03T10:30 for 3 March"),
        ("6pm on 3 Sept 2026", "write 2026-09-03T18:00 for 3 September"),
        ("March 3, 2026", "write 2026-03-03 for 3 March"),
        ("3-Mar-26", "write 2026-03-03 for 3 March"),
        ("3 March 2026 noon", "write 2026-03-03 for 3 March, or with a time 2026-03-03T10:00"),
        ("2026/11/27 10:00", "write 2026-11-27T10:00 for 27 November"),
        ("2026-1-3", "write 2026-01-03 for 3 January"),
        ("2026-27-11", "write 2026-11-27 for 27 November"),
        ("20261127", "write 2026-11-27 for 27 November"),
        ("2026-11-27 10.00", "write 2026-11-27T10:00 for 27 November"),
        ("3 March", "write the year, the month and the day, such as YYYY-03-03"),
        ("3 March 10.30", "write the year, the month and the day, such as YYYY-03-03"),
        ("2026-11-31", "November 2026 has 30 days; write a day that exists"),
        ("31 February 2026", "February 2026 has 28 days; write a day that exists"),
        ("2026-11-27 24:00", "write a time from 00:00 to 23:59"),
        ("99/99/9999", CURE),
        ("3 Ventôse 2026", CURE),
        ("1795773600", CURE),
        ("Friday", CURE),
        ("10", 'write "10:00"'),
        ("tomorrow", "write tomorrow 10:00"),
    ],
)
def test_what_is_not_understood_comes_with_what_would_be(text, cure):
    with pytest.raises(NoTime) as wrong:
        meant(text)
    assert wrong.value.cure.startswith(cure)


@pytest.mark.parametrize(
    "form", ["%-d %B %Y", "%d/%m/%Y", "%B %-d, %Y", "%Y.%m.%d", "%Y%m%d", "%-d-%b-%Y"]
)
def test_the_cure_of_a_date_is_that_date_and_is_understood(form):
    for day in (date(2026, 1, 1) + timedelta(days=n * 7) for n in range(53)):
        with pytest.raises(NoTime) as wrong:
            read(day.strftime(form))
        cure = re.fullmatch(r"write (\S+) for .*, or with a time (\S+)", wrong.value.cure)
        assert [read(cure[n]).day for n in (1, 2)] == [day, day]


def test_the_words_for_the_time_in_a_zone_are_its_own_before_all_others():
    dublin = ZoneInfo("Europe/Dublin")
    assert meant("2026-07-27 10:00 IST", zone=dublin) == "2026-07-27T09:00:00"


@pytest.mark.parametrize(
    ("text", "since", "then"),
    [
        # In the night of 25 October 2026 the clock shows the hour from one to two twice.
        ("01:30", "2026-10-25T00:10:00", "2026-10-25T00:30:00"),
        ("01:30", "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
        ("01:30", "2026-10-25T01:40:00", "2026-10-26T01:30:00"),
        ("01:10", "2026-10-25T00:30:00", "2026-10-25T01:10:00"),
        ("2026-10-25T01:30", "2026-10-24T12:00:00", "2026-10-25T00:30:00"),
        ("2026-10-25T01:30", "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
        ("tomorrow 01:30", "2026-10-24T12:00:00", "2026-10-25T00:30:00"),
        ("01:30 BST", "2026-10-25T00:10:00", "2026-10-25T00:30:00"),
        ("01:30 GMT", "2026-10-25T00:10:00", "2026-10-25T01:30:00"),
        # In that of 29 March it leaves that hour out.
        ("01:30", "2026-03-29T00:10:00", "2026-03-29T01:30:00"),
        ("01:30", "2026-03-29T01:10:00", "2026-03-29T01:30:00"),
        ("2026-03-29T01:30", "2026-03-28T12:00:00", "2026-03-29T01:30:00"),
        ("07:00", "2026-03-28T12:00:00", "2026-03-29T06:00:00"),
    ],
)
def test_an_hour_that_comes_twice_is_the_next_one_and_one_that_is_left_out_comes_later(
    text, since, then
):
    assert meant(text, utc(since)) == then


def test_a_zone_without_a_break_in_the_night_is_no_different():
    tokyo = ZoneInfo("Asia/Tokyo")
    night = datetime.fromisoformat("2026-10-25T01:30")
    assert instants(night, tokyo) == [utc("2026-10-24T16:30:00")]


def test_a_time_by_the_clock_has_neither_date_nor_zone():
    assert str(clock("6:00")) == "06:00:00"
    assert [clock(each) for each in ("6:00 GMT", "tomorrow 6:00", "600", "x")] == [None] * 4


def test_a_moment_is_shown_with_its_zone():
    assert shown(utc("2026-07-01T09:05:00"), LONDON) == "10:05 BST on 1 July 2026"
    assert shown(utc("2026-12-01T09:05:00"), LONDON) == "09:05 GMT on 1 December 2026"


@pytest.mark.parametrize("name", ["Europe/London", "UTC", "CET"])
def test_a_time_zone_is_a_place_whose_clock_counts(name):
    assert zone_named(name).key == name


@pytest.mark.parametrize(
    ("name", "place"),
    [("GMT", "Europe/London"), ("BST", "Europe/London"), ("CEST", "Europe/Paris"), ("Mars", ""), (5, "")],
)  # fmt: skip
def test_a_word_for_half_a_year_is_no_time_zone(name, place):
    with pytest.raises(NoTime) as wrong:
        zone_named(name)
    assert place in wrong.value.cure


def test_every_clock_that_the_program_shows_has_its_zone():
    for file in PACKAGE.rglob("*.py"):
        for form in re.findall(r"[%\w: -]*%H:%M[^\"'{}]*", file.read_text("utf-8")):
            # What a recipe or a person has written is shown as it was written.
            assert re.search(r"%Z|Z$|\+0000$|:%S$", form) or file.name in (
                "conditions.py",
                "moment.py",
            ), (
                file,
                form,
            )
