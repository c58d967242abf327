"""
The steps of a recipe that publish nothing and steer the others, as a JSON Schema tells of them.

All of it stands in one table: a word that begins a step, what stands beside it, and which of that
must. A new step of this sort is one more row.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from appealbridge.editor.models import DURATION, TEMPLATE, Schema
from appealbridge.editor.words import CONDITIONS, OF_THE_STEP, word

_STEPS: Final[Schema] = {"type": "array", "items": {"$ref": "#/$defs/step"}}
_SHOWN: Final = [{"action": "tweet", "channel": "force_x", "text": "{{ headline }}"}]
_IF: Final[Schema] = {"anyOf": [{"$ref": "#/$defs/condition"}, CONDITIONS]}
_LENGTH: Final[Schema] = {"anyOf": [DURATION, TEMPLATE]}
_TYPE: Final[Schema] = {"type": "string", "minLength": 1}
_TYPES: Final[Schema] = {"anyOf": [_TYPE, {"type": "array", "items": _TYPE, "minItems": 1}]}
_TYPES_SHOWN: Final = ("appeal.closed", ["appeal.updated", "appeal.closed"])


class _Row(NamedTuple):
    """A step by the word it begins with: `parts` are all its words, `needed` those that have to be there."""

    word: str
    parts: dict[str, Schema]
    needed: tuple[str, ...] = ()


def _object(description: str, parts: dict[str, Schema], **more: Any) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": parts,
        "additionalProperties": False,
        **more,
    }


_WAY: Final = _object(
    "One branch, with its conditions.",
    {
        "conditions": word(
            "The conditions for this branch.", "{{ appeal.kind == 'missing' }}", **_IF
        ),
        "sequence": word("What is done then.", _SHOWN, **_STEPS),
        "if": word("The same as `conditions`.", "{{ appeal.kind == 'missing' }}", **_IF),
        "then": word("The same as `sequence`.", _SHOWN, **_STEPS),
    },
    allOf=[
        {"oneOf": [{"required": [one]}, {"required": [other]}]}
        for one, other in (("conditions", "if"), ("sequence", "then"))
    ],
)

_UNTIL: Final = word(
    "A time of day (the next one), a date with a time, or a template.",
    "07:00",
    "tomorrow 10:00",
    "2026-05-01T09:00",
    "{{ appeal.deadline }}",
    type="string",
)

_DELAY: Final[Schema] = {
    "anyOf": [
        *_LENGTH["anyOf"],
        _object(
            "For how long, or until when.",
            {"for": word("For how long.", "2h", **_LENGTH), "until": _UNTIL},
            minProperties=1,
            maxProperties=1,
        ),
    ]
}

_WAIT_FOR: Final[Schema] = {
    "anyOf": [
        *_TYPES["anyOf"],
        _object(
            "Events of these types for which the conditions hold.",
            {
                "types": word("The type of the event, or several.", *_TYPES_SHOWN, **_TYPES),
                "conditions": word(
                    "What must hold for it.", "{{ event.data.severity == 'major' }}", **_IF
                ),
            },
            required=["types"],
        ),
    ]
}

_ROWS: Final = (
    _Row(
        "if",
        {
            "if": word("What must hold: one condition, or a list.", "{{ appeal.area is defined }}", **_IF),
            "then": word("What to do if it holds.", _SHOWN, **_STEPS),
            "else": word("What to do if it does not hold.", _SHOWN, **_STEPS),
        },
        ("then",),
    ),
    _Row(
        "choose",
        {
            "choose": word(
                "Several branches. The recipe takes the first one whose conditions hold.",
                [{"conditions": "{{ appeal.kind == 'missing' }}", "sequence": _SHOWN}],
                type="array",
                items=_WAY,
                minItems=1,
            ),
            "default": word("What to do in all other cases.", _SHOWN, **_STEPS),
            "else": word("The same as `default`.", _SHOWN, **_STEPS),
        },
    ),
    _Row(
        "delay",
        {"delay": word("How long to wait, or until when.", "2h", {"until": "07:00"}, **_DELAY)},
    ),
    _Row(
        "wait_for",
        {
            "wait_for": word(
                "The event to wait for, on the same subject.", *_TYPES_SHOWN, **_WAIT_FOR
            ),
            "timeout": word("The longest time to wait.", "3d", **_LENGTH),
            "on_timeout": word(
                "What to do if nothing came: continue, stop, or a list of steps.",
                "stop",
                anyOf=[{"enum": ["continue", "stop"]}, _STEPS],
                default="continue",
            ),
        },
        ("timeout",),
    ),
    _Row("stop", {"stop": word("Ends the run, for this reason.", "closed", **_TYPE)}),
)  # fmt: skip


def flow() -> list[Schema]:
    """Return the schemas of all steps that steer."""
    return [
        {
            "title": row.word,
            **_object(
                row.parts[row.word]["description"], {**row.parts, "after": OF_THE_STEP["after"]}
            ),
            "required": [row.word, *row.needed],
        }
        for row in _ROWS
    ]
