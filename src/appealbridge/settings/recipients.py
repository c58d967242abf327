"""Checks that the names under `notices:` and `approvals:` are known, and that people can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import BaseModel

from appealbridge.documents import Document, Problem
from appealbridge.documents.diagnostic import did_you_mean
from appealbridge.model.people import Role, Roster
from appealbridge.settings.model import DaemonSettings
from appealbridge.settings.result import ChannelSettings
from appealbridge.settings.sections import declared

Reaches = Callable[[str, BaseModel, str], bool]
"""Returns whether an account of a platform could send a notice to someone with this email address (empty: none)."""


def unknown_names(document: Document) -> Iterator[Problem]:
    """Yield unknown people and accounts; the model reports what is not a list of names."""
    people = {*declared(document, "people"), *declared(document, "groups")}
    channels = declared(document, "channels")
    for section, key, names, what in (
        ("notices", "to", people, "person or group"),
        ("notices", "by", channels, "channel"),
        ("approvals", "escalate_to", people, "person or group"),
        ("audit", "tell", people, "person or group"),
    ):
        options = document.value.get(section)
        written = options.get(key) if isinstance(options, dict) else None
        # An empty text is no name: the model reports it.
        listed = [written] if isinstance(written, str) and written else written
        for number, name in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(name, str) and name not in names:
                cure = did_you_mean(name, names, declared=True)
                cure = cure or f"declare it under {_WHERE[what]}"
                yield document.problem((section, key, number), f'unknown {what} "{name}"', cure)


_WHERE = {"person or group": "people: or groups:", "channel": "channels:"}


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


def not_asked(
    document: Document,
    daemon: DaemonSettings,
    roster: Roster,
    channels: Mapping[str, ChannelSettings],
    reaches: Reaches,
) -> Iterator[Problem]:
    """Yield an error for each approver whom no question can reach, and for groups in which nobody may approve."""
    if roster.one_desk:
        return
    accounts = [channels[name] for name in daemon.notices.by or channels if name in channels]
    approvers = roster.having(Role.APPROVER)
    cure = "give the person an email, and add a mail account under channels:"
    for person in approvers:
        if not any(reaches(each.platform, each.account, person.email) for each in accounts):
            problem = f"{person.id} may approve, but no question can reach this person"
            yield document.problem(("people", person.id), problem, cure, key=True)
    for number, name in enumerate(daemon.approvals.escalate_to):
        if not any(each.id in roster.groups.get(name, (name,)) for each in approvers):
            yield document.problem(
                ("approvals", "escalate_to", number),
                f'nobody in "{name}" may approve, so nobody is asked',
                "give somebody in it the role approver, or name somebody else",
            )
