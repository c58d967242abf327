"""The blueprints that come with the program: each makes a recipe that is in order and passes its own tests."""

import json

import pytest
from jsonschema import Draft202012Validator

from appealbridge.blueprints.answers import offer, understood
from appealbridge.blueprints.filling import fill
from appealbridge.blueprints.find import get, names
from appealbridge.daemon.assembly import assemble
from appealbridge.documents import read
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.rehearsal.selftest import run_tests
from tests.docs.pages import ROOT

ASSEMBLY = assemble(ROOT / "examples" / "appealbridge.yaml", offline=True)
SCHEMA = Draft202012Validator(json.loads((ROOT / "schemas/recipe.schema.json").read_text("utf-8")))
SAMPLES = {"webhook": "roads"}
"""Answers where the example settings have several."""


def filled(name, **values):
    blueprint = get(name)
    answers = {}
    for key, requested in blueprint.inputs.items():
        offered = offer(requested, ASSEMBLY.catalogue)
        text = values.get(key, SAMPLES.get(key) if offered.default is None else offered.default)
        assert text is not None, f"{name}: no sample for {key}"
        answers[key] = understood(requested, text, offered)
    return fill(blueprint, answers)


def optional_ones():
    for name in names():
        for key, requested in get(name).inputs.items():
            if requested.optional:
                yield pytest.param(name, key, id=f"{name} without {key}")


def recipe_of(text, name):
    recipe, problems = load_recipe(text, f"{name}.yaml", name, ASSEMBLY.catalogue)
    errors = [problem.text() for problem in problems if problem.level == "error"]
    assert recipe is not None, "\n".join(errors)
    return recipe


def check(text, name):
    recipe = recipe_of(text, name)
    results = run_tests(recipe)
    assert results
    assert not [result.why for result in results if not result.passed]
    assert [each.message for each in SCHEMA.iter_errors(read(text, name).value)] == []


def test_there_is_one_for_each_thing_that_is_asked_for_most():
    assert {*names()} >= {
        "appeal-everywhere", "incident-to-duty-team", "missing-child", "news-to-social-media", "out-of-hours-press",
        "road-closed", "severe-weather",
    }  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_what_offers_mastodon_offers_bluesky_too(name):
    offered = {requested.platform for requested in get(name).inputs.values()}
    assert "mastodon" not in offered or "bluesky" in offered


@pytest.mark.parametrize("name", names())
def test_what_it_makes_is_in_order_and_passes_its_tests(name):
    check(filled(name), name)


@pytest.mark.parametrize(("name", "key"), [*optional_ones()])
def test_each_optional_part_may_be_left_out(name, key):
    check(filled(name, **{key: ""}), name)


@pytest.mark.parametrize("name", names())
def test_every_choice_makes_a_recipe_that_passes(name):
    for key, requested in get(name).inputs.items():
        for choice in requested.choices:
            check(filled(name, **{key: choice}), name)


@pytest.mark.parametrize("name", names())
def test_it_says_what_it_is_for(name):
    head = get(name).head
    assert head.name
    assert head.description.endswith(".")
    assert recipe_of(filled(name), name).alias == head.name


def test_what_is_published_about_a_missing_child_always_waits_for_a_person():
    assert recipe_of(filled("missing-child"), "missing-child").approval == ""
    with pytest.raises(ValueError, match='unknown answer "none"'):
        filled("missing-child", approval="none")
