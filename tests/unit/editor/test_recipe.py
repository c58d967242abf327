"""The schema of recipes: what it takes, what it refuses, what it proposes and explains."""

from functools import cache

import pytest
from jsonschema import Draft202012Validator

from appealbridge.editor.recipe import recipe_schema, reference_of
from appealbridge.plugin import Account
from appealbridge.plugin.registry import load
from appealbridge.recipes.parsing.catalogue import Catalogue

REGISTRY = load(third_party=False)
TRIGGER = {"trigger": "appeal"}
TWEET = {"action": "tweet", "text": "Seen."}


@cache
def recipes():
    return Draft202012Validator(recipe_schema(REGISTRY))


def a_recipe(**parts):
    return {"triggers": [TRIGGER], "actions": [TWEET], **parts}


def test_it_is_a_schema():
    Draft202012Validator.check_schema(recipes().schema)


def test_the_smallest_recipe_fits():
    assert recipes().is_valid(a_recipe())


CONDITIONS = {
    "a template": "{{ appeal.kind == 'missing' }}",
    "a field": {"field": "$.severity", "in": ["major"], "not": "test"},
    "a field that is missing": {"field": "{{ event.type }}", "exists": False},
    "all, any, none": {"all": [{"any": [{"none": [{"field": "$.x", "above": 3}]}]}]},
    "a time of day": {"between": ["07:00", "22:00"], "time_zone": "Europe/London"},
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS.keys())
def test_every_kind_of_condition_fits(condition):
    assert recipes().is_valid(a_recipe(conditions=[condition]))


NO_CONDITIONS = {
    "a text that is always the same": "appeal.kind == 'missing'",
    "a field without a test": {"field": "$.severity"},
    "a field that is no path": {"field": "severity", "equals": "major"},
    "a test that is none": {"field": "$.severity", "is": "major"},
    "a list for one value": {"field": "$.severity", "equals": ["major"]},
    "deep inside": {"all": [{"any": [{"none": [{"field": "$.x", "above": "three"}]}]}]},
    "three times": {"between": ["07:00", "22:00", "23:00"]},
    "a kind that is none": {"unless": []},
}


@pytest.mark.parametrize("condition", NO_CONDITIONS.values(), ids=NO_CONDITIONS.keys())
def test_what_is_no_condition_does_not_fit(condition):
    assert not recipes().is_valid(a_recipe(conditions=[condition]))


WRONG = {
    "no action": {"text": "Seen."},
    "an action that is none": {**TWEET, "action": "twet"},
    "an option that is none": {**TWEET, "txt": "Seen."},
    "an option missing": {"action": "tweet"},
    "an option of another action": {**TWEET, "subject": "Seen"},
    "a template file for an action without one": {"action": "tweet", "text": "x", "template": "x"},
    "an id with a blank": {**TWEET, "id": "first post"},
    "a word for a yes": {**TWEET, "even_if_failed": "yes"},
}


@pytest.mark.parametrize("step", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_step_does_not_fit(step):
    assert not recipes().is_valid(a_recipe(actions=[step]))


FLOWS = {
    "if": {"if": "{{ a }}", "then": [TWEET], "else": [{"stop": "closed"}], "after": "blog"},
    "if by a list of conditions": {
        "if": [{"field": "$.a", "equals": 1}, "{{ b }}"],
        "then": [TWEET],
    },
    "choose": {"choose": [{"conditions": "{{ a }}", "sequence": [TWEET]}], "default": [TWEET]},
    "choose with other words": {"choose": [{"if": "{{ a }}", "then": [TWEET]}], "else": [TWEET]},
    "delay": {"delay": "2h"},
    "delay by a template": {"delay": "{{ hours }}h"},
    "delay until": {"delay": {"until": "07:00"}},
    "delay until a date": {"delay": {"until": "tomorrow 10:00"}},
    "wait_for": {"wait_for": "appeal.closed", "timeout": "3d", "on_timeout": "stop"},
    "wait_for with conditions": {
        "wait_for": {"types": ["a", "b"], "conditions": ["{{ a }}"]},
        "timeout": "1m",
        "on_timeout": [TWEET],
    },
    "stop": {"stop": "closed"},
    "deep inside": {
        "if": "{{ a }}",
        "then": [{"choose": [{"if": "{{ b }}", "then": [{"delay": "1h"}]}]}],
    },
}


@pytest.mark.parametrize("step", FLOWS.values(), ids=FLOWS.keys())
def test_every_step_that_steers_fits(step):
    assert [each.message for each in recipes().iter_errors(a_recipe(actions=[step]))] == []


NO_FLOWS = {
    "if without then": {"if": "{{ a }}"},
    "if that is always so": {"if": "a", "then": [TWEET]},
    "else alone": {"else": [TWEET]},
    "choose without a way": {"choose": []},
    "a way without conditions": {"choose": [{"sequence": [TWEET]}]},
    "a way said twice": {"choose": [{"if": "{{ a }}", "conditions": "{{ a }}", "then": [TWEET]}]},
    "delay of no length": {"delay": "soon"},
    "delay of a bare number": {"delay": 5},
    "delay until a bare number": {"delay": {"until": 10.00}},
    "delay for and until": {"delay": {"for": "1h", "until": "07:00"}},
    "wait_for without an end": {"wait_for": "appeal.closed"},
    "stop without a reason": {"stop": ""},
    "a wrong step inside": {"if": "{{ a }}", "then": [{"action": "twet"}]},
    "an action and a stop": {**TWEET, "stop": "closed"},
}


@pytest.mark.parametrize("step", NO_FLOWS.values(), ids=NO_FLOWS.keys())
def test_what_steers_wrongly_does_not_fit(step):
    assert not recipes().is_valid(a_recipe(actions=[step]))


AREAS = {
    "a circle": {"centre": [52.48, -1.89], "radius": "5km"},
    "points": [[52.55, -2.0], [52.55, -1.75], [52.4, -1.75]],
    "a list of the settings": "city_centre",
    "GeoJSON": {"type": "Polygon", "coordinates": [[[-2, 52], [-1, 52], [-1, 53], [-2, 52]]]},
}


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS.keys())
def test_every_kind_of_area_fits(area):
    assert recipes().is_valid(a_recipe(conditions=[{"field": "$.place", "within": area}]))


