import pytest

from appealbridge.recipes.selftest import TEST_TIME, made_up_event, run_tests
from tests.unit.recipes.conftest import recipe_of

RECIPE = """
triggers:
  - { trigger: appeal, source: website, kinds: [missing] }
actions:
  - { action: tweet, id: x, text: "Missing: {{ appeal.title }}", tags: [a] }
  - { action: email, channel: press_office, to: desk@example.org, subject: A, text: "See {{ results.x.url }}" }
approval: officer_in_charge
tests:
  - name: one
    event: { type: appeal.new, data: { kind: missing, title: "Aisha, 14" } }
    %s
"""


def why(expectation):
    (result,) = run_tests(recipe_of(RECIPE % expectation))
    return result.why


@pytest.mark.parametrize(
    "expectation",
    [
        'expect: [{ action: tweet, channel: force_x, text: "*Aisha*" }]',
        'expect: [{ text: "Missing: Aisha, 14" }, { action: email }]',
        'expect: [{ action: email, text: "See https://*" }]',
        "expect: [{ tags: [a] }]",
    ],
)
def test_an_expectation_is_met_by_at_least_what_it_says(expectation):
    assert why(expectation) == ""


@pytest.mark.parametrize(
    "expectation",
    [
        'expect: [{ text: "Aisha" }]',
        'expect: [{ text: "*[A]isha*" }]',
        "expect: [{ action: tweet, channel: press_office }]",
        "expect: [{ tags: [b] }]",
        "expect: [{ tags: [a, b] }]",
        "expect: []",
        'expect_failure: "*missing*"',
    ],
)
def test_an_expectation_that_is_not_met_tells_what_was_planned_instead(expectation):
    assert "but planned action: 'tweet', channel: 'force_x'" in why(expectation)


def test_nothing_at_all_is_told_with_the_reason():
    text = (RECIPE % "expect: [{ action: tweet }]").replace("kind: missing,", "kind: wanted,")
    (result,) = run_tests(recipe_of(text))
    assert not result.passed
    assert result.why.endswith(
        "but the recipe does not want this event: kind is wanted, wanted missing"
    )


def test_a_failure_can_be_expected():
    text = (RECIPE % 'expect_failure: "*appeal.title is missing*"').replace(
        ', title: "Aisha, 14"', ""
    )
    assert run_tests(recipe_of(text))[0].passed
    text = text.replace("expect_failure: ", "expect: [] #")
    assert (
        "but the recipe stopped: actions[0].text: appeal.title" in run_tests(recipe_of(text))[0].why
    )


def test_what_a_test_leaves_out_of_its_event_is_made_up():
    recipe = recipe_of(RECIPE % "expect: []")
    event = made_up_event(recipe, {"type": "appeal.new"})
    assert (event.source, event.subject, event.time) == ("appeal:website", "test", TEST_TIME)
    later = made_up_event(recipe, {"time": "2026-05-01T13:00:00"})
    assert later.time == TEST_TIME


REMINDER = """
actions:
  - { action: tweet, text: Seen? }
  - wait_for: appeal.closed
    timeout: 3d
    on_timeout: [{ action: tweet, text: Still missing }, { stop: given up }]
  - { action: tweet, text: "{{ wait.event.data.words }}" }
tests:
  - name: one
    event: { type: appeal.new, data: { title: Aisha }, subject: WMP-2 }
    %s
"""


def reminder(expectation):
    (result,) = run_tests(recipe_of(REMINDER % expectation.replace("\n", "\n    ")))
    return result.why


@pytest.mark.parametrize(
    "expectation",
    [
        "expect: [{ text: Seen? }, { text: Still missing }]",
        "after: 3d\nexpect: [{ text: Still missing }]",
        "events: [{ after: 1d, type: appeal.closed, data: { words: Home } }]\nexpect: [{ text: Home }]",
        "events: [{ after: 1d, type: appeal.closed, subject: WMP-3 }]\nexpect: [{ text: Still missing }]",
    ],
)
def test_a_test_plays_what_comes_later_too(expectation):
    assert reminder(expectation) == ""


def test_what_comes_after_the_time_of_a_test_does_not_count():
    why = reminder("after: 2d\nexpect: [{ text: Still missing }]")
    assert why.endswith("but planned action: 'tweet', channel: 'force_x', text: 'Seen?'")
    assert "3d later action: 'tweet'" in reminder("expect: []")
