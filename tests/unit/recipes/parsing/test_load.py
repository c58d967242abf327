import pytest

from appealbridge.documents.diagnostic import MOST
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.planning.plan import plan
from tests.recipes.golden import HERE
from tests.recipes.plugins import catalogue
from tests.unit.recipes.conftest import event_of, recipe_of

TEXT = """
alias: New appeal
description: Publish it.
triggers: [{ trigger: appeal }]
actions: [{ action: tweet, text: Hello }]
approval: officer_in_charge
publish_within: 1h30m
on_failure: duty_comms
mode: queued
"""
MAIL = """
triggers: [{ trigger: appeal }]
actions:
  - { action: email, channel: press_office, to: desk@example.org, subject: A, template: press-appeal }
approval: none
"""


def test_a_recipe_keeps_what_its_file_says():
    recipe = recipe_of(TEXT)
    assert (recipe.name, recipe.alias, recipe.description) == ("a", "New appeal", "Publish it.")
    assert (recipe.approval, recipe.publish_within) == ("officer_in_charge", 5400)
    assert recipe.on_failure == ("duty_comms",)
    assert recipe.text == TEXT


def test_a_recipe_without_an_alias_has_its_name():
    assert recipe_of("actions: [{ action: tweet, text: Hello }]").alias == "a"


def test_the_version_is_the_hash_of_the_text_and_of_the_templates_used(tmp_path):
    (tmp_path / "press-appeal.txt").write_text("One")
    single = recipe_of(MAIL, templates=tmp_path)
    assert recipe_of(MAIL, templates=tmp_path).version == single.version
    assert recipe_of(MAIL + "# a remark\n", templates=tmp_path).version != single.version
    (tmp_path / "press-appeal.txt").write_text("Two")
    assert recipe_of(MAIL, templates=tmp_path).version != single.version
    assert len(single.version) == 32


def test_a_kept_version_is_read_with_the_templates_kept_with_it(tmp_path):
    (tmp_path / "press-appeal.txt").write_text("Now")
    stored = {"press-appeal.txt": "Then"}
    recipe, _ = load_recipe(MAIL, "a.yaml", "a", catalogue(templates=tmp_path), stored)
    assert recipe.templates == stored
    assert recipe.steps[0].fixed.text == "Then"


def test_a_note_alone_stops_nothing():
    text = "triggers: [{ trigger: appeal }]\nactions: [{ action: tweet, text: Hello }]"
    recipe, problems = load_recipe(text, "a.yaml", "a", catalogue())
    assert recipe is not None
    assert [problem.level for problem in problems] == ["note"]


@pytest.mark.parametrize("name", ["New Appeal", "über", "", "-a", "a.b"])
def test_a_name_is_of_small_letters_digits_and_dashes(name):
    recipe, problems = load_recipe(TEXT, "a.yaml", name, catalogue())
    assert recipe is None
    assert "cannot be called" in problems[0].problem


def test_all_problems_come_at_once_in_the_order_of_lines():
    text = "alais: A\ntriggers: [{ trigger: appeel }]\nactions: [{ action: tweat }]\napproval: x\n"
    recipe, problems = load_recipe(text, "a.yaml", "a", catalogue())
    assert recipe is None
    assert [problem.line for problem in problems] == [1, 2, 3, 4]


def test_problems_of_a_template_file_name_that_file(tmp_path):
    (tmp_path / "press-appeal.txt").write_text("Dear all,\n{{ appeal.title | shoten(5) }}\n")
    _, (problem,) = load_recipe(MAIL, "a.yaml", "a", catalogue(templates=tmp_path))
    assert (problem.file, problem.line, problem.column) == ("templates/press-appeal.txt", 2, 19)
    assert problem.cure == 'did you mean "shorten"?'


def test_a_template_makes_both_forms_of_a_mail():
    recipe = recipe_of(MAIL, templates=HERE / "templates")
    assert set(recipe.templates) == {"press-appeal.html", "press-appeal.txt"}


def test_what_is_missing_in_a_template_file_is_told_with_the_file(tmp_path):
    (tmp_path / "press.html").write_text("<h1>{{ appeal.banner }}</h1>", "utf-8")
    recipe = recipe_of(
        "actions: [{ action: email, channel: press_office, to: a@b.org, subject: A, template: press }]",
        templates=tmp_path,
    )
    failed = plan(recipe, event_of({"title": "Aisha"}), {}, 0.0).failed
    assert failed.startswith("actions[0].html: in templates/press.html, appeal.banner is missing")


def test_a_file_with_very_many_mistakes_lists_only_the_first():
    text = "".join(f"odd{number}: 1\n" for number in range(3000))
    recipe, problems = load_recipe(text, "a.yaml", "a", catalogue())
    assert recipe is None
    assert len(problems) == MOST + 1
