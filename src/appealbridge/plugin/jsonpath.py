"""Compiles JSONPaths of settings and recipes, with limits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator

_PLAIN = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
"""`$.a.b`: the usual form, for which the library is not needed."""
_SEARCHES = re.compile(r"\.\.|\*|\?|:")

MOST_SEARCHED = 10_000
"""How many values of data are searched at most; the library takes four microseconds for each."""


class TooLarge(ValueError):
    """The data has too many values to search them for a path with `..`, `*` or a filter."""


class JsonPath:
    """One compiled JSONPath, made by `compile_path`; `searches` is whether it has `..`, `*` or a filter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._names = tuple(text.split(".")[1:]) if _PLAIN.fullmatch(text) else ()
        self._compiled: Any = None if self._names else _compiled(text)
        self.searches = _SEARCHES.search(text) is not None

    def all(self, data: Any) -> list[Any]:
        """Return every value at this path; raise `TooLarge` if the data is too large to search."""
        if self._compiled is not None:
            return self._values(data)
        for name in self._names:
            if type(data) is not dict or name not in data:
                return []
            data = data[name]
        return [data]

    def first(self, data: Any) -> Any:
        """Return the first value at this path, `None` if there is none or the data is too large to search."""
        if self._compiled is not None:
            try:
                return next(iter(self._values(data)), None)
            except TooLarge:
                return None
        for name in self._names:
            if type(data) is not dict:
                return None
            data = data.get(name)
        return data

    def _values(self, data: Any) -> list[Any]:
        if self.searches and _is_too_large(data):
            raise TooLarge(
                f"more than {MOST_SEARCHED} values to search; write a path without .., * and ?"
            )
        try:
            return [match.value for match in self._compiled.find(data)]
        except _NOT_THERE:
            # The library's functions (sorting, splitting, …) fail with values of an unexpected type.
            return []


def _is_too_large(data: Any) -> bool:
    waiting, count = [data], 0
    while waiting and count <= MOST_SEARCHED:
        value = waiting.pop()
        if type(value) is dict or type(value) is list:
            count += len(value)
            inner = value.values() if type(value) is dict else value
            waiting += [each for each in inner if type(each) is dict or type(each) is list]
    return count > MOST_SEARCHED


LONGEST = 500
"""The longest JSONPath in characters; the parser makes one more nested call for each step."""

_NOT_THERE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


def _compiled(text: str) -> Any:
    # The parser takes 60 ms to import, and most settings do not need it.
    from jsonpath_ng.exceptions import JSONPathError

    if len(text) > LONGEST:
        raise ValueError(f"this JSONPath is longer than {LONGEST} characters; write a shorter one")
    if not text.startswith("$"):
        raise ValueError(
            f"{text!r} is not a JSONPath, which begins with $, such as $.incident.number"
        )
    try:
        with warnings.catch_warnings():
            # It warns of paths that are refused below.
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = _parser().parse(text)
    except JSONPathError:
        raise ValueError(f"{text!r} is not a JSONPath; {_cure(text)}") from None
    unfit = _unfit([*_walk(tree)])
    if unfit:
        raise ValueError(f"{text!r} {unfit}")
    return tree


def _cure(text: str) -> str:
    """Return how to fix a path that the library cannot read; its own words are about tokens."""
    outside = re.sub(r"\[.*?\]", "", text)
    if "[" in outside or "]" in outside:
        return "close every [ with ]"
    compared = re.search(r"\s*(?:[=<>!]|\bis\b)", outside)
    if compared is not None:
        return f"write field: {text[: compared.start()]}, and equals: with the value below it"
    if text.count("'") % 2 or text.count('"') % 2:
        return "close the quotes"
    if " " in text:
        return f"put a name with a space in brackets: $['{text.removeprefix('$.')}']"
    return "for example $.title or $.tags[0].term"


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for name in ("left", "right", "child", "target", "value", "expressions", "operands"):
        inner = getattr(node, name, None)
        for child in inner if isinstance(inner, list) else [inner]:
            if hasattr(child, "find") and not isinstance(child, str):
                yield from _walk(child)


def _unfit(nodes: Sequence[Any]) -> str:
    """
    Return what in a path could take endless time with data from outside, and how to fix it; empty if nothing.

    The library's patterns can hang, its sums can make texts of any length, and the time of a search within a search
    grows with the square of the data.
    """
    kinds = [type(node).__name__ for node in nodes]
    if "Sub" in kinds or any(getattr(node, "op", None) == "=~" for node in nodes):
        return "searches for a pattern; test the field with matches: instead"
    if "Operation" in kinds:
        return "calculates; do that in a template"
    if kinds.count("Descendants") > 1:
        return "has a .. after another ..; name the fields between"
    if "_Union" in kinds or "_Intersect" in kinds:
        return "has a | or & between two paths; join their values in a template, where | is for filters"
    if "Where" in kinds or "WhereNot" in kinds:
        return "has a where; write a filter as [?(@.scheme == 'place')]"
    if kinds.count("Root") > 1:
        return "compares with another part of the event in its filter; do that in a template"
    return ""


@lru_cache(maxsize=1)
def _parser() -> Any:
    # To make one takes longer than to parse a path with it.
    from jsonpath_ng.ext.parser import ExtendedJsonPathParser

    return ExtendedJsonPathParser()


@lru_cache(maxsize=4096)
def compile_path(text: str) -> JsonPath:
    """Return the compiled path; raise `ValueError` with what is wrong with it."""
    return JsonPath(text)


def is_plain(text: str) -> bool:
    """Return whether this is a path like `$.a.b`, which has at most one value."""
    return _PLAIN.fullmatch(text) is not None


def _checked(text: str) -> str:
    compile_path(text)
    return text


PathText = Annotated[str, AfterValidator(_checked)]
"""The type of an option that is a JSONPath; a malformed one is refused."""
