"""
The field tests of conditions: `equals`, `in`, `above` and others.

A value of another type fails every test, also the negative ones: what is not understood is no
reason to publish.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from appealbridge.plugin.text.normal_form import composed
from appealbridge.recipes.conditions.postcodes import area_of, postcodes_in, split, within


class Question(NamedTuple):
    """
    One test of a value.

    `text` is the test as written (`above 2`), `holds` its answer, and `odd` why a value cannot be
    tested (`which is text`), empty if it can.
    """

    text: str
    holds: Callable[[Any], bool]
    odd: Callable[[Any], str]


def kind(value: Any) -> str:
    """Return the JSON type of a value, in words."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a list" if isinstance(value, (list, tuple)) else "a mapping"


def number(value: Any) -> float | None:
    """Return a number, or a text that contains one, as a number; `None` for everything else and for infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and (len(value) > _LONGEST_NUMBER or "_" in value):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


_LONGEST_NUMBER = 64


def _same(left: Any, right: Any) -> bool:
    if left == right:
        # In Python 1 equals True; in JSON it does not.
        return isinstance(left, bool) == isinstance(right, bool)
    if type(left) is not str or type(right) is not str or (left.isascii() and right.isascii()):
        return False
    return composed(left) == composed(right)


def _among(value: Any, expected: Iterable[Any]) -> bool:
    for candidate in expected:  # noqa: SIM110 - asked of every event; `any` costs twice as much
        if _same(value, candidate):
            return True
    return False


def _of_kind(kinds: frozenset[str]) -> Callable[[Any], str]:
    return lambda value: "" if (actual := kind(value)) in kinds else f"which is {actual}"


def _description(name: str, expected: Any) -> str:
    return f"{name} {plain(expected)}"


def plain(value: Any) -> str:
    """Return a value as written in a recipe on one line: `[major, critical]`, `true`."""
    if isinstance(value, list):
        return f"[{', '.join(map(plain, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def equals(expected: Any) -> Question:
    """Test whether a value is equal to this."""
    odd = _of_kind(frozenset((kind(expected),)))
    return Question(_description("equals", expected), lambda value: _same(value, expected), odd)


def is_not(expected: Any) -> Question:
    """Test whether a value is of the same type as this and not equal to it."""
    odd = _of_kind(frozenset((kind(expected),)))
    return Question(
        _description("not", expected),
        lambda value: not _same(value, expected) and not odd(value),
        odd,
    )


def is_in(expected: list[Any]) -> Question:
    """Test whether a value is one of these."""
    odd = _of_kind(frozenset(map(kind, expected)))
    return Question(_description("in", expected), lambda value: _among(value, expected), odd)


def not_in(expected: list[Any]) -> Question:
    """Test whether a value has the type of one of these and is none of them."""
    odd = _of_kind(frozenset(map(kind, expected)))
    return Question(
        _description("not_in", expected),
        lambda value: not _among(value, expected) and not odd(value),
        odd,
    )


def contains(expected: Any) -> Question:
    """Test whether a text contains this, or a list has it as an entry."""

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(expected, str) and composed(expected) in composed(value)
        return isinstance(value, list) and _among(expected, value)

    kinds = frozenset(("text", "a list") if isinstance(expected, str) else ("a list",))
    return Question(_description("contains", expected), holds, _of_kind(kinds))


_TEXT = frozenset(("text",))


def starts_with(expected: str | list[str]) -> Question:
    """Test whether a text begins with this, or with one of these."""
    begins = tuple(map(composed, [expected] if isinstance(expected, str) else expected))
    return Question(
        _description("starts_with", expected),
        lambda value: isinstance(value, str) and composed(value).startswith(begins),
        _of_kind(_TEXT),
    )


def in_postcode(expected: str | list[str]) -> Question:
    """Test whether a postcode lies in one of these districts, sectors or units; raise `ValueError`."""
    areas = [area_of(text) for text in split([expected] if isinstance(expected, str) else expected)]

    def holds(value: Any) -> bool:
        return any(within(postcode, areas) for postcode in postcodes_in(value))

    def odd(value: Any) -> str:
        return "" if postcodes_in(value) else "which has no postcode"

    return Question(_description("in_postcode", expected), holds, odd)


def matches(pattern: str) -> Question:
    """Test whether this pattern is found in a text; raise `ValueError` for an invalid pattern."""
    # RE2 takes time in proportion to the text, whatever the pattern; Python's own can hang.
    import re2

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        search = re2.compile(composed(pattern), quiet).search
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"the pattern is not valid: {reason}") from None

    def holds(value: Any) -> bool:
        try:
            return isinstance(value, str) and search(composed(value)) is not None
        except UnicodeEncodeError:  # half a character, which no pattern can mean
            return False

    return Question(_description("matches", pattern), holds, _of_kind(_TEXT))


def _no_number(value: Any) -> str:
    return "" if number(value) is not None else "which is not a number"


def above(bound: float) -> Question:
    """Test whether a number is above this."""
    return Question(
        _description("above", bound),
        lambda value: (n := number(value)) is not None and n > bound,
        _no_number,
    )


def below(bound: float) -> Question:
    """Test whether a number is below this."""
    return Question(
        _description("below", bound),
        lambda value: (n := number(value)) is not None and n < bound,
        _no_number,
    )
