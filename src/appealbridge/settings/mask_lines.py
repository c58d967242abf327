"""Removes lines that may contain a secret from problems before they are printed."""

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
"""A name that suggests a secret, followed by something other than `!secret`."""
_IN_A_LIST = re.compile(r"\s*-\s")


def without_secret_lines(problems: Sequence[Problem]) -> list[Problem]:
    """
    Return the problems by file and line, without lines that may contain a secret.

    The query of an address is not shown, because it may contain a key.
    """
    problems = [
        replace(p, source_line=without_queries(p.source_line), problem=without_queries(p.problem))
        for p in problems
    ]
    hidden = {(p.file, p.line) for p in problems if not p.source_line or _may_tell(p)}
    shown = [replace(p, source_line="") if (p.file, p.line) in hidden else p for p in problems]
    return sorted(shown, key=lambda problem: (problem.file, problem.line, problem.column))


def _may_tell(problem: Problem) -> bool:
    line = problem.source_line
    return bool(_TELLTALE.search(line) or (_IN_A_LIST.match(line) and "secrets[" in problem.path))
