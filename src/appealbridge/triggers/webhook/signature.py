"""
Authenticates the sender of a webhook, and signs as one: each scheme says what is signed and where the proof is.

The raw bytes are checked before anything reads them, and every comparison takes constant time. A
refusal tells the sender what to fix, and nothing about the secret or the right signature.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from secrets import token_bytes
from typing import NamedTuple
from urllib.parse import urlsplit

from appealbridge.model.errors import Refused
from appealbridge.plugin.receiver import Request

Verify = Callable[[Request], object]
"""Returns for an authenticated request, raises `Refused` (401) for any other."""

SHORTEST = 16
"""How many bytes a secret should have at least; a shorter one can be guessed."""


class Scheme(StrEnum):
    """The known signature schemes."""

    STANDARD = "standard-webhooks"
    GITHUB = "github"
    STRIPE = "stripe"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    HMAC = "hmac"
    BEARER = "bearer"
    NONE = "none"

    @property
    def replayable(self) -> bool:
        """Whether anybody who saw a request can send it again at any time without the secret."""
        return self in (Scheme.GITHUB, Scheme.PAGERDUTY, Scheme.HMAC)


class Proof(NamedTuple):
    """
    How the requests to one webhook are checked: `head` by the headers alone, `whole` with the body.

    Both raise `Refused`. `head` returns whether the headers alone authenticate the sender.
    """

    head: Callable[[Request], bool]
    whole: Verify


class Digest(NamedTuple):
    """The options of `hmac`: the header's name in lower case, the hash, its encoding, and the text before it."""

    header: str = "x-signature"
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str | None = None


class _Claim(NamedTuple):
    """The bytes signed before the body, the proofs in a request, and the header that has them."""

    before: bytes
    proofs: Iterable[bytes]
    header: str


_MOST_PROOFS = 16
"""How many signatures a header may have: senders send several while a secret is being changed."""


def proof(
    scheme: Scheme,
    secrets: Sequence[str],
    *,
    tolerance: float = 300.0,
    digest: Digest | None = None,
) -> Proof:
    """
    Return the checks for one webhook; any of `secrets` is accepted.

    `tolerance` is how far a signed timestamp may be from the arrival, in seconds. Raise
    `ValueError`, without the secret, if a secret is not valid.
    """
    if scheme is Scheme.NONE:
        return Proof(_no_browser, _no_browser)
    keys = [key_of(scheme, secret) for secret in secrets]
    if scheme is Scheme.BEARER:
        return Proof(partial(_bearer, keys), partial(_bearer, keys))
    form = digest or Digest()
    algorithm, encoding = _FORMS.get(scheme, (form.algorithm, form.encoding))
    macs = [hmac.new(key, digestmod=algorithm) for key in keys]
    claimed = _claimant(scheme, tolerance, form)
    encode = _encoder(encoding)
    length = len(encode(hmac.digest(b"", b"", algorithm)))

    def head(request: Request) -> bool:
        claim = claimed(request)
        if not any(len(proof) == length for proof in claim.proofs):
            raise _refused(
                f"no signature in {claim.header} has {length} characters, as {algorithm} needs"
            )
        return False

    def whole(request: Request) -> None:
        claim = claimed(request)
        for mac in macs:
            own = mac.copy()
            own.update(claim.before)
            own.update(request.body)
            expected = encode(own.digest())
            for proof in claim.proofs:
                # Some senders, in .NET for example, write hex in capitals.
                if hmac.compare_digest(expected, proof if encoding == "base64" else proof.lower()):
                    return
        raise _refused(
            f"no signature in {claim.header} fits this body and a secret of this webhook; "
            "sign the bytes as they are sent, with the secret that is agreed"
        )

    return Proof(head, whole)


