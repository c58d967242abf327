"""A daemon with many secrets, and senders and platforms that repeat them in every spelling wherever they can."""

from __future__ import annotations

import base64
import hmac
import html
import itertools
import json
import re
import sqlite3
import textwrap
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from appealbridge.testing.channel_case import PLANTED, ChannelCase
from appealbridge.testing.server import HANG_UP, TRUNCATE, ReceivedRequest
from appealbridge.triggers.webhook.signature import Scheme
from tests.contract import test_channels

CASES: Mapping[str, ChannelCase] = {
    suite.case.channel.platform: suite.case
    for suite in vars(test_channels).values()
    if isinstance(suite, type) and "case" in vars(suite)
}
"""Every built-in channel, from its contract test: a new one is included by itself."""


class Planted:
    """Secrets by name, all different, and all the ways in which one might come back."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._count = itertools.count(10)

    def another(self, name: str, *, standard: bool = False) -> str:
        """Make up a secret with a name; return how settings refer to it."""
        value = f"pl4nted-{next(self._count)}/with+odd=signs&more"
        if standard:
            value = f"whsec_{base64.b64encode(value.ljust(32, '.').encode()).decode()}"
        self.values[name] = value
        return f"!secret {name}"

    def spellings(self) -> list[str]:
        """Return every spelling that must not be seen."""
        return [form for value in self.values.values() for form in spellings(value)]


def spellings(value: str, *, whole: bool = False) -> list[str]:
    """Return how a secret might come back on one line; base64 only `whole` with what depends on its neighbours."""
    logins = [base64.b64encode(b"x" * n + b":" + value.encode()).decode() for n in range(3)]
    shifted = logins if whole else [login[4:-4] for login in logins]
    return [
        value,
        value.replace("/", "\\/"),
        quote(value, safe=""),
        quote(value, safe="").lower(),
        quote_plus(quote(value, safe="")),
        html.escape(value),
        "".join(f"&#{ord(letter)};" for letter in value),
        json.dumps(value.replace("&", "\\u0026"))[1:-1],
        *shifted,
        *(form.replace("+", "-").replace("/", "_") for form in shifted),
    ]


def told_back(secrets: list[str], turn: int = 0) -> str:
    """
    Return a text with all secrets in every spelling, also broken over lines.

    Only the beginning of a stranger's text is kept, so `turn` says what comes first.
    """
    forms = [form for secret in secrets for form in spellings(secret, whole=True)]
    forms += ["\n".join(textwrap.wrap(form, 11, break_on_hyphens=False)) for form in forms]
    forms += [f"Authorization: Bearer {secret}" for secret in secrets]
    turn = turn * 7 % len(forms)
    return "\n".join(forms[turn:] + forms[:turn])


def secrets_in(planted: Planted, values: str) -> list[str]:
    """Return which secrets can be read in a text: whole, or in the pieces of one that was broken."""
    plain = re.sub(r"\s|\\[nr]", "", values)
    whole = [form for form in planted.spellings() if form in values or form in plain]
    # A beginning is enough to tell whose secret it was.
    return [*whole, *re.findall(r"pl4nted-\d\d.{0,9}|odd=signs.{0,9}", values)]


# -- platforms that repeat what they should not ----------------------------------------------------

ANSWERS = [
    "well", "200", "400", "401", "403", "404", "409", "422", "429", "500", "503", "302", "308", "json", "html",
    "hang up", "truncate",
]  # fmt: skip
"""What a platform may do; every account meets one of these."""


def answer_of(case: ChannelCase, how: str, secrets: list[str], turn: int) -> Any:
    """Return what the platform answers, always with the secrets in it."""
    text = told_back(secrets, turn)
    headers = {"Retry-After": quote(secrets[0]), "X-Echo": secrets[0], "ETag": secrets[-1]}
    match how:
        case "well":
            status, body = case.receipt
            address = f"https://platform.example/{quote(secrets[0])}?token={secrets[0]}"
            return status, {**body, "url": address, "permalink_url": address}, headers
        case "302" | "308":
            place = f"https://platform.example/{quote(secrets[0], safe='')}?t={quote(secrets[0])}"
            return int(how), text, {**headers, "Location": place}
        case "json":
            error = {"message": text, "code": 100, "error_user_msg": text, "error_user_title": text}
            return 400, {"error": error, "detail": text, "title": text}
        case "html":
            return 502, f"<html><body><pre>{html.escape(text)}</pre></body></html>"
        case "hang up":
            return HANG_UP
        case "truncate":
            return TRUNCATE
    return int(how), text, headers


def by_path(planted: Planted) -> Any:
    """Return the script of one server on which each answer has its own path, `/platform/number/…`."""
    turns = itertools.count()

    def answer(request: ReceivedRequest) -> Any:
        _, platform, number, *_ = request.path.split("/")
        own = [value for name, value in planted.values.items() if name.startswith(platform)]
        return answer_of(CASES[platform], ANSWERS[int(number)], own, next(turns))

    return answer


MAIL_REPLIES: Mapping[str, Any] = {
    "GREETING": "554 {}", "EHLO": "502 {}", "AUTH": "535 {}", "MAIL": "550 {}", "RCPT": "450 {}",
    "DATA": "554 {}", ".": "451 {}", "QUIT": HANG_UP,
}  # fmt: skip
"""At each moment of a mail's conversation, what a server may say with the secrets in it."""


