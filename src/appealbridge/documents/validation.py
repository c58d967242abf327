"""Checks a document's value against a pydantic model and reports every error at its place in plain words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from appealbridge.documents.diagnostic import (
    REPORT,
    Problem,
    did_you_mean,
    fault,
    hint_for,
    nearest,
)
from appealbridge.documents.document import Document
from appealbridge.documents.messages.hints import NO_BREAK_SPACE, ORDINARY_SPACE
from appealbridge.documents.messages.pydantic import BY_VALIDATORS, cure, missing_cure, sentence
from appealbridge.documents.path import Path, texts_in
from appealbridge.model.duration import WRITTEN

M = TypeVar("M", bound=BaseModel)

_AS_WRITTEN = {WRITTEN: True}
_MOST_ERRORS = 1000

NOWHERE: Mapping[str, Path] = MappingProxyType({})
NO_CONTEXT: Mapping[str, Any] = MappingProxyType({})
NO_HINTS: Mapping[str, str] = MappingProxyType({})


def check(
    document: Document, path: Path, model: type[M], **how: Any
) -> tuple[M | None, list[Problem]]:
    """
    Validate the value at `path` with a model; return the instance, or `None`, and all problems.

    A missing value is checked as an empty mapping. `how` is as for `check_value`.
    """
    return check_value(document, path, _follow(document.value, path), model, **how)


def check_value(
    document: Document,
    path: Path,
    value: Any,
    model: type[M],
    *,
    skip_templates: bool = False,
    owner: str = "",
    beside: Collection[str] = (),
    elsewhere: Mapping[str, Path] = NOWHERE,
    context: Mapping[str, Any] = NO_CONTEXT,
    synonyms: Mapping[str, str] = NO_HINTS,
) -> tuple[M | None, list[Problem]]:
    """
    Do the same with a value that is made from the one at `path` by adding or removing names.

    With `skip_templates` errors about templates and JSONPaths are dropped, since only their final
    value can be judged; then there may be neither an instance nor a problem. `owner` is what the
    options belong to, for messages about unknown ones. `beside` are further names that are allowed.
    `elsewhere` has the paths of names that are in another place in the document. `context` is
    passed to the model's validators. `synonyms` maps mistaken names to the right one, or to the cure, as
    a model's `SYNONYMS` does.
    """
    try:
        return model.model_validate(
            {} if value is None else value, context={**_AS_WRITTEN, **context}
        ), []
    except ValidationError as failure:
        listed = None if skip_templates else _with_lists(model, value, failure)
        if listed is not None:
            return check_value(
                document, path, listed, model, owner=owner, beside=beside, elsewhere=elsewhere,
                context=context, synonyms=synonyms,
            )  # fmt: skip
        errors = _by_place(failure, {} if value is None else value)
    except Exception as error:  # noqa: BLE001 - a plug-in's own checks may raise anything
        if skip_templates and _any_filled_in(value):
            return None, []
        what = f'"{owner}" cannot check this' if owner else "this cannot be checked"
        return None, [
            document.problem(path, f"{what}: {fault(error, secret=True)}", REPORT, fault=True)
        ]
    if skip_templates:
        errors = {w: f for w, f in errors.items() if not _too_early(f[0], _follow(value, w))}
    # To say what each of tens of thousands means would take half a minute.
    errors = dict(islice(errors.items(), _MOST_ERRORS))
    _drop_the_missing_that_are_misspelt(errors)
    _drop_the_too_few_that_are_wrong(errors)
    reporter = _Reporter(document, path, model, owner, beside, elsewhere, synonyms)
    problems = [reporter.problem(where, some) for where, some in errors.items()]
    return None, sorted(problems, key=lambda problem: (problem.line, problem.column))


def with_lists(model: type[BaseModel], value: Any, context: Mapping[str, Any]) -> Any:
    """Return a value in which one word that stands where the model wants a list has become a list of it."""
    try:
        model.model_validate(value, context={**_AS_WRITTEN, **context})
    except ValidationError as failure:
        listed = _with_lists(model, value, failure)
        return value if listed is None else listed
    except Exception:  # noqa: BLE001 - whoever checks the value reports it
        return value
    return value


def _with_lists(model: type[BaseModel], value: Any, failure: ValidationError) -> Any | None:
    """Return the value with lists of one word, `None` if that changes nothing."""
    changed = None
    for error in failure.errors(include_url=False) if isinstance(value, dict) else ():
        word = error["input"]
        where = _where(value, error["loc"], missing=False)
        if error["type"] not in _NO_LISTS or not isinstance(word, str) or not word or not where:
            continue
        # Below a mapping with free names, it is the mapping's field that says what its values are.
        field = _declared(model, where)[1] or _declared(model, where[:-1])[1]
        if field is not None and _takes_words(field.annotation, template=is_filled_in(word)):
            changed = _replaced(value if changed is None else changed, where, [word])
    return changed


_NO_LISTS = frozenset(("list_type", "tuple_type", "set_type", "frozen_set_type"))


def _takes_words(annotation: Any, *, template: bool) -> bool:
    """Return whether entries of a list can be words; those that may be anything, only templates."""
    if get_origin(annotation) in (list, tuple, set, frozenset):
        return any(_is_word(entry, template=template) for entry in get_args(annotation))
    return any(_takes_words(each, template=template) for each in get_args(annotation))


def _is_word(annotation: Any, *, template: bool) -> bool:
    if annotation is str or get_origin(annotation) is Literal:
        return True
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return True
    if get_origin(annotation) in (list, tuple, set, frozenset, dict):
        return False
    return (annotation is Any and template) or any(
        _is_word(each, template=template) for each in get_args(annotation)
    )


def _replaced(value: Any, where: Path, new: Any) -> Any:
    """Return a copy of a value in which what stands at a place is another value."""
    if not where:
        return new
    copied = value.copy()
    copied[where[0]] = _replaced(value[where[0]], where[1:], new)
    return copied


def explain(failure: ValidationError, value: Any) -> list[tuple[Path, str]]:
    """Return pydantic's errors about a value that is not in a document: the place of each, and a message."""
    return [
        (where, "is missing" if errors[0]["type"] == "missing" else sentence(errors))
        for where, errors in _by_place(failure, value).items()
    ]


