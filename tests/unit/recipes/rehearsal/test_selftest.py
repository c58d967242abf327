import pytest

from appealbridge.recipes.rehearsal.selftest import TEST_TIME, made_up_event, run_tests
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
    (result,) = run_tests(recipe_of(RECIPE % expectation.replace("\n", "\n    ")))
    return result.why


BOTH = "{ action: tweet }, { action: email }"


@pytest.mark.parametrize(
    "expectation",
    [
        'expect: [{ action: tweet, channel: force_x, text: "*Aisha*" }, { action: email }]',
        'expect: [{ action: email }, { text: "Missing: Aisha, 14" }]',
        'expect: [{ tags: [a] }, { action: email, text: "See https://*", to: desk@example.org }]',
        "expect: [{ channel: force_x, held: approval }, { channel: press_office, held: approval }]",
        'expect: [{ action: tweet, text_not: "Tom" }, { action: email, text_not: ["Aisha", "Tom"] }]',
        "expect: [{}, {}]",
        "expect_at_least: [{ action: email }]",
        'expect_at_least: []\ntext_not: "Tom"',
        'text_not: ["Tom", "Aisha*Missing"]',
        "nothing_until: 0s",
    ],
)
def test_all_that_goes_out_is_expected_each_by_at_least_what_is_said_of_it(expectation):
    assert why(expectation) == ""


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ("expect: [{ action: tweet }]", "expected nothing else\nbut planned action: 'email'"),
        ("expect: [{ action: tweet }, { action: tweet }]", "expected action: 'tweet'"),
        ('expect: [{ text: "Aisha" }, { action: email }]', "expected text: 'Aisha'"),
        ('expect: [{ text: "*[A]isha*" }, { action: email }]', "expected text: '*[A]isha*'"),
        (
            f"expect: [{BOTH}, {{ action: tweet, channel: press_office }}]",
            "channel: 'press_office'",
        ),
        ("expect: [{ tags: [b] }, { action: email }]", "expected tags: ['b']"),
        ("expect: [{ tags: [a, b] }, { action: email }]", "expected tags: ['a', 'b']"),
        ("expect: []", "expected nothing\n"),
        ("expect: [{ held: none }, { action: email }]", "expected held: 'none'"),
        ("expect: [{ held: time }, { action: email }]", "expected held: 'time'"),
        ('expect: [{ action: tweet, text_not: "aisha" }, {}]', "text_not: 'aisha'"),
        ("expect_at_least: [{ action: tweet }, { action: tweet }]", "expected action: 'tweet'"),
        (f'expect: [{BOTH}]\ntext_not: "AISHA"', 'expected "AISHA" nowhere'),
        (f"expect: [{BOTH}]\nnothing_until: 1m", "expected nothing until 1m"),
        (f'expect: [{BOTH}]\nnothing_until: "13:30"', "expected nothing until 13:30"),
        ("nothing_until: today 09:00", "had already passed"),
        ('expect_failure: "*missing*"', "expected the failure *missing*"),
    ],
)
def test_an_expectation_that_is_not_met_tells_what_was_planned_instead(expectation, message):
    result = why(expectation)
    assert message in result
    assert "passed" in message or "planned action: 'tweet', channel: 'force_x'" in result


def test_words_are_found_however_they_are_written():
    text = RECIPE.replace("Missing:", "MISSING\u00a0 Cafe\u0301:") % 'text_not: "missing café"'
    assert "nowhere" in run_tests(recipe_of(text))[0].why
    text = RECIPE.replace("subject: A", 'subject: "Aisha"') % "expect: [{}, { text_not: aisha }]"
    assert not run_tests(recipe_of(text))[0].passed


LIST = """
actions:
  - { action: email, channel: press_office, to: ["a@example.org", "b@example.org"], subject: A, text: To all }
  - { action: tweet, text: A, thread: [B, C] }
tests:
  - name: one
    event: { type: appeal.new, data: {} }
    %s
"""


