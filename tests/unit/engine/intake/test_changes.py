"""What a look means, given what was seen before."""

from dataclasses import replace

import pytest

from appealbridge.engine.intake.changes import (
    AT_ONCE,
    MOST_PROBLEMS,
    READ_OTHERWISE,
    RENEWED,
    SHARE,
    decide,
)
from appealbridge.plugin.trigger import Basis, Item, PolledSource, PollResult

NOW = 1_800_000_000.0


def item(identity, digest="a", *, time=None, on_new="feed.new", on_changed="feed.changed"):
    return Item(identity, digest, identity, {"title": identity}, on_new, on_changed, time)


def decided(items, known=(), last=NOW - 300, **options):
    return decide(PollResult(items), dict(known), PolledSource(**options), last=last, now=NOW)


def types_and_subjects(decision):
    return [(draft.type, draft.subject) for draft in decision.drafts]


def test_a_first_look_publishes_nothing():
    assert types_and_subjects(decided([item("b"), item("a")], last=None)) == []


def test_a_first_look_publishes_its_backfill_of_newest_items():
    assert types_and_subjects(
        decided([item("c"), item("b"), item("a")], last=None, backfill=2)
    ) == [
        ("feed.new", "b"),
        ("feed.new", "c"),
    ]


def test_new_and_changed_are_told_apart_and_come_oldest_first():
    look = [item("c"), item("b", "changed"), item("a")]
    assert types_and_subjects(decided(look, {"a": "a", "b": "a"})) == [
        ("feed.changed", "b"),
        ("feed.new", "c"),
    ]


def test_what_is_known_and_unchanged_is_no_event():
    assert types_and_subjects(decided([item("a")], {"a": "a"})) == []


def test_an_unmodified_source_makes_no_event():
    assert (
        decide(PollResult(None), {"a": "a"}, PolledSource(), last=NOW - 300, now=NOW).drafts == ()
    )


def test_an_empty_word_makes_no_event():
    assert types_and_subjects(decided([item("closed", on_new="")])) == []


def test_what_is_older_than_max_age_is_passed_over():
    look = [item("young", time=NOW - 10), item("old", time=NOW - 1000)]
    assert types_and_subjects(decided(look, max_age=100)) == [("feed.new", "young")]


def test_a_change_to_an_old_item_still_counts():
    look = [item("old", "b", time=NOW - 1000)]
    assert types_and_subjects(decided(look, {"old": "a"}, max_age=100)) == [("feed.changed", "old")]


def test_more_than_the_burst_is_marked():
    look = [item(str(n)) for n in range(4)]
    assert decided(look, burst=3).burst
    assert not decided(look, burst=4).burst


def test_an_identity_listed_twice_is_one_item():
    assert types_and_subjects(decided([item("a", "newest"), item("a", "older")])) == [
        ("feed.new", "a")
    ]


def test_the_key_changes_with_the_content():
    first, again, other = (decided([item("a", digest)]).drafts[0].key for digest in "xxy")
    assert first == again != other


def test_what_becomes_again_what_it_once_was_has_a_key_of_its_own():
    """An appeal that is closed and opened again is news, although its text was published before."""
    before, after = (decided([item("a", "x")], last=last).drafts[0].key for last in (NOW, NOW + 9))
    assert before != after


def test_an_address_is_told_on_but_for_one_that_may_be_anybodys():
    page = "https://mastodon.example/@force/1"
    single = Item("a", "a", "a", {}, "feed.new", "", addresses=(page, "412", ""))
    (draft,) = decided([single]).drafts
    assert draft.addresses == (page,)


# -- max_age guards also what has no date it could go by ------------------------------------------


@pytest.mark.parametrize(
    ("time", "why"),
    [
        (None, "it has no date that can be read, so it may be older than max_age (2d)"),
        (NOW + 90_000, "its date is in the future, so it may be older than max_age (2d)"),
    ],
)
def test_an_item_whose_age_nobody_can_tell_is_held_where_max_age_is_set(time, why):
    decision = decided([item("a", time=time), item("b", time=NOW)], max_age=172_800)
    assert [(each.subject, each.hold, each.why) for each in decision.drafts] == [
        ("b", "", ""), ("a", "undated", why)
    ]  # fmt: skip
    assert decision.notes == ["`max_age` cannot be checked for 1 item, which is held"]


def test_without_max_age_no_date_is_asked_for():
    (draft,) = decided([item("a", time=None)]).drafts
    assert (draft.hold, draft.why) == ("", "")


def test_a_change_to_an_item_without_a_date_is_no_question_of_its_age():
    (draft,) = decided([item("a", "b", time=None)], {"a": "a"}, max_age=100).drafts
    assert (draft.type, draft.hold) == ("feed.changed", "")


# -- memory belongs to what is read ---------------------------------------------------------------

BASIS = Basis("one", 1)


def after(items, known=(), basis=BASIS, state=None, last=NOW - 300, **options):
    return decide(
        PollResult(items),
        dict(known),
        PolledSource(**options),
        last=last,
        now=NOW,
        basis=basis,
        state=state,
    )


def test_a_look_says_what_its_memory_rests_on():
    state = after([item("a")]).state
    assert (state["identity"], state["reading"]) == ("one", 1)
    assert types_and_subjects(after([item("b")], {"a": "a"}, state=state)) == [("feed.new", "b")]


def test_another_source_under_the_same_name_begins_with_a_look_that_publishes_nothing():
    state = after([item("a")]).state
    look = after([item("c"), item("a", "b")], {"a": "a"}, Basis("two", 1), state, backfill=5)
    assert (types_and_subjects(look), look.new, look.changed) == ([], 0, 0)
    assert look.anew
    assert look.seen == {"a": "b", "c": "a"}
    assert look.notes == [RENEWED]
    assert types_and_subjects(after([item("d")], look.seen, Basis("two", 1), look.state)) == [
        ("feed.new", "d")
    ]
    assert types_and_subjects(after([item("a"), item("c")], {}, BASIS, look.state)) == []


