"""Finds literal values that an event must contain for a recipe to match; they are used as an index. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appealbridge.model.value import value
from appealbridge.plugin.jsonpath import is_plain
from appealbridge.plugin.text.normal_form import composed

TYPE = ""
"""The place of a hint about the event's type."""


@value
class IndexHint:
    """
    One thing that an event must have for a recipe to match: one of these values at this place.

    `place` is a JSONPath into the event's data, or `TYPE`.
    """

    place: str
    values: frozenset[str]


def index_hints_in(conditions: Any) -> tuple[IndexHint, ...]:
    """Return the values that all `conditions:` of a recipe together require."""
    return tuple(_hints(conditions if isinstance(conditions, list) else []))


def _hints(conditions: list[Any]) -> Iterator[IndexHint]:
    for condition in conditions:
        if not isinstance(condition, dict):
            continue
        name = condition.get("field")
        if isinstance(name, str) and is_plain(name):
            for literals in ([condition.get("equals")], condition.get("in")):
                values = literals if isinstance(literals, list) else []
                # A number may be met by other kinds of value (1 is 1.0), a word only by itself.
                if values and all(isinstance(value, str) for value in values):
                    yield IndexHint(name, frozenset(map(composed, values)))
        elif isinstance(condition.get("all"), list):
            yield from _hints(condition["all"])
