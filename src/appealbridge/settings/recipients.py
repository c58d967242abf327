"""Checks `notices:`: the names must be known, and the people reachable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from appealbridge.documents import Document, Problem
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.settings.model import DaemonSettings
from appealbridge.settings.result import ChannelSettings

Reaches = Callable[[str, BaseModel, str], bool]
"""Returns whether an account of a platform could send a notice to someone with this email address (empty: none)."""


def unknown_names(document: Document) -> Iterator[Problem]:
    """Yield unknown people and accounts; the model reports what is not a list of names."""
    notices = document.value.get("notices")
    if not isinstance(notices, dict):
        return
    people = {*_names(document, "people"), *_names(document, "groups")}
    known = {"to": (people, "person or group"), "by": (_names(document, "channels"), "channel")}
    for key, (names, what) in known.items():
        written = notices.get(key)
        listed = [written] if isinstance(written, str) else written
        for number, name in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(name, str) and name not in names:
                cure = did_you_mean(name, names, declared=True)
                cure = cure or f"declare it under {_WHERE[key]}"
                yield document.problem(("notices", key, number), f'unknown {what} "{name}"', cure)


_WHERE = {"to": "people: or groups:", "by": "channels:"}


def not_reached(
    document: Document,
    daemon: DaemonSettings,
    channels: Mapping[str, ChannelSettings],
    reaches: Reaches,
) -> Iterator[Problem]:
    """Yield a note for each entry of `notices.to` that no account can reach."""
    accounts = [channels[name] for name in daemon.notices.by or channels if name in channels]
    for number, name in enumerate(daemon.notices.to):
        members = daemon.groups.get(name, (name,))
        emails = {daemon.people[member].email or "" for member in members}
        if not any(
            reaches(account.platform, account.account, to) for account in accounts for to in emails
        ):
            yield document.problem(
                ("notices", "to", number),
                f'no notice can reach "{name}"',
                "give the person an email under people:, and add a mail account under channels:",
                level="note",
            )


def _names(document: Document, section: str) -> Mapping[str, Any]:
    declared = document.value.get(section)
    return declared if isinstance(declared, dict) else {}