@pytest.mark.parametrize(
    "area", [{"center": [1, 2], "radius": "1km"}, 5, [[1, 2]]], ids=["misspelt", "5", "one point"]
)
def test_what_is_no_area_does_not_fit(area):
    assert not recipes().is_valid(a_recipe(conditions=[{"field": "$.place", "within": area}]))


def test_a_mail_may_take_its_words_from_a_template_file():
    mail = {"action": "email", "to": "a@example.org", "subject": "x", "template": "press-appeal"}
    assert recipes().is_valid(a_recipe(actions=[mail]))


def test_a_test_has_to_expect_something():
    event = {"type": "appeal.new"}
    for arguments, fits in ({"expect": []}, True), ({"expect_failure": "*"}, True), ({}, False):
        assert (
            recipes().is_valid(a_recipe(tests=[{"name": "x", "event": event, **arguments}])) == fits
        )


def test_a_test_expects_parts_of_messages():
    test = {"name": "x", "event": {"type": "appeal.new"}}
    fine = {"action": "tweet", "channel": "force_x", "text": "*"}
    assert recipes().is_valid(a_recipe(tests=[{**test, "expect": [fine]}]))
    assert not recipes().is_valid(a_recipe(tests=[{**test, "expect": [{"txt": "*"}]}]))


# -- names of the settings ------------------------------------------------------------------------

NAMES = Catalogue(
    REGISTRY,
    channels={"force_x": ("x", Account())},
    sources={"webhooks": frozenset({"roads"}), "appeals": frozenset({"website"})},
    lists={"regional_press": []},
    people=frozenset({"bob"}),
)


@pytest.mark.parametrize(
    ("trigger", "option"), [("webhook", "webhook_id"), ("feed", "feed"), ("appeal", "source")]
)
def test_the_option_that_names_a_source_is_found(trigger, option):
    assert reference_of(REGISTRY.triggers[trigger]) == option


def test_declared_names_are_proposed():
    own = recipe_schema(REGISTRY, NAMES)
    step = next(s for s in own["$defs"]["step"]["oneOf"] if s["title"] == "tweet")
    hook = next(t for t in own["$defs"]["trigger"]["oneOf"] if t["title"] == "webhook")
    mail = next(s for s in own["$defs"]["step"]["oneOf"] if s["title"] == "email")
    assert step["properties"]["channel"]["anyOf"][0] == {"enum": ["force_x"]}
    assert hook["properties"]["webhook_id"]["anyOf"][0] == {"enum": ["roads"]}
    assert mail["properties"]["to"]["examples"] == ["{{ lists.regional_press }}"]
    assert own["properties"]["approval"]["anyOf"][0] == {"enum": ["bob", "none"]}


def test_a_name_that_is_not_declared_yet_is_not_called_wrong():
    own = Draft202012Validator(recipe_schema(REGISTRY, NAMES))
    assert own.is_valid(a_recipe(actions=[{**TWEET, "channel": "neighbourhood_x"}]))


# -- nothing forgotten ----------------------------------------------------------------------------


def shows_what_to_write(each) -> bool:
    shown = {"examples", "enum", "const", "defaultSnippets", "properties", "default"}
    if isinstance(each.get("additionalProperties"), dict):
        return True  # a mapping with free names is shown by its entries
    if "defaultSnippets" in each.get("items", {}):
        return True
    return bool(shown & set(each)) or any("enum" in way for way in each.get("anyOf", ()))


def unexplained(schema, path=""):
    """Yield the places of all properties without a sentence, or without an example of what to write."""
    for name, each in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        if not each.get("description", "").strip():
            yield f"{place} has no description"
        if not shows_what_to_write(each):
            yield f"{place} has no example"
        yield from unexplained(each, place)
    for key in ("oneOf", "anyOf"):
        for number, each in enumerate(schema.get(key, ())):
            yield from unexplained(each, f"{path}[{each.get('title', number)}]")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from unexplained(schema[key], f"{path}.{key}")
    for name, each in schema.get("$defs", {}).items():
        yield from unexplained(each, name)


@pytest.mark.parametrize("declared", [(), (NAMES,)], ids=["plain", "own"])
def test_every_option_has_a_description_and_an_example(declared):
    assert [*unexplained(recipe_schema(REGISTRY, *declared))] == []


def test_an_option_without_words_would_be_seen():
    bare = {"properties": {"a": {"items": {"properties": {"b": {}}}, "description": "A."}}}
    assert [*unexplained(bare)] == [
        ".a has no example",
        ".a.items.b has no description",
        ".a.items.b has no example",
    ]
