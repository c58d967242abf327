"""
The entries of `actions:` that choose, wait or end the run, and the common options of all publishing entries.

A new option is one field here. A new kind of entry is a model here, in `FLOW`, and a function in
`parsing/flow`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from appealbridge.documents.validation import is_filled_in
from appealbridge.model.amendment import Instead
from appealbridge.model.duration import PATTERN
from appealbridge.model.moment import CURE, read
from appealbridge.recipes.model.base import (
    TEMPLATE,
    ZONE,
    Entry,
    Or,
    Text,
    formed,
    must_be,
    needed,
    option,
    wrong,
)
from appealbridge.recipes.model.step import Overflow
from appealbridge.recipes.model.synonyms import ENTRIES, OPTIONS
from appealbridge.recipes.planning.times import length, moment

POST = "post"
"""The action that publishes on many channels at once."""

AMEND = "amend"
"""The action that corrects what an earlier step published."""


def _a_length(value: Any) -> Any:
    if not is_filled_in(value):
        length(value)
    return value


def _a_moment(value: Any, info: ValidationInfo) -> Any:
    zone = (info.context or {}).get(ZONE, UTC)
    if value is None or isinstance(value, list | dict):
        empty = ", but is empty" if value is None else ""
        raise wrong(f"must be one time{empty}", CURE)
    if not isinstance(value, str):
        moment(value, 0.0, zone)
    elif not is_filled_in(value) and isinstance((time := read(value, zone)).day, date):
        time.at(0.0, zone)
    return value


def _a_name(value: str) -> str:
    if not value.isidentifier():
        cure = "use letters, digits and _, so that results.<id> can name it"
        raise wrong(f'the id "{value}" is not a valid name', cure)
    return value


def _not_empty(value: Any) -> Any:
    if value == []:
        raise wrong("has no condition", "write one, or leave it out")
    return value


_CONDITION: Final = {"part": "condition"}
_STEPS: Final = "steps"
"""Marks an option that holds entries of `actions:`."""

_Steps = Annotated[
    list[Annotated[Any, WithJsonSchema({"part": "step"})]],
    must_be("a list", "begin each step with a dash"),
    _STEPS,
]
_If = Annotated[
    Any,
    AfterValidator(_not_empty),
    WithJsonSchema({"anyOf": [_CONDITION, {"type": "array", "minItems": 1, "items": _CONDITION}]}),
]
_Length = Annotated[
    Any,
    AfterValidator(_a_length),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": PATTERN}, TEMPLATE]}),
]
_Types = Annotated[
    Text | Annotated[list[Text], Field(min_length=1)],
    must_be(
        "the type of an event, or a list of types",
        "for example appeal.closed, or [appeal.updated, appeal.closed]",
    ),
]
_After = Annotated[
    str | list[str],
    must_be("a step's id, or a list of them", "for example blog"),
    needed("The ids of the steps that must be published first.", "blog", ["page", "tweet"]),
]

_SHOWN: Final = [{"action": "tweet", "channel": "force_x", "text": "{{ appeal.title }}"}]
_IF_SHOWN: Final = "{{ appeal.kind == 'missing' }}"
_TYPES_SHOWN: Final = ["appeal.closed", ["appeal.updated", "appeal.closed"]]


class IfEntry(Entry):
    """What must hold: one condition, or a list."""

    SYNONYMS: ClassVar = {"elif": "write choose: with a branch for each, or another if under else:"}

    if_: _If = needed("What must hold: one condition, or a list.", "{{ appeal.area is defined }}")
    then: _Steps = needed("What to do if it holds.", _SHOWN)
    else_: _Steps = option("What to do if it does not hold.", _SHOWN)
    after: _After = ""


class WayEntry(Entry):
    """One branch, with its conditions."""

    SYNONYMS: ClassVar = {
        "when": "if", "do": "sequence", "actions": "sequence",
        "default": "write it without a dash, directly below choose",
        "else": "write it without a dash, directly below choose",
    }  # fmt: skip

    if_: _If = option("The same as `conditions`.", _IF_SHOWN)
    then: _Steps | None = option("The same as `sequence`.", _SHOWN)
    conditions: Annotated[_If, Or("if", "put what is done in all other cases under default:")] = (
        needed("The conditions for this branch.", _IF_SHOWN)
    )
    sequence: Annotated[_Steps | None, Or("then", "write what is done then")] = needed(
        "What is done then.", _SHOWN
    )


class ChooseEntry(Entry):
    """Several branches. The recipe takes the first one whose conditions hold."""

    choose: Annotated[
        list[Annotated[dict[str, Any], formed(WayEntry), _STEPS]],
        Field(min_length=1),
        must_be(
            "a list of branches",
            "begin each branch with a dash, and give it conditions: and sequence:",
        ),
    ] = needed(
        "Several branches. The recipe takes the first one whose conditions hold.",
        [{"conditions": _IF_SHOWN, "sequence": _SHOWN}],
    )
    default: _Steps | None = option("What to do in all other cases.", _SHOWN)
    else_: Annotated[_Steps | None, Or("default")] = option("The same as `default`.", _SHOWN)
    after: _After = ""


class DelayTime(Entry):
    """For how long, or until when."""

    SYNONYMS: ClassVar = dict.fromkeys(
        ("days", "hours", "minutes", "seconds", "milliseconds"), "write it as one: delay: 1h30m"
    ) | dict.fromkeys(("at", "embargo", "not_before", "till", "time"), "until")

    until: Annotated[Any, AfterValidator(_a_moment), WithJsonSchema({"type": "string"})] = option(
        "A time of day (the next one), a date with a time, or a template.",
        "07:00",
        "tomorrow 10:00",
        "2026-05-01T09:00",
        "{{ appeal.deadline }}",
    )
    for_: Annotated[_Length, Or("until", 'for example for: 2h, or until: "07:00"')] = needed(
        "For how long.", "2h"
    )


class DelayEntry(Entry):
    """How long to wait, or until when."""

    delay: _Length | Annotated[dict[str, Any], formed(DelayTime)] = needed(
        "How long to wait, or until when.", "2h", {"until": "07:00"}
    )
    after: _After = ""


class AwaitedEvent(Entry):
    """Events of these types for which the conditions hold."""

    types: _Types = needed("The type of the event, or several.", *_TYPES_SHOWN)
    conditions: _If = option("What must hold for it.", "{{ event.data.severity == 'major' }}")


class WaitForEntry(Entry):
    """The event to wait for, on the same subject."""

    SYNONYMS: ClassVar = {"continue_on_timeout": ENTRIES["continue_on_timeout"]}

    wait_for: _Types | Annotated[dict[str, Any], formed(AwaitedEvent)] = needed(
        "The event to wait for, on the same subject.", *_TYPES_SHOWN
    )
    timeout: _Length = needed("The longest time to wait.", "3d")
    on_timeout: Annotated[
        Literal["continue", "stop"] | _Steps,
        must_be("continue, stop, or a list of steps", "if left out, it is continue"),
    ] = option(
        "What to do if nothing came: continue, stop, or a list of steps.",
        "stop",
        default="continue",
    )
    after: _After = ""


class StopEntry(Entry):
    """Ends the run, for this reason."""

    stop: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = needed(
        "Ends the run, for this reason.", "closed"
    )
    after: _After = ""


FLOW: Final[Mapping[str, type[Entry]]] = {
    model.names()[0]: model for model in (IfEntry, ChooseEntry, DelayEntry, WaitForEntry, StopEntry)
}
"""The entries that do not publish, by their first option."""


def _holds_steps(annotation: Any) -> bool:
    inner = get_args(annotation)
    return _STEPS in inner or any(map(_holds_steps, inner))


def _step_lists(model: type[Entry]) -> list[str]:
    options = model.options().items()
    return [n for n, f in options if _STEPS in f.metadata or _holds_steps(f.annotation)]


STEP_LISTS: Final = {word: _step_lists(model) for word, model in FLOW.items()}
"""The options of each kind of entry that contain other entries."""

IN_A_WAY: Final = _step_lists(WayEntry)
"""The same for a branch of `choose`."""

BESIDE: Final = {
    name: word for word, model in reversed([*FLOW.items()]) for name in model.names()[1:-1]
}
"""Options that cannot begin an entry, with the first option of the entry that each belongs to."""

_STEERING: Final[Sequence[type[Entry]]] = (*FLOW.values(), WayEntry, AwaitedEvent)
DECIDES: Final = frozenset(
    name for model in _STEERING for name in model.names() if name not in _step_lists(model)
)
"""Options whose texts are never published."""


_Overflow = Annotated[
    Overflow,
    needed(
        "What to do with a text that is too long: nothing goes out, it is cut at a word, or it "
        "becomes several posts, each a reply to the one before.",
        "shorten",
    ),
]
_Template = Annotated[
    str,
    needed(
        "Takes `text` from templates/NAME.txt and `html` from templates/NAME.html; one of them is enough.",
        "press-appeal",
        pattern="^[A-Za-z0-9_-]+$",
    ),
    must_be("a template's name", "use letters, digits, - and _, without an ending"),
]


class _Publishing(Entry):
    action: str = needed("What is done.", "tweet")
    id: Annotated[str, AfterValidator(_a_name)] = option(
        "The step's name for `results` and `after`. If left out, the name of its action.",
        "blog",
        json_schema_extra={"pattern": r"^[A-Za-z_]\w*$"},
    )
    after: _After = ""
    even_if_failed: StrictBool = option(
        "Whether to go on even if a step that this one waits for failed.", True, default=False
    )
    overflow: _Overflow = Overflow.FAIL


class StepEntry(_Publishing):
    """The options of a step that do not depend on its action."""

    SYNONYMS: ClassVar = OPTIONS

    channel: Annotated[
        str,
        must_be("the name of one account", "for several, write action: post, and to: with a list"),
    ] = option(
        "The account's name in appealbridge.yaml. You may leave it out if that platform has only one account.",
        "force_x",
    )
    template: _Template = ""


class OneChannel(Entry):
    """The options of one channel of a `post`."""

    overflow: _Overflow = Overflow.FAIL
    template: _Template = ""


_PerChannel = dict[
    str,
    Annotated[
        dict[str, Any],
        formed(OneChannel),
        must_be("options of this channel", "for example { text: … }"),
    ],
]


class PostEntry(_Publishing):
    """Publish on many channels at once."""

    to: Annotated[
        str | Annotated[list[str], Field(min_length=1)],
        must_be("a list of channels", "for example [force_x, force_facebook]"),
    ] = needed("The channels, by their names in appealbridge.yaml.", ["force_x", "force_facebook"])
    per_channel: _PerChannel = option(
        "Different or additional options for one channel.",
        {"force_x": {"text": "{{ appeal.title | shorten(200) }}"}},
    )


class AmendEntry(_Publishing):
    """Correct what an earlier step published about the same subject."""

    of: str = needed(
        "The step of this recipe whose posts about the subject get this text.", "appeal"
    )
    instead: Instead = option(
        "What to do where the platform cannot edit: `follow_up` publishes a reply, or sends a mail that is shown "
        "below the first one; `replace` publishes the text anew and then withdraws the earlier post, "
        "with the corrections that replied to it; `nothing` "
        "leaves it as it is.",
        "replace",
        default=Instead.FOLLOW_UP,
    )
    per_channel: _PerChannel = option(
        "Different or additional options for one channel.",
        {"press_office": {"subject": "Correction: {{ appeal.title }}"}},
    )
