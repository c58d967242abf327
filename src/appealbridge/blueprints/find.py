"""Finds blueprints: those that come with the program by name, and others by file."""

from __future__ import annotations

from pathlib import Path

from appealbridge.blueprints.blueprint import Blueprint
from appealbridge.blueprints.reading import read_blueprint
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.files import read_file
from appealbridge.resources import shipped


def names() -> list[str]:
    """Return the names of the blueprints that come with the program."""
    return sorted(file.stem for file in shipped("blueprints").glob("*.yaml"))


def get(name: str) -> Blueprint:
    """
    Return a blueprint by its name, or by the path of its file.

    Raise `LookupError`, with the cure, if there is none, and `InvalidDocuments` if it has problems.
    """
    file = shipped("blueprints") / f"{name}.yaml" if name in names() else Path(name)
    try:
        content = read_file(file)
    except FileNotFoundError:
        message = f'unknown blueprint "{name}"; {did_you_mean(name, names())}'
        raise LookupError(message) from None
    return read_blueprint(content, str(file), file.stem)
