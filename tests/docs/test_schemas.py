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
    problems = Draft202012Validator(schema).iter_errors(read(text, "a file", TAGS).value)
    return [f"{each.json_path}: {each.message}" for each in problems]


@pytest.mark.parametrize("kind", FILES)
def test_the_schema_that_is_checked_in_is_current(kind):
    expected = schema_text(kind, load(third_party=False))
    assert (SCHEMAS / FILES[kind]).read_text("utf-8") == expected, "say: make schemas"


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
action-as-a-name action-not-available-yet action-that-is-a-word action-without-its-word
actions-that-are-no-list actions-that-stand-beside-their-name after-a-number alias-that-is-a-list
approval-that-is-true burst-without-a-unit channel-that-is-a-number choose-that-is-no-list
choose-way-without-a-sequence choose-way-without-conditions condition-above-no-number
condition-between-no-times condition-between-numbers condition-between-three-times
condition-between-times-of-another-zone condition-equals-a-list condition-exists-not-said
condition-in-a-list-of-lists condition-in-an-unknown-combination condition-in-no-list
condition-of-another-tool condition-of-no-kind condition-on-no-path condition-starts-with-a-number
condition-that-is-a-number condition-that-is-no-list condition-that-tests-nothing
condition-with-none-in-it condition-with-unknown-test condition-within-geojson-of-no-area
condition-within-geojson-without-coordinates condition-within-half-a-circle
condition-within-no-distance condition-within-nothing condition-within-numbers
condition-within-two-points condition-without-a-template condition-without-its-field
default-among-the-ways delay-no-length-of-time delay-that-says-no-time delay-until-a-bare-number
delay-until-a-date-in-one-number delay-with-unknown-option delay-without-a-unit elif-among-steps
else-without-if empty-actions empty-file empty-text enabled-that-is-a-word
entry-of-a-list-that-is-no-text even-if-failed-maybe field-for-a-condition id-that-is-no-name
id-with-a-dash-that-is-used if-beside-an-action if-that-is-always-the-same if-that-tests-nothing
if-with-unknown-option if-without-then invisible-character-in-a-name many-at-once missing-option
mode-misspelt mode-that-is-unknown no-actions no-triggers not-a-recipe
number-in-quotes on-failure-that-is-a-mapping on-timeout-that-is-no-list pictures-on-a-channel-without
option-that-is-a-list overflow-that-is-unknown per-channel-of-a-channel-that-is-a-text
per-channel-that-is-a-text per-channel-with-an-unknown-option post-to-nobody post-to-what-is-no-list
post-with-an-unknown-option post-with-pictures-to-a-channel-without problems-in-a-branch publish-within-a-bare-number
publish-within-a-negative-time publish-within-no-length-of-time
secret-on-a-line-with-another-mistake secret-under-its-name step-of-another-tool
stop-without-a-reason template-for-an-action-without-one template-outside-its-folder
test-of-an-unknown-action test-of-an-unknown-field test-of-later-events
test-that-expects-all-and-some test-that-expects-no-time test-that-expects-nothing-said
test-that-expects-one-thing-and-not-a-list test-without-a-name test-without-a-type-of-event
tests-that-are-a-mapping text-eaten-as-a-comment text-left-empty then-that-is-no-list
trigger-in-the-singular trigger-not-available-yet trigger-that-is-a-word trigger-without-its-word
triggers-that-are-no-list unknown-action unknown-option unknown-top-level-name
unknown-trigger-option unknown-trigger variables-that-are-a-list wait-for-misspelt
wait-for-no-length-of-time wait-for-no-type wait-for-with-a-bare-number wait-for-with-unknown-option
wait-for-without-a-timeout words-of-another-tool-in-choose wrong-type-of-option
wrong-type-of-trigger-option
"""
"""The golden files whose mistake is one of form, which an editor can see without knowing the settings."""


@pytest.mark.parametrize("name", STRUCTURAL.split())
def test_a_recipe_of_wrong_form_does_not_fit(name):
    text, _ = (GOLDEN / "problems" / f"{name}.yaml").read_text("utf-8").split(RULE)
    schema = Draft202012Validator(recipe_schema(registry()))
    assert not schema.is_valid(read(text, name).value)
