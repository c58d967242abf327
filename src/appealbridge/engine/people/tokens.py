"""Tokens, with which systems use the API. They never approve or edit."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection

from appealbridge.clock import Clock
from appealbridge.engine.people.log_ins import SEEN_EVERY, hash_of
from appealbridge.model.actor import Actor
from appealbridge.model.audit import Act, Decision
from appealbridge.model.people import Token, TokenScope
from appealbridge.store.people import PeopleStore

PREFIX = "abt_"
"""How every token begins, so that tools that look for secrets recognise it."""

LONGEST_DAYS = 366
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Tokens:
    """Makes, recognises and revokes tokens."""

    def __init__(
        self, store: PeopleStore, clock: Clock, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._clock = clock
        self._random_bytes = random_bytes

    async def make(
        self,
        name: str,
        scopes: Collection[str],
        days: int,
        actor: Actor,
        taken: Collection[str] = (),
    ) -> str:
        """
        Return a new token, which is shown only once; raise `ValueError`, or `IllegalMove` for a name in use.

        `taken` are the ids of people: what a token decides must not look like what a person decided.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("name: use letters, digits, and _ . - between them")
        if name in taken:
            raise ValueError(f"name: {name} is a person; choose another name for the token")
        if not scopes or not set(scopes) <= {*TokenScope}:
            raise ValueError(f"scopes: one or more of {', '.join(TokenScope)}")
        if not 1 <= days <= LONGEST_DAYS:
            raise ValueError(f"days: from 1 to {LONGEST_DAYS}, after which a new one is needed")
        secret = PREFIX + base64.urlsafe_b64encode(self._random_bytes(32)).decode().rstrip("=")
        now = self._clock.now()
        token = Token(
            name=name,
            hash=hash_of(secret),
            owner=str(actor),
            scopes=frozenset(map(TokenScope, scopes)),
            made_at=now,
            ends=now + days * 86400.0,
        )
        shown = {"scopes": sorted(token.scopes), "days": days}
        decision = Decision(
            actor=actor, act=Act.MAKE_TOKEN, at=now, object=f"token {name}", shown=shown
        )
        await self._store.keep_token(token, decision)
        return secret

    async def recognised(self, secret: str) -> Token | None:
        """Return the token with this secret; `None` if there is none, or it has ended or is revoked."""
        if not secret.startswith(PREFIX) or len(secret) > 100:
            return None
        token, now = await self._store.token(hash_of(secret)), self._clock.now()
        if token is None or token.revoked_at is not None or now >= token.ends:
            return None
        if token.used_at is None or abs(now - token.used_at) >= SEEN_EVERY:
            await self._store.see_token(token.name, now)
        return token

    async def revoke(self, name: str, actor: Actor) -> Token:
        """Revoke a token; raise `NotFound`."""
        now = self._clock.now()
        decision = Decision(actor=actor, act=Act.REVOKE_TOKEN, at=now, object=f"token {name}")
        return await self._store.revoke_token(name, now, decision)
