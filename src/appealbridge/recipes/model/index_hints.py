"""What a recipe gives away of the events that it could be for: words that they have to have. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appealbridge.model.value import value
from appealbridge.plugin.jsonpath import is_plain
from appealbridge.plugin.text.normal_form import composed

TYPE = ""
"""The place of a clue about the event's type."""


@value
class IndexHint:
    """
    What an event has to have for a recipe to match: one of these words at this place.

    `place` is a JSONPath into the event's data, or `TYPE`.
    """

    place: str
    words: frozenset[str]


def index_hints_in(conditions: Any) -> tuple[IndexHint, ...]:
    """Return what the `conditions:` of a file, all of which must hold, say of fields that have to be certain words."""
    return tuple(_clues(conditions if isinstance(conditions, list) else []))


def _clues(conditions: list[Any]) -> Iterator[IndexHint]:
    for condition in conditions:
        if not isinstance(condition, dict):
            continue
        name = condition.get("field")
        if isinstance(name, str) and is_plain(name):
            for wanted in ([condition.get("equals")], condition.get("in")):
                words = wanted if isinstance(wanted, list) else []
                # A number may be met by other kinds of value (1 is 1.0), a word only by itself.
                if words and all(isinstance(word, str) for word in words):
                    yield IndexHint(name, frozenset(map(composed, words)))
        elif isinstance(condition.get("all"), list):
            yield from _clues(condition["all"])
