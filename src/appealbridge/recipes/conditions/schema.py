"""
The kinds of conditions, and the tests of a field.

A new test is one field of `FieldTest`, and a function in `operators`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time
from typing import Annotated, Any, ClassVar, Final, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from appealbridge.model.moment import clock, zone_named
from appealbridge.recipes.conditions import operators as ask
from appealbridge.recipes.conditions.areas import Within
from appealbridge.recipes.conditions.operators import Question
from appealbridge.recipes.model.base import Conditions, Entry, Text, must_be, needed, option, wrong
from appealbridge.recipes.templates.fast_path import is_template


def _asks(make: Callable[[Any], Question], several: str = "") -> WrapValidator:
    """
    Turn the value that a field is compared with into a test; `make` may raise `ValueError`.

    `several` is the test to use for a list.
    """

    def question(value: Any, inner: Callable[[Any], Any]) -> Question:
        if any(map(_changes, value if isinstance(value, list) else [value])):
            cure = 'compare in a template: "{{ event.data.a == event.data.b }}"'
            raise wrong("only a fixed value is allowed here", cure)
        if several and isinstance(value, list):
            raise wrong("must be one value", f"several go under {several}:")
        return make(inner(value))

    return WrapValidator(question)


def _changes(value: Any) -> bool:
    return isinstance(value, str) and (is_template(value) or value.startswith("$."))


def _not_there(exists: bool, info: ValidationInfo) -> bool:
    if not exists and any(info.data[name] is not None for name in info.data if name != "field"):
        raise wrong(
            "a missing field cannot be tested further", "leave exists: or the other tests out"
        )
    return exists


_DOTTED = re.compile(
    r"(?:(?:trigger|event)\.)?(?:(?:event\.data|data|json|payload_json)\.)?(\w+(?:\.\w+)*)"
)
"""A field by the path that other tools have for it, such as `trigger.json.road`."""
_PARTS = frozenset({"trigger", "event", "data", "json", "payload_json"})
_OF_THE_EVENT = frozenset({"type", "subject", "source", "time"})


def _path_or_template(value: Any, inner: Callable[[Any], Any]) -> Any:
    try:
        return inner(value)
    except ValidationError:
        raise wrong("must be a JSONPath or a template", _path_for(value)) from None


def _path_for(value: Any) -> str:
    """Return the cure for what is no path: the path that was probably meant."""
    match = _DOTTED.fullmatch(value) if isinstance(value, str) and len(value) < 100 else None
    if match is None or match[1] in _PARTS:
        return "a JSONPath begins with $, such as $.severity"
    if match[1] in _OF_THE_EVENT and value == f"event.{match[1]}":
        return f'write "{{{{ {value} }}}}"'
    return f"write $.{match[1]}"


_QUOTES = "put a number in quotes"
_Value = Annotated[
    StrictStr | StrictBool | StrictInt | StrictFloat,
    must_be("one value"),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
_Values = Annotated[list[_Value], Field(min_length=1)]
_Texts = Annotated[
    Text | Annotated[list[Text], Field(min_length=1)], must_be("text, or a list of texts", _QUOTES)
]
_Number = Annotated[
    StrictInt | StrictFloat, must_be("a number, without quotes"), WithJsonSchema({"type": "number"})
]


class FieldTest(Entry):
    """A field of the event, and what must be true of it."""

    model_config = ConfigDict(arbitrary_types_allowed=True, json_schema_extra={"minProperties": 2})

    SYNONYMS: ClassVar = {
        "is": "equals", "eq": "equals", "one_of": "in", "includes": "contains", "regex": "matches",
        "greater_than": "above", "gt": "above", "less_than": "below", "lt": "below", "near": "within",
        "inside": "within", "postcode": "in_postcode", "begins_with": "starts_with",
    }  # fmt: skip

    field: Annotated[
        str,
        Field(pattern=r"^\$|\{\{|\{%"),
        WrapValidator(_path_or_template),
    ] = needed(
        "A JSONPath into the event's data, or a template, whose value is tested.",
        "$.severity",
        "{{ event.type }}",
    )
    equals: Annotated[_Value, _asks(ask.equals, "in")] = option("It is exactly this value.", "road")
    not_: Annotated[_Value, _asks(ask.is_not, "not_in")] = option(
        "It is another value than this.", "test"
    )
    in_: Annotated[_Values, _asks(ask.is_in)] = option("It is one of these.", ["major", "critical"])
    not_in: Annotated[_Values, _asks(ask.not_in)] = option(
        "It is none of these.", ["test", "exercise"]
    )
    contains: Annotated[_Value, _asks(ask.contains)] = option(
        "It has this in its text, or as one of its entries.", "Birmingham"
    )
    starts_with: Annotated[_Texts, _asks(ask.starts_with)] = option(
        "It is a text that begins with this, or with one of these.", "M6", ["Digbeth", "Moseley"]
    )
    in_postcode: Annotated[_Texts, _asks(ask.in_postcode)] = option(
        "It is a postcode in one of these districts, sectors or units, or a text with such a postcode. "
        "`B5` does not include `B50`.",
        ["B5", "B13 8"],
        "B13 8AA",
    )
    matches: Annotated[Text, _asks(ask.matches)] = option(
        "It is a text in which this RE2 pattern is found; `^` and `$` mark its ends. "
        "Patterns: https://github.com/google/re2/wiki/Syntax",
        "^A[0-9]+",
    )
    above: Annotated[_Number, _asks(ask.above)] = option(
        "It is a number above this, or a text that is one.", 3
    )
    below: Annotated[_Number, _asks(ask.below)] = option(
        "It is a number below this, or a text that is one.", 10
    )
    within: Annotated[Within, _asks(lambda question: question)] = option(
        "It is a place in this circle or area; numbers are latitude, then longitude.",
        {"centre": [52.48, -1.89], "radius": "5km"},
        [[52.5, -1.9], [52.5, -1.8], [52.4, -1.9]],
        "city_centre",
    )
    exists: Annotated[StrictBool, AfterValidator(_not_there)] = option(
        "It is there; with `false`, it is not there.", True, default=True
    )

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if len(self.model_fields_set) == 1:
            raise wrong("tests nothing", "add equals:, in: or exists: below")
        return self

    def question(self, name: str) -> Question | None:
        """Return the test with this name; `None` for any other option."""
        test = getattr(self, name, getattr(self, f"{name}_", None))
        return test if isinstance(test, Question) else None


class _Alone(Entry):
    OTHERS = "begin a new condition with it"


class All(_Alone):
    """Several conditions, each of which must hold."""

    ALSO = ("and",)

    all: Conditions = needed("Each of these must hold.", [{"field": "$.road", "exists": True}])


class AnyOf(_Alone):
    """Several conditions, one of which is enough."""

    ALSO = ("or",)

    any: Conditions = needed("One of these is enough.", [{"field": "$.road", "exists": True}])


class NoneOf(_Alone):
    """Several conditions, none of which may hold."""

    ALSO = ("not",)

    none: Conditions = needed("None of these may hold.", [{"field": "$.exercise", "equals": True}])


def _a_clock(text: Any) -> time | None:
    return clock("00:00" if text == "24:00" else text) if isinstance(text, str) else None


def _two(times: tuple[time, time]) -> tuple[time, time]:
    if times[0] == times[1]:
        raise wrong("begins and ends at the same time", "leave it out for the whole day")
    return times


_Clock = Annotated[
    time,
    BeforeValidator(_a_clock),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d{1,2}(:\d{2}(:\d{2}([.,]\d+)?)?|([:.]\d{2})? ?[AaPp]\.?[Mm]\.?)$",
        }
    ),
]


class Between(_Alone):
    """The time of day at which the event came in."""

    between: Annotated[
        tuple[_Clock, _Clock],
        must_be("two times", 'for example ["07:00", "22:00"]'),
        AfterValidator(_two),
    ] = needed(
        "The time of day when the event came in, from and to. It goes over midnight if the second "
        "time is earlier.",
        ["07:00", "22:00"],
    )
    time_zone: Annotated[ZoneInfo, BeforeValidator(zone_named)] | None = option(
        "The time zone. If left out, that of the settings.", "Europe/London"
    )


CONDITIONS: Final[Mapping[str, type[Entry]]] = {
    model.names()[0]: model for model in (FieldTest, All, AnyOf, NoneOf, Between)
}
"""The kinds of conditions other than templates, by their first option."""
