"""Blueprints are read with every mistake at once."""

import pytest

from appealbridge.blueprints.reading import read_blueprint
from appealbridge.documents import InvalidDocuments

WHOLE = """\
blueprint:
  name: Road closed
  description: Says so.
  inputs:
    x: { description: The account on X, kind: channel, platform: x }
actions:
  - { action: tweet, channel: !input x, text: Closed. }
"""


def problems_of(text):
    with pytest.raises(InvalidDocuments) as result:
        read_blueprint(text, "a.yaml", "a")
    return [(problem.line, problem.problem) for problem in result.value.problems]


def test_its_blanks_are_found_where_they_stand():
    blueprint = read_blueprint(WHOLE, "roads/closed.yaml", "closed")
    assert blueprint.name == "closed"
    assert blueprint.blanks == [(("actions", 0, "channel"), "x")]
    assert blueprint.inputs["x"].platform == "x"


def test_a_recipe_is_no_blueprint():
    assert problems_of("alias: Road closed\n") == [(1, "this is not a blueprint")]


def test_every_mistake_is_said_at_once():
    text = WHOLE.replace("!input x", "!input y").replace(", platform: x", "")
    text = text.replace("actions:", "    level: { description: Which, kind: choice }\nactions:")
    assert problems_of(text) == [
        (8, 'unknown input "y"'),
        (5, 'input "x" is never used'),
        (5, "the platform of the account is missing"),
        (6, 'input "level" is never used'),
        (6, "the choices are missing"),
    ]


def test_an_unknown_kind_is_named_with_its_place():
    ((line, text),) = problems_of(WHOLE.replace("kind: channel", "kind: chanel"))
    assert line == 5
    assert "channel" in text or "chanel" in text
