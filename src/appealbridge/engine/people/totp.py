"""The second factor: six digits that change every thirty seconds (TOTP, RFC 6238, with SHA-1 as apps expect). Pure."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote, urlencode

STEP = 30
"""How many seconds one code is valid."""

DIGITS = 6
SECRET_BYTES = 20
DRIFT = 1
"""How many steps a phone's clock may be early or late."""


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def step_of(now: float) -> int:
    """Return the number of the step at this time, in Unix seconds."""
    return int(now) // STEP


def matching_step(secret: bytes, code: str, now: float) -> int | None:
    """Return the step that a code is of, `None` if it is of none near this time."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdecimal()):
        return None
    here, matching = step_of(now), None
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, max(0, step)), typed):
            matching = step
    return matching


def as_text(secret: bytes) -> str:
    """Return a secret as people type it: in base 32."""
    return base64.b32encode(secret).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Return the secret that a text says; raise `ValueError` if it is none of ours."""
    secret = base64.b32decode(text + "=" * (-len(text) % 8))
    if len(secret) != SECRET_BYTES:
        raise ValueError("the secret of the second factor has another length")
    return secret


def address_for_apps(secret: bytes, person: str) -> str:
    """Return the `otpauth:` address by which an authenticator app takes the secret over."""
    query = urlencode({"secret": as_text(secret), "issuer": "AppealBridge"})
    return f"otpauth://totp/AppealBridge:{quote(person, safe='')}?{query}"
