"""Compiles the entries of `actions:` that choose, wait or end the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from appealbridge.documents import Path, path_text, texts_in
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.model.errors import RenderError
from appealbridge.model.moment import NoTime, read
from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.model.entries import AwaitedEvent, DelayTime, WayEntry
from appealbridge.recipes.model.flow import Alternative, Choice, Delay, Node, Stop, WaitFor, decides
from appealbridge.recipes.parsing.conditions import read_if
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.needs import needs_of
from appealbridge.recipes.planning.times import length, moment
from appealbridge.recipes.templates.expression import Expression
from appealbridge.recipes.templates.scope import NotThere, Scope, Unfillable
from appealbridge.recipes.templates.syntax import Chain

Several = Callable[[Any, Path], list[Node]]
"""Reads a list of entries inside an entry."""

Entry = Mapping[str, Any]
Meaning = Callable[[Any, Scope], float]
"""Returns the moment that a written time means, in Unix seconds; raises `NoTime`."""


def _after(written: Any, scope: Scope) -> float:
    return scope.at + length(written)


def _at(written: Any, scope: Scope) -> float:
    return moment(written, scope.arrived_at, scope.zone, scope.since)


def _at_fixed(written: Any, scope: Scope) -> float:
    # "tomorrow" in the recipe itself is the day after the wait before it.
    relative = isinstance(read(written, scope.zone).day, str)
    return moment(written, scope.since if relative else scope.arrived_at, scope.zone, scope.since)


def _if(reading: ParsingContext, right: Entry, path: Path, several: Several) -> Node | None:
    condition, chains = _condition(reading, right, path, ("if",))
    then = several(right.get("then", ()), (*path, "then"))
    last, otherwise = _one_list(right, path, several, ("else",))
    needs = needs_of(reading, right, path, chains)
    if condition is None:
        return None
    return _choice(path, [Alternative("then", condition, then)], last, otherwise, needs)


def _choose(reading: ParsingContext, right: Entry, path: Path, several: Several) -> Node | None:
    pairs = [
        _way(reading, option, (*path, "choose", number), several)
        for number, option in enumerate(right.get("choose", ()))
    ]
    last, otherwise = _one_list(right, path, several, ("default", "else"))
    chains = [chain for _, some in pairs for chain in some]
    needs = needs_of(reading, right, path, chains)
    alternatives = [alternative for alternative, _ in pairs if alternative is not None]
    if len(alternatives) < len(pairs):
        return None
    return _choice(path, alternatives, last, otherwise, needs)


def _choice(
    path: Path,
    alternatives: Sequence[Alternative],
    last: str,
    otherwise: Sequence[Node],
    needs: frozenset[str],
) -> Choice:
    inside = [*(node for alternative in alternatives for node in alternative.nodes), *otherwise]
    return Choice(path_text(path), alternatives, otherwise, last, needs, decides=decides(inside))


def _way(
    reading: ParsingContext, option: Any, path: Path, several: Several
) -> tuple[Alternative | None, tuple[Chain, ...]]:
    _, right = reading.check(WayEntry, option, path, "choose")
    condition, chains = _condition(reading, right, path, ("conditions", "if"))
    _, nodes = _one_list(right, path, several, ("sequence", "then"))
    number = path[-1]
    return (
        None if condition is None else Alternative(f"choose[{number}]", condition, nodes)
    ), chains


def _condition(
    reading: ParsingContext, right: Entry, path: Path, names: Sequence[str]
) -> tuple[Condition | None, tuple[Chain, ...]]:
    """Return the condition under the first of these names that is there, and the names that it reads."""
    name = next((name for name in names if name in right), None)
    return read_if(reading, right[name], (*path, name)) if name else (None, ())


def _one_list(
    right: Entry, path: Path, several: Several, names: Sequence[str]
) -> tuple[str, list[Node]]:
    """Return the first of these names that is there, and the list under it."""
    name = next((name for name in names if name in right), None)
    return (name, several(right[name] or (), (*path, name))) if name else ("passed by", [])


def _delay(reading: ParsingContext, right: Entry, path: Path, several: Several) -> Node | None:
    written, place = right.get("delay"), (*path, "delay")
    meaning: Meaning = _after
    if isinstance(written, dict):
        _, inner = reading.check(DelayTime, written, place, "delay")
        kind = next(iter(inner), "for")
        written, place = inner.get(kind), (*place, kind)
        meaning = _after if kind == "for" else _at
    until, chains = _time(reading, written, place, meaning)
    needs = needs_of(reading, right, path, chains)
    return None if until is None else Delay(path_text(path), until, needs)


def _wait_for(reading: ParsingContext, right: Entry, path: Path, several: Several) -> Node | None:
    written, place = right.get("wait_for"), (*path, "wait_for")
    condition: Condition | None = None
    if isinstance(written, dict):
        _, inner = reading.check(AwaitedEvent, written, place, "wait_for")
        # They are looked at when an event comes; what results there are by then is no reason to wait.
        with reading.any_event():
            condition, _ = _condition(reading, inner, place, ("conditions",))
        written = None if "conditions" in written and condition is None else inner.get("types")
        place = (*place, "types")
    types = [written] if isinstance(written, str) else written
    _note_types(reading, written, place)
    until, chains = _time(reading, right.get("timeout"), (*path, "timeout"), _after)
    on_timeout = _on_timeout(right, path, several)
    needs = needs_of(reading, right, path, chains)
    if until is None or types is None:
        return None
    ends = _or_fail(until, (*path, "timeout"))
    return WaitFor(path_text(path), types, condition, ends, on_timeout, needs)


def _note_types(reading: ParsingContext, written: Any, place: Path) -> None:
    """Add a note about each type of event that none of the recipe's triggers can make."""
    for path, name in texts_in(written, place) if reading.types is not None else ():
        if not any(fnmatchcase(known, name) for known in reading.types or ()):
            message = f'none of the triggers here makes events of the type "{name}"'
            reading.note(path, message, did_you_mean(name, reading.types or ()), key=False)


