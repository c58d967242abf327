"""Compiles the `conditions:` of a recipe and the `if:` of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from appealbridge.documents import Path, path_text, texts_in
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.recipes.conditions import conditions as checks
from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.conditions.operators import plain
from appealbridge.recipes.conditions.postcodes import is_district
from appealbridge.recipes.conditions.schema import CONDITIONS, Between, FieldTest
from appealbridge.recipes.model.synonyms import CONDITIONS as CURES
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.templates.fast_path import is_template
from appealbridge.recipes.templates.syntax import Chain


def read_conditions(reading: ParsingContext, value: Any, path: Path) -> list[Condition]:
    """Return the conditions at a path, without those that have a mistake."""
    return _ConditionReader(reading, results=False).several(value, path)


def read_if(
    reading: ParsingContext, value: Any, path: Path
) -> tuple[Condition | None, tuple[Chain, ...]]:
    """
    Return the condition of an `if:`, which may be a list, and every name that it reads.

    It may use the results of steps. The condition is `None` if it has a mistake.
    """
    reader = _ConditionReader(reading, results=True)
    conditions = (
        reader.several(value, path) if isinstance(value, list) else [reader.condition(value, path)]
    )
    understood = [condition for condition in conditions if condition is not None]
    return checks.every(understood) if understood else None, tuple(reader.chains)


class _ConditionReader:
    """
    Reads conditions.

    `results` is whether they may use results of steps; `chains` collects the names that they read.
    """

    def __init__(self, reading: ParsingContext, *, results: bool) -> None:
        self._reading = reading
        self._results = results
        self.chains: list[Chain] = []

    def several(self, value: Sequence[Any], path: Path) -> list[Condition]:
        conditions = (self.condition(each, (*path, number)) for number, each in enumerate(value))
        return [condition for condition in conditions if condition is not None]

    def condition(self, value: Any, path: Path) -> Condition | None:
        if isinstance(value, str):
            return self._template(value, path)
        if not isinstance(value, dict):
            cure = "for example field: $.severity"
            self._reading.complain(path, "must be a template or a test", cure)
            return None
        kind = next((kind for kind in CONDITIONS if kind in value), None)
        if kind is None:
            self._unknown(value, path)
            return None
        read, right = self._reading.check(CONDITIONS[kind], value, path, kind)
        if "field" in right:
            fill = self._compiled(right["field"], (*path, "field"))
        match read:
            case FieldTest():
                self._note_words(value, path)
                self._note_postcodes(read.field, value.get("starts_with"), path)
                questions = [question for name in value if (question := read.question(name))]
                return checks.field(read.field, fill, questions, exists=read.exists)
            case Between():
                return checks.between(*read.between, read.time_zone)
            case _ if kind in ("all", "any", "none"):
                return self._combined(kind, right.get(kind, []), (*path, kind))
        return None

    def _note_words(self, value: dict[str, Any], path: Path) -> None:
        """Add a note about `on` and `yes` without quotes: they are text here, and never equal to true."""
        for name in ("equals", "not", "in", "not_in"):
            expected = value.get(name)
            for place, word in texts_in(expected, (*path, name)):
                suggestion = _BOOLEANS.get(self._reading.document.bare(place).lower())
                if suggestion is not None:
                    cure = f'write {suggestion} if the sender sends {suggestion}, else "{word}" in quotes'
                    message = f'this is the text "{word}", which never equals {suggestion}'
                    self._reading.note(place, message, cure)

    def _note_postcodes(self, field: str, expected: Any, path: Path) -> None:
        """Add a note about a text that begins like a postcode: `B5` is the beginning of `B50` too."""
        for place, text in texts_in(expected, (*path, "starts_with")):
            # M6 and A38 are roads, unless the field is called a postcode.
            if is_district(text) and ("post" in field.lower() or text[:1].upper() not in "AM"):
                message = f'"{text}" also takes {text}0 and all others that begin with {text}'
                cure = f"for a postcode, write in_postcode: {text}"
                self._reading.note(place, message, cure)

    def _unknown(self, value: dict[str, Any], path: Path) -> None:
        if "condition" in value:
            cure = CURES.get(str(value["condition"]), "for example field: $.severity, and equals:")
            message = "this does not begin a condition"
            self._reading.complain((*path, "condition"), message, cure, key=True)
            return
        first = next(iter(value), "")
        suggestion = next(
            (k for k, model in CONDITIONS.items() if first.lower() in model.ALSO), None
        )
        cure = f'did you mean "{suggestion}"?' if suggestion else did_you_mean(first, CONDITIONS)
        if first in FieldTest.names():
            cure = f"name the field too: field: $.severity, and {first}: below it"
        elif isinstance(value.get(first), (str, int, float)) and not cure.startswith("did you"):
            cure = f"name a field with field: $.{first}, and equals: below it"
        self._reading.complain((*path, first), "this does not begin a condition", cure, key=True)

    def _template(self, text: str, path: Path) -> Condition | None:
        if not is_template(text):
            cure = "put a template in {{ … }}, or test a field with field: and equals:"
            self._reading.complain(path, "a condition must depend on the event", cure)
            return None
        return checks.template(text.strip(), path_text(path), self._compiled(text, path))

    def _compiled(self, text: str, path: Path) -> Callable[[Any], Any]:
        expression = self._reading.compiled(text, path)
        self.chains += expression.chains
        if not self._results and any(name == "results" for name, _ in expression.chains):
            message = "conditions are checked before any step has results"
            self._reading.complain(path, message, "leave it out")
        return expression.fill

    def _combined(self, kind: str, written: Sequence[Any], path: Path) -> Condition | None:
        inner = self.several(written, path)
        if not inner or len(inner) < len(written):
            return None
        if kind == "none":
            return checks.no(inner, [*map(_one_line, written)])
        return checks.every(inner) if kind == "all" else checks.some(inner)


_BOOLEANS = {"on": "true", "yes": "true", "off": "false", "no": "false"}


def _one_line(value: Any) -> str:
    """Return a condition as a trace shows it, in one line."""
    if not isinstance(value, dict):
        return str(value).strip()
    if "field" in value:
        tests = (f"{key} {plain(expected)}" for key, expected in value.items() if key != "field")
        return f"{value['field']} {', '.join(tests)}"
    kind, inner = next(iter(value.items()))
    if kind == "between":
        return f"between {plain(inner)}"
    return f"{kind} of ({'; '.join(map(_one_line, inner))})"