def sign(
    scheme: Scheme,
    secret: str,
    body: bytes,
    *,
    at: float,
    message_id: str,
    digest: Digest | None = None,
) -> dict[str, str]:
    """
    Return the headers with which a sender proves a body, as `proof` checks them.

    `at` is in Unix seconds. Raise `ValueError`, without the secret, if the secret is not valid.
    """
    if scheme is Scheme.NONE:
        return {}
    key, sent = key_of(scheme, secret), str(int(at))
    form = _GITHUB if scheme is Scheme.GITHUB else digest or Digest()
    algorithm, encoding = _FORMS.get(scheme, (form.algorithm, form.encoding))

    def mac(before: bytes = b"") -> str:
        return _encoder(encoding)(hmac.digest(key, before + body, algorithm)).decode()

    match scheme:
        case Scheme.BEARER:
            return {"authorization": f"Bearer {secret}"}
        case Scheme.STANDARD:
            signature = f"v1,{mac(_before_standard(message_id, sent))}"
            return dict(zip(_WEBHOOK, (signature, message_id, sent), strict=True))
        case Scheme.STRIPE:
            return {_STRIPE: f"t={sent},v1={mac(_before_stripe(sent))}"}
        case Scheme.SLACK:
            return {_SLACK_TIME: sent, _SLACK: f"v0={mac(_before_slack(sent))}"}
        case Scheme.PAGERDUTY:
            return {_PAGERDUTY: f"v1={mac()}"}
    return {form.header: f"{form.prefix or ''}{mac()}"}


def decoy() -> Proof:
    """Return checks with a secret that nobody knows, for requests to webhooks that do not exist."""
    return proof(Scheme.STANDARD, [base64.b64encode(token_bytes(32)).decode()])


def key_of(scheme: Scheme, secret: str) -> bytes:
    """Return the key of a secret; raise `ValueError`, without the secret, if it is not valid."""
    if not secret:
        raise ValueError("is empty")
    if scheme is not Scheme.STANDARD:
        return secret.encode()
    text = secret.removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not whsec_ followed by base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"holds {len(key)} bytes; Standard Webhooks wants 24 to 64")
    return key


_FORMS = {
    Scheme.STANDARD: ("sha256", "base64"),
    Scheme.GITHUB: ("sha256", "hex"),
    Scheme.STRIPE: ("sha256", "hex"),
    Scheme.SLACK: ("sha256", "hex"),
    Scheme.PAGERDUTY: ("sha256", "hex"),
}


_GITHUB = Digest("x-hub-signature-256", prefix="sha256=")
_STRIPE = "stripe-signature"
_SLACK, _SLACK_TIME = "x-slack-signature", "x-slack-request-timestamp"
_PAGERDUTY = "x-pagerduty-signature"


def _before_standard(message_id: str, sent: str) -> bytes:
    return _bytes(f"{message_id}.{sent}.")


def _before_stripe(sent: str) -> bytes:
    return _bytes(f"{sent}.")


def _before_slack(sent: str) -> bytes:
    return _bytes(f"v0:{sent}:")


def _claimant(scheme: Scheme, tolerance: float, form: Digest) -> Callable[[Request], _Claim]:
    """Return the function that reads the proofs from a request."""
    match scheme:
        case Scheme.STANDARD:
            return lambda request: _standard(request, tolerance)
        case Scheme.STRIPE:
            return lambda request: _stripe(request, tolerance)
        case Scheme.SLACK:
            return lambda request: _slack(request, tolerance)
        case Scheme.PAGERDUTY:
            return _pagerduty
        case Scheme.GITHUB:
            form = _GITHUB
    return lambda request: _digest(request, form)


class _Family(NamedTuple):
    """The names of the three headers of Standard Webhooks."""

    signature: str
    id: str
    timestamp: str


_WEBHOOK = _Family("webhook-signature", "webhook-id", "webhook-timestamp")
_SVIX = _Family("svix-signature", "svix-id", "svix-timestamp")
"""Svix sends the same headers under its own name."""


def signed_id(headers: Mapping[str, str]) -> str:
    """Return the id that a Standard Webhooks signature covers; empty if there is none."""
    return headers.get(_family(headers).id, "")


def _family(headers: Mapping[str, str]) -> _Family:
    branded = _WEBHOOK.signature not in headers and _SVIX.signature in headers
    return _SVIX if branded else _WEBHOOK


def _standard(request: Request, tolerance: float) -> _Claim:
    header, its_id, stamp = _family(request.headers)
    proofs = _header(request, header)
    message, sent = _header(request, its_id), _header(request, stamp)
    _fresh(sent, stamp, request.arrived, tolerance)
    return _Claim(_before_standard(message, sent), _marked(proofs.split(), "v1,", header), header)


