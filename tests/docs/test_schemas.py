"""The schemas that are checked in are those of this program, and all that we show as right fits them."""

import json

import pytest
from jsonschema import Draft202012Validator

from appealbridge.documents import read
from appealbridge.editor.files import FILES, schema_text
from appealbridge.editor.recipe import recipe_schema
from appealbridge.plugin.registry import load
from tests.docs.pages import ROOT
from tests.docs.test_blocks import BASE, kinds, parametrized
from tests.recipes.golden import HERE as GOLDEN
from tests.recipes.golden import RULE
from tests.recipes.plugins import registry

SCHEMAS = ROOT / "schemas"
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
TAGS = {"!secret": str, "!include": str}


def misfits(kind, text) -> list[str]:
    schema = json.loads((SCHEMAS / FILES[kind]).read_text("utf-8"))
    found = Draft202012Validator(schema).iter_errors(read(text, "a file", TAGS).value)
    return [f"{one.json_path}: {one.message}" for one in found]


@pytest.mark.parametrize("kind", FILES)
def test_the_schema_that_is_checked_in_is_current(kind):
    wanted = schema_text(kind, load(third_party=False))
    assert (SCHEMAS / FILES[kind]).read_text("utf-8") == wanted, "say: make schemas"


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_shipped_recipe_fits_and_points_to_the_schema(file):
    text = file.read_text("utf-8")
    assert misfits("recipe", text) == []
    assert points_to(file, text) == SCHEMAS / FILES["recipe"]


def test_the_example_settings_fit_and_point_to_the_schema():
    file = ROOT / "examples" / "appealbridge.yaml"
    text = file.read_text("utf-8")
    assert misfits("settings", text) == []
    assert points_to(file, text) == SCHEMAS / FILES["settings"]


def points_to(file, text):
    mark = "# yaml-language-server: $schema="
    assert text.startswith(mark)
    return (file.parent / text.splitlines()[0].removeprefix(mark)).resolve()


@parametrized(kinds("recipe"))
def test_a_recipe_of_the_docs_fits(block):
    written = read(block.text, str(block)).value
    missing = [text for name, text in BASE.items() if name not in written]
    assert misfits("recipe", "\n".join([block.text, *missing])) == []


@parametrized(kinds("settings"))
def test_settings_of_the_docs_fit(block):
    assert misfits("settings", block.text) == []


STRUCTURAL = """
action-not-available-yet condition-above-no-number condition-between-no-times
condition-between-numbers condition-between-three-times condition-equals-a-list
condition-exists-not-said condition-in-a-list-of-lists condition-in-an-unknown-combination
condition-in-no-list condition-of-another-tool condition-of-no-kind condition-on-no-path
condition-starts-with-a-number condition-that-is-a-number condition-that-is-no-list
condition-that-tests-nothing condition-with-none-in-it condition-with-unknown-test
condition-within-geojson-of-no-area condition-within-half-a-circle condition-within-no-distance
condition-within-nothing condition-within-two-points condition-without-a-template
condition-without-its-field empty-actions empty-file id-that-is-no-name many-at-once
missing-option no-actions no-triggers not-a-recipe publish-within-no-length-of-time
publish-within-a-bare-number template-for-an-action-without-one test-of-an-unknown-field
test-that-expects-nothing-said test-without-a-name text-eaten-as-a-comment
trigger-not-available-yet trigger-without-its-word unknown-action unknown-option
unknown-top-level-name unknown-trigger unknown-trigger-option wrong-type-of-option
wrong-type-of-trigger-option
"""
"""The golden files whose mistake is one of form, which an editor can see without knowing the settings."""


@pytest.mark.parametrize("name", STRUCTURAL.split())
def test_a_recipe_of_wrong_form_does_not_fit(name):
    text, _ = (GOLDEN / "problems" / f"{name}.yaml").read_text("utf-8").split(RULE)
    schema = Draft202012Validator(recipe_schema(registry()))
    assert not schema.is_valid(read(text, name).value)
