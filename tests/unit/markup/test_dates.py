"""Dates as feeds write them, and those that nobody could read with certainty."""

import time
from datetime import UTC, datetime

import pytest

from appealbridge.markup.dates import moment

FIVE_PM = "2026-06-19T17:00:00Z"
FOUR_PM = "2026-06-19T16:00:00Z"


def iso(text):
    at = moment(text)
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Fri, 19 Jun 2026 17:00:00 GMT", FIVE_PM),
        ("Fri, 19 Jun 2026 17:00:00 +0100", FOUR_PM),
        ("Fri, 19 Jun 2026 17:00:00 -0000", FIVE_PM),
        ("19 Jun 2026 17:00 Z", FIVE_PM),
        ("Fri, 19 Jun 26 17:00:00 EST", "2026-06-19T22:00:00Z"),
        ("Mon, 19 Jun 2026 17:00:00 GMT", FIVE_PM),
        ("Fri,19 June 2026 17:00:00 GMT", FIVE_PM),
        ("Fri, 19-Jun-2026 17:00:00 GMT", FIVE_PM),
        ("Fri Jun 19 17:00:00 2026", FIVE_PM),
        ("Fri Jun 19 17:00:00 BST 2026", FOUR_PM),
        ("2026-06-19T17:00:00Z", FIVE_PM),
        ("2026-06-19T17:00Z", FIVE_PM),
        ("2026-06-19t18:00:00.25+01:00", FIVE_PM),
        ("2026-06-19 17:00:00 UTC", FIVE_PM),
        ("20260619T170000Z", FIVE_PM),
        ("2026/06/19 17:00", FIVE_PM),
        ("2026-06-18T24:00:00Z", "2026-06-19T00:00:00Z"),
        ("2026-06-19", "2026-06-19T00:00:00Z"),
        ("Fri, 19 Jun 2026 17:00:60 GMT", "2026-06-19T17:00:59Z"),
    ],
)
def test_a_date_by_the_rules_is_read(text, read):
    assert iso(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("June 19th, 2026 at 5:00 pm", FIVE_PM),
        ("Friday, June 19, 2026 - 17:00", FIVE_PM),
        ("Fri, 19/06/2026 - 17:00", FIVE_PM),
        ("19.6.2026 17:00", FIVE_PM),
        ("3.4.2026 17:00", "2026-04-03T17:00:00Z"),
        ("06/19/2026 5pm", FIVE_PM),
        ("07/07/2026", "2026-07-07T00:00:00Z"),
        ("Freitag, 19. Juni 2026 17:00 Uhr", FIVE_PM),
        ("ven., 19 juin 2026 à 17h00", FIVE_PM),
        ("mar., 23 juin 2026 17:00:00 +0000", "2026-06-23T17:00:00Z"),
        ("vie, 19 de junio de 2026 17:00", FIVE_PM),
        ("Gwe, 19 Mehefin 2026 17:00", FIVE_PM),
    ],
)
def test_a_date_as_people_write_it_is_read_where_only_one_can_be_meant(text, read):
    assert iso(text) == read


def test_a_date_without_a_zone_is_utc():
    assert iso("Fri, 19 Jun 2026 17:00:00") == iso("2026-06-19 17:00") == FIVE_PM


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("BST", 1), ("bst", 1), ("WEST", 1), ("CET", 1), ("CEST", 2), ("MESZ", 2), ("EEST", 3), ("UT", 0),
     ("PDT", -7), ("AEST", 10), ("GMT+1", 1), ("GMT-05:00", -5), ("+01:00 (BST)", 1), ("Etc/GMT", 0)],
)  # fmt: skip
def test_the_words_for_a_zone_are_hours(zone, hours):
    assert moment(f"Fri, 19 Jun 2026 17:00:00 {zone}") == moment(FIVE_PM) - hours * 3600


@pytest.mark.parametrize(
    "text",
    ["05/03/2019 09:00", "5-3-2019", "05/03/19", "Fri, 19 Jun 2026 17:00:00 IST", "19 Jun 2026 17:00 XYZ",
     "yesterday", "now", "", "10.00", "1781888400", "2026-06-31", "Thu, 31 Jun 2026 10:00:00 GMT",
     "0000-00-00 00:00:00", "2026-06-19T25:00:00Z", "Sun, 31 Dec 9999 23:59:59 -9999", "19 Jun", "Jun 2026 10:00",
     "2026-06-19T17:00:00Z and more", "x" * 200],
)  # fmt: skip
def test_what_may_be_several_moments_or_none_is_not_guessed(text):
    assert moment(text) is None


@pytest.mark.parametrize(
    "unit", ["1", "a", "-", ":", " ", "1 ", "(", "jan ", "12:00 ", "é", "\u0661"]
)
def test_no_date_takes_long_to_read(unit):
    begin = time.process_time()
    for length in range(0, 4000, 7):
        moment((unit * length)[:length])
    assert time.process_time() - begin < 5.0