def _on_timeout(right: Entry, path: Path, several: Several) -> list[Node]:
    written, place = right.get("on_timeout", "continue"), (*path, "on_timeout")
    if written == "stop":
        return [Stop(path_text(place), lambda _: "nothing came in time")]
    return [] if written == "continue" else several(written, place)


def _stop(reading: ParsingContext, right: Entry, path: Path, several: Several) -> Node | None:
    if "stop" not in right:
        return None
    place = (*path, "stop")
    expression = reading.compiled(right["stop"], place)
    needs = needs_of(reading, right, path, expression.chains)
    reason = _filled(expression, place, lambda value, _: str(value))
    return Stop(path_text(path), _or_fail(reason, place), needs)


READERS: Mapping[str, Callable[[ParsingContext, Entry, Path, Several], Node | None]] = {
    "if": _if,
    "choose": _choose,
    "delay": _delay,
    "wait_for": _wait_for,
    "stop": _stop,
}
"""Readers by the first word of an entry."""


def _time(
    reading: ParsingContext, written: Any, path: Path, meaning: Meaning
) -> tuple[Callable[[Scope], float] | None, tuple[Chain, ...]]:
    """Return a function that computes a moment, and the names that it reads; `None` if nothing is written."""
    if written is None:
        return None, ()
    expression = reading.compiled(written, path)
    if not expression.constant:
        return _filled(expression, path, meaning), expression.chains
    fixed = _at_fixed if meaning is _at else meaning
    return lambda scope: fixed(written, scope), ()


def _filled(
    expression: Expression, path: Path, meaning: Callable[[Any, Scope], Any]
) -> Callable[[Scope], Any]:
    where = path_text(path)

    def fill(scope: Scope) -> Any:
        try:
            return meaning(expression.fill(scope), scope)
        except NotThere as failure:
            raise RenderError(where, str(failure)) from None
        except Unfillable as failure:
            raise NoTime(str(failure), "") from None

    return fill


def _or_fail(fill_: Callable[[Scope], Any], path: Path) -> Callable[[Scope], Any]:
    """Return the function, changed to stop the recipe if it has no value."""
    where = path_text(path)

    def fill(scope: Scope) -> Any:
        try:
            return fill_(scope)
        except NoTime as wrong:
            raise RenderError(where, f"{wrong}; {wrong.cure}".removesuffix("; ")) from None

    return fill