@pytest.mark.parametrize(
    ("expectation", "passes"),
    [
        ("expect: [{ action: email }, { text: A }, { text: B }, { text: C }]", True),
        ("expect: [{ text: A }, { text: B }, { text: C }, { to: a@* }, { to: b@* }]", True),
        ("expect: [{ to: a@* }, { action: email }, { text: A }, { text: B }, { text: C }]", True),
        ("expect: [{ to: a@* }, { text: A }, { text: B }, { text: C }]", False),
        ("expect: [{ action: email }, { action: tweet }]", False),
        ("expect: [{ action: email }, { action: email }, { text: A }, { text: B }, { text: C }]", False),
        ("expect: [{ action: email, to: c@* }, { text: A }, { text: B }, { text: C }]", False),
    ],
)  # fmt: skip
def test_a_mail_to_several_counts_once_unless_somebody_is_named_and_each_post_of_a_thread_counts(
    expectation, passes
):
    assert run_tests(recipe_of(LIST % expectation))[0].passed is passes


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
    assert run_tests(recipe_of(text + "\n    expect: []"))[0].passed
    assert not run_tests(recipe_of(text + "\n    expect: [{}]"))[0].passed
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


CLOSED = "events: [{ after: 1d, type: appeal.closed, data: { words: Home } }]\n"
ELSEWHERE = "events: [{ after: 1d, type: appeal.closed, subject: WMP-3 }]\n"


@pytest.mark.parametrize(
    "expectation",
    [
        "expect: [{ text: Seen? }, { text: Still missing, after: 3d }]",
        'expect: [{ text: Seen? }, { text: Still missing, at: "2026-05-04T13:00" }]',
        "after: 3d\nexpect: [{ text: Still missing }, { text: Seen? }]",
        "after: 2d\nexpect: [{ text: Seen? }]",
        CLOSED + "expect: [{ text: Seen? }, { text: Home, after: 1d }]",
        ELSEWHERE + "expect: [{ text: Seen? }, { text: Still missing, after: 3d }]",
        "expect_at_least: [{ text: Still missing }]",
    ],
)
def test_a_test_plays_what_comes_later_too(expectation):
    assert reminder(expectation) == ""


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ("after: 2d\nexpect: [{ text: Seen? }, { text: Still missing }]", "expected text: 'Still"),
        ("expect: [{ text: Seen? }, { text: Still missing }]", "write after: 3d"),
        ("expect: [{ text: Seen? }, { text: Still missing, after: 2d }]", "expected text: 'Still"),
        (
            "expect: [{ text: Seen? }, { text: Still missing, at: '13:00' }]",
            "expected text: 'Still",
        ),
        ("expect: [{ text: Seen?, after: 1h }, { text: Still missing, after: 3d }]", "after: '1h'"),
        ("nothing_until: 1h", "expected nothing until 1h"),
        ("expect: []", "3d later, at 13:00 BST on 4 May 2026: action: 'tweet'"),
    ],
)
def test_what_goes_out_later_is_expected_at_its_time(expectation, message):
    assert message in reminder(expectation)


UNTIL = """
actions:
  - { delay: { until: $.embargo } }
  - { action: tweet, text: For all }
tests:
  - name: one
    event: { type: appeal.new, data: { embargo: %s } }
    %s
"""


def until(embargo, expectation):
    (result,) = run_tests(recipe_of(UNTIL % (embargo, expectation.replace("\n", "\n    "))))
    return result.why


@pytest.mark.parametrize(
    ("embargo", "expectation", "passes"),
    [
        ("tomorrow 10:00", "expect: [{ text: For all, at: tomorrow 10:00 }]", True),
        ("tomorrow 10:00", "nothing_until: tomorrow 10:00", True),
        ("tomorrow 10:00", "nothing_until: tomorrow 10:01", False),
        ("10.00", "expect: [{ text: For all, held: time }]", True),
        ("10.00", "expect: []", True),  # what is held does not go out
        ("10.00", "expect: [{ text: For all }]", False),
        ("10.00", "nothing_until: 1m", False),  # for nothing goes out at all
        ("10.00", "expect: []\nnothing_until: 1d", True),
    ],
)
def test_what_is_held_for_its_time_does_not_go_out(embargo, expectation, passes):
    assert (until(embargo, expectation) == "") is passes


def test_a_test_that_is_not_met_says_why_something_is_held():
    result = until("10.00", "expect: [{ text: For all }]")
    assert "if it is meant to be held, write held: time" in result
    assert "10.0 is a bare number" in result


def test_a_test_without_an_exact_list_wants_something_to_go_out():
    text = UNTIL % ("tomorrow 10:00", "after: 1h\n    text_not: Aisha")
    assert "expected something to go out" in run_tests(recipe_of(text))[0].why
