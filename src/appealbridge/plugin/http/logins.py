"""
Keeps the logins that channels get for their credentials, so that neither a post nor a restart needs a new one.

    reply = await tools.http.logins.use(name, renew, attempt)

They are kept in a file that only its owner can read, beside the store and not in it: a backup has no secrets.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from appealbridge.files import PRIVATE, read_file, write_file
from appealbridge.model.errors import LoginExpired
from appealbridge.plugin.offload import FILES, offload

MOST_LOGINS = 500
"""How many logins are kept: of an account that was renamed or removed, the old one stays until then."""

MOST_BEGUN = 500
MASK = "***"
_SHORTEST = 8
"""Shorter tokens are not masked: they would be found in ordinary words."""


def login_name(*account: str, password: str) -> str:
    """Return the name under which an account's login is kept; with a new password it begins anew."""
    return " ".join((*account, hashlib.sha256(password.encode()).hexdigest()[:16]))


class StaleLogin(LoginExpired):
    """The platform no longer takes this login, and did nothing; the credentials may be good for another."""


@dataclass(slots=True)
class Login:
    """
    One login. `tokens` are its secrets, and `about` what else the platform said of it, both by name.

    `begun` are the times at which a new login was asked for, in Unix seconds UTC, whether it was given or not.
    """

    tokens: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    begun: list[float] = field(default_factory=list)

    def wait(self, now: float, limits: Sequence[tuple[int, float]]) -> float:
        """Return in how many seconds a new login may be asked for; each limit is so many in so many seconds."""
        waits = [
            min(seconds, self.begun[-count] + seconds - now)
            for count, seconds in limits
            if len(self.begun) >= count
        ]
        return max(0.0, *waits) if waits else 0.0

    def begins(self, now: float) -> None:
        """Record that a new login is asked for."""
        self.begun = [*self.begun, now][-MOST_BEGUN:]

    def not_begun(self) -> None:
        """Forget the last one: its request never reached the platform."""
        self.begun = self.begun[:-1]


Renew = Callable[[Login], Awaitable[None]]
R = TypeVar("R")


class Logins:
    """
    All logins by name, in `file`, or only in memory if there is none.

    `first` are the tokens and `about` what is known of every login that is not kept yet; test suites give them.
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        first: Mapping[str, str] = MappingProxyType({}),
        about: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._file = file
        self._first = first
        self._about = about
        self._logins: dict[str, Login] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._reading = asyncio.Lock()
        self._is_read = file is None

    async def use(self, name: str, renew: Renew, attempt: Callable[[Login], Awaitable[R]]) -> R:
        """
        Return what an attempt with a login returns. If that raises `StaleLogin`, it is made again with a new one.

        `name` says which platform, account and credentials the login belongs to, and has no secret in it. `renew` puts
        new tokens into it; of several attempts at the same time only one calls it.
        """
        login = await self.current(name, renew)
        try:
            return await attempt(login)
        except StaleLogin:
            return await attempt(await self.current(name, renew, stale=login))

    async def current(self, name: str, renew: Renew, *, stale: Login | None = None) -> Login:
        """Return the login that is kept, or a new one if there is none, or if `stale` is what is kept."""
        async with self._opened(name) as login:
            # Another attempt may have renewed it meanwhile.
            if not login.tokens or (stale is not None and login.tokens == stale.tokens):
                await renew(login)
            return deepcopy(login)

    @asynccontextmanager
    async def _opened(self, name: str) -> AsyncIterator[Login]:
        """Hand out a login to one caller at a time, and keep its changes, even after an error."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            await self._read()
            login = self._logins.pop(name, None) or Login({**self._first}, {**self._about})
            self._logins[name] = login  # the last one of the file is the one used last
            before = deepcopy(login)
            try:
                yield login
            finally:
                if login != before:
                    await self._write()

    def masking(self, clean: Callable[[str], str]) -> Callable[[str], str]:
        """Return a function that masks all tokens in a text too, after `clean`."""

        def masked(text: str) -> str:
            text = clean(text)
            for login in self._logins.values():
                for token in login.tokens.values():
                    if len(token) >= _SHORTEST and token in text:
                        text = text.replace(token, MASK)
            return text

        return masked

    async def _read(self) -> None:
        async with self._reading:
            if self._is_read or self._file is None:
                return
            with suppress(OSError, ValueError, TypeError, AttributeError):  # then there is none yet
                stored = orjson.loads(await offload(FILES, read_file, self._file))
                self._logins.update({name: _login(login) for name, login in stored.items()})
            self._is_read = True

    async def _write(self) -> None:
        if self._file is None:
            return
        newest = dict([*self._logins.items()][-MOST_LOGINS:])
        content = orjson.dumps({name: asdict(login) for name, login in newest.items()})
        with suppress(OSError):  # the login is good all the same, until the next start
            await offload(FILES, write_file, self._file, content, PRIVATE)


def _login(stored: Any) -> Login:
    """Return a login as it stands in the file; raise one of the errors of an unknown structure."""
    tokens, about = (
        {str(k): str(v) for k, v in stored[part].items()} for part in ("tokens", "about")
    )
    return Login(tokens, about, [float(at) for at in stored["begun"]])
