"""How long things are kept, and what that means on a given day."""

from datetime import UTC, datetime
from math import inf

import pytest

from appealbridge.model.retention import Span, span


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "meant"),
    {
        "30d": Span(30, "d"),
        "30d after closure": Span(30, "d", after_closure=True),
        "7y": Span(7, "y"),
        "0h": Span(0, "h"),
    }.items(),
)
def test_a_span_is_a_number_a_unit_and_where_it_begins(text, meant):
    assert span(text) == meant


@pytest.mark.parametrize(
    "text", ["", "30", "d", "30s", "1y6m", "30 d", "30d after", "-1d", "30d\n"]
)
def test_anything_else_is_refused_with_the_cure(text):
    with pytest.raises(ValueError, match="30d after closure"):
        span(text)


@pytest.mark.parametrize(
    ("text", "now", "before"),
    [
        ("12h", "2026-03-01T06:00", "2026-02-28T18:00"),
        ("30d", "2026-03-31T06:00", "2026-03-01T06:00"),
        ("2w", "2026-03-15T06:00", "2026-03-01T06:00"),
        ("1m", "2026-03-31T06:00", "2026-02-28T06:00"),
        ("3m", "2026-01-15T06:00", "2025-10-15T06:00"),
        ("12m", "2026-12-31T06:00", "2025-12-31T06:00"),
        ("7y", "2028-02-29T06:00", "2021-02-28T06:00"),
        ("4y", "2028-02-29T06:00", "2024-02-29T06:00"),
    ],
)
def test_a_span_ends_by_the_calendar(text, now, before):
    assert span(text).before(at(now)) == at(before)


def test_a_span_longer_than_the_calendar_never_ends():
    assert span("99999y").before(at("2026-01-01T00:00")) == -inf
