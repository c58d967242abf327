"""Shows the names of people, where the API and the store have their ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from appealbridge.documents import InvalidDocuments
from appealbridge.model.people import Roster
from appealbridge.settings.load import only_option
from appealbridge.settings.people import roster_of

T = TypeVar("T")

_ONE = frozenset({"by", "lifted_by", "accepted_by", "who", "owner"})
"""The keys whose value is a person, a group, or something else that decided."""

_MANY = frozenset({"authors", "written_by"})


def with_names(config: Path | None, print_it: Callable[[T], None]) -> Callable[[T], None]:
    """Return what prints an answer of the API with the names of the settings; as it is if they cannot be read."""
    return lambda answer: print_it(named(config, answer))


def named(config: Path | None, answer: T) -> T:
    """Return an answer of the API with the names that people read."""
    try:
        roster = roster_of(only_option(config, "people"))
    except InvalidDocuments:
        return answer
    return answer if roster.one_desk else _named(answer, roster)


def _named(value: Any, roster: Roster) -> Any:
    if isinstance(value, list):
        return [_named(each, roster) for each in value]
    if not isinstance(value, dict):
        return value
    how = str(value.get("how") or "")
    shown: dict[str, Any] = {}
    for key, inner in value.items():
        if key in _ONE and isinstance(inner, str):
            shown[key] = roster.shown(inner, how)
        elif key in _MANY and isinstance(inner, list):
            shown[key] = [roster.shown(str(each)) for each in inner]
        elif key not in ("content", "data"):  # what others wrote has no people of ours
            shown[key] = _named(inner, roster)
        else:
            shown[key] = inner
    return shown