def _by_place(failure: ValidationError, value: Any) -> dict[Path, list[ErrorDetails]]:
    by_place: dict[Path, list[ErrorDetails]] = {}
    for error in failure.errors(include_url=False):
        where = _where(value, error["loc"], missing=error["type"] == "missing")
        by_place.setdefault(where, []).append(error)
    return by_place


def _drop_the_missing_that_are_misspelt(errors: dict[Path, list[ErrorDetails]]) -> None:
    """Report that a name is misspelt, and not that the right one is missing too."""
    missing = {w for w, some in errors.items() if some[0]["type"] == "missing"}
    for where in [w for w, some in errors.items() if some[0]["type"] == "extra_forbidden"]:
        beside = {str(w[-1]): w for w in missing if w[:-1] == where[:-1]}
        suggestion = nearest(str(where[-1]), beside)
        for name, place in beside.items():
            # An option with an alternative is not missing where an unknown one may be meant for it.
            if name == suggestion or (
                place in errors and "cure" in errors[place][0].get("ctx", {})
            ):
                errors.pop(place, None)


def _drop_the_too_few_that_are_wrong(errors: dict[Path, list[ErrorDetails]]) -> None:
    """Report that a list's entries are wrong, and not that there are too few right ones too."""
    for where in [w for w, some in errors.items() if some[0]["type"] == "too_short"]:
        if any(len(other) > len(where) and other[: len(where)] == where for other in errors):
            del errors[where]


def _too_early(error: ErrorDetails, value: Any) -> bool:
    """Return whether only the final value can be judged; for a whole mapping, if its own validator failed."""
    if error["type"] in ("value_error", "assertion_error"):
        return _any_filled_in(value)
    return error["type"] not in ("missing", "extra_forbidden") and is_filled_in(value)


def _any_filled_in(value: Any) -> bool:
    return any(is_filled_in(text) for _, text in texts_in(value))


