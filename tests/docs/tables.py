"""What the table of an options model has to say: every name with its default and its own sentence."""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema

from appealbridge.model.duration import seconds
from appealbridge.settings.paths import Listen

HEAD = "| option | default | |\n|---|---|---|\n"


def table(model: type[BaseModel], *, without: type[BaseModel] = BaseModel) -> str:
    """Return a model's table, leaving out the fields that it has from `without`."""
    return HEAD + "".join(_rows(model, "", set(), frozenset(without.model_fields)))


def _rows(
    model: type[BaseModel],
    prefix: str,
    values: set[type[BaseModel]],
    without: frozenset[str] = frozenset(),
) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name in without or any(isinstance(mark, SkipJsonSchema) for mark in field.metadata):
            continue  # what only the program itself sets is nobody's option
        path = f"{prefix}{field.alias or name}"
        inner = _inner(field.annotation)
        text = str(field.description)
        default = _default(field, inner)
        yield f"| `{path}` | {default} | {text} |\n" if default else f"| `{path}` | | {text} |\n"
        if inner is not None and inner not in values:
            values.add(inner)  # of two options that take the same, the first says what
            named = "NAME." if _is_mapping(field.annotation) else ""
            yield from _rows(inner, f"{path}.{named}", values)


def _inner(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, one or many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for arg in get_args(annotation) if (inner := _inner(arg))), None)


def _is_mapping(annotation: Any) -> bool:
    return str(annotation).startswith("dict[")


def _default(field: FieldInfo, inner: type[BaseModel] | None) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if inner is not None or value in (None, "", (), [], {}):
        return ""
    return f"`{_written(value, field)}`"


def _written(value: Any, field: FieldInfo) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case Listen(address=(host, port)):
            return f"{host}:{port}"
        case Path():
            return f"{value}/"
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case float() if _is_duration(field):
            return _length(value)
    return str(value)


def _is_duration(field: FieldInfo) -> bool:
    return any(
        isinstance(example, str) and re.fullmatch(r"(\d+[dhms])+", example)
        for example in field.examples or ()
    )


def _length(value: float) -> str:
    """Return seconds as a person writes them."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if value % size == 0:
            text = f"{value // size:.0f}{unit}"
            assert seconds(text) == value
            return text
    return f"{value:g}s"
