"""The field tests of conditions: one small question each about one value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Question = Callable[[Any], bool]


def _same(left: Any, right: Any) -> bool:
    # Python holds 1 and True for the same; JSON does not.
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _among(value: Any, wanted: list[Any]) -> bool:
    for one in wanted:  # noqa: SIM110 - asked of every event; `any` costs twice as much
        if _same(value, one):
            return True
    return False


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list) and _among(wanted, value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _equals(wanted: Any) -> Question:
    return lambda value: _same(value, wanted)


def _not(wanted: Any) -> Question:
    return lambda value: not _same(value, wanted)


def _in(wanted: list[Any]) -> Question:
    return lambda value: _among(value, wanted)


def _not_in(wanted: list[Any]) -> Question:
    return lambda value: not _among(value, wanted)


def _starts_with(wanted: str) -> Question:
    return lambda value: isinstance(value, str) and value.startswith(wanted)


def _matches(pattern: str) -> Question:
    # RE2 takes time in proportion to the text, whatever the pattern; Python's own can hang.
    import re2

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        found = re2.compile(pattern, quiet).search
    except re2.error as error:
        words = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"the pattern is not understood: {words}") from None
    return lambda value: isinstance(value, str) and found(value) is not None


def _above(bound: float) -> Question:
    return lambda value: (n := _number(value)) is not None and n > bound


def _below(bound: float) -> Question:
    return lambda value: (n := _number(value)) is not None and n < bound


def _a_list(wanted: Any) -> str:
    return "" if isinstance(wanted, list) and wanted else "must be a list"


def _a_text(wanted: Any) -> str:
    return "" if isinstance(wanted, str) and wanted else "must be text"


def _a_number(wanted: Any) -> str:
    plain = isinstance(wanted, (int, float)) and not isinstance(wanted, bool)
    return "" if plain else "must be a number"


def _one_value(wanted: Any) -> str:
    return "must be one value" if isinstance(wanted, (list, dict)) or wanted is None else ""


OPERATORS: dict[str, tuple[Callable[[Any], str], Callable[[Any], Question], str]] = {
    "equals": (_one_value, _equals, "road"),
    "not": (_one_value, _not, "test"),
    "in": (_a_list, _in, "[major, critical]"),
    "not_in": (_a_list, _not_in, "[test, exercise]"),
    "contains": (_one_value, lambda wanted: lambda value: _contains(value, wanted), "Birmingham"),
    "starts_with": (_a_text, _starts_with, "M6"),
    "matches": (_a_text, _matches, "^A[0-9]+"),
    "above": (_a_number, _above, "3"),
    "below": (_a_number, _below, "10"),
}
"""By name: what is wrong with what it is given (empty if nothing), how its question is made, an example."""
