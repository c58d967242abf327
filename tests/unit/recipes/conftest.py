"""What the tests of recipes share: a recipe from its text, an event, a scope."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest

from appealbridge.model.event import Event
from appealbridge.recipes.parsing.load import load_recipe
from appealbridge.recipes.templates.expression import compile_text
from appealbridge.recipes.templates.scope import Scope
from tests.recipes.plugins import catalogue

BASE = """
triggers: [{ trigger: appeal }]
approval: none
"""


def event_of(data=None, **more) -> Event:
    values = {
        "id": "e1",
        "source": "appeal:website",
        "type": "appeal.new",
        "subject": "WMP-1",
        "key": "k",
        "time": 1_777_636_800.0,
        "data": {"title": "Aisha, 14"} if data is None else data,
        "received_at": 1_777_636_810.0,
        **more,
    }
    return Event(**values)


def scope_of(data=None, variables: Mapping[str, str] | None = None, results=None, **more) -> Scope:
    event = event_of(data, **more)
    filled = {name: compile_text(text).fill for name, text in (variables or {}).items()}
    lists = {"press": ["a@example.org", "b@example.org"]}
    return Scope(event, filled, lists, results or {}, event.received_at, ZoneInfo("Europe/London"))


def recipe_of(text: str, **changes):
    """Return a recipe that loads without errors; what every recipe needs is put in front."""
    whole = text if "triggers:" in text else BASE + text
    recipe, problems = load_recipe(whole, "recipes/a.yaml", "a", catalogue(**changes))
    assert recipe is not None, "\n".join(problem.text() for problem in problems)
    return recipe


@pytest.fixture
def event():
    return event_of()
