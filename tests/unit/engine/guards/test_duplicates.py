"""Which texts went to which accounts lately."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from appealbridge.engine.guards.duplicates import DAY, Texts, repeats
from appealbridge.model.delivery import OPEN, State
from appealbridge.store.records import Text
from tests.store_contract.case import NOW, a_delivery, an_event

LONDON = ZoneInfo("Europe/London")


def delivery(number, text="ab", **more):
    return a_delivery(an_event(number), content_hash=text * 32, number=number, **more)


def test_the_first_to_say_something_is_remembered_and_the_second_told_of_it():
    texts = Texts(NOW)
    first = delivery(1)
    assert texts.note(first, NOW) == ""
    assert texts.note(delivery(2), NOW) == first.id
    assert texts.note(first, NOW) == ""  # planned once more, it repeats nobody


@pytest.mark.parametrize(
    "other", [{"text": "cd"}, {"channel": "force_mastodon"}, {"origin": "webhook:other"}], ids=str
)
def test_another_text_account_or_source_is_no_repetition(other):
    texts = Texts(NOW)
    texts.note(delivery(1), NOW)
    assert texts.note(delivery(2, **other), NOW) == ""


def test_only_who_said_it_can_be_forgotten():
    texts = Texts(NOW)
    first, second = delivery(1), delivery(2)
    texts.note(first, NOW)
    texts.forget(second, second.id)
    assert texts.note(second, NOW) == first.id
    texts.forget(second, first.id)
    assert texts.note(second, NOW) == ""


def test_a_text_is_remembered_for_a_day_at_the_least():
    texts = Texts(NOW)
    texts.note(delivery(1), NOW)
    for hour in range(24):
        texts.note(delivery(100 + hour, f"{hour:02}"), NOW + hour * 3600)
    assert texts.note(delivery(2), NOW + DAY - 1)


def test_a_text_that_nobody_says_is_forgotten_in_the_end():
    texts = Texts(NOW)
    texts.note(delivery(1), NOW)
    for day in (1, 2, 3):
        texts.note(delivery(100 + day, f"{day:02}"), NOW + day * DAY)
    assert texts.note(delivery(2), NOW + 3 * DAY) == ""


def test_the_day_begins_when_it_goes_out():
    texts = Texts(NOW)
    late = delivery(1)
    texts.note(late, NOW)
    texts.note(delivery(8, "cd"), NOW + 1.1 * DAY)
    texts.refresh(late, NOW + 1.2 * DAY)
    texts.note(delivery(9, "ef"), NOW + 2.15 * DAY)
    assert texts.note(delivery(2), NOW + 2.15 * DAY) == late.id


def test_the_last_that_went_out_is_the_one_that_is_told():
    texts = Texts(NOW)
    let_out = delivery(2)
    texts.note(delivery(1), NOW)
    texts.refresh(let_out, NOW)
    assert texts.note(delivery(3), NOW) == let_out.id


def test_no_more_than_two_sheets_full_are_remembered():
    texts = Texts(NOW, most=10)
    for number in range(100):
        texts.note(delivery(number, f"{number:02}"), NOW)
    stored = [n for n in reversed(range(100)) if texts.note(delivery(200, f"{n:02}"), NOW)]
    assert 99 in stored
    assert len(stored) <= 20


def test_what_the_store_has_is_remembered_after_a_start():
    texts = Texts(NOW)
    earlier = delivery(1)
    texts.recall([Text(earlier.id, earlier.channel, earlier.content_hash, earlier.origin)], NOW)
    assert texts.note(delivery(2), NOW) == earlier.id


@pytest.mark.parametrize("state", list(State), ids=str)
def test_what_is_open_or_went_out_within_a_day_counts(state):
    earlier = delivery(17, state=state, settled_at=None if state in OPEN else NOW)
    again = delivery(18)
    counts = state in OPEN or state is State.DELIVERED
    assert bool(repeats(again, earlier, NOW + DAY - 1, LONDON)) is counts
    assert bool(repeats(again, earlier, NOW + DAY, LONDON)) is (state in OPEN)


def test_the_reason_names_the_earlier_one_and_its_time():
    went_out = delivery(17, state=State.DELIVERED, settled_at=1_782_907_200.0)
    assert (
        repeats(delivery(18), went_out, 1_782_907_300.0, LONDON)
        == "the same text went out on force_x within the last day: no. 17, at 13:00 BST on 1 July"
    )
    waits = replace(went_out, state=State.HELD, settled_at=None, planned_at=1_782_907_200.0)
    assert (
        repeats(delivery(18), waits, 1_782_907_300.0, LONDON)
        == "the same text is on its way to force_x already: no. 17, planned at 13:00 BST on 1 July"
    )


def test_a_mix_up_is_no_repetition():
    assert repeats(delivery(2), delivery(1, "cd"), NOW, LONDON) == ""
