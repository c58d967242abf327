import pytest
from pydantic import BaseModel, Field, ValidationError

from appealbridge.documents.messages.pydantic import cure, missing_cure, sentence


class Many(BaseModel):
    text: str = Field("", max_length=3, examples=["abc"])
    few: list[int] = Field([], max_length=1)
    choice: bool = False
    nested: list[dict[str, str]] = Field([], examples=[[{"a": "b"}]])


def error(**values):
    with pytest.raises(ValidationError) as failure:
        Many(**values)
    return failure.value.errors()


def test_pydantics_words_become_ours():
    assert sentence(error(text="abcd")) == "must not be longer than 3 characters"
    assert sentence(error(few=[1, 2])) == "has too many entries; at most 1 allowed"
    assert sentence(error(choice=[])) == "must be true or false"


def test_nothing_where_text_is_wanted_asks_for_quotes_around_a_hash():
    (item,) = error(text=None)
    assert sentence([item]) == "must be text, but is empty"
    assert "#" in cure([item], None)


def test_an_example_is_written_as_yaml():
    assert missing_cure("nested", Many.model_fields["nested"]) == "for example nested: [{ a: b }]"


def test_an_example_keeps_its_tag_out_of_quotes():
    login = Field(examples=[{"key": "!secret x_key", "hours": "* 8"}])
    assert missing_cure("login", login) == 'for example login: { key: !secret x_key, hours: "* 8" }'
