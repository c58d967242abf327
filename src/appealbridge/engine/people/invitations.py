"""One-time codes, with which people choose a password and a second factor."""

from __future__ import annotations

import base64
from collections.abc import Callable

from appealbridge.clock import Clock
from appealbridge.engine.people.log_ins import LogIns, NotProven, hash_of
from appealbridge.engine.people.passwords import flaw
from appealbridge.engine.people.totp import (
    SECRET_BYTES,
    as_text,
    from_text,
    matching_step,
)
from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act, Decision
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.people import Credentials, Profile, Role, Roster
from appealbridge.store.people import PeopleStore

CODE_SECONDS = 24 * 3600.0
"""How long a one-time code is valid."""

WRONG_CODE = "the name or the code is wrong, or the code was used or is more than a day old"


class Invitations:
    """Gives one-time codes, and takes them back for a password."""

    def __init__(
        self,
        store: PeopleStore,
        clock: Clock,
        roster: Callable[[], Roster],
        random_bytes: Callable[[int], bytes],
        log_ins: LogIns,
    ) -> None:
        self._store = store
        self._clock = clock
        self._roster = roster
        self._random_bytes = random_bytes
        self._log_ins = log_ins

    async def invite(self, id_: str, actor: Actor) -> str:
        """Return a one-time code for somebody without a password; raise `NotFound` or `IllegalMove`."""
        if (await self._known(id_)).password:
            raise IllegalMove(
                f"person {id_}: has a password already; appealbridge people reset {id_} takes it away"
            )
        return await self._give(id_, actor)

    async def reset(self, id_: str, actor: Actor) -> str:
        """Take password and second factor from somebody, end their sessions, and return a new one-time code."""
        await self._known(id_)
        return await self._give(id_, actor, reset=True)

    async def first(self, *, anew: bool) -> tuple[Profile, str] | None:
        """
        Return a code for the first admin, while no admin has a password; the daemon prints it on the machine.

        A code that is still valid is only replaced if `anew`.
        """
        roster = self._roster()
        admins = roster.having(Role.ADMIN)
        known = await self._store.people() if admins else {}
        able = [person for person in admins if person.id in known]
        if not able or any(known[person.id].password for person in able):
            return None
        if not anew and self._clock.now() < known[able[0].id].code_ends:
            return None
        return able[0], await self._give(able[0].id, Actor("", How.DAEMON))

    def new_secret(self) -> str:
        """Return a new secret of a second factor."""
        return as_text(self._random_bytes(SECRET_BYTES))

    async def check(self, name: str, code: str, address: str) -> Profile:
        """Return whose one-time code this is, which stays valid; raise `NotProven` or `TooSoon`."""
        key = self._log_ins.allow(name, address)
        person = self._roster().called(name)
        known = (await self._store.people()).get(person.id) if person else None
        right = known is not None and known.code == _hashed(code)
        if person is None or known is None or not right or self._clock.now() >= known.code_ends:
            raise NotProven(WRONG_CODE)
        self._log_ins.succeeded(key, address)
        return person

    async def enrol(
        self, name: str, code: str, password: str, totp: str, digits: str, address: str
    ) -> str:
        """
        Store the password and the second factor of somebody with a valid one-time code; return a session's secret.

        Raise `ValueError` for what can be corrected, `NotProven`, `TooSoon` or `Crowded`.
        """
        person = await self.check(name, code, address)
        if wrong := flaw(password, person.id, person.name, person.email):
            raise ValueError(wrong)
        step = matching_step(from_text(totp), digits, self._clock.now())
        if step is None:
            raise ValueError(
                "these are not the six digits that the app shows now; if they never fit, set the clock of the phone"
            )
        fresh = Credentials(
            id=person.id,
            password=await self._log_ins.passwords.hash(password),
            totp=totp,
            totp_step=step,
            code=_hashed(code),
        )
        now = self._clock.now()
        decision = Decision(
            actor=Actor(person.id, How.CODE),
            act=Act.ENROL,
            at=now,
            object=f"person {person.id}",
            shown={"set": ["password", "second factor"]},
        )
        if not await self._store.enrol(fresh, now, decision):
            raise NotProven(WRONG_CODE)
        return await self._log_ins.begin(person.id)

    async def _known(self, id_: str) -> Credentials:
        known = (await self._store.people()).get(id_)
        if id_ not in self._roster().people or known is None:
            raise NotFound(f"person {id_}: nobody of this name is in appealbridge.yaml")
        return known

    async def _give(self, id_: str, actor: Actor, *, reset: bool = False) -> str:
        text = base64.b32encode(self._random_bytes(15)).decode()
        code = "-".join(text[n : n + 4] for n in range(0, len(text), 4))
        now = self._clock.now()
        act = Act.RESET if reset else Act.INVITE
        decision = Decision(actor=actor, act=act, at=now, object=f"person {id_}")
        await self._store.give_code(
            id_, _hashed(code), now + CODE_SECONDS, reset=reset, decision=decision
        )
        return code


def _hashed(code: str) -> str:
    """Return the hash of a code, however it was typed."""
    return hash_of("".join(filter(str.isalnum, code[:100])).upper())
