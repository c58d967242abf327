"""What is said beforehand of who could not be told."""

import pytest

from appealbridge.channels.email.channel import Mail
from appealbridge.plugin.channel import Person
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.recipes.parsing.load import load_recipe
from tests.recipes.plugins import catalogue

OFFICE = (Mail(), Mail.account(smtp="smtp://127.0.0.1:25", sender="a@example.org"))
PEOPLE = {"dana": Person("dana", "dana@example.org"), "lost": Person("lost")}
RECIPE = """
alias: A
triggers: [{ trigger: appeal }]
actions:
  - { action: email, channel: press_office, to: desk@example.org, subject: A, text: B }
approval: none
"""


@pytest.fixture
def notes():
    def of(text, name="a", to=(), **accounts):
        routing = NoticeRouting(PEOPLE, {"desk": ["dana", "lost"]}, to, accounts)
        known = catalogue(people=frozenset({*PEOPLE, "desk"}), routing=routing)
        _, problems = load_recipe(text, "a.yaml", name, known)
        return [f"{problem.level} {problem.path}: {problem.problem}" for problem in problems]

    return of


ITSELF = 'of what fails on "press_office" nobody can be told, because no other account can send the notice'


def test_nothing_is_said_where_everyone_can_be_reached(notes):
    result = notes(RECIPE + "on_failure: [dana, desk]", press_office=OFFICE, second=OFFICE)
    assert result == []


def test_someone_without_an_address_cannot_be_told(notes):
    result = notes(RECIPE + "on_failure: [dana, lost]", press_office=OFFICE, second=OFFICE)
    assert result == ['note on_failure[1]: nothing leads to "lost" if something fails']


def test_nobody_can_be_told_without_an_account_that_tells(notes):
    result = notes(RECIPE + "on_failure: dana")
    assert result == ['note on_failure: nothing leads to "dana" if something fails']


def test_the_only_account_that_tells_cannot_tell_of_itself(notes):
    assert notes(RECIPE + "on_failure: dana", press_office=OFFICE) == [f"note on_failure: {ITSELF}"]


def test_that_holds_for_whom_the_settings_name_too(notes):
    assert notes(RECIPE, to=["dana"], press_office=OFFICE) == [f"note : {ITSELF}"]


def test_a_channel_that_stands_deep_in_the_steps_is_found(notes):
    deep = RECIPE.replace("  - {", '  - if: "{{ event.type }}"\n    then:\n      - {')
    result = notes(deep + "on_failure: dana", press_office=OFFICE)
    assert f"note on_failure: {ITSELF}" in result


def test_a_channel_of_a_post_counts_as_any_other(notes):
    mail = "per_channel: { press_office: { to: desk@example.org, subject: A } }, text: B }"
    post = RECIPE.partition("  - {")[0] + f"  - {{ action: post, to: press_office, {mail}\n"
    assert f"note on_failure: {ITSELF}" in notes(post + "on_failure: dana", press_office=OFFICE)


def test_nothing_is_said_of_people_where_nobody_is_to_be_told(notes):
    assert notes(RECIPE, press_office=OFFICE) == []


def test_no_recipe_can_be_taken_for_a_notice(notes):
    assert notes(RECIPE, name="notice") == ['error : a recipe cannot be called "notice"']
