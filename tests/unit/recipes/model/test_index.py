"""Of very many recipes only those are asked that an event could be for, and none of these is missed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.plugin.registry import load
from appealbridge.recipes.model.book import bind
from appealbridge.recipes.model.index_hints import IndexHint, index_hints_in
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.planning.match import match
from tests.recipes.plugins import catalogue
from tests.unit.recipes.conftest import event_of

REAL = replace(catalogue(), registry=load())
DESK = "webhook:incident-desk"
MANY = 100


def recipe_of(conditions="[]", trigger="trigger: webhook, webhook_id: incident-desk"):
    text = f"""
triggers: [{{ {trigger} }}]
conditions: {conditions}
actions: [{{ action: tweet, channel: force_x, text: Seen. }}]
approval: none
"""
    recipe, problems = load_recipe(text, "recipes/a.yaml", "a", REAL)
    assert recipe is not None, "\n".join(problem.text() for problem in problems)
    return recipe


def book_of(recipes):
    return bind({name: replace(item, name=name) for name, item in recipes.items()})


def names(book, data=None, **event):
    event = event_of(data or {}, source=DESK, **{"type": "incident", **event})
    return [each.name for each in book.for_event(event)]


def wards(count):
    return {f"w{n:05}": recipe_of(f"[{{ field: $.ward, equals: W{n} }}]") for n in range(count)}


@pytest.mark.parametrize("count", [1, 9, MANY, MANY + 1])
def test_however_many_there_are_only_those_are_asked_that_an_event_could_be_for(count):
    book = book_of(wards(count) | {"any": recipe_of()})
    assert names(book, {"ward": "W0"}) == ["any", "w00000"]


def test_the_others_are_told_in_the_order_of_their_names():
    book = book_of(wards(4) | {"any": recipe_of()})
    event = event_of({"ward": "W1"}, source=DESK, type="incident")
    others = book.others(event, book.for_event(event))
    assert [each.name for each in others] == ["w00000", "w00002", "w00003"]


def test_of_many_only_those_are_asked_whose_word_the_event_has():
    others = {
        "any": recipe_of(),
        "two": recipe_of("[{ field: $.ward, in: [W7, W8] }]"),
        "not": recipe_of("[{ field: $.ward, not: W7 }]"),
    }
    book = book_of(wards(MANY) | others)
    assert names(book, {"ward": "W7"}) == ["any", "not", "two", "w00007"]
    assert names(book, {"ward": 7}) == ["any", "not"]
    assert names(book) == ["any", "not"]


def test_of_many_a_word_is_the_same_however_its_accents_are_written():
    book = book_of(wards(MANY) | {"cafe": recipe_of('[{ field: $.ward, equals: "Caf\u00e9" }]')})
    assert names(book, {"ward": "Cafe\u0301"}) == ["cafe"]


def test_of_many_those_are_not_asked_that_want_another_type():
    hook = "trigger: webhook, webhook_id: incident-desk, types: [%s]"
    typed = {f"t{n:05}": recipe_of(trigger=hook % f"type.{n}") for n in range(MANY)}
    book = book_of({**typed, "any": recipe_of(trigger=hook % '"type.*"')})
    assert names(book, type="type.3") == ["any", "t00003"]
    assert names(book, type="incident") == []


def test_of_many_for_appeals_those_are_not_asked_that_want_another_kind():
    kinds = {
        f"k{n:05}": recipe_of(trigger=f"trigger: appeal, kinds: [kind{n}]") for n in range(MANY + 1)
    }
    event = event_of({"kind": "Kind5"}, source="appeal:website")
    assert [each.name for each in book_of(kinds).for_event(event)] == ["k00005"]


@pytest.mark.parametrize(
    ("conditions", "index_hints"),
    [
        ([{"field": "$.a.b", "equals": "x"}], (IndexHint("$.a.b", frozenset("x")),)),
        ([{"all": [{"field": "$.a", "in": ["x", "y"]}]}], (IndexHint("$.a", frozenset("xy")),)),
        ([{"field": "$.a", "in": ["x", 1]}], ()),
        ([{"field": "$.a", "equals": 1}], ()),
        ([{"field": "$.a[0]", "equals": "x"}], ()),
        ([{"field": "{{ event.type }}", "equals": "x"}], ()),
        ([{"any": [{"field": "$.a", "equals": "x"}]}], ()),
        ([{"none": [{"field": "$.a", "equals": "x"}]}], ()),
        (["{{ event.data.a }}", 3, {"field": 3}, {"field": "$.a", "in": "xy"}], ()),
        ({"field": "$.a"}, ()),
        (None, ()),
    ],
)
def test_a_clue_is_a_word_that_has_to_be_there(conditions, index_hints):
    assert index_hints_in(conditions) == index_hints


TESTS = st.sampled_from(
    ["{ field: $.a, equals: x }", "{ field: $.a, in: [x, y] }", "{ field: $.b, equals: x }",
     "{ field: $.b, not: x }", "{ field: $.a.b, in: [x, 1] }", "{ field: $.a, exists: true }",
     "{ all: [{ field: $.b, equals: y }] }", "{ any: [{ field: $.a, equals: x }, { field: $.b, exists: true }] }",
     "{ none: [{ field: $.a, equals: x }] }", '"{{ event.data.a | default(0) }}"', "{ field: $.a.b, equals: x }"]
)  # fmt: skip
TRIGGERS = st.sampled_from(
    ["trigger: webhook, webhook_id: incident-desk", "trigger: webhook, webhook_id: incident-desk, types: [x]",
     'trigger: webhook, webhook_id: incident-desk, types: [x, "*y"]',
     "trigger: webhook, webhook_id: incident-desk, types: [z] }, { trigger: webhook, webhook_id: incident-desk"]
)  # fmt: skip
RECIPES = st.builds(
    lambda tests, trigger: recipe_of(f"[{', '.join(tests)}]", trigger),
    st.lists(TESTS, max_size=3),
    TRIGGERS,
)
WORDS = st.sampled_from(["x", "y", 1, True, None, ["x"], {"b": "x"}, {"b": 1}])
CROWD = wards(MANY + 1)


@given(
    st.lists(RECIPES, max_size=6),
    st.dictionaries(st.sampled_from("ab"), WORDS) | WORDS,
    st.sampled_from(["x", "xy", "z", "w"]),
)
def test_no_recipe_is_missed_that_would_match(recipes, data, kind):
    event = event_of(data, source=DESK, type=kind)
    some = {f"r{n}": replace(each, name=f"r{n}") for n, each in enumerate(recipes)}
    result = bind(CROWD | some).for_event(event)
    would = [name for name, item in some.items() if not match(item, event)]
    assert [each.name for each in result if each.name in would] == would
    assert not {each.name for each in result} & CROWD.keys()
