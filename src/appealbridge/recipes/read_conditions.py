"""From the `conditions:` of a file to compiled conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appealbridge.documents import Path, path_text
from appealbridge.documents.problem import did_you_mean
from appealbridge.recipes import conditions as made
from appealbridge.recipes.conditions import Condition
from appealbridge.recipes.operators import OPERATORS
from appealbridge.recipes.pieces import is_template
from appealbridge.recipes.reading import Reading

_KINDS = ("field", "all", "any", "none", "between")


def read_conditions(reading: Reading, value: Any, path: Path) -> list[Condition]:
    """Return the conditions at a path, complaining about those that cannot be understood."""
    if not isinstance(value, list):
        reading.complain(path, "must be a list", "begin each condition with a dash")
        return []
    found = (_condition(reading, one, (*path, number)) for number, one in enumerate(value))
    return [condition for condition in found if condition is not None]


def _condition(reading: Reading, value: Any, path: Path) -> Condition | None:
    if isinstance(value, str):
        return _template(reading, value, path)
    if not isinstance(value, dict):
        reading.complain(path, "must be a template or a test", "for example field: $.severity")
        return None
    kind = next((kind for kind in _KINDS if kind in value), None)
    if kind is None:
        first = next(iter(value), "")
        cure = did_you_mean(first, _KINDS)
        reading.complain((*path, first), "no condition begins like this", cure, key=True)
        return None
    return _READERS[kind](reading, value, path)


def _template(reading: Reading, text: str, path: Path) -> Condition | None:
    if not is_template(text):
        cure = "put a template in {{ … }}, or test a field with field: and equals:"
        reading.complain(path, "this text is always the same", cure)
        return None
    expression = reading.compiled(text, path)
    if any(name == "results" for name, _ in expression.chains):
        reading.complain(
            path, "conditions are looked at before any step has results", "leave it out"
        )
    return made.template(text.strip(), path_text(path), expression.fill)


def _field(reading: Reading, value: dict[str, Any], path: Path) -> Condition | None:
    name = value["field"]
    known = ("field", "exists", *OPERATORS)
    for key in value:
        if key == "within":
            reading.complain((*path, key), "within is not available yet", "leave it out", key=True)
        elif key not in known:
            cure = did_you_mean(key, known)
            reading.complain((*path, key), f'unknown test "{key}"', cure, key=True)
    if not isinstance(name, str) or not (name.startswith("$") or is_template(name)):
        reading.complain((*path, "field"), "is no JSONPath", "one begins with $, as $.severity")
        return None
    exists = value.get("exists", True)
    if not isinstance(exists, bool):
        reading.complain((*path, "exists"), "must be true or false", "for example exists: true")
    if len(value) == 1:
        reading.complain(path, "tests nothing", "add equals:, in: or exists: below")
    fill = reading.compiled(name, (*path, "field")).fill
    return made.field(name, fill, _questions(reading, value, path), exists=bool(exists))


def _questions(
    reading: Reading, value: dict[str, Any], path: Path
) -> list[tuple[str, Callable[[Any], bool]]]:
    questions = []
    for key, wanted in value.items():
        if key not in OPERATORS:
            continue
        check, make, example = OPERATORS[key]
        wrong = check(wanted)
        if wrong:
            reading.complain((*path, key), wrong, f"for example {key}: {example}")
            continue
        try:
            questions.append((f"{key} {wanted}".replace("'", '"'), make(wanted)))
        except ValueError as error:
            reading.complain((*path, key), str(error), f"for example {key}: {example}")
    return questions


def _combined(kind: str) -> Callable[[Reading, dict[str, Any], Path], Condition | None]:
    def read(reading: Reading, value: dict[str, Any], path: Path) -> Condition | None:
        _only(reading, value, (kind,), path)
        inner = read_conditions(reading, value[kind], (*path, kind))
        if not inner:
            return None
        if kind == "none":
            return made.no(inner, [str(one) for one in value[kind]][: len(inner)])
        return made.every(inner) if kind == "all" else made.some(inner)

    return read


def _between(reading: Reading, value: dict[str, Any], path: Path) -> Condition | None:
    _only(reading, value, ("between", "time_zone"), path)
    times = value["between"]
    try:
        start, end = (time.fromisoformat(one) for one in times)
    except (TypeError, ValueError):
        reading.complain((*path, "between"), "must be two times", 'for example ["07:00", "22:00"]')
        return None
    zone = value.get("time_zone")
    if zone is None:
        return made.between(start, end, None)
    try:
        return made.between(start, end, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        reading.complain(
            (*path, "time_zone"), f'unknown time zone "{zone}"', "for example Europe/London"
        )
        return None


def _only(reading: Reading, value: dict[str, Any], known: tuple[str, ...], path: Path) -> None:
    for key in value:
        if key not in known:
            reading.complain(
                (*path, key),
                f'"{key}" does not go with "{known[0]}"',
                did_you_mean(key, known),
                key=True,
            )


_READERS: dict[str, Callable[[Reading, dict[str, Any], Path], Condition | None]] = {
    "field": _field,
    "all": _combined("all"),
    "any": _combined("any"),
    "none": _combined("none"),
    "between": _between,
}
