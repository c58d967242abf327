"""A recipe that takes too long for one event fails with that reason, and the others still get their time."""

import pytest

from appealbridge.engine.intake.arrival import LONGEST_REASON, arrive
from appealbridge.model.run import RunState
from appealbridge.recipes.planning.plan import plan
from appealbridge.recipes.templates.limits import (
    EVENT_SECONDS,
    LEAST_SECONDS,
    NO_BOUND,
    RECIPE_SECONDS,
    Budget,
    OutOfTime,
)
from tests.unit.recipes.conftest import event_of, recipe_of

NOW = 1_777_636_811.0
TWEET = "actions: [{ action: tweet, text: '{{ event.data.title }}' }]\n"
LOOP = "{% for i in range(1000) %}{{ i }}{% endfor %}"
SLOW = f"actions: [{{ action: tweet, text: '{LOOP}' }}]\n"


class Work:
    """Processor time of which some passes at every look."""

    def __init__(self, each):
        self.seconds = 0.0
        self.each = each

    def __call__(self):
        self.seconds += self.each
        return self.seconds

    def passes(self, seconds):
        self.seconds += seconds
        return "made"


def budget_of(work):
    return Budget(work, work)


def named(text, name):
    recipe = recipe_of(text)
    object.__setattr__(recipe, "name", name)
    return recipe


def test_a_recipe_that_takes_too_long_fails_and_says_so():
    planned = arrive(event_of(), [named(SLOW, "slow")], NOW, budget_of(Work(0.001)))
    (run,) = planned.runs
    assert run.state is RunState.FAILED
    assert "took more than 0.25 seconds of processor time for one event" in run.reason
    assert not planned.deliveries


def test_the_recipes_after_a_slow_one_are_planned():
    recipes = [named(SLOW, f"slow-{n}") for n in range(6)] + [named(TWEET, "quick")]
    planned = arrive(event_of(), recipes, NOW, budget_of(Work(0.001)))
    assert [run.state for run in planned.runs] == [RunState.FAILED] * 6 + [RunState.PLANNED]
    assert [delivery.recipe for delivery in planned.deliveries] == ["quick"]


@pytest.mark.parametrize(
    "conditions",
    [f"'{LOOP}'", "{ field: '{{ slow }}', equals: a }", "'{{ slow | default(true) }}'"],
)
def test_a_condition_that_takes_too_long_fails_the_run_and_is_not_a_no(conditions):
    text = f"variables: {{ slow: '{LOOP}' }}\nconditions: [{conditions}]\n{TWEET}"
    planned = arrive(event_of(), [named(text, "slow")], NOW, budget_of(Work(0.001)))
    assert [run.state for run in planned.runs] == [RunState.FAILED]


def test_a_long_thread_is_stopped_as_well():
    message = "closed road " * 300
    text = f"actions: [{{ action: tweet, overflow: thread, text: '{{{{ event.data.title }}}} {message}' }}]\n"
    budget = budget_of(Work(0.05))
    budget.begin()
    with pytest.raises(OutOfTime):
        plan(recipe_of(text), event_of(), {}, NOW, budget=budget)


def test_without_a_limit_nothing_is_too_slow():
    planned = arrive(event_of(), [named(TWEET, "a")], NOW, NO_BOUND)
    assert [run.state for run in planned.runs] == [RunState.PLANNED]


def test_all_recipes_together_have_a_limit_and_each_has_a_little():
    work = Work(0.0)
    budget = budget_of(work)
    allowed = []
    for _ in range(6):
        budget.begin()
        begun = work.seconds
        while _is_in_time(budget):
            work.seconds += 0.001
        allowed.append(work.seconds - begun)
        budget.end()
    assert allowed[:4] == pytest.approx([RECIPE_SECONDS] * 4, abs=0.01)
    assert allowed[4:] == pytest.approx([LEAST_SECONDS] * 2, abs=0.01)
    assert sum(allowed) < EVENT_SECONDS + 6 * LEAST_SECONDS


def _is_in_time(budget):
    try:
        budget.check()
    except OutOfTime:
        return False
    return True


def test_what_is_done_only_once_is_not_counted():
    work = Work(0.001)
    budget = budget_of(work)
    budget.begin()
    for _ in range(20):
        assert budget.without(lambda: work.passes(10)) == "made"
        budget.check()


def test_a_reason_that_quotes_what_was_sent_has_a_bound():
    text = "conditions: [{ field: $.title, matches: '^b' }]\n" + TWEET
    text = text.replace("{{ event.data.title }}", "{{ event.data.title | local_time }}")
    for event in (event_of(type="appeal." + "x" * 5000), event_of({"title": "b" * 5000})):
        recipe = named(text.replace("trigger: appeal", "trigger: appeal, on: [new]"), "a")
        for run in arrive(event, [recipe], NOW).runs:
            assert run.reason
            assert len(run.reason) <= LONGEST_REASON
