from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from appealbridge.documents import check, read
from appealbridge.documents.validation import check_value, explain
from appealbridge.model.duration import Duration


class Image(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(examples=["https://example.org/a.jpg"])


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(examples=["Hello"])
    to: str | list[str] = "desk"
    mode: Literal["queued", "single"] = "queued"
    wait: Duration | None = Field(None, gt=0)
    images: list[Image] = []
    named: dict[str, Image] = {}
    token: SecretStr = SecretStr("x")
    count: int = Field(0, le=9)

    @model_validator(mode="after")
    def _whole(self):
        if self.text == "same" and self.to == "same":
            raise ValueError("text and to are the same")
        return self


def problems_of(text, **more):
    _, problems = check(read(text, "a.yaml"), (), Message, **more)
    return [(p.line, p.column, p.path, p.problem, p.cure) for p in problems]


def test_a_fitting_value_becomes_an_instance():
    instance, problems = check(read("text: Hello\nwait: 5m\n", "a.yaml"), (), Message)
    assert (instance.text, instance.wait, problems) == ("Hello", 300.0, [])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("to: 5", (2, 5, "to", "must be text or a list", "put it in quotes")),
        ("mode: queud", (2, 7, "mode", 'unknown value "queud"', 'did you mean "queued"?')),
        ("wait: 0s", (2, 7, "wait", "must be more than 0", "")),
        (
            "wait: 30",
            (
                2,
                7,
                "wait",
                "is a bare number, without its unit",
                "write 30m for minutes, 30s for seconds",
            ),
        ),
        ("count: 10", (2, 8, "count", "must be 9 or less", "")),
        ("count: many", (2, 8, "count", "must be a whole number", "")),
        ("imags: []", (2, 1, "", 'unknown option "imags"', 'did you mean "images"?')),
        (
            "images: [5]",
            (
                2,
                10,
                "images[0]",
                "must be a mapping of names to values",
                "write its names and values below it, indented",
            ),
        ),
        (
            "images: [{ }]",
            (2, 10, "images[0]", '"url" is missing', "for example url: https://example.org/a.jpg"),
        ),
        (
            "images: [{ ulr: a }]",
            (2, 12, "images[0]", 'unknown option "ulr"', 'did you mean "url"?'),
        ),
        ("named: { a: { url: 5 } }", (2, 20, "named.a.url", "must be text", "put it in quotes")),
    ],
)
def test_each_complaint_is_in_place_and_in_plain_words(line, expected):
    assert problems_of(f"text: Hello\n{line}\n") == [expected]


def test_all_complaints_come_at_once_in_the_order_of_lines():
    assert [each[0] for each in problems_of("to: 5\ncount: x\nmode: y\ntext: z\n")] == [1, 2, 3]


def test_a_misspelt_name_is_not_also_missing():
    assert [each[3] for each in problems_of("txt: Hello\n")] == ['unknown option "txt"']


def test_a_secret_does_not_come_out_with_the_complaint_about_it():
    _, (problem,) = check(read("text: a\ntoken: [hunter2]\n", "a.yaml"), (), Message)
    assert "hunter2" not in problem.text()


@pytest.mark.parametrize("value", ["'{{ n }}'", "'{% if a %}1{% endif %}'", "$.count"])
def test_a_text_still_to_be_filled_in_is_not_judged(value):
    assert problems_of(f"text: Hello\ncount: {value}\n", skip_templates=True) == []
    assert problems_of(f"text: Hello\ncount: {value}\n") != []


def test_unknown_and_missing_names_are_judged_all_the_same():
    assert len(problems_of("texxt: '{{ a }}'\nfoo: '{{ b }}'\n", skip_templates=True)) == 2


def test_a_whole_with_something_to_be_filled_in_is_not_judged_as_a_whole():
    assert (
        problems_of("text: same\nto: same\n")[0][3] == "Value error, text and to are the same"[13:]
    )
    document = read("text: same\nto: same\nmode: '{{ m }}'\n", "a.yaml")
    assert check(document, (), Message, skip_templates=True)[1] == []


def test_an_owner_is_named_and_its_own_words_are_known():
    _, (problem,) = check_value(
        read("text: a\nchanel: b\n", "a.yaml"),
        (),
        {"text": "a", "chanel": "b"},
        Message,
        owner="tweet",
        beside=("channel",),
    )
    assert problem.problem == 'unknown option "chanel" for "tweet"'
    assert problem.cure == 'did you mean "channel"?'


def test_complaints_about_a_value_in_no_document_have_a_place_and_words():
    with pytest.raises(ValidationError) as failure:
        Message.model_validate({"text": 5})
    assert explain(failure.value, {"text": 5}) == [(("text",), "must be text")]
