"""What in a recipe is, or looks like, a secret. No complaint about a recipe shows one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from appealbridge.documents import Document, Path, Problem, texts_in
from appealbridge.documents.document import Place
from appealbridge.documents.lines import lines_of
from appealbridge.recipes.templates.fast_path import is_template

CURE = "recipes hold none; put it into secrets/ and name it in appealbridge.yaml"

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
_PERHAPS = re.compile(r"[\w.~+/=-]{20}|@|PRIVATE KEY")
"""What every one of them has, and few texts and lines have; asking for it first costs a tenth."""
_NAMED = re.compile(
    r"(?:\w+_)?(?:password|passwd|secret|token|api_?key|private_key)", re.IGNORECASE
)


TAGS = {
    "!secret": "a recipe cannot name a secret; say it in appealbridge.yaml, where the accounts are",
    "!include": "a recipe includes nothing; lists are included in appealbridge.yaml",
}
"""Why the tags of appealbridge.yaml cannot stand in a recipe."""


def secrets_in(document: Document) -> list[Problem]:
    """Return a problem for everything that looks like a secret, at its place."""
    found = {}
    lines = lines_of(document.text) if _PERHAPS.search(document.text) else ()
    for number, line in enumerate(lines, 1):
        for token in _TOKEN.finditer(line) if _PERHAPS.search(line) else ():
            place = Place(number, token.start() + 1, len(token[0]))
            found[number] = document.problem((), "this looks like a secret", CURE, place=place)
    for part in ("triggers", "actions"):
        told = document.value.get(part) if isinstance(document.value, dict) else None
        for path in _named((part,), told):
            problem = document.problem(path, "this looks like a secret", CURE)
            found.setdefault(problem.line, problem)
    return [*found.values()]


def _named(path: Path, value: Any) -> Iterator[Path]:
    """Yield the places of all texts that stand under a name for secrets."""
    for place, text in texts_in(value, path):
        named = isinstance(place[-1], str) and _NAMED.fullmatch(place[-1])
        if named and len(text) >= _SHORTEST and not is_template(text):
            yield place


_SHORTEST = 6


def without_secrets(problems: list[Problem], secrets: list[Problem]) -> list[Problem]:
    """Return problems that show no line with a secret in it, and no secret in their words."""
    lines = {(problem.file, problem.line) for problem in secrets}
    return [_without(problem, hide=(problem.file, problem.line) in lines) for problem in problems]


def _without(problem: Problem, *, hide: bool) -> Problem:
    if hide or _TOKEN.search(problem.source_line):
        problem = replace(problem, source_line="")
    words = _TOKEN.sub("***", problem.problem)
    return problem if words == problem.problem else replace(problem, problem=words)
