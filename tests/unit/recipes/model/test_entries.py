"""The language as its models declare it: what they show is right, and what they leave out is refused."""

from typing import Annotated, ClassVar, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from appealbridge.documents import check, read
from appealbridge.editor.models import of_entry, of_model
from appealbridge.recipes.conditions.schema import CONDITIONS
from appealbridge.recipes.model import entries
from appealbridge.recipes.model.base import LISTS, Entry, Or, must_be, needed, option
from appealbridge.recipes.model.entries import BESIDE, DECIDES, FLOW, IN_A_WAY, STEP_LISTS
from appealbridge.recipes.model.schema import Expected, Test
from appealbridge.recipes.parsing.flow import READERS

MODELS = (
    *CONDITIONS.values(), *FLOW.values(), entries.WayEntry, entries.DelayTime, entries.AwaitedEvent,
    entries.StepEntry, entries.PostEntry, entries.OneChannel, Expected, Test,
)  # fmt: skip
OPTIONS = [
    (model, *each)
    for model in MODELS
    for each in zip(model.names(), model.model_fields.values(), strict=True)
]
SHOWN = [
    (model, name, each)
    for model, name, field in OPTIONS
    for each in field.examples or ()
    if name != "per_channel"  # what may stand there depends on the channels that there are
]
KNOWN = {LISTS: {"city_centre": ["52.5, -1.9", "52.5, -1.8", "52.4, -1.9"]}}


def an_id(each) -> str:
    return f"{each.__name__}" if isinstance(each, type) else str(each)[:20]


def complaints(model, name, value) -> list:
    try:
        model.model_validate({name: value}, context=KNOWN)
    except ValidationError as failure:
        return [each for each in failure.errors() if each["loc"][:1] == (name,)]
    return []


@pytest.mark.parametrize(("model", "name", "value"), SHOWN, ids=an_id)
def test_an_example_is_right_for_the_reader_and_for_the_schema(model, name, value):
    assert complaints(model, name, value) == []
    # Conditions and steps stand elsewhere in the whole schema.
    inside = {"$defs": {"condition": {}, "step": {}}, **of_model(model)["properties"][name]}
    assert [each.message for each in Draft202012Validator(inside).iter_errors(value)] == []


@pytest.mark.parametrize(("model", "name", "field"), OPTIONS, ids=an_id)
def test_every_option_is_described_and_shown(model, name, field):
    assert field.description
    assert field.examples


def test_every_entry_that_steers_has_a_reader():
    assert READERS.keys() == FLOW.keys()


def test_where_steps_may_stand_follows_from_the_models():
    assert STEP_LISTS == {
        "if": ["then", "else"],
        "choose": ["choose", "default", "else"],
        "delay": [],
        "wait_for": ["on_timeout"],
        "stop": [],
    }
    assert set(IN_A_WAY) == {"then", "sequence"}


def test_what_means_nothing_alone_is_told_with_the_word_that_it_belongs_to():
    assert BESIDE == {
        "then": "if", "else": "if", "default": "choose", "timeout": "wait_for", "on_timeout": "wait_for",
    }  # fmt: skip


def test_what_decides_is_not_published():
    assert {"if", "conditions", "delay", "wait_for", "stop"} <= DECIDES
    assert DECIDES.isdisjoint({"then", "else", "sequence", "default", "choose", "on_timeout"})


# -- an entry of one's own ----------------------------------------------------------------------------


class Knock(Entry):
    """Knock at a door."""

    SYNONYMS: ClassVar = {"firmly": "hard", "bell": "ring it yourself"}
    OTHERS = "knock, and say nothing else"

    knock: Annotated[Literal["front", "back"], must_be("a door", "for example front")] = needed(
        "At which door.", "front"
    )
    hard: bool | None = option("Whether to knock hard.", True)
    if_: str | None = option("What must hold.", "{{ a }}")
    times: Annotated[int | None, Or("if", "say if: or times:")] = needed("How often.", 3)
    words: Annotated[str | None, Or("hard", both="whisper")] = needed("What to say.", "Hello")


def problems_of(text: str) -> list[str]:
    _, problems = check(read(text, "a.yaml"), (), Knock)
    return [f"{problem.path or '-'}: {problem.problem}; {problem.cure}" for problem in problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ knock: front, times: 2 }", []),
        ("{ knock: front, if: a }", []),
        ("{ knock: side, times: 2 }", ["knock: must be a door; for example front"]),
        ("{ knock: [], times: 2 }", ["knock: must be a door; for example front"]),
        ("{ knock: front, times: 1.50 }", ["times: must be a whole number; for example 3"]),
        ("{ knock: front }", ['-: "times" is missing; say if: or times:']),
        (
            "{ knock: front, if: a, times: 2 }",
            ['times: "if" and "times" cannot be used together; leave one out'],
        ),
        (
            "{ knock: front, if: a, hard: true, words: Hi }",
            ['words: "hard" and "words" cannot be used together; whisper'],
        ),
        ("{ knock: front, if: 5, times: 2 }", ["if: must be text; put it in quotes"]),
        ("{ knock: front, Firmly: 1 }", ['-: unknown option "Firmly"; did you mean "hard"?']),
        ("{ knock: front, bell: 1 }", ['-: unknown option "bell"; ring it yourself']),
        ("{ knock: front, qqqqq: 1 }", ['-: unknown option "qqqqq"; knock, and say nothing else']),
    ],
)
def test_the_reader_follows_from_the_model(text, message):
    assert problems_of(text) == message


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"knock": "front", "times": 2}, True),
        ({"knock": "front", "if": "a"}, True),
        ({"knock": "front"}, False),
        ({"knock": "front", "if": "a", "times": 2}, False),
        ({"knock": "front", "if": "a", "hard": True, "words": "Hi"}, False),
        ({"knock": "side", "times": 2}, False),
        ({"knock": "front", "times": 2, "bell": 1}, False),
    ],
)
def test_the_schema_follows_from_the_model(value, fits):
    schema = of_entry(Knock)
    assert schema["title"] == "knock"
    assert Draft202012Validator(schema).is_valid(value) is fits