def is_filled_in(value: Any) -> bool:
    """Return whether a value is a template or a JSONPath, whose final value depends on the event."""
    return isinstance(value, str) and (
        "{{" in value or "{%" in value or value.startswith(("$.", "$["))
    )


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Turns pydantic's errors about one value into problems."""

    document: Document
    path: Path
    model: type[BaseModel]
    owner: str
    beside: Collection[str]
    elsewhere: Mapping[str, Path]
    synonyms: Mapping[str, str]

    def problem(self, where: Path, errors: Sequence[ErrorDetails]) -> Problem:
        """Return the problem with what stands at `where` below the value."""
        error = errors[0]
        models, field = _declared(self.model, where)
        if error["type"] == "extra_forbidden":
            return self._unknown(where, models)
        if error["type"] == "missing":
            name = (field and field.alias) or str(where[-1])
            own_cure = error.get("ctx", {}).get("cure")
            return self.document.problem(
                self._at(where[:-1]),
                f'"{name}" is missing',
                own_cure or missing_cure(name, field),
                key=True,
            )
        message, beside = sentence(errors), error["type"] == "beside"
        if error["type"] in BY_VALIDATORS:
            message = message.partition("; ")[0]
        if isinstance(error["input"], float):
            # As it is written: 10.00 is 10.0 to whoever reads YAML.
            source = self.document.bare(self._at(where))
            message = message.replace(str(error["input"]), source, 1) if source else message
        # Below a mapping with free names, the mapping's example shows what its values are.
        above = None if field is not None or not where else _declared(self.model, where[:-1])[1]
        problem = self.document.problem(
            self._at(where), message, cure(errors, field, above), key=beside
        )
        if field is not None and _secret(field.annotation):
            # Someone wrote a secret into the file; the problem must not show it.
            return replace(problem, source_line="")
        return problem

    def _unknown(self, where: Path, models: Sequence[type[BaseModel]]) -> Problem:
        name = str(where[-1])
        known = _names(models) | (set(self.beside) if len(where) == 1 else set())
        owner = f' for "{self.owner}"' if self.owner and len(where) == 1 else ""
        return self.document.problem(
            self._at(where[:-1]),
            f'unknown option "{name}"{owner}',
            ORDINARY_SPACE if NO_BREAK_SPACE in name else self._meant(where, known, models),
            place=self.document.place(self._at(where), key=True),
        )

    def _meant(self, where: Path, known: Collection[str], models: Sequence[type[BaseModel]]) -> str:
        return _meant(str(where[-1]), known, models, self.synonyms if len(where) == 1 else NO_HINTS)

    def _at(self, where: Path) -> Path:
        if where and where[0] in self.elsewhere:
            return self.elsewhere[str(where[0])] + where[1:]
        return self.path + where


def _where(value: Any, loc: Sequence[int | str], *, missing: bool) -> Path:
    """Remove from pydantic's location the names of union branches, which are not places in the document."""
    path: Path = ()
    for position, part in enumerate(loc):
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if inside:
            value = value[part]
            path = (*path, part)
        elif position == len(loc) - 1 and missing:
            path = (*path, part)
    return path


def _follow(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _declared(
    model: type[BaseModel], where: Path
) -> tuple[list[type[BaseModel]], FieldInfo | None]:
    """Return the models that may surround a place, and the field that it fills."""
    models: list[type[BaseModel]] = [model]
    field: FieldInfo | None = None
    for position, part in enumerate(where):
        if not isinstance(part, str):
            continue
        declared = next((f for m in models if (f := _field(m, part)) is not None), None)
        if declared is None:
            # Below a mapping with free names the same models go on; an unknown name has no field.
            field = None
            continue
        field = declared
        if position < len(where) - 1:
            models = list(_models(field.annotation)) or models
    return models, field


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    fields = model.model_fields
    return next((f for n, f in fields.items() if name in (f.alias, f.validation_alias, n)), None)


def _names(models: Sequence[type[BaseModel]]) -> set[str]:
    return {f.alias or name for model in models for name, f in model.model_fields.items()}


def _meant(
    name: str,
    known: Collection[str],
    models: Sequence[type[BaseModel]],
    more: Mapping[str, str],
) -> str:
    """Return the cure for an unknown name: what its model says of it, or the nearest known one."""
    if any(each.casefold() == name.casefold() for each in known):
        return did_you_mean(name, known)
    tables = (*(getattr(model, "SYNONYMS", {}) for model in models), more)
    hints = {
        mistake: hint
        for table in reversed(tables)
        for mistake, hint in table.items()
        if hint in known or " " in hint
    }
    if (suggestion := hint_for(name, known, hints)) is not None:
        return suggestion
    others = next((cure for model in models if (cure := getattr(model, "OTHERS", ""))), "")
    return others if others and nearest(name, known) is None else did_you_mean(name, known)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_secret(inner) for inner in get_args(annotation))
