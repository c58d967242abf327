import pytest

from appealbridge.model.errors import RenderError
from appealbridge.recipes.match import match
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
}


def why_not(conditions: str, data=DATA, **more) -> str:
    recipe = recipe_of(f"conditions:\n{conditions}\n{ACTION}")
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
        ("- { field: $.lanes, equals: true }", "$.lanes is 2, which is a number, wanted equals true"),
        ("- { field: $.nothing, not: x }", "$.nothing is missing"),
        ("- { field: $.nothing, not_in: [x] }", "$.nothing is missing"),
        ("- { field: $.lanes, exists: false }", "$.lanes is 2, and must not be there"),
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
        ("- { between: ['07:00', '08:00'] }", "the time is 13:00, not between 07:00 and 08:00"),
    ],
)
def test_a_condition_that_does_not_hold_says_which_and_with_which_value(condition, why):
    assert why_not(condition) == why


def test_the_condition_that_must_not_hold_is_named():
    assert why_not("- none: ['{{ appeal.lanes > 1 }}']") == (
        "this holds and must not: {{ appeal.lanes > 1 }}"
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
