"""
The building blocks of the models of the recipe language.

The language is declared once, as models. The parser, the JSON Schema, the editor's help and the
tables of the docs all use them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from appealbridge.model.duration import PATTERN
from appealbridge.model.moment import read
from appealbridge.plugin.options import Options
from appealbridge.recipes.planning.times import length

TEMPLATE: Final[dict[str, Any]] = {"type": "string", "pattern": r"\{\{|\{%|^\$\."}
"""The JSON Schema of a template or JSONPath, which only an event turns into the real value."""


def wrong(problem: str, cure: str = "", kind: str = "wrong") -> PydanticCustomError:
    """Return the error of a value, for a validator to raise."""
    return PydanticCustomError(kind, "{problem}", {"problem": problem, "cure": cure})


def option(about: str, *examples: Any, default: Any = None, **bounds: Any) -> Any:
    """Return an optional field with its description and examples."""
    return Field(default, description=about, examples=[*examples], **bounds)


def needed(about: str, *examples: Any, **bounds: Any) -> Any:
    """Return a required field with its description and examples."""
    return option(about, *examples, default=..., **bounds)


class Entry(Options):
    """
    The base of the entries of a recipe's lists, and of the mappings inside them.

    A field's trailing underscore is not part of the option's name: `if_` is `if`. The first option
    tells the kind of entry; `ALSO` are the names that other tools have for it. `SYNONYMS` maps
    mistaken names to the right name, or to the cure. `OTHERS` is the cure for all other unknown
    names.
    """

    model_config = ConfigDict(alias_generator=lambda name: name.removesuffix("_"))

    ALSO: ClassVar[Sequence[str]] = ()
    SYNONYMS: ClassVar[Mapping[str, str]] = {}
    OTHERS: ClassVar[str] = ""

    @classmethod
    def options(cls) -> dict[str, FieldInfo]:
        """Return all options by name, the first one first."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @classmethod
    @cache
    def names(cls) -> Sequence[str]:
        """Return the names of all options in the same order."""
        return tuple(cls.options())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add which options exclude each other."""
        whole = handler.resolve_ref_schema(handler(schema))
        exclusive = [
            mark.schema(name)
            for name, field in cls.options().items()
            for mark in field.metadata
            if isinstance(mark, Or)
        ]
        return {**whole, "allOf": exclusive} if exclusive else whole


@dataclass(frozen=True, slots=True)
class Or:
    """
    Marks an option that excludes another one, which is declared before it.

    With a `cure`, one of the two is required. `both` is the cure where both are given.
    """

    other: str
    cure: str | None = None
    both: str = "leave one out"

    def schema(self, name: str) -> dict[str, Any]:
        """Return the rule about the two for a JSON Schema."""
        if self.cure is None:
            return {"not": {"required": [self.other, name]}}
        return {"oneOf": [{"required": [self.other]}, {"required": [name]}]}

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check both once the other option has been read."""
        inner = core_schema.with_info_wrap_validator_function(self._check, handler(source))
        return core_schema.with_default_schema(inner, default=None, validate_default=True)

    def _check(self, value: Any, inner: Callable[[Any], Any], info: ValidationInfo) -> Any:
        known = info.data
        names = [name for name in (self.other, f"{self.other}_") if name in known]
        beside = any(known[name] is not None for name in names)
        if value is not None and beside:
            message = f'"{self.other}" and "{str(info.field_name).removesuffix("_")}" cannot be used together'
            raise wrong(message, self.both, "beside")
        if value is None and names and not beside and self.cure is not None:
            raise wrong("", self.cure, "missing")
        return None if value is None else inner(value)


def must_be(what: str, cure: str = "") -> WrapValidator:
    """Report any error in a value with this one sentence."""

    def check(value: Any, inner: Callable[[Any], Any]) -> Any:
        try:
            return inner(value)
        except ValidationError:
            raise wrong(f"must be {what}", cure) from None

    return WrapValidator(check)


ZONE, LISTS = "zone", "lists"
"""Keys of the validation context: the time zone for reading times, and the settings' lists by name."""


def _a_time(text: str, info: ValidationInfo) -> str:
    read(text, (info.context or {}).get(ZONE, UTC))
    return text


def _a_length(value: Any) -> Any:
    length(value)
    return value


Text = Annotated[str, Field(min_length=1)]


def formed(model: type[Entry]) -> Any:
    """Describe a mapping in the JSON Schema by a model; its own reader checks it."""
    return WithJsonSchema({"model": model})


Condition = Annotated[Any, WithJsonSchema({"part": "condition"})]
Conditions = Annotated[list[Condition], Field(min_length=1)]
"""Conditions; each is checked by its own reader."""

Time = Annotated[Text, AfterValidator(_a_time)]
"""A time as it is written: `06:30`, `tomorrow 10:00`, `2026-05-01T09:00`."""

Length = Annotated[
    Any, AfterValidator(_a_length), WithJsonSchema({"type": "string", "pattern": PATTERN})
]
"""A length of time as it is written."""
