"""What a store keeps of people, their sessions, and the tokens of systems."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from appealbridge.model.audit import Decision
from appealbridge.model.people import Credentials, LogInSession, Token

MOST_SESSIONS = 20
"""How many sessions one person can have; a new one ends the oldest."""


class PeopleStore(Protocol):
    """
    Stores how people and systems prove who they are; secrets only as hashes, except that of a second factor.

    A `decision` has its entry in the audit trail in the transaction of the change; a change that is refused has none.
    """

    async def keep_people(
        self, ids: Collection[str], now: float, decision: Decision | None = None
    ) -> Sequence[str]:
        """
        Make these the people of the settings, and return those who were removed by this, by id.

        A person who is left out is removed for good: with password, second factor, one-time code and sessions. The id
        stays known as removed, and one that was removed earlier stays removed.
        """

    async def people(self) -> Mapping[str, Credentials]:
        """Return everybody who was ever named, by id, removed people included."""

    async def give_code(
        self,
        person: str,
        code: str,
        ends: float,
        *,
        reset: bool = False,
        decision: Decision | None = None,
    ) -> None:
        """
        Store the hash of a one-time code, in place of an earlier one.

        With `reset`, password and second factor are removed and all sessions end. Raise `NotFound` for a person who is
        not known, or removed.
        """

    async def enrol(self, fresh: Credentials, now: float, decision: Decision | None = None) -> bool:
        """
        Store a person's password and second factor if `fresh.code` is the valid one-time code; return whether it was.

        The code is used up, and all the person's sessions end.
        """

    async def use_step(self, person: str, step: int) -> bool:
        """Use a step of a person's second factor; return false if it or a later one was used before."""

    async def new_password(self, person: str, password: str, before: str) -> None:
        """Replace the hash of a person's password, if it is still `before`."""

    async def begin_session(self, session: LogInSession) -> None:
        """Store a session, and forget those of the person that have ended, or are the oldest of too many."""

    async def session(self, hash_: str) -> LogInSession | None:
        """Return a session by the hash of its secret, even if it has ended in time; `None` if there is none."""

    async def see_session(self, hash_: str, now: float) -> None:
        """Note that a session was used."""

    async def end_session(self, hash_: str) -> None:
        """End a session; nothing happens if there is none."""

    async def keep_duty(self, person: str, ends: float, decision: Decision | None = None) -> None:
        """Store until when somebody is on duty, in place of what they said before."""

    async def on_duty(self, now: float) -> Mapping[str, float]:
        """Return until when people are on duty, by id, if that is later than `now`."""

    async def keep_token(self, token: Token, decision: Decision | None = None) -> None:
        """Store a token; raise `IllegalMove` if its name was ever used."""

    async def token(self, hash_: str) -> Token | None:
        """Return a token by the hash of its secret, even if it has ended or is revoked."""

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens by name."""

    async def see_token(self, name: str, now: float) -> None:
        """Note that a token was used."""

    async def revoke_token(self, name: str, now: float, decision: Decision | None = None) -> Token:
        """Revoke a token, and return it; raise `NotFound`."""
