"""The blueprints that there are: those that come with the program, by name, and any file."""

from __future__ import annotations

from pathlib import Path

from appealbridge.blueprints.blueprint import Blueprint
from appealbridge.blueprints.reading import read_blueprint
from appealbridge.documents.problem import did_you_mean
from appealbridge.resources import shipped


def names() -> list[str]:
    """Return the names of the blueprints that come with the program."""
    return sorted(file.stem for file in shipped("blueprints").glob("*.yaml"))


def get(wanted: str) -> Blueprint:
    """
    Return a blueprint by its name, or by the path of its file.

    Raise `LookupError`, with the cure, where there is none, and `InvalidDocuments` where it has problems.
    """
    file = Path(wanted)
    if wanted in names():
        file = shipped("blueprints") / f"{wanted}.yaml"
    elif not file.is_file():
        raise LookupError(f'no blueprint is called "{wanted}"; {did_you_mean(wanted, names())}')
    return read_blueprint(file.read_bytes(), str(file), file.stem)
