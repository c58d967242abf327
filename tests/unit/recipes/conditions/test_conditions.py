from datetime import datetime

import pytest

from appealbridge.model.errors import RenderError
from appealbridge.recipes.planning.match import match
from tests.unit.recipes.conftest import event_of, recipe_of

ACTION = """
actions:
  - { action: tweet, text: Hello }
"""
DATA = {
    "severity": "major",
    "road": "A38(M)",
    "lanes": 2,
    "tags": ["snow", "ice"],
    "test": False,
    "note": None,
    "area": {"name": "Birmingham, Digbeth"},
    "at": [52.4778, -1.8986],
    "odd": [{"a": 1}, None, 2],
}


LISTS = {"digbeth": ["52.4, -2.0", "52.4, -1.8", "52.5, -1.8", "52.5, -2.0"]}


def why_not(conditions: str, data=DATA, **more) -> str:
    recipe = recipe_of(f"conditions:\n{conditions}\n{ACTION}", lists=LISTS)
    return match(recipe, event_of(data, **more))


@pytest.mark.parametrize(
    "condition",
    [
        "- { field: $.severity, equals: major }",
        "- { field: $.severity, not: minor }",
        "- { field: $.severity, in: [major, critical] }",
        "- { field: $.severity, not_in: [minor] }",
        "- { field: $.area.name, contains: Digbeth }",
        "- { field: $.tags, contains: ice }",
        "- { field: $.road, starts_with: A38 }",
        "- { field: $.road, matches: '^A[0-9]+' }",
        "- { field: $.lanes, above: 1, below: 3 }",
        "- { field: $.lanes, exists: true }",
        "- { field: $.nothing, exists: false }",
        "- { field: $.note, exists: false }",
        "- { field: $.test, equals: false }",
        "- { field: '{{ appeal.severity | upper }}', equals: MAJOR }",
        "- '{{ appeal.lanes > 1 }}'",
        "- '{{ appeal.nothing is not defined }}'",
        "- any: [{ field: $.severity, equals: minor }, { field: $.lanes, above: 1 }]",
        "- all: [{ field: $.severity, equals: major }, { field: $.lanes, above: 1 }]",
        "- none: [{ field: $.severity, equals: minor }, { field: $.nothing, exists: true }]",
        "- { between: ['12:00', '14:00'] }",
        "- { between: ['22:00', '14:00'] }",
        "- { between: ['12:00', '24:00'] }",
        "- { field: $.at, within: { centre: [52.48, -1.89], radius: 5km } }",
        "- { field: $.at, within: [[52, -2], [52, -1], [53, -1], [53, -2]] }",
        "- { field: $.at, within: digbeth }",
        "- { field: $.at, within: { type: Polygon, coordinates: [[[-2, 52], [-1, 52], [-1, 53], [-2, 53]]] } }",
        "- none: [{ field: $.at, within: { centre: [0, 0], radius: 5km } }]",
        "- { between: ['07:00', '09:00'], time_zone: America/New_York }",
    ],
)
def test_a_condition_holds(condition):
    assert why_not(condition) == ""


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("- { field: $.severity, equals: minor }", '$.severity is "major", wanted equals minor'),
        ("- { field: $.severity, not: major }", '$.severity is "major", wanted not major'),
        ("- { field: $.severity, in: [minor] }", '$.severity is "major", wanted in [minor]'),
        ("- { field: $.lanes, above: 2 }", "$.lanes is 2, wanted above 2"),
        (
            "- { field: $.lanes, equals: true }",
            "$.lanes is 2, which is a number, wanted equals true",
        ),
        ("- { field: $.nothing, not: x }", "$.nothing is missing"),
        ("- { field: $.nothing, not_in: [x] }", "$.nothing is missing"),
        ("- { field: $.lanes, exists: false }", "$.lanes is 2, but must be missing"),
        ("- '{{ appeal.lanes > 5 }}'", "{{ appeal.lanes > 5 }} is not true"),
        ("- '{% if false %}yes{% endif %}'", "{% if false %}yes{% endif %} is not true"),
        (
            "- any: [{ field: $.severity, equals: minor }, { field: $.lanes, above: 5 }]",
            'none of these holds: $.severity is "major", wanted equals minor; $.lanes is 2, wanted above 5',
        ),
        (
            "- all: [{ field: $.lanes, above: 1 }, { field: $.lanes, above: 5 }]",
            "$.lanes is 2, wanted above 5",
        ),
        ("- { between: ['07:00', '08:00'] }", "the time is 13:00 BST, not between 07:00 and 08:00"),
    ],
)
def test_a_condition_that_does_not_hold_says_which_and_with_which_value(condition, why):
    assert why_not(condition) == why


def test_the_condition_that_must_not_hold_is_named():
    assert why_not("- none: ['{{ appeal.lanes > 1 }}']") == (
        "this must not hold: {{ appeal.lanes > 1 }}"
    )


def test_the_first_condition_that_does_not_hold_is_told():
    conditions = "- { field: $.lanes, above: 5 }\n- { field: $.severity, equals: minor }"
    assert why_not(conditions) == "$.lanes is 2, wanted above 5"


