"""Checks the people that a recipe names: whether they exist, and whether notices can reach them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from appealbridge.documents import Path, nearest, texts_in
from appealbridge.model.notice import NOTICE
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.recipes.model.recipe import NO_APPROVAL
from appealbridge.recipes.parsing.context import ParsingContext

_NOBODY = frozenset(("no", "none", "nobody", "off", "never", "false", "yes", "on", "true"))
_DECLARE = "declare it under people: or groups: in appealbridge.yaml"


def read_people(
    reading: ParsingContext, written: Mapping[str, Any], channels: Iterable[str]
) -> None:
    """
    Report unknown names in `approval` and `on_failure`, and people whom no notice can reach.

    `channels` are the accounts on which the recipe publishes.
    """
    people = reading.catalogue.people
    approval = written.get("approval")
    misspelt = any(name != "approval" and nearest(name, ["approval"]) for name in written)
    if approval is None and not misspelt:
        empty = "approval" in written
        reading.note(
            ("approval",) if empty else (),
            f"approval is {'empty' if empty else 'missing'}, so every post waits for `appealbridge approve`",
            "write approval: none if nobody needs to approve them",
        )
    elif isinstance(approval, str) and approval not in people and approval != NO_APPROVAL:
        known = ", ".join(sorted(people)) or "none is declared yet"
        if approval.lower() in _NOBODY:
            cure = f"write none if nobody has to approve, else who: {known}"
            reading.complain(("approval",), f'unknown person or group "{approval}"', cure)
        else:
            names = {NO_APPROVAL, *people}
            reading.unknown(("approval",), "person or group", approval, names, _DECLARE)
    named = [*texts_in(written.get("on_failure"), ("on_failure",))]
    for path, name in named:
        if name not in people:
            reading.unknown(path, "person or group", name, people, _DECLARE)
    routing = reading.catalogue.routing
    if routing is not None:
        _check_routing(reading, routing, named, channels)


def check_name(reading: ParsingContext, name: str) -> None:
    """Report a recipe with the name that is reserved for notices."""
    if name == NOTICE:
        reading.complain(
            (), f'a recipe cannot be called "{name}"', "notices about failures have this name"
        )


def _check_routing(
    reading: ParsingContext,
    routing: NoticeRouting,
    named: Sequence[tuple[Path, str]],
    channels: Iterable[str],
) -> None:
    """Add a note about people whom no notice can reach, and about channels on whose failure no notice can be sent."""
    for path, name in named:
        if name in reading.catalogue.people and not any(
            map(routing.accounts_for, routing.people_named([name]))
        ):
            reading.note(path, f'nothing leads to "{name}" if something fails', HOW_TO_REACH)
    recipients = routing.people_named([name for _, name in named] or routing.to)
    for channel in dict.fromkeys(channels):
        used = any(channel in routing.accounts_for(person) for person in recipients)
        if used and not any(routing.accounts_for(person, [channel]) for person in recipients):
            reading.note(
                ("on_failure",) if named else (),
                f'of what fails on "{channel}" nobody can be told, because no other account can send the notice',
                "declare another account that can send notices",
            )


HOW_TO_REACH = "give them an email under people:, and declare a mail account under channels:"
"""How to make a person reachable."""
