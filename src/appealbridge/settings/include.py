"""Reads `lists:`, from the settings file or from files of their own by `!include`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appealbridge.documents import Document, InvalidDocuments, Problem, read
from appealbridge.documents import Path as Keys
from appealbridge.files import read_owned


@dataclass(frozen=True, slots=True)
class Include:
    """The path after `!include`, as written."""

    path: str


@dataclass(frozen=True, slots=True)
class Entries:
    """
    The entries of one list, the document that contains them, and the place of each.

    `owner` is the user to whom its own file belongs, `None` if it is in the settings.
    """

    texts: Sequence[str]
    document: Document
    places: Sequence[Keys]
    owner: int | None = None


def lists_of(document: Document, folder: Path) -> tuple[Mapping[str, Entries], list[Problem]]:
    """Return the lists by name, and their problems; included files must be below `folder`."""
    written = document.value.get("lists")
    if written is None:
        return {}, []
    if not isinstance(written, dict):
        return {}, [
            document.problem(("lists",), "must be lists by name", "write `name: [entry, …]`")
        ]
    lists: dict[str, Entries] = {}
    problems: list[Problem] = []
    for name, value in written.items():
        if isinstance(value, Include):
            entries, wrong = _included(document, ("lists", name), value, folder)
        else:
            entries, wrong = _entries(document, ("lists", name), value)
        lists[name] = entries
        problems += wrong
    return lists, problems


def _included(
    document: Document, path: Keys, include: Include, folder: Path
) -> tuple[Entries, list[Problem]]:
    nothing = Entries((), document, ())
    file = folder / include.path
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            cure = "move it into the folder of the settings file"
            return nothing, [
                document.problem(path, "an included file must be in this folder", cure)
            ]
        content, owner = read_owned(file)
    except RuntimeError:  # links that go in a circle
        message = f"{include.path} includes itself"
        return nothing, [document.problem(path, message, "give the file itself")]
    except OSError as error:
        problem = f"cannot read {include.path}: {error.strerror}"
        return nothing, [
            document.problem(
                path, problem, "fix the path; it begins at the folder of the settings file"
            )
        ]
    try:
        # No tags there: an included file includes nothing, so there are no circles.
        inner = read(content, str(Path(document.file).parent / include.path))
    except InvalidDocuments as invalid:
        return nothing, list(invalid.problems)
    entries, problems = _entries(inner, (), inner.value)
    return replace(entries, owner=owner), problems


def _entries(document: Document, path: Keys, value: Any) -> tuple[Entries, list[Problem]]:
    if isinstance(value, str) and value.strip():
        return Entries((value,), document, (path,)), []  # a list of one, as people write it
    if not isinstance(value, list):
        wrong = document.problem(path, "must be a list", "begin each entry with a dash")
        return Entries((), document, ()), [wrong]
    problems = [
        document.problem((*path, n), "must be text", "put it in quotes")
        for n, entry in enumerate(value)
        if not isinstance(entry, str) or not entry.strip()
    ]
    texts = {(*path, n): entry for n, entry in enumerate(value) if isinstance(entry, str)}
    return Entries(tuple(texts.values()), document, tuple(texts)), problems
