"""The entries of `actions:` that publish nothing themselves, from the file to what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from appealbridge.documents import Path, path_text
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.model.errors import RenderError
from appealbridge.model.moment import NoTime, read
from appealbridge.recipes.conditions.conditions import Condition
from appealbridge.recipes.model.flow import Choice, Delay, Node, Stop, WaitFor, Way, decides
from appealbridge.recipes.parsing.conditions import read_if
from appealbridge.recipes.parsing.context import Reading
from appealbridge.recipes.parsing.needs import needs_of
from appealbridge.recipes.planning.times import length, moment
from appealbridge.recipes.templates.expression import Expression
from appealbridge.recipes.templates.scope import NotThere, Scope, Unfillable
from appealbridge.recipes.templates.syntax import Chain

Several = Callable[[Any, Path], list[Node]]
"""Reads a list of entries within an entry."""

Entry = Mapping[str, Any]
Meaning = Callable[[Any, Scope], float]
"""What a written time means, in Unix seconds; raises `NoTime`."""


def _after(written: Any, scope: Scope) -> float:
    return scope.at + length(written)


def _at(written: Any, scope: Scope) -> float:
    return moment(written, scope.came, scope.zone, scope.since)


def _at_fixed(written: Any, scope: Scope) -> float:
    # "tomorrow" in the recipe itself is the day after the wait before it.
    relative = isinstance(read(written, scope.zone).day, str)
    return moment(written, scope.since if relative else scope.came, scope.zone, scope.since)


def _if(reading: Reading, entry: Entry, path: Path, several: Several) -> Node | None:
    if "elif" in entry:
        cure = "write choose: with a way for each, or an if of its own under else:"
        reading.complain((*path, "elif"), "there is no elif among steps", cure, key=True)
    _only(reading, entry, path, ("if", "then", "else", "elif", "after"))
    condition, chains = read_if(reading, entry["if"], (*path, "if"))
    if "then" not in entry:
        reading.complain((*path, "if"), '"then" is missing', "say what is to be done", key=True)
    then = several(entry.get("then", []), (*path, "then"))
    otherwise = several(entry["else"], (*path, "else")) if "else" in entry else []
    last = "else" if "else" in entry else "passed by"
    needs = needs_of(reading, entry, path, chains)
    if condition is None:
        return None
    ways = (Way("then", condition, then),)
    return Choice(
        path_text(path), ways, otherwise, last, needs, decides=decides([*then, *otherwise])
    )


def _choose(reading: Reading, entry: Entry, path: Path, several: Several) -> Node | None:
    _only(reading, entry, path, ("choose", "default", "else", "after"))
    options = entry["choose"]
    if not isinstance(options, list) or not options:
        cure = "begin each way with a dash, with conditions: and sequence:"
        reading.complain((*path, "choose"), "must be a list of ways", cure, key=True)
        return None
    found = [
        _way(reading, option, (*path, "choose", number), several)
        for number, option in enumerate(options)
    ]
    last = _either(reading, entry, path, "default", "else")
    otherwise = several(entry[last], (*path, last)) if last else []
    chains = [chain for _, ones in found for chain in ones]
    needs = needs_of(reading, entry, path, chains)
    ways = [way for way, _ in found if way is not None]
    if len(ways) < len(found):
        return None
    inside = [*(node for way in ways for node in way.nodes), *otherwise]
    return Choice(
        path_text(path), ways, otherwise, last or "passed by", needs, decides=decides(inside)
    )


def _way(
    reading: Reading, option: Any, path: Path, several: Several
) -> tuple[Way | None, tuple[Chain, ...]]:
    if not isinstance(option, dict):
        cure = "write conditions: and sequence: here"
        reading.complain(path, "must be a way with its conditions", cure, key=True)
        return None, ()
    words = ("conditions", "if", "sequence", "then")
    _only(reading, option, path, words, "choose")
    test = _either(reading, option, path, "conditions", "if")
    does = _either(reading, option, path, "sequence", "then")
    condition: Condition | None = None
    chains: tuple[Chain, ...] = ()
    if test:
        condition, chains = read_if(reading, option[test], (*path, test))
    elif option.keys() <= {*words}:
        cure = "what is to be done in all other cases stands under default:"
        reading.complain(path, '"conditions" is missing', cure, key=True)
    if not does and option.keys() <= {*words}:
        reading.complain(path, '"sequence" is missing', "say what is to be done", key=True)
    nodes = several(option[does], (*path, does)) if does else []
    number = path[-1]
    return (None if condition is None else Way(f"choose[{number}]", condition, nodes)), chains


def _delay(reading: Reading, entry: Entry, path: Path, several: Several) -> Node | None:
    del several
    _only(reading, entry, path, ("delay", "after"))
    written, place = entry["delay"], (*path, "delay")
    meaning: Meaning = _after
    if isinstance(written, dict):
        _only(reading, written, place, ("for", "until"), "delay")
        kind = _either(reading, written, place, "for", "until")
        if not kind:
            if not written:
                reading.complain(place, "says no time", "for example for: 2h")
            return None
        written, place = written[kind], (*place, kind)
        meaning = _after if kind == "for" else _at
    until, chains = _time(reading, written, place, meaning)
    needs = needs_of(reading, entry, path, chains)
    return None if until is None else Delay(path_text(path), until, needs)


def _wait_for(reading: Reading, entry: Entry, path: Path, several: Several) -> Node | None:
    _only(reading, entry, path, ("wait_for", "timeout", "on_timeout", "after"))
    written, place = entry["wait_for"], (*path, "wait_for")
    condition: Condition | None = None
    understood = True
    if isinstance(written, dict):
        _only(reading, written, place, ("types", "conditions"), "wait_for")
        if "conditions" in written:
            # They are looked at when an event comes; what results there are by then is no reason to wait.
            with reading.any_event():
                condition, _ = read_if(reading, written["conditions"], (*place, "conditions"))
            understood = condition is not None
        written, place = written.get("types"), (*place, "types")
    types = [written] if isinstance(written, str) else written
    if not isinstance(types, list) or not types or not all(t and isinstance(t, str) for t in types):
        cure = "for example appeal.closed, or [appeal.updated, appeal.closed]"
        reading.complain(place, "must be the type of an event, or a list of types", cure)
        understood = False
    if "timeout" not in entry:
        cure = "say how long at the longest, for example timeout: 3d"
        reading.complain((*path, "wait_for"), '"timeout" is missing', cure, key=True)
        return None
    until, chains = _time(reading, entry["timeout"], (*path, "timeout"), _after)
    needs = needs_of(reading, entry, path, chains)
    otherwise = _on_timeout(reading, entry, path, several)
    if until is None or not understood:
        return None
    return WaitFor(
        path_text(path), types, condition, _or_fail(until, (*path, "timeout")), otherwise, needs
    )


def _on_timeout(reading: Reading, entry: Entry, path: Path, several: Several) -> Sequence[Node]:
    written = entry.get("on_timeout", "continue")
    if written == "continue":
        return []
    place = (*path, "on_timeout")
    if written == "stop":
        return [Stop(path_text(place), lambda _: "nothing came in time")]
    if not isinstance(written, list):
        words = "must be continue, stop, or a list of steps"
        reading.complain(place, words, "left out, it is continue")
        return []
    return several(written, place)


def _stop(reading: Reading, entry: Entry, path: Path, several: Several) -> Node | None:
    del several
    _only(reading, entry, path, ("stop", "after"))
    written, place = entry["stop"], (*path, "stop")
    if not isinstance(written, str) or not written.strip():
        reading.complain(place, "must say why", "for example stop: closed", key=True)
        return None
    expression = reading.compiled(written, place)
    needs = needs_of(reading, entry, path, expression.chains)
    reason = _filled(expression, place, lambda value, _: str(value))
    return Stop(path_text(path), _or_fail(reason, place), needs)


READERS: Mapping[str, Callable[[Reading, Entry, Path, Several], Node | None]] = {
    "if": _if,
    "choose": _choose,
    "delay": _delay,
    "wait_for": _wait_for,
    "stop": _stop,
}
"""By the word that begins the entry."""


def _time(
    reading: Reading, written: Any, path: Path, meaning: Meaning
) -> tuple[Callable[[Scope], float] | None, tuple[Chain, ...]]:
    """Return the function that works out a moment, and the names that it reads."""
    if isinstance(written, str):
        expression = reading.compiled(written, path)
        if not expression.constant:
            return _filled(expression, path, meaning), expression.chains
    try:
        _check(written, meaning, reading.catalogue.zone)
    except NoTime as wrong:
        # As it is written: 10.00 is 10.0 to whoever reads YAML.
        source = reading.document.bare(path)
        words = str(wrong).replace(str(written), source, 1) if source else str(wrong)
        reading.complain(path, words, wrong.cure)
        return None, ()
    fixed = _at_fixed if meaning is _at else meaning
    return lambda scope: fixed(written, scope), ()


def _check(written: Any, meaning: Meaning, zone: ZoneInfo) -> None:
    """Raise `NoTime` for what can be no time whenever an event comes."""
    if meaning is _after:
        length(written)
    elif not isinstance(written, str):
        moment(written, 0.0, zone)
    elif isinstance((found := read(written, zone)).day, date):
        found.at(0.0, zone)


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
    """Return the same function, which stops the recipe where it has no value."""
    where = path_text(path)

    def fill(scope: Scope) -> Any:
        try:
            return fill_(scope)
        except NoTime as wrong:
            raise RenderError(where, f"{wrong}; {wrong.cure}".removesuffix("; ")) from None

    return fill


def _only(
    reading: Reading, value: Entry, path: Path, known: Sequence[str], owner: str = ""
) -> None:
    for key in value:
        if key not in known:
            words = f'unknown option "{key}" for "{owner or known[0]}"'
            cure = did_you_mean(str(key), known)
            if owner == "choose" and key in ("default", "else"):
                cure = "let it stand without a dash, straight below choose"
            reading.complain((*path, key), words, cure, key=True)


def _either(reading: Reading, value: Entry, path: Path, one: str, other: str) -> str:
    """Return which of two words that mean the same, or exclude each other, stands there; empty for none."""
    if one in value and other in value:
        words = f'"{one}" and "{other}" stand here together'
        reading.complain((*path, other), words, "leave one out", key=True)
    return one if one in value else other if other in value else ""
