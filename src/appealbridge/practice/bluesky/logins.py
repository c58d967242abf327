"""The logins of the practice Bluesky: accounts, tokens, and how often one may log in."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

from appealbridge.clock import Clock

ACCESS, REFRESH = "com.atproto.access", "com.atproto.refresh"

_LIVES = {ACCESS: 2 * 3600.0, REFRESH: 90 * 86_400.0}
_GRACE = 2 * 3600.0
"""How long a token that was used to get a new one can be used once more."""

_LIMITS = ((30, 300.0), (300, 86_400.0))
"""How many logins an account has in so many seconds."""

_KEY = b"the practice platforms have no secrets"


@dataclass(frozen=True, slots=True)
class Owner:
    """An account: its name, and its permanent id."""

    handle: str
    did: str


def owner_of(handle: str) -> Owner:
    """Return the account with a name, or with an id."""
    handle = handle.lower().removeprefix("@")
    if handle.startswith("did:"):
        return Owner(f"{handle.rpartition(':')[2][:24]}.practice", handle)
    digest = base64.b32encode(hashlib.sha256(handle.encode()).digest()).decode().lower()
    return Owner(handle, f"did:plc:{digest[:24]}")


class InvalidToken(ValueError):
    """A token is not good; `name` is that of the server's error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class BlueskyLogins:
    """Makes tokens and reads them. They are good for the next practice platforms, too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made = 0
        self._used: dict[str, float] = {}
        self._begun: dict[str, list[float]] = {}

    def throttled(self, handle: str) -> tuple[int, int, float] | None:
        """Count a login; return the limit that it breaks, its seconds and its end, `None` if it may go on."""
        now = self._clock.now()
        begun = [at for at in self._begun.get(handle, []) if now - at < _LIMITS[-1][1]]
        self._begun[handle] = begun
        for most, seconds in _LIMITS:
            within = [at for at in begun if now - at < seconds]
            if len(within) >= most:
                return most, int(seconds), within[0] + seconds
        begun.append(now)
        return None

    def tokens(self, owner: Owner) -> dict[str, str]:
        """Return a new pair of tokens."""
        return {
            "accessJwt": self._token(ACCESS, owner),
            "refreshJwt": self._token(REFRESH, owner),
        }

    def owner(self, token: str, scope: str) -> Owner:
        """Return whose token this is; raise `InvalidToken` if it is not good for this."""
        claims = _claims(token)
        if claims.get("scope") != scope:
            raise InvalidToken("InvalidToken", "Invalid token type")
        now = self._clock.now()
        if now >= claims["exp"]:
            raise InvalidToken("ExpiredToken", "Token has expired")
        if scope == REFRESH and now > self._used.setdefault(token, now) + _GRACE:
            raise InvalidToken("ExpiredToken", "Token has been revoked")
        return Owner(claims["handle"], claims["sub"])

    def _token(self, scope: str, owner: Owner) -> str:
        now = self._clock.now()
        self._made += 1
        claims = {
            "scope": scope,
            "sub": owner.did,
            "handle": owner.handle,
            "iat": int(now),
            "exp": int(now + _LIVES[scope]),
            "jti": f"{self._made}.{now}",
        }
        content = f"{_base64(b'{}')}.{_base64(orjson.dumps(claims))}"
        return f"{content}.{_signature(content)}"


def _claims(token: str) -> dict[str, Any]:
    content, _, signature = token.rpartition(".")
    try:
        if not hmac.compare_digest(signature, _signature(content)):
            raise ValueError("not ours")
        claims: dict[str, Any] = orjson.loads(
            base64.urlsafe_b64decode(content.partition(".")[2] + "==")
        )
    except (ValueError, TypeError):
        raise InvalidToken("InvalidToken", "Token could not be verified") from None
    return claims


def _signature(content: str) -> str:
    return _base64(hmac.digest(_KEY, content.encode(), "sha256"))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
