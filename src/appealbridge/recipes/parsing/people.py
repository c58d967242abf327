"""The people that a recipe names: whether they are known, and whether they could be told of a failure at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from appealbridge.documents import Path, texts_in
from appealbridge.model.notice import NOTICE
from appealbridge.plugin.recipients import Telling
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.parsing.context import ParsingContext

_DECLARE = "declare it under people: or groups: in appealbridge.yaml"


def read_people(
    reading: ParsingContext, written: Mapping[str, Any], channels: Iterable[str]
) -> None:
    """
    Complain about names of nobody in `approval` and `on_failure`, and note who could not be told.

    `channels` are the accounts on which the recipe publishes.
    """
    people = reading.catalogue.people
    approval = written.get("approval")
    if approval is None:
        reading.note(
            (),
            "approval is not said, so its deliveries wait for `appealbridge release`",
            "say approval: none if they need nobody",
        )
    elif isinstance(approval, str) and approval not in people and approval != NO_APPROVAL:
        reading.unknown(
            ("approval",), "person or group", approval, {NO_APPROVAL, *people}, _DECLARE
        )
    named = [*texts_in(written.get("on_failure"), ("on_failure",))]
    for path, name in named:
        if name not in people:
            reading.unknown(path, "person or group", name, people, _DECLARE)
    telling = reading.catalogue.telling
    if telling is not None:
        _check_ways(reading, telling, named, channels)


def check_name(reading: ParsingContext, name: str) -> None:
    """Complain about a recipe that would be taken for a notice."""
    if name == NOTICE:
        reading.complain(
            (), f'a recipe cannot be called "{name}"', "that is what notices of failures are called"
        )


def _check_ways(
    reading: ParsingContext,
    telling: Telling,
    named: Sequence[tuple[Path, str]],
    channels: Iterable[str],
) -> None:
    """Note whom nothing leads to, and which channel would have to tell of itself."""
    for path, name in named:
        if name in reading.catalogue.people and not any(map(telling.ways, telling.whom([name]))):
            reading.note(path, f'nothing leads to "{name}" if something fails', HOW_TO_REACH)
    whom = telling.whom([name for _, name in named] or telling.to)
    for channel in dict.fromkeys(channels):
        used = any(channel in telling.ways(person) for person in whom)
        if used and not any(telling.ways(person, [channel]) for person in whom):
            reading.note(
                ("on_failure",) if named else (),
                f'of what fails on "{channel}" nobody can be told: it would have to tell of itself',
                "declare another account that can tell people",
            )


HOW_TO_REACH = "give them an email under people:, and declare a mail account under channels:"
"""What would mend that someone cannot be told."""
