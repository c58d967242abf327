"""From the `conditions:` of a file, or the `if:` of a step, to compiled conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any

from appealbridge.documents import Path, path_text
from appealbridge.documents.diagnostic import did_you_mean, nearest
from appealbridge.model.moment import NoTime, clock, zone_named
from appealbridge.recipes.conditions import conditions as checks
from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.conditions.operators import OPERATORS, Question, plain
from appealbridge.recipes.parsing.areas import read_within
from appealbridge.recipes.parsing.context import Reading
from appealbridge.recipes.templates.fast_path import is_template
from appealbridge.recipes.templates.syntax import Chain

_KINDS = ("field", "all", "any", "none", "between")

TESTS = (*OPERATORS, "within", "exists")
"""What may be asked of a field."""

_MEANT = {
    "and": "all",
    "or": "any",
    "not": "none",
    "is": "equals",
    "eq": "equals",
    "one_of": "in",
    "includes": "contains",
    "regex": "matches",
    "greater_than": "above",
    "gt": "above",
    "less_than": "below",
    "lt": "below",
    "near": "within",
    "inside": "within",
}
"""Words of other tools, by what they are called here."""


def read_conditions(reading: Reading, value: Any, path: Path) -> list[Condition]:
    """Return the conditions at a path, complaining about those that cannot be understood."""
    return _Reader(reading, results=False).several(value, path)


def read_if(reading: Reading, value: Any, path: Path) -> tuple[Condition | None, tuple[Chain, ...]]:
    """
    Return what the `if:` of a step says, one condition or a list, and every name that it reads.

    Results of steps are in reach. The condition is `None` where it cannot be understood.
    """
    reader = _Reader(reading, results=True)
    found = reader.some(value, path) if isinstance(value, list) else [reader.one(value, path)]
    understood = [condition for condition in found if condition is not None]
    return checks.every(understood) if understood else None, tuple(reader.chains)


class _Reader:
    """Reads the conditions of one place, with whether `results` are in reach there; gathers what names they read."""

    def __init__(self, reading: Reading, *, results: bool) -> None:
        self._reading = reading
        self._results = results
        self.chains: list[Chain] = []

    def several(self, value: Any, path: Path) -> list[Condition]:
        if not isinstance(value, list):
            self._reading.complain(path, "must be a list", "begin each condition with a dash")
            return []
        found = (self.one(each, (*path, number)) for number, each in enumerate(value))
        return [condition for condition in found if condition is not None]

    def some(self, value: Any, path: Path) -> list[Condition]:
        if value == []:
            self._reading.complain(path, "has no condition in it", "write one, or leave it out")
        return self.several(value, path)

    def one(self, value: Any, path: Path) -> Condition | None:
        if isinstance(value, str):
            return self._template(value, path)
        if not isinstance(value, dict):
            cure = "for example field: $.severity"
            self._reading.complain(path, "must be a template or a test", cure)
            return None
        kind = next((kind for kind in _KINDS if kind in value), None)
        if kind is None:
            first = next(iter(value), "")
            cure = _meant(first, _KINDS)
            plain = isinstance(value.get(first), (str, int, float))
            if plain and not cure.startswith("did you"):
                cure = f"name a field with field: $.{first}, and equals: below it"
            if first in TESTS:
                cure = f"say of which field: field: $.severity, and {first}: below it"
            self._reading.complain((*path, first), "no condition begins like this", cure, key=True)
            return None
        if kind == "field":
            return self._field(value, path)
        return (
            self._between(value, path) if kind == "between" else self._combined(kind, value, path)
        )

    def _template(self, text: str, path: Path) -> Condition | None:
        if not is_template(text):
            cure = "put a template in {{ … }}, or test a field with field: and equals:"
            self._reading.complain(path, "this text is always the same", cure)
            return None
        return checks.template(text.strip(), path_text(path), self._compiled(text, path))

    def _compiled(self, text: str, path: Path) -> Callable[[Any], Any]:
        expression = self._reading.compiled(text, path)
        self.chains += expression.chains
        if not self._results and any(name == "results" for name, _ in expression.chains):
            words = "conditions are looked at before any step has results"
            self._reading.complain(path, words, "leave it out")
        return expression.fill

    def _field(self, value: dict[str, Any], path: Path) -> Condition | None:
        name = value["field"]
        for key in value:
            if key not in TESTS and key != "field":
                cure = _meant(key, TESTS)
                self._reading.complain((*path, key), f'unknown test "{key}"', cure, key=True)
        if not isinstance(name, str) or not (name.startswith("$") or is_template(name)):
            cure = "one begins with $, as $.severity"
            self._reading.complain((*path, "field"), "is no JSONPath", cure)
            return None
        exists = value.get("exists", True)
        if not isinstance(exists, bool):
            cure = "for example exists: true"
            self._reading.complain((*path, "exists"), "must be true or false", cure)
        if len(value) == 1:
            self._reading.complain(path, "tests nothing", "add equals:, in: or exists: below")
        if exists is False and len(value) > 2:
            words = "what is not there cannot be tested"
            self._reading.complain((*path, "exists"), words, "leave exists: or the other tests out")
        fill = self._compiled(name, (*path, "field"))
        return checks.field(name, fill, self._questions(value, path), exists=bool(exists))

    def _questions(self, value: dict[str, Any], path: Path) -> list[Question]:
        found = (self._question(key, wanted, (*path, key)) for key, wanted in value.items())
        return [question for question in found if question is not None]

    def _question(self, key: str, wanted: Any, path: Path) -> Question | None:
        if key == "within":
            return read_within(self._reading, wanted, path)
        if key not in OPERATORS:
            return None
        operator = OPERATORS[key]
        words = wanted if isinstance(wanted, list) else [wanted]
        if any(
            isinstance(one, str) and (is_template(one) or one.startswith("$.")) for one in words
        ):
            cure = 'compare in a template: "{{ event.data.a == event.data.b }}"'
            self._reading.complain(path, "only a fixed value can stand here", cure)
            return None
        wrong = operator.wrong(wanted)
        if not wrong:
            try:
                return operator.make(wanted)
            except ValueError as error:
                wrong = str(error)
        other = {"equals": "in", "not": "not_in"}.get(key) if isinstance(wanted, list) else None
        cure = f"several go under {other}:" if other else f"for example {key}: {operator.example}"
        self._reading.complain(path, wrong, cure)
        return None

    def _combined(self, kind: str, value: dict[str, Any], path: Path) -> Condition | None:
        self._only(value, (kind,), path)
        inner = self.some(value[kind], (*path, kind))
        if not inner:
            return None
        if kind == "none":
            texts = [_told(one) for one in value[kind]]
            return checks.no(inner, texts) if len(inner) == len(texts) else None
        return checks.every(inner) if kind == "all" else checks.some(inner)

    def _between(self, value: dict[str, Any], path: Path) -> Condition | None:
        self._only(value, ("between", "time_zone"), path)
        times = value["between"]
        where = (*path, "between")
        start, end = map(_clock, times if isinstance(times, list) and len(times) == 2 else ("", ""))
        if start is None or end is None:
            self._reading.complain(where, "must be two times", 'for example ["07:00", "22:00"]')
            return None
        if start == end:
            self._reading.complain(where, "begins when it ends", "leave it out for the whole day")
        zone = value.get("time_zone")
        if zone is None:
            return checks.between(start, end, None)
        try:
            return checks.between(start, end, zone_named(zone))
        except NoTime as wrong:
            self._reading.complain((*path, "time_zone"), str(wrong), wrong.cure)
            return None

    def _only(self, value: dict[str, Any], known: tuple[str, ...], path: Path) -> None:
        for key in value:
            if key not in known:
                near = nearest(key, known)
                cure = f'did you mean "{near}"?' if near else "begin a condition of its own with it"
                words = f'"{key}" does not go with "{known[0]}"'
                self._reading.complain((*path, key), words, cure, key=True)


def _clock(value: Any) -> time | None:
    """Return a time of day; `24:00` is the midnight at its end."""
    if not isinstance(value, str):
        return None
    return clock("00:00" if value == "24:00" else value)


def _meant(word: str, known: tuple[str, ...]) -> str:
    meant = _MEANT.get(word.lower(), "")
    return f'did you mean "{meant}"?' if meant in known else did_you_mean(word, known)


def _told(value: Any) -> str:
    """Return a condition in one line, as a trace names it."""
    if not isinstance(value, dict):
        return str(value).strip()
    if "field" in value:
        asked = (f"{key} {plain(wanted)}" for key, wanted in value.items() if key != "field")
        return f"{value['field']} {', '.join(asked)}"
    kind, inner = next(iter(value.items()))
    if kind == "between":
        return f"between {plain(inner)}"
    return f"{kind} of ({'; '.join(map(_told, inner))})"
