"""When an event is new though its key is known."""

import pytest

from appealbridge.engine.intake.reception import is_new
from appealbridge.model.event import ALWAYS, EventDraft, Repeats
from appealbridge.store.records import KnownKey

NOW = 1_795_000_000.0


def new(repeats, known, *together):
    draft = EventDraft("t", "s", "k", {}, repeats=repeats)
    return is_new(draft, known, {"k", *together}, NOW)


@pytest.mark.parametrize("repeats", [ALWAYS, Repeats(one_content=True), Repeats(ended_by="end")])
def test_a_known_key_is_a_repeat_however_old_it_is(repeats):
    assert not new(repeats, {"k": KnownKey("e", 0.0, 1)})


def test_what_nobody_knows_any_more_is_left_to_the_store():
    assert not new(Repeats(within=1.0), {})
    assert not new(Repeats(ended_by="end"), {"end": KnownKey("e", NOW, 1)})


def test_a_body_is_a_repeat_for_a_while():
    for event in (KnownKey("e", NOW - 599, 1), KnownKey("", NOW - 599), KnownKey("e", NOW + 5, 1)):
        assert not new(Repeats(within=600.0), {"k": event})
    for event in (KnownKey("e", NOW - 600, 1), KnownKey("", NOW - 600)):
        assert new(Repeats(within=600.0), {"k": event})


@pytest.mark.parametrize(
    ("first", "end", "is_news"),
    [
        (KnownKey("a", NOW, 1), KnownKey("b", NOW, 2), True),
        (KnownKey("b", NOW, 2), KnownKey("a", NOW, 1), False),
        # The clock was set back in between.
        (KnownKey("a", NOW, 1), KnownKey("b", NOW - 60, 2), True),
        # One of them, or both, are removed.
        (KnownKey("", NOW - 60), KnownKey("b", NOW, 2), True),
        (KnownKey("a", NOW - 60, 1), KnownKey("", NOW), True),
        (KnownKey("a", NOW, 1), KnownKey("", NOW - 60), False),
        (KnownKey("", NOW - 60), KnownKey("", NOW), True),
        (KnownKey("", NOW), KnownKey("", NOW - 60), False),
    ],
)
def test_what_ended_and_begins_again_is_new(first, end, is_news):
    assert new(Repeats(ended_by="end"), {"k": first, "end": end}) is is_news


def test_what_begins_and_ends_in_one_request_does_not_begin_again():
    known = {"k": KnownKey("a", NOW, 1), "end": KnownKey("b", NOW, 2)}
    assert not new(Repeats(ended_by="end"), known, "end")
