"""What a look means, given what was seen before."""

from appealbridge.engine.looking import decide
from appealbridge.plugin.trigger import Item, Look, PolledSource

NOW = 1_800_000_000.0


def item(identity, digest="a", *, time=None, on_new="feed.new", on_changed="feed.changed"):
    return Item(identity, digest, identity, {"title": identity}, on_new, on_changed, time)


def decided(items, known=(), last=NOW - 300, **options):
    return decide(Look(items), dict(known), PolledSource(**options), last=last, now=NOW)


def told(decision):
    return [(draft.type, draft.subject) for draft in decision.drafts]


def test_a_first_look_publishes_nothing():
    assert told(decided([item("b"), item("a")], last=None)) == []


def test_a_first_look_publishes_its_backfill_of_newest_items():
    assert told(decided([item("c"), item("b"), item("a")], last=None, backfill=2)) == [
        ("feed.new", "b"),
        ("feed.new", "c"),
    ]


def test_new_and_changed_are_told_apart_and_come_oldest_first():
    look = [item("c"), item("b", "changed"), item("a")]
    assert told(decided(look, {"a": "a", "b": "a"})) == [("feed.changed", "b"), ("feed.new", "c")]


def test_what_is_known_and_unchanged_is_no_event():
    assert told(decided([item("a")], {"a": "a"})) == []


def test_an_unmodified_source_makes_no_event():
    assert decide(Look(None), {"a": "a"}, PolledSource(), last=NOW - 300, now=NOW).drafts == ()


def test_an_empty_word_makes_no_event():
    assert told(decided([item("closed", on_new="")])) == []


def test_what_is_older_than_max_age_is_passed_over():
    look = [item("young", time=NOW - 10), item("old", time=NOW - 1000), item("undated")]
    assert told(decided(look, max_age=100)) == [("feed.new", "undated"), ("feed.new", "young")]


def test_a_change_to_an_old_item_still_counts():
    look = [item("old", "b", time=NOW - 1000)]
    assert told(decided(look, {"old": "a"}, max_age=100)) == [("feed.changed", "old")]


def test_more_than_the_burst_is_marked():
    look = [item(str(n)) for n in range(4)]
    assert decided(look, burst=3).burst
    assert not decided(look, burst=4).burst


def test_an_identity_listed_twice_is_one_item():
    assert told(decided([item("a", "newest"), item("a", "older")])) == [("feed.new", "a")]


def test_the_key_changes_with_the_content():
    first, again, other = (decided([item("a", digest)]).drafts[0].key for digest in "xxy")
    assert first == again != other


def test_what_becomes_again_what_it_once_was_has_a_key_of_its_own():
    """An appeal that is closed and opened again is news, although its text was published before."""
    before, after = (decided([item("a", "x")], last=last).drafts[0].key for last in (NOW, NOW + 9))
    assert before != after


def test_an_address_is_told_on_but_for_one_that_may_be_anybodys():
    page = "https://mastodon.example/@force/1"
    one = Item("a", "a", "a", {}, "feed.new", "", addresses=(page, "412", ""))
    (draft,) = decided([one]).drafts
    assert draft.addresses == (page,)