def _stripe(request: Request, tolerance: float) -> _Claim:
    header = _STRIPE
    parts = _parts(_header(request, header))
    sent = next((part[2:] for part in parts if part.startswith("t=")), "")
    _fresh(sent, f"t= in {header}", request.arrived, tolerance)
    return _Claim(_before_stripe(sent), _marked(parts, "v1=", header), header)


def _slack(request: Request, tolerance: float) -> _Claim:
    header = _SLACK
    proof, sent = _header(request, header), _header(request, _SLACK_TIME)
    _fresh(sent, _SLACK_TIME, request.arrived, tolerance)
    return _Claim(_before_slack(sent), _marked([proof], "v0=", header), header)


def _pagerduty(request: Request) -> _Claim:
    header = _PAGERDUTY
    return _Claim(b"", _marked(_parts(_header(request, header)), "v1=", header), header)


def _digest(request: Request, form: Digest) -> _Claim:
    proof = _header(request, form.header)
    if form.prefix is None:
        proof = proof.removeprefix(f"{form.algorithm}=")
    elif not proof.startswith(form.prefix):
        raise _refused(f"{form.header} does not begin with {form.prefix}")
    else:
        proof = proof.removeprefix(form.prefix)
    return _Claim(b"", (_bytes(proof.strip()),), form.header)


def _parts(value: str) -> Sequence[str]:
    return [part.strip() for part in value.split(",")]


def _marked(parts: Sequence[str], mark: str, header: str) -> Sequence[bytes]:
    proofs = [_bytes(part[len(mark) :]) for part in parts if part.startswith(mark)]
    if not proofs:
        raise _refused(f"{header} has no signature that begins with {mark}")
    return proofs[:_MOST_PROOFS]


def _bearer(keys: Sequence[bytes], request: Request) -> bool:
    word, _, token = _header(request, "authorization").partition(" ")
    if word.lower() != "bearer":
        raise _refused("the authorization header is not of the form: Bearer <token>")
    proof = _bytes(token.strip())
    if not any([hmac.compare_digest(key, proof) for key in keys]):  # noqa: C419 - in constant time
        raise _refused("the bearer token is not one of this webhook's")
    return True


def _no_browser(request: Request) -> bool:
    """
    Accept everyone except a browser that sends for the page of another site.

    The settings require `allow_unsigned: true`. A web page can make a browser send forms and plain
    text to any address, including internal ones, but not JSON without asking the server first. A
    browser also says which site the page belongs to.
    """
    media = media_type(request)
    if media != "application/json" and not media.endswith("+json"):
        message = (
            f"content type {media[:80] or 'missing'}; an unsigned webhook takes application/json"
        )
        raise Refused(415, "not JSON", message)
    origin = request.headers.get("origin")
    if origin is not None and not _own(origin, request.headers.get("host", "")):
        message = (
            "an unsigned webhook accepts nothing from a web page; send it without an Origin header"
        )
        raise Refused(403, "from a web page", message)
    return False


def media_type(request: Request) -> str:
    """Return the content type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _own(origin: str, host: str) -> bool:
    """Return whether a page is from the address that it sends to; host names are not trusted (DNS rebinding)."""
    if origin not in (f"http://{host}", f"https://{host}"):
        return False
    try:
        name = urlsplit(origin).hostname or ""
        return name == "localhost" or bool(ip_address(name))
    except ValueError:
        return False


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name)
    if not value:
        raise _refused(f"the {name} header is missing; this webhook takes signed requests only")
    return value


def _fresh(sent: str, name: str, arrived: float, tolerance: float) -> None:
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise _refused(f"{name} is not a whole number of seconds since 1970")
    late = arrived - int(sent)
    if abs(late) > tolerance:
        where = "in the past" if late > 0 else "in the future"
        raise _refused(
            f"{name} lies {abs(late):.0f} s {where} and at most {tolerance:.0f} s are accepted; "
            "set its clock right, and send it again"
        )


def _refused(detail: str) -> Refused:
    return Refused(401, "sender not proven", detail)


def _bytes(text: str) -> bytes:
    # Any text at all may stand in a header; what is no UTF-8 then fits no signature.
    return text.encode("utf-8", "surrogatepass")


def _encoder(encoding: str) -> Callable[[bytes], bytes]:
    return _base64 if encoding == "base64" else _hex


def _hex(digest: bytes) -> bytes:
    return digest.hex().encode()


def _base64(digest: bytes) -> bytes:
    return binascii.b2a_base64(digest, newline=False)
