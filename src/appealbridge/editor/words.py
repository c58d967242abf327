"""The words of the recipe language that no options model declares: a sentence, an example and a schema for each."""

from __future__ import annotations

from typing import Any, Final

from appealbridge.editor.models import Schema
from appealbridge.recipes.model.step import Overflow

CONDITION: Final[Schema] = {"$ref": "#/$defs/condition"}
CONDITIONS: Final[Schema] = {"type": "array", "minItems": 1, "items": CONDITION}

_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_NUMBER: Final[Schema] = {"type": "number"}
_ONE_VALUE: Final[Schema] = {"type": ["string", "number", "boolean"]}
_A_LIST: Final[Schema] = {"type": "array", "minItems": 1, "items": _ONE_VALUE}
_CLOCK: Final[Schema] = {
    "type": "string",
    "pattern": r"^\d{1,2}(:\d{2}(:\d{2}([.,]\d+)?)?|([:.]\d{2})? ?[AaPp]\.?[Mm]\.?)$",
}

_POINT: Final[Schema] = {
    "description": "Latitude, then longitude.",
    "examples": [[52.48, -1.89]],
    "anyOf": [
        {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 3},
        {"type": "object"},
        {"type": "string"},
    ],
}
_CIRCLE: Final[Schema] = {
    "type": "object",
    "properties": {
        "centre": _POINT,
        "radius": {
            "description": "How far from the centre.",
            "examples": ["5km", "800m", "3 miles"],
            "type": "string",
        },
    },
    "required": ["centre", "radius"],
    "additionalProperties": False,
}
_GEOJSON: Final[Schema] = {
    "type": "object",
    "properties": {
        "type": {
            "description": "GeoJSON, with longitude first, then latitude.",
            "enum": ["Polygon", "MultiPolygon", "Feature"],
        }
    },
    "required": ["type"],
}
_AREA: Final[Schema] = {
    "anyOf": [
        _CIRCLE,
        {"type": "array", "items": _POINT, "minItems": 3},
        {"type": "string", "minLength": 1},
        _GEOJSON,
    ]
}


def word(description: str, *examples: Any, **schema: Any) -> Schema:
    """Return the schema of one option, with what an editor says about it."""
    return {"description": description, "examples": list(examples), **schema}


OF_THE_STEP: Final[dict[str, Schema]] = {
    "id": word(
        "The step's name for `results` and `after`. If left out, the name of its action.",
        "blog",
        type="string",
        pattern=r"^[A-Za-z_]\w*$",
    ),
    "channel": word(
        "The account's name in appealbridge.yaml. You may leave it out if that platform has only one account.",
        "force_x",
        type="string",
    ),
    "after": word(
        "The ids of the steps that must be published first.",
        "blog",
        ["page", "tweet"],
        anyOf=[{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    ),
    "even_if_failed": word(
        "Whether to go on even if a step that this one waits for failed.",
        True,
        type="boolean",
        default=False,
    ),
    "overflow": word(
        "What to do with a text that is too long: nothing goes out, it is cut at a word, or it "
        "becomes several posts, each a reply to the one before.",
        "shorten",
        enum=[*Overflow],
        default="fail",
    ),
    "template": word(
        "Takes `text` from templates/NAME.txt and `html` from templates/NAME.html; one of them is enough.",
        "press-appeal",
        type="string",
        pattern="^[A-Za-z0-9_-]+$",
    ),
}
"""What every step may say besides `action` and the action's own options."""

FIELD: Final[Schema] = word(
    "A JSONPath into the event's data, or a template, whose value is tested.",
    "$.severity",
    "{{ event.type }}",
    type="string",
    pattern=r"^\$|\{\{|\{%",
)

TESTS: Final[dict[str, Schema]] = {
    "equals": word("It is exactly this value.", "road", **_ONE_VALUE),
    "not": word("It is another value than this.", "test", **_ONE_VALUE),
    "in": word("It is one of these.", ["major", "critical"], **_A_LIST),
    "not_in": word("It is none of these.", ["test", "exercise"], **_A_LIST),
    "contains": word(
        "It has this in its text, or as one of its entries.", "Birmingham", **_ONE_VALUE
    ),
    "starts_with": word("It is a text that begins with this.", "M6", **_TEXT),
    "matches": word(
        "It is a text in which this RE2 pattern is found; ^ and $ mark its ends.",
        "^A[0-9]+",
        **_TEXT,
    ),
    "above": word("It is a number above this.", 3, **_NUMBER),
    "below": word("It is a number below this.", 10, **_NUMBER),
    "within": word(
        "It is a place in this circle or area; numbers are latitude, then longitude.",
        {"centre": [52.48, -1.89], "radius": "5km"},
        [[52.5, -1.9], [52.5, -1.8], [52.4, -1.9]],
        "city_centre",
        **_AREA,
    ),
    "exists": word("It is there; with `false`, it is not there.", True, type="boolean"),
}
"""What may be asked of a field."""

COMBINED: Final[dict[str, Schema]] = {
    "all": word("Each of these must hold.", [{"field": "$.road", "exists": True}], **CONDITIONS),
    "any": word("One of these is enough.", [{"field": "$.road", "exists": True}], **CONDITIONS),
    "none": word(
        "None of these may hold.", [{"field": "$.exercise", "equals": True}], **CONDITIONS
    ),
}

BETWEEN: Final[dict[str, Schema]] = {
    "between": word(
        "The time of day when the event came in, from and to. It goes over midnight if the second "
        "time is earlier.",
        ["07:00", "22:00"],
        type="array",
        items=_CLOCK,
        minItems=2,
        maxItems=2,
    ),
    "time_zone": word(
        "The time zone. If left out, that of the settings.", "Europe/London", type="string"
    ),
}