def test_a_missing_field_in_a_template_stops_the_recipe_with_its_place():
    with pytest.raises(RenderError, match=r"conditions\[0\]: appeal.nothing is missing"):
        why_not("- '{{ appeal.nothing > 1 }}'")


def test_a_pattern_cannot_hang():
    data = {"road": "a" * 50_000 + "!"}
    assert why_not("- { field: $.road, matches: '^(a+)+$' }", data).startswith("$.road is")


def test_a_long_value_is_told_in_short():
    assert len(why_not("- { field: $.road, equals: x }", {"road": "a" * 9999})) < 120


CENTRE = "{ centre: [52.48, -1.89], radius: 5km }"


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (
            f"- {{ field: $.far, within: {CENTRE} }}",
            "$.far is [53.48,-2.24], 113.6 km away, wanted within 5km of 52.48, -1.89",
        ),
        (
            f"- {{ field: $.severity, within: {CENTRE} }}",
            '$.severity is "major", which is not a place on earth, wanted within 5km of 52.48, -1.89',
        ),
        (
            "- { field: $.far, within: digbeth }",
            "$.far is [53.48,-2.24], wanted within digbeth",
        ),
        (
            "- { field: $.odd, not: a }",
            '$.odd is [{"a":1},null,2], which is a list, wanted not a',
        ),
        (
            "- { field: $.severity, equals: 5 }",
            '$.severity is "major", which is text, wanted equals 5',
        ),
        (
            "- none: [{ field: $.lanes, above: 1 }]",
            "this must not hold: $.lanes above 1",
        ),
        (
            "- none: [any: [{ field: $.lanes, in: [1, 2] }, between: ['07:00', '22:00']]]",
            "this must not hold: any of ($.lanes in [1, 2]; between [07:00, 22:00])",
        ),
    ],
)
def test_the_reason_tells_the_value_and_what_is_odd_about_it(condition, why):
    assert why_not(condition, {**DATA, "far": [53.48, -2.24]}) == why


ODD = [
    None, True, 0, -1.5, 10**400, "", "x" * 200_000, "{{ 1 }}", "\ud800", "\x00", [], {}, [[]], {"lat": []},
    [1, 2], {"type": "Point", "coordinates": {}}, {"a": [{"b": [None] * 1000}]},
]  # fmt: skip
EVERY_TEST = [
    "equals: a", "equals: 1", "not: a", "in: [a, 1]", "not_in: [a, 1]", "contains: a", "contains: 1",
    "starts_with: a", "matches: a+", "above: 1", "below: 1", "exists: true", "exists: false",
    f"within: {CENTRE}", "within: digbeth",
]  # fmt: skip


@pytest.mark.parametrize("test", EVERY_TEST)
@pytest.mark.parametrize("field", ["$.a", "'{{ appeal.a }}'", "'$.a[0]'", "$..a"])
def test_no_value_however_odd_makes_a_test_raise(test, field):
    for value in ODD:
        assert isinstance(why_not(f"- {{ field: {field}, {test} }}", {"a": value}), str)


def test_a_template_that_cannot_be_worked_out_is_not_taken_for_a_missing_field():
    condition = "- { field: '{{ appeal.road * appeal.many }}', exists: false }"
    why = why_not(condition, {"road": "A38", "many": 10**9})
    assert why == (
        "{{ appeal.road * appeal.many }} has no value: this makes more than 100000 characters or entries"
    )


def at(moment: str) -> dict[str, float]:
    return {"received_at": datetime.fromisoformat(moment).timestamp()}


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-03-29T00:30:00Z", True),  # 00:30, before the clocks go forward
        ("2026-03-29T01:30:00Z", False),  # 02:30
        ("2026-10-25T00:30:00Z", True),  # 01:30 for the first time
        ("2026-10-25T01:30:00Z", True),  # 01:30 for the second time
        ("2026-10-25T02:30:00Z", False),
        ("2026-07-01T22:30:00Z", True),  # 23:30 in summer
        ("2026-12-01T22:30:00Z", False),  # 22:30 in winter
        ("2026-12-01T23:00:00Z", True),
    ],
)
def test_the_clock_is_the_one_on_the_wall_summer_and_winter(moment, holds):
    assert (why_not("- { between: ['23:00', '02:00'] }", **at(moment)) == "") is holds


def test_a_time_may_be_written_as_people_say_it():
    assert why_not("- { between: ['6:00', '11pm'] }", **at("2026-12-01T22:30:00Z")) == ""
    assert why_not("- { between: ['6:00', '11pm'] }", **at("2026-12-01T23:00:00Z"))


def test_a_recipes_time_zone_counts_before_that_of_the_settings():
    condition = "- { between: ['09:00', '17:00'], time_zone: Asia/Tokyo }"
    assert why_not(condition, **at("2026-05-01T01:00:00Z")) == ""
    assert why_not(condition, **at("2026-05-01T10:00:00Z")) == (
        "the time is 19:00 JST, not between 09:00 and 17:00"
    )
