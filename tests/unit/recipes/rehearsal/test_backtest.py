"""What is said of a draft beside the recipe in force."""

from dataclasses import replace

from appealbridge.recipes.rehearsal.backtest import SWEEP, Backtest
from tests.unit.recipes.conftest import event_of, recipe_of

RECIPE = """
triggers: [{ trigger: appeal }]
actions:
  - { action: tweet, text: "Missing: {{ appeal.title }}" }
approval: none
"""
PICKY = RECIPE.replace("actions:", "conditions: [{ field: $.title, not: Ben }]\nactions:")
AISHA, BEN = (event_of({"title": title}, id=title, subject=title) for title in ("Aisha", "Ben"))


def differences(draft, in_force, *events):
    tested = Backtest(recipe_of(draft), in_force and recipe_of(in_force))
    result = [each for event in events for each in tested.take(event)]
    result += [*tested.until(AISHA.received_at + 10 * 86_400), *tested.rest()]
    return [(each.kind, each.event.id) for each in result]


def test_without_another_recipe_all_is_new():
    assert differences(RECIPE, None, AISHA, BEN) == [("+", "Aisha"), ("+", "Ben")]


def test_what_stays_and_what_is_not_published_any_more():
    assert differences(PICKY, RECIPE, AISHA, BEN) == [("=", "Aisha"), ("-", "Ben")]


def test_what_is_published_besides():
    assert differences(RECIPE, PICKY, AISHA, BEN) == [("=", "Aisha"), ("+", "Ben")]


def test_another_text_another_hold_and_another_time_are_other_posts():
    assert differences(RECIPE.replace("Missing", "MISSING"), RECIPE, AISHA) == [("~", "Aisha")]
    assert differences(RECIPE.replace("approval: none", ""), RECIPE, AISHA) == [("~", "Aisha")]
    later = RECIPE.replace("actions:", "actions:\n  - { delay: 1h }")
    assert differences(later, RECIPE, AISHA) == [("~", "Aisha")]


def test_two_posts_on_a_channel_are_beside_their_likes_first():
    both = RECIPE.replace("approval", '  - { action: tweet, id: b, text: "b" }\napproval')
    only = RECIPE.replace("Missing: {{ appeal.title }}", "b")
    assert differences(both, only, AISHA) == [("+", "Aisha"), ("=", "Aisha")]


def test_where_the_draft_breaks_off_it_says_so():
    broken = RECIPE.replace("appeal.title", "appeal.name")
    assert differences(broken, RECIPE, AISHA) == [("!", "Aisha"), ("-", "Aisha")]
    assert differences(broken, broken, AISHA) == []


def test_what_has_no_content_any_more_is_counted_and_not_played():
    tested = Backtest(recipe_of(RECIPE), None)
    assert [*tested.take(replace(AISHA, data=None, removed=True))] == []
    assert (tested.events, tested.removed, tested.wanted) == (1, 1, 0)


def test_what_waits_is_told_as_soon_as_it_is_over_and_not_kept():
    tested = Backtest(recipe_of(RECIPE.replace("actions:", "actions:\n  - { delay: 1h }")), None)
    result = []
    for number in range(SWEEP):
        at = AISHA.received_at + 10 * number
        event = replace(AISHA, id=f"{number}", subject=f"{number}", received_at=at)
        result += tested.take(event)
    assert len(result) == SWEEP - 360