def test_items_that_are_only_read_otherwise_are_not_changed_and_new_ones_are_new():
    state = after([item("a")]).state
    look = after([item("b"), item("a", "read otherwise")], {"a": "a"}, Basis("one", 2), state)
    assert types_and_subjects(look) == [("feed.new", "b")]
    assert (look.anew, look.seen["a"], look.notes) == (False, "read otherwise", [READ_OTHERWISE])
    assert types_and_subjects(after([item("a", "c")], look.seen, Basis("one", 2), look.state)) == [
        ("feed.changed", "a")
    ]


def test_items_named_by_their_contents_are_others_when_they_are_read_otherwise():
    state = after([item("a")]).state
    nameless = replace(item("c"), named_by_reading=True)
    look = after([item("b"), nameless], {"a": "a"}, Basis("one", 2), state)
    assert (types_and_subjects(look), look.anew, set(look.seen)) == (
        [("feed.new", "b")],
        False,
        {"b", "c"},
    )
    assert types_and_subjects(after([nameless], {"a": "a"}, Basis("one", 2), look.state)) == [
        ("feed.new", "c")
    ]


def test_a_memory_of_an_earlier_version_is_that_of_the_same_source_read_as_it_was_then():
    assert types_and_subjects(after([item("b"), item("a", "b")], {"a": "a"}, Basis("one", 0), {})) == [
        ("feed.changed", "a"), ("feed.new", "b")
    ]  # fmt: skip
    assert types_and_subjects(after([item("b"), item("a", "b")], {"a": "a"}, BASIS, {})) == [
        ("feed.new", "b")
    ]
    assert (
        types_and_subjects(
            after([replace(item("b"), named_by_reading=True)], {"a": "a"}, BASIS, {})
        )
        == []
    )


def test_a_look_that_shows_nothing_changes_nothing_of_what_is_known():
    state = after([item("a")]).state
    look = decide(
        PollResult(None, {"etag": "x"}),
        {},
        PolledSource(),
        last=NOW,
        now=NOW,
        basis=Basis("two"),
        state=state,
    )
    assert (look.drafts, look.state, look.cursor, look.anew) == ((), state, {"etag": "x"}, False)


# -- what people have to know is told once --------------------------------------------------------


def problems(types_and_subjects, state=None):
    return decide(
        PollResult([], problems=types_and_subjects),
        {},
        PolledSource(),
        last=NOW,
        now=NOW,
        basis=BASIS,
        state=state,
    )


def test_a_problem_is_told_once_and_again_when_it_comes_back():
    first = problems({"a": "a is wrong"})
    assert first.alarms == ["a is wrong"]
    again = problems({"a": "a is wrong", "b": "b is wrong"}, first.state)
    assert again.alarms == ["b is wrong"]
    mended = problems({}, again.state)
    assert mended.alarms == []
    assert problems({"a": "a is wrong"}, mended.state).alarms == ["a is wrong"]


def test_many_problems_at_once_are_told_in_few_words():
    look = problems({str(number): f"{number} is wrong" for number in range(5000)})
    assert len(look.alarms) == AT_ONCE + 1
    assert look.alarms[-1] == f"and {MOST_PROBLEMS - AT_ONCE} more problems of this source"
    assert (
        problems({str(number): f"{number} is wrong" for number in range(5000)}, look.state).alarms
        == []
    )


# -- a source's share of a day --------------------------------------------------------------------


def sized(identity, size):
    return replace(item(identity), size=size)


def test_what_is_more_than_a_sources_share_of_a_day_is_put_off_and_told_once():
    half = SHARE // 2
    items = [sized("d", 1), sized("c", half), sized("b", half), sized("a", half)]
    first = decide(
        PollResult(items, {"etag": "x"}),
        {},
        PolledSource(),
        last=NOW - 300,
        now=NOW,
        basis=BASIS,
        state={},
    )
    assert types_and_subjects(first) == [("feed.new", "a")]
    assert set(first.seen) == {"a"}
    assert first.cursor == {}, "asked with the old validators it would say that nothing changed"
    [text] = first.alarms
    assert text.startswith("more than 32 MiB came from it today; 3 items are deferred")
    again = after(items, first.seen, state=first.state)
    assert (types_and_subjects(again), again.alarms) == ([], [])
    tomorrow = decide(
        PollResult(items),
        first.seen,
        PolledSource(),
        last=NOW,
        now=NOW + 86_400,
        basis=BASIS,
        state=again.state,
    )
    assert types_and_subjects(tomorrow) == [("feed.new", "b")]
    assert len(tomorrow.alarms) == 1


def test_a_look_that_only_learns_takes_everything():
    items = [sized(str(n), SHARE) for n in range(3)]
    assert len(after(items, last=None, backfill=3).drafts) == 3
    assert len(after(items, {}, Basis("two"), after([]).state).seen) == 3


def test_what_a_source_lists_again_costs_nothing():
    known = {str(n): "a" for n in range(2000)}
    items = [sized(name, 1_000_000) for name in known]
    assert after(items, known).state["spent"] == 0


def test_names_that_change_at_every_look_are_not_remembered_without_end():
    state, remembered = {}, 0
    for look in range(100):
        items = [item(f"{look} {n} {'x' * 200}", on_new="") for n in range(2000)]
        decision = after(items, state=state)
        state, remembered = decision.state, remembered + len(decision.seen)
    assert remembered * 300 < 2 * SHARE
