"""Compiles JSONPaths of settings and recipes, with limits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator

_PLAIN = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
"""`$.a.b`: the usual form, which needs no library."""
_SEARCHES = re.compile(r"\.\.|\*|\?|:")

MOST_SEARCHED = 10_000
"""Values in data that a path may be searched for; the library takes four microseconds for each."""


class TooLarge(ValueError):
    """The data has more values than a path with `..`, `*` or a filter may be searched for in."""


class JsonPath:
    """One compiled JSONPath, made by `compile_path`; `searches` is whether it has `..`, `*` or a filter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._names = tuple(text.split(".")[1:]) if _PLAIN.fullmatch(text) else ()
        self._compiled: Any = None if self._names else _compiled(text)
        self.searches = _SEARCHES.search(text) is not None

    def all(self, data: Any) -> list[Any]:
        """Return every value at this path, empty where there is none; raise `TooLarge` where it cannot be searched."""
        if self._compiled is not None:
            return self._found(data)
        for name in self._names:
            if type(data) is not dict or name not in data:
                return []
            data = data[name]
        return [data]

    def first(self, data: Any) -> Any:
        """Return the first value at this path, `None` where there is none or the data is too large to search."""
        if self._compiled is not None:
            try:
                found = self._found(data)
            except TooLarge:
                return None
            return found[0] if found else None
        for name in self._names:
            if type(data) is not dict:
                return None
            data = data.get(name)
        return data

    def _found(self, data: Any) -> list[Any]:
        if self.searches and _larger(data, MOST_SEARCHED):
            raise TooLarge(
                f"more than {MOST_SEARCHED} values to search; write a path without .., * and ?"
            )
        try:
            return [found.value for found in self._compiled.find(data)]
        except _NOT_THERE:
            # Its functions (sorting, splitting, …) stumble over values of another kind than they want.
            return []


def _larger(data: Any, most: int) -> bool:
    waiting, seen = [data], 0
    while waiting and seen <= most:
        one = waiting.pop()
        if type(one) is dict or type(one) is list:
            seen += len(one)
            inside = one.values() if type(one) is dict else one
            waiting += [value for value in inside if type(value) is dict or type(value) is list]
    return seen > most


LONGEST = 500
"""Characters of a JSONPath; its parser goes down one call deeper with each of its steps."""

_NOT_THERE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


def _compiled(text: str) -> Any:
    # Its parser takes 60 ms to import; most settings never need it.
    from jsonpath_ng.exceptions import JSONPathError

    if len(text) > LONGEST:
        raise ValueError(f"this JSONPath is longer than {LONGEST} characters; write a shorter one")
    if not text.startswith("$"):
        raise ValueError(
            f"{text!r} is not a JSONPath, which begins with $, such as $.incident.number"
        )
    try:
        with warnings.catch_warnings():
            # It warns of what is refused below.
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = _parser().parse(text)
    except JSONPathError as error:
        raise ValueError(f"{text!r} is not a JSONPath: {error}") from None
    unfit = _unfit([*_walk(tree)])
    if unfit:
        raise ValueError(f"{text!r} {unfit}")
    return tree


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for name in ("left", "right", "child", "target", "value", "expressions", "operands"):
        inner = getattr(node, name, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if hasattr(one, "find") and not isinstance(one, str):
                yield from _walk(one)


def _unfit(nodes: Sequence[Any]) -> str:
    """
    Return what a path does that a stranger's data can make endless, with its cure; empty for nothing.

    The library's patterns can hang, its sums can make texts of any length, and a search within a
    search takes time as the square of what is searched.
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
    # Making one takes longer than parsing a path with it.
    from jsonpath_ng.ext.parser import ExtendedJsonPathParser

    return ExtendedJsonPathParser()


@lru_cache(maxsize=4096)
def compile_path(text: str) -> JsonPath:
    """Return the compiled path; raise `ValueError` with what is wrong in it."""
    return JsonPath(text)


def is_plain(text: str) -> bool:
    """Whether it is a path like `$.a.b`, which leads to one place at the most."""
    return _PLAIN.fullmatch(text) is not None


def _checked(text: str) -> str:
    compile_path(text)
    return text


PathText = Annotated[str, AfterValidator(_checked)]
"""An options field that takes a JSONPath and refuses a malformed one at load."""
