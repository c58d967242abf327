"""Finds what is, or looks like, a secret in a recipe, and keeps it out of all messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from appealbridge.documents import Document, Path, Problem
from appealbridge.documents.document import Place
from appealbridge.documents.lines import lines_of
from appealbridge.recipes.templates.fast_path import is_template

CURE = "a recipe must not contain one; put it in secrets/ and name it in appealbridge.yaml"

_TOKEN = re.compile(
    r"""
    whsec_[A-Za-z0-9+/=]{16,}                                   # webhooks
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | glpat-[\w-]{20,}
    | xox[abeprs]-[A-Za-z0-9-]{10,} | https://hooks\.slack\.com/services/\S+
    | https://\S+\.webhook\.office\.com/\S+
    | EAA[A-Za-z0-9]{30,}                                       # Facebook
    | \b\d{5,20}-[A-Za-z0-9]{40,50}\b | \bA{10,}[A-Za-z0-9%]{60,}  # X
    | \b[sr]k_(?:live|test)_[A-Za-z0-9]{16,} | \bAKIA[0-9A-Z]{16}\b | \bAIza[\w-]{35}
    | \bSG\.[\w-]{16,}\.[\w-]{16,} | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | \bBearer\ [A-Za-z0-9._~+/=-]{20,}
    | (?<=://) [^\s/@:{}]+ : [^\s/@{}]+ (?=@)                     # https://name:password@…
    """,
    re.VERBOSE,
)
_LONG_WORD = re.compile(r"[A-Za-z0-9_.~+/=-]{20}")
_NAMED = re.compile(
    r"(?:\w+_)?(?:password|passwd|secret|token|api_?key|private_key)", re.IGNORECASE
)


TAGS = {
    "!secret": "a recipe cannot use a secret; name it in appealbridge.yaml, in the account",
    "!include": "a recipe cannot include a file; include lists in appealbridge.yaml",
}
"""Why the tags of appealbridge.yaml are not allowed in a recipe."""


def secrets_in(document: Document) -> list[Problem]:
    """Return a problem for everything that looks like a secret, at its place."""
    problems = {}
    lines = lines_of(document.text) if _may_have_token(document.text) else ()
    for number, line in enumerate(lines, 1):
        for token in _TOKEN.finditer(line) if _may_have_token(line) else ():
            place = Place(number, token.start() + 1, len(token[0]))
            problems[number] = document.problem((), "this looks like a secret", CURE, place=place)
    for part in ("triggers", "actions"):
        entries = document.value.get(part) if isinstance(document.value, dict) else None
        for path in _named((part,), entries if isinstance(entries, (dict, list)) else ()):
            problem = document.problem(path, "this looks like a secret", CURE)
            problems.setdefault(problem.line, problem)
    return [*problems.values()]


def _may_have_token(text: str) -> bool:
    """Return whether a text is worth searching for tokens; this costs a tenth of the search."""
    return "@" in text or "PRIVATE KEY" in text or _LONG_WORD.search(text) is not None


def _named(path: Path, value: Any) -> Iterator[Path]:
    """Yield the paths of all texts below a value whose name says that they are secrets."""
    named = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in named:
        if isinstance(inner, (dict, list)):
            yield from _named((*path, key), inner)
        elif isinstance(inner, str) and len(inner) >= _SHORTEST and _names_a_secret(key):
            yield from () if is_template(inner) else [(*path, key)]


@lru_cache(maxsize=256)
def _names_a_secret(key: str | int) -> bool:
    return isinstance(key, str) and _NAMED.fullmatch(key) is not None


_SHORTEST = 6


def without_secrets(problems: list[Problem], secrets: list[Problem]) -> list[Problem]:
    """Return the problems without lines and words that contain a secret."""
    lines = {(problem.file, problem.line) for problem in secrets}
    return [_without(problem, hide=(problem.file, problem.line) in lines) for problem in problems]


def _without(problem: Problem, *, hide: bool) -> Problem:
    if hide or _TOKEN.search(problem.source_line):
        problem = replace(problem, source_line="")
    message = _TOKEN.sub("***", problem.problem)
    return problem if message == problem.problem else replace(problem, problem=message)
