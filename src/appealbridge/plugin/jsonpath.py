"""JSONPath as settings and recipes write it, compiled once at load and then only walked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator

_PLAIN = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
"""`$.a.b`: what nearly everybody writes, and what can be walked without a library."""


class JsonPath:
    """One compiled JSONPath. Made by `compile_path`; `text` is the path as written."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._names = tuple(text.split(".")[1:]) if _PLAIN.fullmatch(text) else ()
        self._compiled: Any = None if self._names else _compiled(text)

    def all(self, data: Any) -> list[Any]:
        """Return every value at this path; empty where there is none."""
        if self._compiled is not None:
            return self._found(data)
        for name in self._names:
            if type(data) is not dict or name not in data:
                return []
            data = data[name]
        return [data]

    def first(self, data: Any) -> Any:
        """Return the first value at this path, `None` where there is none."""
        if self._compiled is not None:
            found = self._found(data)
            return found[0] if found else None
        for name in self._names:
            if type(data) is not dict:
                return None
            data = data.get(name)
        return data

    def _found(self, data: Any) -> list[Any]:
        try:
            return [found.value for found in self._compiled.find(data)]
        except _NOT_THERE:
            # Its functions (sorting, splitting, …) stumble over values of another kind than they want.
            return []


_NOT_THERE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


def _compiled(text: str) -> Any:
    # Its parser takes 60 ms to import; most settings never need it.
    from jsonpath_ng.exceptions import JSONPathError

    if not text.startswith("$"):
        raise ValueError(f"{text!r} is no JSONPath; one begins with $, as $.incident.number")
    try:
        return _parser().parse(text)
    except JSONPathError as error:
        raise ValueError(f"{text!r} is no JSONPath: {error}") from None


@lru_cache(maxsize=1)
def _parser() -> Any:
    # Making one takes longer than parsing a path with it.
    from jsonpath_ng.ext.parser import ExtendedJsonPathParser

    return ExtendedJsonPathParser()


@lru_cache(maxsize=4096)
def compile_path(text: str) -> JsonPath:
    """Return the compiled path; raise `ValueError` with what is wrong in it."""
    return JsonPath(text)


def _checked(text: str) -> str:
    compile_path(text)
    return text


PathText = Annotated[str, AfterValidator(_checked)]
"""An options field that takes a JSONPath and refuses a malformed one at load."""
