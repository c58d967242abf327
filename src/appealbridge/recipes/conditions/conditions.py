"""
Compiles conditions into functions that return why a condition does not hold.

A missing field fails every test but `exists: false`, also the negative ones: what is not known is
no reason to publish. No value of an event makes a condition raise; only a template that needs a
missing value does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from appealbridge.model.errors import RenderError
from appealbridge.recipes.conditions.operators import Question
from appealbridge.recipes.templates.scope import NotThere, Scope, Unfillable

Condition = Callable[[Scope], str]
"""Returns why a condition does not hold; empty if it does."""

_FALSE = frozenset(("", "false", "no", "off", "0", "none"))


def every(conditions: Sequence[Condition]) -> Condition:
    """All must hold; the first that does not says why."""

    def check(scope: Scope) -> str:
        for condition in conditions:
            why = condition(scope)
            if why:
                return why
        return ""

    return conditions[0] if len(conditions) == 1 else check


def some(conditions: Sequence[Condition]) -> Condition:
    """One must hold; otherwise all say why."""

    def check(scope: Scope) -> str:
        reasons = []
        for condition in conditions:
            why = condition(scope)
            if not why:
                return ""
            reasons.append(why)
        return "none of these holds: " + "; ".join(reasons)

    return check


def no(conditions: Sequence[Condition], texts: Sequence[str]) -> Condition:
    """None may hold; the first that does is named."""

    def check(scope: Scope) -> str:
        for condition, text in zip(conditions, texts, strict=True):
            if not condition(scope):
                return f"this must not hold: {text}"
        return ""

    return check


def template(text: str, path: str, fill: Callable[[Scope], Any]) -> Condition:
    """Hold if the template's result is true; a missing name stops the recipe at `path`."""

    def check(scope: Scope) -> str:
        try:
            value = fill(scope)
        except Unfillable as failure:
            raise RenderError(path, str(failure)) from None
        if isinstance(value, str):
            value = value.strip().lower() not in _FALSE
        if not value:
            return f"{text} is not true"
        scope.seen.append((text, True))
        return ""

    return check


def field(
    name: str, fill: Callable[[Scope], Any], questions: Sequence[Question], *, exists: bool
) -> Condition:
    """Hold if the field exists (or, with `exists` false, does not) and passes every test."""

    def check(scope: Scope) -> str:
        try:
            value = fill(scope)
        except NotThere:
            scope.seen.append((name, None))
            return f"{name} is missing" if exists else ""
        except Unfillable as failure:
            return f"{name} has no value: {failure}"
        scope.seen.append((name, value))
        if not exists:
            return f"{name} is {shown(value)}, but must be missing"
        for question in questions:
            if not question.holds(value):
                return _why_not(name, value, question)
        return ""

    return check


def _why_not(name: str, value: Any, question: Question) -> str:
    odd = question.odd(value)
    return f"{name} is {shown(value)}, {odd + ', ' if odd else ''}wanted {question.text}"


def between(start: time, end: time, zone: ZoneInfo | None) -> Condition:
    """Hold at local times from `start` up to `end`, across midnight if `end` is earlier."""

    def check(scope: Scope) -> str:
        here = datetime.fromtimestamp(scope.at, zone or scope.zone)
        local = here.time()
        inside = start <= local < end if start <= end else local >= start or local < end
        scope.seen.append(("the time", f"{here:%H:%M %Z}"))
        if inside:
            return ""
        return f"the time is {here:%H:%M %Z}, not between {start:%H:%M} and {end:%H:%M}"

    return check


def shown(value: Any) -> str:
    """Return a value as JSON, shortened to fit a line."""
    if type(value) is str and len(value) < _SHOWN and value.isprintable():
        return f'"{value}"'
    try:
        text = orjson.dumps(value[:_SHOWN] if isinstance(value, (str, list)) else value).decode()
    except TypeError:
        text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


_SHOWN = 80
