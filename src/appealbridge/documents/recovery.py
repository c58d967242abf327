"""
Reads what can still be read of a document with syntax errors, so that its other mistakes are reported too.

The line of each syntax error is put out of action, first its value and then all of it, until the rest is a
document. Nothing of that is ever in force; it is only checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from appealbridge.documents.diagnostic import Problem
from appealbridge.documents.document import Document, decoded, flaw_problem
from appealbridge.documents.lines import lines_of
from appealbridge.documents.messages.hints import INDENTED, NO_BREAK_SPACE
from appealbridge.documents.parser import Flaw, Tags, compose

_MOST = 20
"""How many lines are put out of action before it is given up."""

_LONGEST = 100_000
"""The longest text in characters that is read again and again."""

_NAMED = re.compile(r"( *(?:- +)*[\w-]+:)(?= |$)")
_TABS = re.compile(r"[ \t]*\t[ \t]*")
_CONSEQUENCE = re.compile(r"is missing|empty$|^must be a (list|mapping)|^tests nothing")
_PLACEHOLDER = '"…"'


@dataclass(frozen=True, slots=True)
class Rest:
    """
    What is left of a document: its value in `document`, and its syntax errors.

    `lines` are the numbers (from 1) of the lines that were put out of action.
    """

    document: Document
    problems: Sequence[Problem]
    lines: frozenset[int]

    def concerns(self, problem: Problem) -> bool:
        """Return whether a problem of the rest is one of the file itself, and no consequence of what was left out."""
        if problem.level != "error" or problem.line in self.lines:
            return False
        return not _CONSEQUENCE.search(problem.problem)


def read_rest(text: str | bytes, file: str, tags: Tags) -> Rest | None:
    """Return what can be read of a document with syntax errors, `None` if that is nothing."""
    try:
        source = decoded(text)
    except Flaw:
        return None
    if len(source) > _LONGEST:
        return None
    lines = lines_of(source)
    problems: list[Problem] = []
    touched: set[int] = set()
    missing: set[int] = set()
    while len(touched) <= _MOST:
        try:
            document = Document(file, "\n".join(lines), compose("\n".join(lines), tags))
        except Flaw as flaw:
            number = min(flaw.line, len(lines) - 1)
            # An error just below a line that is out of action may be its consequence.
            if number not in touched and not _follows(lines, number, touched):
                problems.append(flaw_problem(flaw, file, source))
            if number in missing or not _repair(lines, number, missing, again=number in touched):
                return None
            touched.add(number)
            continue
        return Rest(document, problems, frozenset(n + 1 for n in touched))
    return None


def _follows(lines: Sequence[str], number: int, touched: set[int]) -> bool:
    """Return whether nothing but empty lines is between a line and one that is out of action."""
    above = next((n for n in range(number - 1, -1, -1) if n in touched or lines[n].strip()), -1)
    return above in touched


def _repair(lines: list[str], number: int, missing: set[int], *, again: bool) -> bool:
    """Change a line so that it can be read; return whether that was possible."""
    line = lines[number]
    if not again and INDENTED.match(line):
        for n, each in enumerate(lines):
            indent = INDENTED.match(each)
            if indent is not None:
                lines[n] = indent[0].replace(NO_BREAK_SPACE, " ") + each[indent.end() :]
        return True
    tabs = _TABS.match(line)
    if not again and tabs is not None:
        lines[number] = _indent_above(lines, number) + line[tabs.end() :]
        return True
    named = _NAMED.match(line)
    if not again and named is not None:
        lines[number] = f"{named[1]} {_PLACEHOLDER}"
        return True
    missing.add(number)
    lines[number] = ""
    return bool(line.strip())


def _indent_above(lines: Sequence[str], number: int) -> str:
    """Return the indentation of the names on the line above; in a list entry they begin after its dash."""
    above = next((line for line in reversed(lines[:number]) if line.strip()), "")
    inside = re.match(r"[ -]*", above)
    return " " * (inside.end() if inside is not None else 0)
