"""The people who answer for what is published, as the settings name them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from functools import cached_property

from appealbridge.model.actor import How
from appealbridge.model.value import value


class Role(StrEnum):
    """What a person may do. No role includes another."""

    AUTHOR = "author"
    APPROVER = "approver"
    OPERATOR = "operator"
    VIEWER = "viewer"
    ADMIN = "admin"


_PROVEN = frozenset({"", How.LOG_IN, How.SOCKET, How.CODE})


class TokenScope(StrEnum):
    """What a system with a token may do. None of these approves or edits a message."""

    READ = "read"
    WITHDRAW = "withdraw"
    STOP = "stop"


OVERFLOW_UID = 65534
"""The user id that stands for every user whom a namespace does not know: it names nobody."""


@value(kw_only=True)
class Profile:
    """One person: the permanent `id`, the name that others see, and the user of the machine (`None`: none)."""

    id: str
    name: str
    email: str = ""
    uid: int | None = None
    roles: frozenset[Role] = frozenset()


class Roster:
    """
    Everybody whom the settings name, by id, and the groups that they are in.

    While nobody has a role, one desk runs everything: whoever may use the control socket decides.
    """

    def __init__(
        self,
        people: Mapping[str, Profile] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.people = people or {}
        self.groups = groups or {}

    @cached_property
    def one_desk(self) -> bool:
        """Whether nobody has a role."""
        return not any(person.roles for person in self.people.values())

    def by_uid(self, uid: int) -> Profile | None:
        """Return the person who is this user of the machine; `None` for root and for users who are nobody."""
        if uid in (0, OVERFLOW_UID):
            return None
        return next((each for each in self.people.values() if each.uid == uid), None)

    def called(self, name: str) -> Profile | None:
        """Return the person with this id or email address."""
        if person := self.people.get(name):
            return person
        email = comparable(name)
        matching = (
            each for each in self.people.values() if email and comparable(each.email) == email
        )
        return next(matching, None)

    def shown(self, name: str, how: str = "") -> str:
        """
        Return how people read who somebody is: the name of a person, with the id if others share that name.

        `name` is an id or an email address; any other text stays as it is. `how` is how they were known, empty if that
        is not said: where nobody proved to be that person, it stays as it is too.
        """
        if how not in _PROVEN or self.one_desk:
            return name
        person = self.called(name)
        if person is None:
            return name
        known = " ".join(person.name.split()) or person.id
        return f"{known} ({person.id})" if self._names[known.casefold()] > 1 else known

    @cached_property
    def _names(self) -> Mapping[str, int]:
        """How many people each name and each id could mean."""
        return Counter(
            text
            for each in self.people.values()
            for text in {each.id.casefold(), " ".join(each.name.split()).casefold()}
        )

    def having(self, role: Role) -> list[Profile]:
        """Return everybody who has a role, in the order of the settings."""
        return [person for person in self.people.values() if role in person.roles]


def comparable(email: str) -> str:
    """Return an address as it is compared: in full-width letters or capitals it is still the same."""
    return unicodedata.normalize("NFKC", email).casefold()


@value(kw_only=True)
class LogInSession:
    """
    One log-in of a person; times are Unix seconds UTC.

    `hash` is that of the secret in the cookie, `seen` the time of the last request, to a minute, and `strong_at` when
    password and second factor were last checked.
    """

    hash: str
    person: str
    seen: float
    ends: float
    strong_at: float


@value(kw_only=True)
class Token:
    """What a system proves itself with: its name, the hash of the secret, who made it, and until when it is valid."""

    name: str
    hash: str
    owner: str
    scopes: frozenset[TokenScope]
    made_at: float
    ends: float
    used_at: float | None = None
    revoked_at: float | None = None


@value(kw_only=True)
class Credentials:
    """
    What the store knows of a person. Empty texts are missing.

    `password` is an argon2id hash. `totp` is the secret of the second factor in base 32, and `totp_step` the last step
    that was used. `code` is the hash of the one-time code that is valid until `code_ends`.
    """

    id: str
    password: str = field(default="", repr=False)
    totp: str = field(default="", repr=False)
    totp_step: int = 0
    code: str = ""
    code_ends: float = 0.0
    removed_at: float | None = None
