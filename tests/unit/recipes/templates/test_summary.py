import json
from datetime import UTC, datetime

import pytest

from appealbridge.recipes.templates.scope import Missing
from appealbridge.recipes.templates.summary import brief, looked_at


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Aisha", '"Aisha"'),
        ("two\nlines", r'"two\nlines"'),
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        ([1, 2], "a list of 2 entries"),
        ({}, "an empty mapping"),
        (datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01 00:00:00+00:00"),
        (Missing(hint="it is not there"), "missing"),
        (10**5000, "a very large number"),
    ],
    ids=[
        "text",
        "lines",
        "truth",
        "number",
        "fraction",
        "list",
        "mapping",
        "date",
        "missing",
        "huge",
    ],
)
def test_a_value_is_said_in_a_few_words(value, message):
    assert brief(value) == message


@pytest.mark.parametrize("value", ["x" * 100_000, "\ud800" * 100_000, "\x00\x1b[2J" * 100])
def test_whatever_a_stranger_sends_is_short_and_can_be_printed(value):
    text = brief(value)
    assert len(text) < 500
    assert text.isprintable()
    json.dumps(text).encode()


def test_what_was_looked_at_twice_is_said_once():
    assert looked_at([("$.n", 6), ("$.n", 6), ("the time", "12:00")]) == (
        ': $.n is 6, the time is "12:00"'
    )
    assert looked_at([]) == ""