def mail_reply(reply: Any, secrets: list[str]) -> Any:
    """Return a reply of several lines that repeats the secrets; SMTP knows no longer ones than 512."""
    if not isinstance(reply, str):
        return reply
    code = reply[:3]
    lines = [form for secret in secrets[-2:] for form in spellings(secret, whole=True)][:40]
    return "\r\n".join([*(f"{code}-{line[:400]}" for line in lines), f"{code} that is all"])


# -- settings ---------------------------------------------------------------------------------------


def with_secrets(value: Any, planted: Planted, name: str) -> Any:
    """Return a case's options with a secret of its own wherever the contract plants its one."""
    if isinstance(value, Mapping):
        return {key: with_secrets(inner, planted, f"{name}_{key}") for key, inner in value.items()}
    return planted.another(name) if value == PLANTED else value


def as_yaml(value: Any) -> str:
    """Return settings as YAML, in which the name of a secret is a tag, not text."""
    return re.sub(r'"(!secret \w+)"', r"\1", json.dumps(value))


def webhooks(planted: Planted) -> dict[str, Any]:
    """Return a webhook for every way of proof, each with two secrets."""
    values: dict[str, Any] = {}
    for scheme in Scheme:
        name = f"hook_{scheme.value.replace('-', '_')}"
        standard = scheme is Scheme.STANDARD
        values[scheme.value] = {
            "signature": scheme.value,
            "mapping": {"type": "$.type", "subject": "$.subject", "key": "$.key"},
            **(
                {"allow_unsigned": True}
                if scheme is Scheme.NONE
                else {
                    "secrets": [
                        planted.another(f"{name}_{n}", standard=standard) for n in ("old", "new")
                    ]
                }
            ),
        }
    return values


# -- where to look ----------------------------------------------------------------------------------

OWN_WORDS = {("events", "data"), ("deliveries", "content"), ("runs", "reason"), ("runs", "trace")}
"""Where a sender's own words stand as they came, and what recipes made of them: whatever it put there is content."""


def stored_texts(file: Path) -> dict[str, str]:
    """Return every value of every row of every table, but for own words, by where it stands."""
    values = {}
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for table in tables:
            cursor = db.execute(f'SELECT * FROM "{table}"')
            columns = [column for column, *_ in cursor.description]
            for number, row in enumerate(cursor):
                for column, value in zip(columns, row, strict=True):
                    if (table, column) not in OWN_WORDS:
                        values[f"{file.name}: {table}.{column} {number}"] = str(value)
    return values


def proof(scheme: str, secret: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers by which a sender who holds the secret proves itself."""
    key = secret.encode()
    if scheme == Scheme.STANDARD:
        key = base64.b64decode(secret.removeprefix("whsec_") + "==", validate=False)
    stamp = str(int(now))

    def mac(*parts: bytes) -> str:
        return hmac.digest(key, b"".join(parts), "sha256").hex()

    whole = f"{stamp}.".encode()
    slack = {"x-slack-signature": f"v0={mac(b'v0:', stamp.encode(), b':', body)}"}
    standard = base64.b64encode(bytes.fromhex(mac(b"msg.", whole, body))).decode()
    values = {
        Scheme.STANDARD: {
            "webhook-id": "msg",
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{standard}",
        },
        Scheme.GITHUB: {"x-hub-signature-256": f"sha256={mac(body)}"},
        Scheme.STRIPE: {"stripe-signature": f"t={stamp},v1={mac(whole, body)}"},
        Scheme.SLACK: {**slack, "x-slack-request-timestamp": stamp},
        Scheme.PAGERDUTY: {"x-pagerduty-signature": f"v1={mac(body)}"},
        Scheme.HMAC: {"x-signature": mac(body)},
        Scheme.BEARER: {"authorization": f"Bearer {secret}"},
        Scheme.NONE: {},
    }
    return values[Scheme(scheme)]
