from appealbridge.recipes.planning.match import match, matched
from tests.unit.recipes.conftest import event_of, recipe_of

RECIPE = """
triggers:
  - { trigger: appeal, source: website, on: [new] }
  - { trigger: webhook, webhook_id: incident-desk }
actions:
  - { action: tweet, text: Hello }
approval: none
"""


def test_one_trigger_that_wants_the_event_is_enough():
    recipe = recipe_of(RECIPE)
    assert match(recipe, event_of()) == ""
    assert match(recipe, event_of(source="webhook:incident-desk", type="x")) == ""


def test_a_trigger_says_why_it_does_not_want_the_event():
    assert match(recipe_of(RECIPE), event_of(type="appeal.closed")) == "news is closed, wanted new"


def test_another_source_is_not_wanted():
    recipe = recipe_of(RECIPE)
    assert match(recipe, event_of(source="appeal:other")) == (
        "none of its triggers wants events of appeal:other"
    )
    assert match(recipe, event_of(source="webhook:other")) != ""


def test_a_trigger_without_a_source_wants_any():
    recipe = recipe_of("actions: [{ action: tweet, text: Hello }]")
    assert match(recipe, event_of(source="appeal:anything")) == ""


CONDITIONS = """
conditions:
  - { field: $.kind, equals: missing }
  - { field: $.exercise, exists: false }
  - "{{ appeal.kind != 'wanted' }}"
  - { between: ["00:00", "23:59"] }
actions: [{ action: tweet, text: Hello }]
"""


def test_a_match_says_which_trigger_wants_the_event():
    came = matched(recipe_of(RECIPE), event_of(source="webhook:incident-desk", type="x"))
    assert came.trace == [{"step": "triggers[1]", "message": "wants x from webhook:incident-desk"}]


def test_a_match_says_what_its_conditions_saw():
    (_, conditions) = matched(recipe_of(CONDITIONS), event_of({"kind": "missing"})).trace
    assert conditions["step"] == "conditions"
    assert conditions["message"].startswith(
        'all hold: $.kind is "missing", $.exercise is missing, '
        "{{ appeal.kind != 'wanted' }} is true, the time is "
    )


def test_no_match_leaves_a_reason_and_no_trace():
    came = matched(recipe_of(CONDITIONS), event_of({"kind": "wanted"}))
    assert came.why_not == '$.kind is "wanted", wanted equals missing'
    assert came.trace == ()
