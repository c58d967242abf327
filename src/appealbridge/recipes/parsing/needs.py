"""Finds the steps that an entry waits for: those named in `after`, and those whose results it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appealbridge.documents import Path
from appealbridge.recipes.parsing.context import ParsingContext, in_another_branch
from appealbridge.recipes.parsing.paths import apart, part_id
from appealbridge.recipes.templates.syntax import Chain


def needs_of(
    reading: ParsingContext, value: Mapping[str, Any], path: Path, chains: Iterable[Chain]
) -> frozenset[str]:
    """Return the ids of the steps that an entry waits for; `chains` are the names that it reads."""
    after = value.get("after", [])
    named: list[str] = [after] if isinstance(after, str) else after
    for step in named:
        if step not in reading.steps:
            reading.unknown((*path, "after"), "step", step, reading.steps)
        elif reading.steps[step] == path:
            reading.complain((*path, "after"), "a step cannot wait for itself", "name another step")
        elif apart(path, reading.steps[step]):
            reading.complain((*path, "after"), *in_another_branch(step))
    return (frozenset(named) & reading.steps.keys()) | results_in(reading, chains)


def results_in(reading: ParsingContext, chains: Iterable[Chain]) -> frozenset[str]:
    """Return the steps whose results are used, directly or through variables."""
    needs: set[str] = set()
    seen: set[str] = set()
    rest = list(chains)
    while rest:
        name, keys = rest.pop()
        if name == "results" and keys:
            id_ = str(keys[0])
            of_channel = len(keys) > 1 and keys[1] in reading.posts.get(id_, ())
            if id_ in reading.steps:
                needs.add(part_id(id_, str(keys[1])) if of_channel else id_)
        elif name in reading.variables and name not in seen:
            seen.add(name)
            rest += reading.variables[name].chains
    return frozenset(needs)
