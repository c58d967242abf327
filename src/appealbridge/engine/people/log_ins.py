"""Log-ins with password and second factor, and the sessions that they begin."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from appealbridge.clock import Clock
from appealbridge.engine.people.delays import Delays
from appealbridge.engine.people.passwords import Passwords
from appealbridge.engine.people.totp import from_text, matching_step
from appealbridge.model.errors import AppealBridgeError
from appealbridge.model.people import Credentials, LogInSession, Profile, Roster
from appealbridge.store.people import PeopleStore

SESSION_SECONDS = 12 * 3600.0
"""How long a session lasts at the most: a shift."""

IDLE_SECONDS = 4 * 3600.0
"""How long a session lasts without a request."""

SEEN_EVERY = 60.0
"""How often the time of a session's last request is stored."""

LONGEST_NAME = 254
"""How many characters a name at log-in may have: those of an email address."""

WRONG = "the name, the password or the code is wrong"
"""The answer to every log-in that fails, so that it tells nobody which names there are."""


class NotProven(AppealBridgeError):
    """Whoever asks did not prove who they are."""


class TooSoon(AppealBridgeError):
    """Too many attempts were wrong; the next one may be made in `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"too many wrong attempts; try again in {max(1, round(after))} seconds")
        self.after = after


class LogIns:
    """Logs people in and out, and recognises their sessions."""

    def __init__(
        self,
        store: PeopleStore,
        clock: Clock,
        roster: Callable[[], Roster],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.passwords = Passwords()
        self._store = store
        self._clock = clock
        self._roster = roster
        self._random_bytes = random_bytes
        self._delays = Delays()

    def allow(self, name: str, address: str) -> str:
        """Return the key of the account of this name; raise `TooSoon` after wrong attempts, else count this one."""
        person = self._roster().called(name)
        key = person.id if person else f"?{name[:LONGEST_NAME].casefold()}"
        if wait := self._delays.begin(key, address, self._clock.monotonic()):
            raise TooSoon(wait)
        return key

    def succeeded(self, key: str, address: str) -> None:
        """Note that an attempt that `allow` counted as wrong was right."""
        self._delays.succeeded(key, address)

    async def log_in(self, name: str, password: str, code: str, address: str) -> str:
        """
        Begin a session; return the secret for its cookie.

        Raise `NotProven`, `TooSoon`, or `Crowded` while too many others log in.
        """
        key = self.allow(name, address)
        person = self._roster().called(name)
        known = (await self._store.people()).get(person.id) if person else None
        credentials = known or Credentials(id="")
        right = await self.passwords.right(password, credentials.password)
        if not (person and right and await self._second_factor(credentials, code)):
            raise NotProven(WRONG)
        self.succeeded(key, address)
        if self.passwords.weak(credentials.password):
            better = await self.passwords.hash(password)
            await self._store.new_password(person.id, better, credentials.password)
        return await self.begin(person.id)

    async def begin(self, person: str) -> str:
        """Begin a session for somebody who has proved who they are; return the secret for its cookie."""
        secret = base64.urlsafe_b64encode(self._random_bytes(32)).decode().rstrip("=")
        now = self._clock.now()
        session = LogInSession(
            hash=hash_of(secret), person=person, seen=now, ends=now + SESSION_SECONDS, strong_at=now
        )
        await self._store.begin_session(session)
        return secret

    async def session(self, secret: str) -> tuple[Profile, LogInSession] | None:
        """Return whose session this is; `None` if it has ended, or the person is no longer in the settings."""
        session = await self._store.session(hash_of(secret)) if secret else None
        if session is None:
            return None
        now = self._clock.now()
        person = self._roster().people.get(session.person)
        over = now >= min(session.ends, session.seen + IDLE_SECONDS)
        if over or person is None or self._roster().one_desk:
            await self._store.end_session(session.hash)
            return None
        if abs(now - session.seen) >= SEEN_EVERY:
            await self._store.see_session(session.hash, now)
        return person, session

    async def log_out(self, secret: str) -> None:
        """End a session."""
        await self._store.end_session(hash_of(secret))

    async def _second_factor(self, known: Credentials, code: str) -> bool:
        if not known.totp:
            return False
        step = matching_step(from_text(known.totp), code, self._clock.now())
        return step is not None and await self._store.use_step(known.id, step)


def hash_of(secret: str) -> str:
    """Return the hash under which a random secret is stored: it has so many bits that no guess finds it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
