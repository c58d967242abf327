"""From options models to schemas that people are shown."""

from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from appealbridge.editor.models import of_model, or_template
from appealbridge.plugin import Duration, Options, Secret
from appealbridge.recipes.model.base import TEMPLATE


class Inner(Options):
    """A part."""

    word: str = Field("", description="A word.", examples=["a"])


class Outer(Options):
    """The whole."""

    wait: Duration | None = Field(None, gt=0, description="How long.", examples=["2h"])
    pause: Duration = Field(5400.0, gt=0, description="How long.", examples=["2h"])
    part: Inner = Field(Inner(), description="The part.", examples=[{"word": "a"}])
    key: Secret | None = Field(None, description="The key.", examples=["!secret the_key"])
    keys: tuple[Secret, ...] = Field((), description="Keys.", examples=[["!secret the_key"]])
    times: tuple[Annotated[str, Field(pattern="^a")], Annotated[str, Field(pattern="^a")]] = Field(
        ("a", "a"), description="Two.", examples=[["a", "a"]]
    )
    number: int = Field(3, ge=1, description="A number.", examples=[3])
    choice: Literal["one", "two"] = Field("one", description="One.", examples=["one"])
    many: str | list[str] = Field("", description="Some.", examples=["a"])


SCHEMA = of_model(Outer)
PARTS = SCHEMA["properties"]


def fits(schema, value) -> bool:
    return Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("noise", ["$ref", "$defs", "null", "'title'", "writeOnly", "prefixItems"])
def test_what_is_hard_to_read_is_left_out(noise):
    assert noise not in str(SCHEMA)


def test_an_optional_value_is_described_like_any_other():
    assert PARTS["wait"]["description"] == "How long."
    assert fits(PARTS["wait"], "1h30m")


@pytest.mark.parametrize("wrong", ["", "soon", "90", "2h1d", 0, -5, None, True])
def test_what_is_no_length_of_time_does_not_fit(wrong):
    assert not fits(PARTS["wait"], wrong)


def test_a_default_is_said_as_people_write_it():
    assert PARTS["pause"]["default"] == "90m"
    assert PARTS["number"]["default"] == 3
    assert "default" not in PARTS["part"]
    assert "default" not in PARTS["many"]


def test_a_secret_is_proposed_by_its_name_and_never_as_a_quoted_text():
    assert PARTS["key"]["defaultSnippets"] == [
        {"label": "!secret the_key", "body": "!secret ${1:the_key}"}
    ]
    assert PARTS["keys"]["items"]["defaultSnippets"] == PARTS["key"]["defaultSnippets"]
    assert "examples" not in PARTS["key"]
    assert "examples" not in PARTS["keys"]


def test_a_pair_has_two_entries_of_one_kind():
    assert fits(PARTS["times"], ["a", "ab"])
    assert not fits(PARTS["times"], ["a", "b"])
    assert not fits(PARTS["times"], ["a"])


@pytest.mark.parametrize("value", ["{{ n }}", "{% if n %}1{% endif %}", "$.number", 3])
def test_a_template_may_stand_where_a_number_is_wanted(value):
    assert fits(or_template(PARTS["number"]), value)


@pytest.mark.parametrize("value", ["three", 0, "$ 3"])
def test_a_text_that_no_event_changes_is_judged_as_it_is(value):
    assert not fits(or_template(PARTS["number"]), value)


def test_a_template_may_stand_for_any_part_of_a_whole():
    schema = or_template(PARTS["part"])
    assert fits(schema, "{{ whole }}")
    assert fits(schema, {"word": "{{ word }}"})
    assert not fits(schema, {"sword": "{{ word }}"})


def test_what_takes_any_text_says_nothing_of_templates():
    assert or_template(PARTS["many"]) == PARTS["many"]
    assert str(TEMPLATE) not in str(or_template(of_model(Inner)["properties"]["word"]))


def test_what_an_option_is_about_stays_in_front():
    assert [*or_template(PARTS["choice"])] == ["description", "examples", "default", "anyOf"]
