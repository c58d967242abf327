"""Lists of addresses and the like, in the settings file or in one of their own by `!include`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appealbridge.documents import Document, InvalidDocuments, Problem, read


@dataclass(frozen=True, slots=True)
class Include:
    """The path after `!include`, as written."""

    path: str


def lists_of(document: Document, folder: Path) -> tuple[Mapping[str, Sequence[str]], list[Problem]]:
    """Return the lists by name, and what is wrong with them; included files lie below `folder`."""
    told = document.value.get("lists")
    if told is None:
        return {}, []
    if not isinstance(told, dict):
        return {}, [
            document.problem(("lists",), "must be lists by name", "write `name: [entry, …]`")
        ]
    lists: dict[str, Sequence[str]] = {}
    problems: list[Problem] = []
    for name, value in told.items():
        if isinstance(value, Include):
            entries, wrong = _included(document, ("lists", name), value, folder)
        else:
            entries, wrong = _entries(document, ("lists", name), value)
        lists[name] = entries
        problems += wrong
    return lists, problems


def _included(
    document: Document, path: tuple[str, ...], include: Include, folder: Path
) -> tuple[Sequence[str], list[Problem]]:
    file = folder / include.path
    if not file.resolve().is_relative_to(folder.resolve()):
        cure = "move it beside the settings file or below"
        return (), [document.problem(path, "an included file must lie in this folder", cure)]
    try:
        content = file.read_bytes()
    except OSError as error:
        problem = f"{include.path} cannot be read: {error.strerror}"
        return (), [
            document.problem(path, problem, "mend the path; it begins at the settings file")
        ]
    try:
        # No tags there: an included file includes nothing, so nothing can go in circles.
        inner = read(content, str(Path(document.file).parent / include.path))
    except InvalidDocuments as invalid:
        return (), list(invalid.problems)
    return _entries(inner, (), inner.value)


def _entries(
    document: Document, path: tuple[str, ...], value: Any
) -> tuple[Sequence[str], list[Problem]]:
    if not isinstance(value, list):
        return (), [document.problem(path, "must be a list", "begin each entry with a dash")]
    problems = [
        document.problem((*path, n), "must be text", "put it in quotes")
        for n, entry in enumerate(value)
        if not isinstance(entry, str) or not entry.strip()
    ]
    return tuple(entry for entry in value if isinstance(entry, str)), problems
