"""Secrets go where a model wants them and nowhere else; paths become whole."""

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from appealbridge.documents import read
from appealbridge.settings.filling import PLACEHOLDER, SettingsFiller, inside
from appealbridge.settings.secrets import SecretRef, Vault


class Login(BaseModel):
    name: str
    token: SecretStr


class Thing(BaseModel):
    login: Login | None = None
    keys: tuple[SecretStr, ...] = ()
    by_name: dict[str, Login] = {}
    folder: Path | None = None
    text: str = ""


def filler(text, vault=True):
    document = read(text, "f", {"!secret": SecretRef})
    vault = Vault(Path("/x"), {"APPEALBRIDGE_SECRET_A": "value"}) if vault else None
    filling = SettingsFiller(document, Path("/conf"), vault)
    return filling, filling.fill(Thing, document.value, ())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("login: { name: n, token: !secret a }", ("login", "token")),
        ("keys: [!secret a]", ("keys", 0)),
        ("by_name: { token: { name: n, token: !secret a } }", ("by_name", "token", "token")),
    ],
)
def test_a_secret_is_put_where_the_model_wants_it(text, place):
    filling, value = filler(text)
    for part in place:
        value = value[part]
    assert value.get_secret_value() == "value"
    assert filling.problems == []


@pytest.mark.parametrize(
    "text",
    ["text: !secret a", "login: !secret a", "by_name: { name: { name: !secret a } }",
     "folder: !secret a", "unknown: !secret a"],
)  # fmt: skip
def test_a_secret_anywhere_else_is_a_problem(text):
    filling, _ = filler(text)
    assert [problem.problem for problem in filling.problems] == ["secrets are not allowed here"]


@pytest.mark.parametrize(
    "text", ["keys: [x]", "login: { token: 7 }", "by_name: { a: { token: x } }"]
)
def test_plain_text_where_a_secret_belongs_is_a_problem_without_its_line(text):
    filling, _ = filler(text)
    [problem] = filling.problems
    assert problem.problem == "a secret is written here in plain text"
    assert problem.source_line == ""


def test_without_a_vault_every_secret_is_stood_in_for():
    filling, value = filler("keys: [!secret nowhere]", vault=False)
    assert (value, filling.problems) == ({"keys": [PLACEHOLDER]}, [])
    assert filling.blind == {("keys", 0)}


def test_a_path_begins_at_the_settings_file():
    assert filler("folder: a/b")[1] == {"folder": "/conf/a/b"}
    assert filler("folder: /a/b")[1] == {"folder": "/a/b"}
    assert filler("text: a/b")[1] == {"text": "a/b"}


def test_what_stands_inside_a_field_is_known_by_its_annotation():
    assert inside(Thing, "text") is str
    assert inside(dict[str, Login], "name") is Login
    assert inside(tuple[SecretStr, ...], 0) is SecretStr
    assert inside(Login | None, "token") is SecretStr
    assert inside(str, "x") is inside(Thing, "colour") is None
