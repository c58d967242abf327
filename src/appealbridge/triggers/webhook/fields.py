"""The fields that the settings declare for a webhook, so that recipes can be checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from appealbridge.plugin.timestamps import moment

FieldKind = Literal["text", "number", "boolean", "time", "list", "object", "any"]
"""What a field contains; `boolean` is true or false."""

_NAME = r"(?:[A-Za-z_][A-Za-z0-9_-]*\.)*(?:[A-Za-z_][A-Za-z0-9_-]*|\*)"

FieldName = Annotated[str, StringConstraints(pattern=f"^{_NAME}$", max_length=200)]
"""A name, or several with dots for a field inside others; `*` as the last one stands for any name."""

MOST_FIELDS = 500
"""How many fields a webhook may declare."""

_OTHERS = "*"
_MOST_DIFFERENCES = 20
_MOST_ENTRIES = 100

_FITS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: type(value) is str,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: type(value) is bool,
    "time": lambda value: moment(value) is not None,
    "list": lambda value: type(value) is list,
    "object": lambda value: type(value) is dict,
    "any": lambda value: True,
}


def names_of(fields: Mapping[str, str]) -> frozenset[str]:
    """Return the names of fields, and of those that they are inside."""
    parts = [name.split(".") for name in fields]
    return frozenset(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1))


def differences(fields: Mapping[str, str], data: Any) -> Iterator[str]:
    """Yield how the data of an event differs from the declared fields, the first twenty differences."""
    if not fields:
        return
    for count, difference in enumerate(_differences(fields, names_of(fields), data, "")):
        if count == _MOST_DIFFERENCES:
            yield "and more"
            return
        yield difference


def _differences(
    fields: Mapping[str, str], names: frozenset[str], data: Any, before: str
) -> Iterator[str]:
    known = {name for name in names if name.startswith(before)}
    if not known:
        return
    if isinstance(data, list):
        for value in data[:_MOST_ENTRIES]:
            yield from _differences(fields, names, value, before)
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        name = f"{before}{key}"
        if name in known:
            kind = fields.get(name, "any")
            if value is not None and not _FITS[kind](value):
                yield f"{name} is declared as {kind}, and is {_shown(value)}"
            yield from _differences(fields, names, value, f"{name}.")
        elif f"{before}{_OTHERS}" not in known:
            yield f"{name} is not declared"


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    kinds = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), "something else")
