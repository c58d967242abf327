"""Passwords: hashed with argon2id in threads, two at once at the most, each with 32 MB."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from appealbridge.plugin.offload import Pool, offload

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 2
MOST_WAITING = 100
"""How many may wait for their turn; the next is asked to come again."""

SHORTEST, LONGEST = 12, 200
"""How many characters a password has."""

PASSWORDS = Pool("passwords", AT_ONCE)


class Crowded(Exception):
    """Too many log-ins wait already."""


class Passwords:
    """Hashes and checks passwords. `checked` counts all checks, those of people who do not exist included."""

    def __init__(self) -> None:
        self.checked = 0
        self._waiting = 0
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """Return the hash of a password; raise `Crowded`."""
        return str(await self._take_turn(self._hash, _normal(password)))

    async def right(self, password: str, hash_: str) -> bool:
        """
        Return whether a password is right; raise `Crowded`.

        Without a hash it never is, and that takes as long as with one.
        """
        self.checked += 1
        return bool(await self._take_turn(self._verify, hash_, _normal(password)))

    def weak(self, hash_: str) -> bool:
        """Return whether a hash was made with less work than this version asks for."""
        return _hasher().check_needs_rehash(hash_)

    async def _take_turn(self, work: object, *arguments: str) -> object:
        if self._waiting >= MOST_WAITING + AT_ONCE:
            raise Crowded("too many log-ins at once; try again in a moment")
        self._waiting += 1
        try:
            return await offload(PASSWORDS, work, *arguments)  # type: ignore[arg-type]
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return _hasher().hash(password)

    def _verify(self, hash_: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        if not self._decoy:
            self._decoy = _hasher().hash("a password that nobody has")
        try:
            _hasher().verify(hash_ or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(hash_)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # a megabyte, for those who log in with a password

    return PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


def flaw(password: str, *names: str) -> str:
    """Return what is wrong with a new password, empty if it will do."""
    normal = _normal(password)
    if len(normal) < SHORTEST:
        return f"the password has fewer than {SHORTEST} characters; three words without a connection are good"
    if len(normal) > LONGEST:
        return f"the password has more than {LONGEST} characters"
    rest = normal.casefold()
    for word in (*re.split(r"\W+", " ".join(names).casefold()), "appealbridge", "password"):
        if len(word) > 2:
            rest = rest.replace(word, "")
    if len(set(rest)) < 5:
        return "the password is too easy to guess; take three words without a connection"
    return ""


def _normal(password: str) -> str:
    """Return the same text for what keyboards write in different ways."""
    return unicodedata.normalize("NFKC", password[: 4 * LONGEST])
