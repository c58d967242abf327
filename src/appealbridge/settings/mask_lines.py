"""Problems as they may be printed: with their line, unless a secret may stand on it in plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from appealbridge.documents import Problem
from appealbridge.redact import without_queries

_TELLTALE = re.compile(
    r"""
    [\w-]* (?: secret | token | passw | credential | api_?key | _key | private | hash ) [\w-]* ["']? \s* :
    \s*+ (?! !secret | [\[|>]? \s* (?: $ | \# | !secret ) | \{ \s* (?: $ | ["']? [\w-]+ ["']? \s* : ) )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A name that sounds like a secret's, and after it something else than `!secret`."""
_IN_A_LIST = re.compile(r"\s*-\s")


def quiet(problems: Sequence[Problem]) -> list[Problem]:
    """
    Return the problems in the order of files and lines, without each line on which a secret may stand.

    Of an address its query is not shown, since there may be a key in it.
    """
    problems = [
        replace(
            one,
            source_line=without_queries(one.source_line),
            problem=without_queries(one.problem),
        )
        for one in problems
    ]
    hidden = {(p.file, p.line) for p in problems if not p.source_line or _may_tell(p)}
    told = [replace(p, source_line="") if (p.file, p.line) in hidden else p for p in problems]
    return sorted(told, key=lambda problem: (problem.file, problem.line, problem.column))


def _may_tell(problem: Problem) -> bool:
    line = problem.source_line
    return bool(_TELLTALE.search(line) or (_IN_A_LIST.match(line) and "secrets[" in problem.path))
