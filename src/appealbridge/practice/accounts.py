"""
Derives the account from a credential, because the practice platforms do not know the secrets.

Any well-formed credential is taken. A token that begins with digits and a hyphen, as X's do, names
its account by them; one written `practice-NAME` names it directly; any other gets a name made from its
hash, so that the same token is always the same account and the token itself is never shown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from urllib.parse import unquote

_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9\-._~+/|]+=*)")
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/|]+=*")
_OAUTH_PAIR = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')
_NAMED = re.compile(r"(?:practice-)([A-Za-z0-9_-]{1,30})|([0-9]{1,19})-.+")
_REQUIRED = frozenset(
    {
        "oauth_consumer_key",
        "oauth_token",
        "oauth_signature_method",
        "oauth_timestamp",
        "oauth_nonce",
        "oauth_signature",
    }
)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of a well-formed `Authorization: Bearer`, `None` otherwise."""
    match = _BEARER.fullmatch(headers.get("Authorization", "").strip())
    return match[1] if match else None


def well_formed(token: str) -> bool:
    """Return whether a text from a form or query could be a token."""
    return _TOKEN.fullmatch(token) is not None


def oauth1_token(headers: Mapping[str, str]) -> str | None:
    """
    Return `oauth_token` of a well-formed OAuth 1.0a header, `None` otherwise.

    Every parameter has to be there once and look like what it is; whether the signature is right
    cannot be known here, since no secret is.
    """
    scheme, _, rest = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "oauth":
        return None
    parameters: dict[str, str] = {}
    for part in rest.split(","):
        pair = _OAUTH_PAIR.fullmatch(part)
        if pair is None or pair[1] in parameters:
            return None
        parameters[pair[1]] = unquote(pair[2])
    if not {name for name, value in parameters.items() if value} >= _REQUIRED:
        return None
    if (
        not parameters["oauth_timestamp"].isdigit()
        or parameters.get("oauth_version", "1.0") != "1.0"
    ):
        return None
    signed = parameters["oauth_signature_method"] == "HMAC-SHA1" and _is_sha1(
        parameters["oauth_signature"]
    )
    return parameters["oauth_token"] if signed else None


def account_name(token: str) -> str:
    """Return the account's name: lower-case letters, digits and underscores."""
    named = _NAMED.fullmatch(token)
    if named:
        word: str = named[1] or f"user_{named[2]}"
        return word.replace("-", "_").lower()
    return f"practice_{account_number(token, 6)}"


def account_number(text: str, digits: int) -> str:
    """Return a number of so many digits, always the same for the same text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:12], "big")
    least = 10 ** (digits - 1)
    return str(least + number % (9 * least))


def _is_sha1(signature: str) -> bool:
    try:
        return len(base64.b64decode(signature, validate=True)) == 20
    except binascii.Error:
        return False
