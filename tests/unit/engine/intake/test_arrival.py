"""What an event causes, and of which recipes that did not want it is kept why."""

from dataclasses import replace

import pytest

from appealbridge.engine.intake.arrival import KEPT, arrive
from appealbridge.model.run import RunState
from appealbridge.plugin.registry import load
from appealbridge.recipes.model.book import bind
from appealbridge.recipes.parsing.load import load_recipe
from tests.recipes.plugins import catalogue
from tests.unit.recipes.conftest import event_of

NOW = 1_790_000_000.0
REAL = replace(catalogue(), registry=load())


def recipe_of(name, conditions="[]"):
    text = f"""
triggers: [{{ trigger: webhook, webhook_id: incident-desk }}]
conditions: {conditions}
actions: [{{ action: tweet, channel: force_x, text: Seen. }}]
approval: none
"""
    recipe, problems = load_recipe(text, f"recipes/{name}.yaml", name, REAL)
    assert recipe is not None, "\n".join(problem.text() for problem in problems)
    return recipe


def wards(count):
    return [recipe_of(f"ward-{n:03}", f"[{{ field: $.ward, equals: W{n} }}]") for n in range(count)]


def runs_of(recipes, data):
    book = bind({recipe.name: recipe for recipe in recipes})
    event = event_of(data, source="webhook:incident-desk")
    requested = book.for_event(event)
    return arrive(event, requested, NOW, others=book.others(event, requested)).runs


def states(runs):
    return {run.recipe: run.state for run in runs}


@pytest.mark.parametrize("count", [1, KEPT])
def test_of_few_recipes_each_says_why_it_did_not_want_an_event(count):
    runs = runs_of(wards(count), {"ward": "elsewhere"})
    assert len(runs) == count
    assert runs[0].reason == '$.ward is "elsewhere", wanted equals W0'


@pytest.mark.parametrize(
    ("conditions", "data", "reason"),
    [
        ("[{ field: $.ward, in: [W2, W1] }]", {"ward": "W3"}, '$.ward is "W3", wanted in [W1, W2]'),
        ("[{ field: $.ward, equals: W1 }]", {}, "$.ward is missing"),
        ("[{ field: $.ward, equals: W1 }]", {"ward": None}, "$.ward is null, wanted equals W1"),
        (
            "[{ field: $.a, equals: x }, { field: $.ward, equals: W1 }]",
            {"a": "x", "ward": "W2"},
            '$.ward is "W2", wanted equals W1',
        ),
    ],
)
def test_a_recipe_that_the_index_rules_out_says_which_value_is_lacking(conditions, data, reason):
    (run,) = runs_of([recipe_of("a", conditions)], data)
    assert (run.state, run.reason) == (RunState.SKIPPED, reason)


@pytest.mark.parametrize("count", [KEPT + 1, 99, 100, 101, 150])
def test_of_more_as_many_say_so_however_many_there_are(count):
    runs = runs_of(wards(count), {"ward": "W1"})
    assert states(runs).pop("ward-001") is RunState.PLANNED
    skipped = [run for run in runs if run.state is RunState.SKIPPED]
    assert len(skipped) == KEPT
    assert all(run.reason for run in skipped)


def test_those_are_kept_first_that_were_asked_closely():
    closely = [recipe_of("z", "[{ field: $.ward, equals: W1 }, { field: $.lanes, above: 3 }]")]
    runs = runs_of(wards(30) + closely, {"ward": "W1", "lanes": 2})
    (run,) = [run for run in runs if run.recipe == "z"]
    assert run.reason == "$.lanes is 2, wanted above 3"
    assert [run.recipe for run in runs] == sorted(run.recipe for run in runs)


def test_what_goes_wrong_in_a_recipe_for_other_events_is_no_matter():
    """Nobody is told of a failure of what was not meant."""
    fails = recipe_of("fails", '["{{ event.data.missing.deep }}", { field: $.ward, equals: W9 }]')
    (run,) = runs_of([fails], {"ward": "W1"})
    assert (run.state, run.reason) == (RunState.SKIPPED, '$.ward is "W1", wanted equals W9')
    assert states(runs_of([fails], {"ward": "W9"})) == {"fails": RunState.FAILED}
