"""
The door to a mail server: one mail for one recipient, and what each way of going wrong means.

Up to the final dot nothing is sent; once it is, only the server's answer tells. So each stage of
the conversation has failures of its own.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
)

from appealbridge.model.errors import DeliveryError, LoginExpired, Rejected, TryAgain, Unsure
from appealbridge.plugin.options import Secret
from appealbridge.plugin.reply import readable

PRACTICE_MAIL = "practice+"
"""Before the address of practice platforms that are to be asked where their mail server is."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_COMMAND_SECONDS = 60.0
_FINAL_DOT_SECONDS = 600.0
"""RFC 5321 4.5.3.2.6: a server may take so long, and who gives up sooner sends twice."""

_GOODBYE_SECONDS = 5.0
_PORTS = {"smtp": 25, "smtps": 465}
_NETWORK = (SMTPException, OSError, TimeoutError)
_TOO_BIG = 552
_DAILY_LIMIT = re.compile(r"\b[45]\.4\.5\b")
"""How large providers say that an account has sent its share of a day."""
_DAILY_LIMIT_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """
    Where mail is handed over, and how.

    `address` is `smtp://host:port` or `smtps://host:port`, `name` how we introduce ourselves,
    `starttls` whether `smtp` goes over to TLS; without a `password` nobody logs in.
    """

    address: str
    name: str
    starttls: Literal["auto", "always", "never"] = "auto"
    username: str = ""
    password: Secret | None = None

    @property
    def host(self) -> str:
        """The server's host."""
        return urlsplit(self.address).hostname or ""

    def words(self, said: Exception | str, clean: Callable[[str], str]) -> str:
        """Return a sentence for a person: which server, and what it said; `clean` takes secrets out of it."""
        text = str(said)
        if isinstance(said, SMTPResponseException):
            text = f"{said.code} {said.message}" if said.code > 0 else str(said.message)
        return f"{self.address}: {readable(text or type(said).__name__, clean)}"


def mail_server(text: str) -> str:
    """Return a mail server's address; raise `ValueError` where it is none."""
    address = urlsplit(text)
    if text.startswith(PRACTICE_MAIL) and address.hostname:
        return text
    if address.scheme not in _PORTS or not address.hostname or address.path.strip("/"):
        raise ValueError("give a server such as smtp://mail.internal:587")
    if address.username or address.password:
        raise ValueError("put the login under `credentials`, not into the address")
    _ = address.port  # it is read here for its own ValueError
    return text


async def hand_over(
    server: MailServer, sender: str, recipient: str, mail: bytes, clean: Callable[[str], str]
) -> None:
    """Hand one mail over; `sender` and `recipient` are bare addresses, `clean` takes secrets out of errors."""
    async with _conversation(server, clean) as client:
        size = [f"SIZE={len(mail)}"] if client.supports_extension("size") else []
        try:
            await client.mail(sender, options=size)
            await client.rcpt(recipient)
        except SMTPResponseException as error:
            raise _refused(server, error, clean) from None
        except _NETWORK as error:
            raise TryAgain(server.words(error, clean)) from None
        try:
            await client.data(mail, timeout=_FINAL_DOT_SECONDS)
        except SMTPResponseException as error:
            raise _refused(server, error, clean) from None
        except _NETWORK as error:
            raise Unsure(server.words(error, clean)) from None


async def log_in(server: MailServer, clean: Callable[[str], str]) -> None:
    """Connect, log in and leave again."""
    async with _conversation(server, clean):
        return


@asynccontextmanager
async def _conversation(server: MailServer, clean: Callable[[str], str]) -> AsyncIterator[SMTP]:
    address = urlsplit(server.address)
    implicit = address.scheme == "smtps"
    starttls = None if server.starttls == "auto" else server.starttls == "always"
    client = SMTP(
        hostname=address.hostname,
        port=address.port or _PORTS[address.scheme],
        use_tls=implicit,
        start_tls=False if implicit else starttls,
        local_hostname=server.name,
        timeout=_COMMAND_SECONDS,
    )
    try:
        await _open(client, server, clean)
        yield client
        await _goodbye(client)
    finally:
        client.close()


async def _open(client: SMTP, server: MailServer, clean: Callable[[str], str]) -> None:
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        if server.password is None:
            return
        _keep_secret(client, server)
        await client.login(server.username, server.password.get_secret_value())
    except SMTPAuthenticationError as error:
        failure = TryAgain if 400 <= error.code < 500 else LoginExpired
        raise failure(server.words(error, clean), status=error.code) from None
    except _NETWORK as error:
        raise TryAgain(server.words(error, clean)) from None


def _keep_secret(client: SMTP, server: MailServer) -> None:
    """Refuse to send a password over a network that can read it, unless the account's owner says so aloud."""
    in_the_clear = client.get_transport_info("sslcontext") is None
    if in_the_clear and server.starttls != "never" and server.host not in LOOPBACK:
        said = "no TLS is offered; to send the password all the same, say `starttls: never`"
        raise LoginExpired(server.words(said, str))


async def _goodbye(client: SMTP) -> None:
    """Take leave; the mail is theirs by now, so nothing that goes wrong here matters."""
    try:
        await client.quit(timeout=_GOODBYE_SECONDS)
    except _NETWORK:
        return


def _refused(
    server: MailServer, error: SMTPResponseException, clean: Callable[[str], str]
) -> DeliveryError:
    """
    Tell by the reply's first digit: 4 is for now, 5 for good; anything else says nothing.

    A sender who is refused for good is no matter of this one mail, unless it is too big. Nor is an
    account's share of a day, of which nobody knows when it is renewed.
    """
    words = server.words(error, clean)
    if error.code >= 400 and _DAILY_LIMIT.search(str(error.message)):
        return TryAgain(words, after=_DAILY_LIMIT_WAIT, throttled=True, status=error.code)
    sender = isinstance(error, SMTPSenderRefused) and error.code >= 500 and error.code != _TOO_BIG
    if sender or error.code in (530, 535):
        return LoginExpired(words, status=error.code)
    if 400 <= error.code < 500:
        return TryAgain(words, status=error.code)
    final = Rejected if 500 <= error.code < 600 else Unsure
    return final(words, status=error.code)
