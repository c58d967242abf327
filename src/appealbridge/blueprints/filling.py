"""
Makes a recipe's text from a blueprint and answers.

The text is kept as it was written, comments and all; only the blanks are filled. What is left out
takes its list entry with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from appealbridge.blueprints.blueprint import Blueprint
from appealbridge.blueprints.reading import HEAD
from appealbridge.documents import Path
from appealbridge.documents.lines import lines_of
from appealbridge.documents.scalars import plain
from appealbridge.terminal import visible

_BARE = re.compile(r"[A-Za-z](?:[\w ./+-]*\w)?|(?:\d+[dhms])+")
_SAYS_SO = re.compile(r"^enabled:", re.MULTILINE)
OFF = "enabled: false  # delete this line when you have checked the recipe"
_OLD_WORDS = frozenset(("yes", "no", "on", "off", "y", "n"))


def fill(blueprint: Blueprint, answers: Mapping[str, Any]) -> str:
    """
    Return the recipe for these answers, by the names of the inputs.

    `None` leaves an optional input out. Raise `ValueError` if nothing is left to do.
    """
    document = blueprint.document
    lines = lines_of(document.text)
    removed = _head(lines) | _left_out(blueprint, lines, answers)
    places = [(document.place(path), name) for path, name in blueprint.blanks]
    for place, name in sorted(places, reverse=True):
        number, start = place.line - 1, place.column - 1
        if number not in removed:
            line = lines[number]
            lines[number] = line[:start] + written(answers[name]) + line[start + place.width :]
    _check_left(blueprint, lines, removed)
    return "\n".join(line for n, line in enumerate(lines) if n not in removed).strip("\n") + "\n"


def switched_off(text: str) -> str:
    """Return a recipe that is switched off until somebody has checked it, unless it has `enabled` itself."""
    return text if _SAYS_SO.search(text) else f"{OFF}\n{text}"


def switched_on(text: str) -> str:
    """Return a recipe without the line that `switched_off` added."""
    return text.replace(f"{OFF}\n", "", 1)


def still_asked(blueprint: Blueprint, name: str, answers: Mapping[str, Any]) -> bool:
    """Return whether an input still has a place when everything answered with `None` is left out."""
    lines = lines_of(blueprint.document.text)
    removed = _left_out(blueprint, lines, answers)
    places = [path for path, blank in blueprint.blanks if blank == name]
    return any(blueprint.document.place(path).line - 1 not in removed for path in places)


def written(value: Any) -> str:
    """Return a value as YAML on one line: without quotes if it keeps its meaning, otherwise as JSON."""
    if isinstance(value, str) and _BARE.fullmatch(value) and _stays(value):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return visible(json.dumps(value, ensure_ascii=False))


def _stays(text: str) -> bool:
    # `no` is text in YAML 1.2; an older reader, such as an editor's, reads it as false.
    return plain(text) == text and text.lower() not in _OLD_WORDS


def _head(lines: Sequence[str]) -> set[int]:
    """Return the lines of the questions: up to the next line that begins in the first column."""
    start = next(n for n, line in enumerate(lines) if line.startswith(f"{HEAD}:"))
    return set(range(start, _end(lines, start, 0)))


def _left_out(blueprint: Blueprint, lines: Sequence[str], answers: Mapping[str, Any]) -> set[int]:
    """Return the lines that are deleted with the inputs left out."""
    out = {name for name, answer in answers.items() if answer is None}
    removed: set[int] = set()
    for path, name in blueprint.blanks:
        if name in out:
            removed |= _around(blueprint, lines, path)
    return removed


def _around(blueprint: Blueprint, lines: Sequence[str], path: Path) -> set[int]:
    """Return the lines of the list entry, or the top-level name, that contains a blank."""
    for end in range(len(path), 0, -1):
        number = blueprint.document.place(path[:end], key=end == 1).line - 1
        line = lines[number]
        if end == 1 or (isinstance(path[end - 1], int) and line.lstrip().startswith("- ")):
            break
    indent = _indent(line)
    start = number
    while (
        start and lines[start - 1].strip().startswith("#") and _indent(lines[start - 1]) == indent
    ):
        start -= 1
    end = _end(lines, number, indent)
    if end < len(lines) and _indent(lines[end]) < indent:
        # The last entry of its list: the empty line before it is deleted too, and the one after it stays.
        while not lines[end - 1].strip():
            end -= 1
        while start and not lines[start - 1].strip():
            start -= 1
    return set(range(start, end))


def _end(lines: Sequence[str], start: int, indent: int) -> int:
    """Return the number of the first line after `start` that is indented no deeper."""
    after = range(start + 1, len(lines))
    return next((n for n in after if lines[n].strip() and _indent(lines[n]) <= indent), len(lines))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _check_left(blueprint: Blueprint, lines: Sequence[str], removed: set[int]) -> None:
    for name in ("triggers", "actions"):
        entries = blueprint.document.value.get(name) or ()
        places = [blueprint.document.place((name, n)).line - 1 for n in range(len(entries))]
        if places and removed.issuperset(places):
            raise ValueError(f"these answers leave no {name}; leave fewer questions out")
