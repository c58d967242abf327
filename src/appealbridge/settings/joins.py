"""Checks `joined_sources:`: each name must be a source, and in one group only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from appealbridge.documents import Document, Problem
from appealbridge.documents.diagnostic import did_you_mean


def wrong_joins(
    document: Document, named: Mapping[str, frozenset[str]], triggers: Mapping[str, str]
) -> Iterator[Problem]:
    """
    Yield the problems of the groups; the model reports what is not a list of lists of names.

    `named` has the names of each section's sources, `triggers` the name of each section's trigger.
    """
    groups = document.value.get("joined_sources")
    known = {
        f"{triggers[section]}:{name}"
        for section, names in named.items()
        if section in triggers
        for name in names
    }
    seen: set[str] = set()
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        names = group if isinstance(group, list) else ()
        for place, name in enumerate(names):
            path = ("joined_sources", number, place)
            if not isinstance(name, str):
                continue
            if name in seen:
                cure = "put all the sources that belong together into one list"
                yield document.problem(path, f'"{name}" is given twice', cure)
            elif name not in known and not _is_described(name, triggers):
                yield document.problem(path, f'unknown source "{name}"', _cure(name, known))
            seen.add(name)
        if len(names) == 1:
            cure = "add another source, or delete the list"
            yield document.problem(
                ("joined_sources", number), "there is only one source here", cure
            )


def joined(groups: Sequence[Sequence[str]]) -> Mapping[str, str]:
    """Return for each source the name that it shares with those it is joined with."""
    return {name: min(group) for group in groups for name in group}


def _cure(name: str, known: Collection[str]) -> str:
    whole = next((source for source in sorted(known) if source.endswith(f":{name}")), None)
    if whole is not None:
        return f'write "{whole}"'
    return did_you_mean(name, known) or "declare it under webhooks:, feeds: or appeals:"


def _is_described(name: str, triggers: Mapping[str, str]) -> bool:
    """Return whether a name may be that of a source described in a recipe, which is an address."""
    trigger, _, place = name.partition(":")
    return trigger in triggers.values() and "://" in place
