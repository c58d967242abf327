"""Reads a blueprint from its text, or reports all of its mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appealbridge.blueprints.blueprint import Blank, Blueprint, Head
from appealbridge.documents import Document, InvalidDocuments, Path, Problem, check, read
from appealbridge.documents.diagnostic import did_you_mean

HEAD = "blueprint"
"""The name of the part with the questions."""


def read_blueprint(text: str | bytes, file: str, name: str) -> Blueprint:
    """Return the blueprint in a text; raise `InvalidDocuments` with every problem."""
    document = read(text, file, {"!input": lambda word: Blank(word.strip())})
    if not isinstance(document.value, dict) or HEAD not in document.value:
        cure = f"a blueprint is a recipe with {HEAD}: name, description and inputs above it"
        raise InvalidDocuments([document.problem((), "this is not a blueprint", cure)])
    head, problems = check(document, (HEAD,), Head)
    blanks = [*_blanks(document.value, ())]
    if head is not None:
        problems += _unfit(document, head, blanks)
    if head is None or problems:
        raise InvalidDocuments(problems)
    return Blueprint(name, head, document, blanks)


def _blanks(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Blank):
        yield path, value.name
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _blanks(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _blanks(inner, (*path, number))


def _unfit(document: Document, head: Head, blanks: list[tuple[Path, str]]) -> Iterator[Problem]:
    """Yield the mismatches between the questions and the places for their answers."""
    for path, name in blanks:
        if name not in head.inputs:
            cure = did_you_mean(name, head.inputs) or "declare it under inputs:"
            yield document.problem(path, f'unknown input "{name}"', cure)
    used = {name for _, name in blanks}
    for name, question in head.inputs.items():
        path = (HEAD, "inputs", name)
        if name not in used:
            yield document.problem(
                path, f'input "{name}" is never used', f"write !input {name}", key=True
            )
        if question.kind == "channel" and not question.platform:
            yield document.problem(
                path,
                "the platform of the account is missing",
                "add platform: x, for example",
                key=True,
            )
        if question.kind == "choice" and not question.choices:
            yield document.problem(
                path, "the choices are missing", "add choices: with a list", key=True
            )
