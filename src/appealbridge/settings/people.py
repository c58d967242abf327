"""Checks `people:` and `groups:`, and finds the users of the machine that people are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from appealbridge.documents import Document, Problem
from appealbridge.model.people import OVERFLOW_UID, Profile, Role, Roster, comparable
from appealbridge.settings.model import DaemonSettings, PersonSettings

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = frozenset({"none", "nobody", "root"})
_OVERFLOW = Path("/proc/sys/kernel/overflowuid")


def roster_of(daemon: DaemonSettings) -> Roster:
    """Return the people and groups; a person whose user this machine does not know has none."""
    people = {
        id_: Profile(
            id=id_,
            name=person.name or id_,
            email=person.email or "",
            uid=_uid(person),
            roles=frozenset(person.roles),
        )
        for id_, person in daemon.people.items()
    }
    return Roster(people, daemon.groups)


def wrong_people(document: Document, daemon: DaemonSettings) -> Iterator[Problem]:
    """Yield the errors that the model cannot see: of ids, of what two people share, and of groups."""
    emails: dict[str, str] = {}
    uids: dict[int, str] = {}
    for id_, person in daemon.people.items():
        path = ("people", id_)
        if not _ID.fullmatch(id_) or id_ in _RESERVED:
            cure = (
                "use letters, digits, and _ . - between them; none, nobody and root are not people"
            )
            yield document.problem(path, f'"{id_}" cannot be the id of a person', cure, key=True)
        if person.uid is not None and person.user is not None:
            cure = "delete one of them"
            yield document.problem((*path, "uid"), "user and uid are the same thing", cure)
        email = comparable(person.email or "")
        if email and (other := emails.setdefault(email, id_)) != id_:
            cure = "give each person an address that only they read"
            yield document.problem((*path, "email"), f"{other} has this address too", cure)
        option = "uid" if person.user is None else "user"
        uid = _uid(person)
        if uid in _nobodies():
            cure = "give the person a user of their own, or leave this out"
            problem = f"user {uid} is root or nobody, and names no person"
            yield document.problem((*path, option), problem, cure)
        elif uid is not None and (other := uids.setdefault(uid, id_)) != id_:
            cure = "give each person a user of their own"
            yield document.problem((*path, option), f"{other} is user {uid} too", cure)
    for group, members in daemon.groups.items():
        if group in daemon.people:
            cure = "give the group another name"
            yield document.problem(("groups", group), "a person has this name too", cure, key=True)
        if not members:
            cure = "name at least one person, or delete the group"
            yield document.problem(("groups", group), "the group is empty", cure, key=True)


def notes_on_people(document: Document, daemon: DaemonSettings) -> Iterator[Problem]:
    """Yield notes: one desk, users whom this machine does not know, and a command line that nobody can use."""
    yield from _left_empty(document, daemon)
    roster = roster_of(daemon)
    if roster.one_desk:
        # In practice mode nothing is public, and newcomers have enough to read.
        if daemon.practice is None and (daemon.people or document.value.get("channels")):
            path = ("people",) if daemon.people else ("channels",)
            problem = "nobody has a role under people:, so whoever may use this daemon decides"
            cure = (
                "that is enough for one desk; docs/people.md says how several people share the work"
            )
            yield document.problem(path, problem, cure, key=True, level="note")
        return
    if daemon.practice is not None:
        return
    if not roster.having(Role.ADMIN):
        problem = "nobody is admin, so nobody can invite people"
        cure = "add admin to the roles of at least one person"
        yield document.problem(("people",), problem, cure, key=True, level="note")
    for id_, person in daemon.people.items():
        if person.user is not None and _uid(person) is None:
            problem = f'this machine has no user "{person.user}"'
            cure = "correct the name, or ignore this on another machine than the daemon's"
            yield document.problem(("people", id_, "user"), problem, cure, level="note")
    address = daemon.public_url or ""
    if not address.startswith("https://"):
        problem = (
            "without public_url: https://..., people can log in only from the daemon's own machine"
        )
        cure = "put a web server with TLS in front, as docs/install.md says, and give its address"
        path = ("public_url",) if address else ("people",)
        yield document.problem(path, problem, cure, key=True, level="note")
    if daemon.control_socket is None:
        problem = (
            "without control_socket, the command line can show states, but nobody can decide there"
        )
        cure = "add control_socket: /run/appealbridge/control.sock"
        yield document.problem(("people",), problem, cure, key=True, level="note")


_LEFT_EMPTY = {
    "roles": "so this person has no role, and only gets notices",
    "email": "so no notice can reach this person",
    "user": "so this person is no user of this machine",
    "uid": "so this person is no user of this machine",
}
"""What it means that an option of a person is there, but empty."""


def _left_empty(document: Document, daemon: DaemonSettings) -> Iterator[Problem]:
    for id_ in daemon.people:
        written = document.value["people"][id_]
        for option, meaning in _LEFT_EMPTY.items():
            if option in written and written[option] in (None, []):
                choices = f", such as [{Role.AUTHOR}]" if option == "roles" else ""
                cure = f"write it after the colon{choices}, or delete this line"
                path = ("people", id_, option)
                yield document.problem(path, f"is empty, {meaning}", cure, key=True, level="note")


def _nobodies() -> Mapping[int | None, str]:
    """Return the user ids that name nobody."""
    names: dict[int | None, str] = {0: "root", OVERFLOW_UID: "nobody"}
    with suppress(OSError, ValueError):  # the unit hides it; the usual one is known
        names[int(_OVERFLOW.read_text("ascii"))] = "nobody"
    return names


def _uid(person: PersonSettings) -> int | None:
    """Return the id of a person's user, `None` if there is none on this machine."""
    if person.user is None:
        return person.uid
    try:
        from pwd import getpwnam  # not on Windows

        return getpwnam(person.user).pw_uid
    except (ImportError, KeyError):
        return None
