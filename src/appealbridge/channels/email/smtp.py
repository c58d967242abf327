"""
Sends one mail to one recipient by SMTP, and decides what each failure means.

Before the final dot nothing is sent; after it, only the server's answer shows whether the mail is sent. So the mail
is written without its dot first, and the dot only if nothing has gone wrong.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from aiosmtplib.protocol import SMTPProtocol

from appealbridge.channels.email.smtp_reply import SmtpStage, failure
from appealbridge.model.errors import (
    AccountRefused,
    AddressNotAllowed,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.plugin import Secret
from appealbridge.plugin.http import Http, check_host, failure_reason, readable

PRACTICE_MAIL = "practice+"
"""The prefix of the address of practice platforms, which say where their mail server is."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_GOODBYE_SECONDS = 5.0
_PORTS = {"smtp": 25, "smtps": 465}
_NETWORK = (SMTPException, OSError, TimeoutError)
_OTHER_MECHANISM = frozenset({500, 501, 502, 503, 504, 534})
"""After these refusals of an AUTH mechanism another is tried. After others, one more attempt could lock the account."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    How many seconds to wait: for the answer to a `command`, and for everything before the final dot (`hand_over`).

    After the `final_dot` a server may take ten minutes (RFC 5321 4.5.3.2.6); to give up sooner would send the mail
    twice. Before it we `listen` whether the server refuses the mail or hangs up, which it mostly does at once: then the
    mail can be tried again, while after the dot a person must decide.
    """

    command: float = 60.0
    hand_over: float = 300.0
    final_dot: float = 600.0
    listen: float = 0.05


@dataclass(frozen=True, slots=True)
class MailServer:
    """
    A mail server and how to connect to it.

    `address` is `smtp://host:port` or `smtps://host:port`, `name` our name in the greeting, `starttls` whether
    `smtp` switches to TLS. Without a `password` there is no login.
    """

    address: str
    name: str
    starttls: Literal["auto", "always", "never"] = "auto"
    username: str = ""
    password: Secret | None = None
    timeouts: Timeouts = Timeouts()

    @property
    def host(self) -> str:
        """The server's host."""
        return urlsplit(self.address).hostname or ""

    def message(self, reason: Exception | str, clean: Callable[[str], str]) -> str:
        """Return a message for people: the server and the reason; `clean` removes secrets."""
        text = str(reason)
        if isinstance(reason, SMTPResponseException):
            text = f"{reason.code} {reason.message}" if reason.code > 0 else str(reason.message)
        return f"{self.address}: {readable(text or type(reason).__name__, clean)}"


def mail_server(text: str) -> str:
    """Return a mail server's address; raise `ValueError` if it is not one."""
    text = text.strip()
    address = urlsplit(text)
    if text.startswith(PRACTICE_MAIL) and address.hostname:
        return text
    if address.scheme not in _PORTS or not address.hostname or address.path.strip("/"):
        raise ValueError("write a server such as smtp://mail.internal:587")
    if address.username or address.password:
        raise ValueError("put the login under `credentials`, not into the address")
    _ = address.port  # raises ValueError if it is not valid
    check_host(address.hostname)
    return text


async def hand_over(
    server: MailServer, sender: str, recipient: str, mail: bytes, http: Http
) -> None:
    """
    Send one mail; `sender` and `recipient` are addresses without names, `http` opens the connection.

    If the mail or an address is not ASCII, the server must offer SMTPUTF8.
    """
    conversation = _Conversation(server, http, sender, recipient)
    try:
        async with conversation.surely_not_sent():
            await conversation.open()
            await conversation.envelope(mail)
            answer = await conversation.all_but_the_dot(mail)
        await conversation.final_dot(answer)
        await conversation.goodbye()
    finally:
        conversation.close()


async def log_in(server: MailServer, http: Http, sender: str = "") -> None:
    """
    Connect, log in and log out.

    With a `sender`, check as well whether the server accepts mail from this address. The same address is given as the
    recipient, because many servers refuse a sender only then; no mail is sent.
    """
    conversation = _Conversation(server, http, sender, sender)
    try:
        async with conversation.surely_not_sent():
            await conversation.open()
            if sender:
                await conversation.try_sender()
        await conversation.goodbye()
    finally:
        conversation.close()


class _Conversation:
    """One connection and its current stage; failures are raised as errors of a delivery."""

    def __init__(self, server: MailServer, http: Http, sender: str, recipient: str) -> None:
        address = urlsplit(server.address)
        implicit = address.scheme == "smtps"
        starttls = None if server.starttls == "auto" else server.starttls == "always"
        self._server = server
        self._http = http
        self._clean = http.clean
        self._port = address.port or _PORTS[address.scheme]
        self._sender = sender
        self._recipient = recipient
        self._stage = SmtpStage.GREETING
        self._client = SMTP(
            hostname=address.hostname,
            use_tls=implicit,
            start_tls=False if implicit else starttls,
            local_hostname=server.name,
            tls_context=http.tls(),
            timeout=server.timeouts.command,
        )

    @asynccontextmanager
    async def surely_not_sent(self) -> AsyncIterator[None]:
        """Return a context in which nothing has certainly been sent after a failure, with a time limit."""
        try:
            async with asyncio.timeout(self._server.timeouts.hand_over):
                yield
        except AddressNotAllowed as error:
            raise AddressNotAllowed(self._server.message(error, self._clean)) from None
        except SMTPResponseException as error:
            raise self._refused(error) from None
        except ssl.SSLCertVerificationError as error:
            raise self._not_trusted(error) from None
        except _NETWORK as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise self._not_trusted(error.__cause__) from None
            raise TryAgain(self._reason(error)) from None

    async def open(self) -> None:
        """Connect, switch to TLS, log in."""
        try:
            async with asyncio.timeout(self._server.timeouts.command):
                connected = await self._http.open_socket(self._server.host, self._port)
        except (OSError, TimeoutError) as error:
            reason = failure_reason(error)
            if isinstance(error, TimeoutError):
                reason = f"cannot connect: {reason}"
            raise TryAgain(self._server.message(reason, self._clean)) from None
        await self._client.connect(sock=connected)
        if self._client.is_ehlo_or_helo_needed:
            await self._client.ehlo()
        if self._server.password is not None:
            self._stage = SmtpStage.AUTH
            self._keep_secret()
            await self._log_in(self._server.username, self._server.password.get_secret_value())

    async def envelope(self, mail: bytes) -> None:
        """Send the sender and the recipient."""
        client = self._client
        options = [f"SIZE={len(mail)}"] if client.supports_extension("size") else []
        if not (mail.isascii() and self._sender.isascii() and self._recipient.isascii()):
            if not client.supports_extension("smtputf8"):
                raise Rejected(
                    self._server.message(
                        "this mail server accepts no address with letters outside ASCII before the @ "
                        "(it offers no SMTPUTF8); use another address of this recipient",
                        self._clean,
                    )
                )
            options += ["BODY=8BITMIME", "SMTPUTF8"]
        await self._say(SmtpStage.MAIL, b"MAIL", f"FROM:<{self._sender}>", *options)
        await self._say(SmtpStage.RCPT, b"RCPT", f"TO:<{self._recipient}>")

    async def try_sender(self) -> None:
        """Check whether the server accepts mail from the sender; its answer about the recipient does not matter."""
        await self._say(SmtpStage.MAIL, b"MAIL", f"FROM:<{self._sender}>")
        try:
            await self._say(SmtpStage.RCPT, b"RCPT", f"TO:<{self._recipient}>")
        except SMTPResponseException as error:
            refused = self._refused(error)
            if isinstance(refused, LoginExpired | AccountRefused):
                raise refused from None

    async def all_but_the_dot(self, mail: bytes) -> asyncio.Task[SMTPResponse]:
        """Send the mail without its final dot; return the answer to wait for."""
        await self._say(SmtpStage.DATA, b"DATA", expected=3)
        protocol = self._protocol()
        cast("asyncio.WriteTransport", self._client.transport).set_write_buffer_limits(high=0)
        if protocol._buffer:  # noqa: SLF001 - the library would use the rest as the answer to the mail
            raise SMTPException("the server sent more than one reply")
        answer = asyncio.create_task(protocol.read_response())
        try:
            protocol.write(_stuffed(mail))
            await self._written(protocol, answer)
            await asyncio.wait({answer}, timeout=self._server.timeouts.listen)
            if answer.done():
                early = answer.result()
                raise SMTPResponseException(early.code, early.message)
        except BaseException:
            await _dropped(answer)
            raise
        return answer

    async def final_dot(self, answer: asyncio.Task[SMTPResponse]) -> None:
        """Send the final dot. From now on only the server's answer shows whether the mail is sent."""
        try:
            self._protocol().write(b".\r\n")
        except _NETWORK as error:
            await _dropped(answer)
            raise TryAgain(self._reason(error)) from None
        self._stage = SmtpStage.FINAL_DOT
        try:
            async with asyncio.timeout(self._server.timeouts.final_dot):
                _expect(await answer, 2)
        except SMTPResponseException as error:
            raise self._refused(error) from None
        except _NETWORK as error:
            raise Unsure(self._reason(error)) from None

    async def goodbye(self) -> None:
        """Log out. The server already has the mail, so failures do not matter."""
        try:
            await self._client.quit(timeout=_GOODBYE_SECONDS)
        except _NETWORK:
            return

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def _say(self, stage: SmtpStage, verb: bytes, *arguments: str, expected: int = 2) -> None:
        self._stage = stage
        _expect(await self._client.execute_command(verb, *map(str.encode, arguments)), expected)

    def _protocol(self) -> SMTPProtocol:
        if self._client.protocol is None or self._client.transport is None:
            raise SMTPException("the connection was lost")
        return self._client.protocol

    async def _written(self, protocol: SMTPProtocol, answer: asyncio.Task[SMTPResponse]) -> None:
        """Wait until everything is sent, or the server has answered too early."""
        # This is what StreamWriter.drain() calls; the library has no method for it.
        drained = asyncio.create_task(protocol._drain_helper())  # noqa: SLF001
        try:
            await asyncio.wait({drained, answer}, return_when=asyncio.FIRST_COMPLETED)
            if drained.done():
                drained.result()
        finally:
            await _dropped(drained)

    async def _log_in(self, username: str, password: str) -> None:
        client = self._client
        refused: Exception = LoginExpired(
            self._server.message("it offers no login method that AppealBridge knows", self._clean)
        )
        for name, method in (
            ("cram-md5", client.auth_crammd5),
            ("plain", client.auth_plain),
            ("login", client.auth_login),
        ):
            if name not in client.server_auth_methods:
                continue
            try:
                await method(username, password)
            except SMTPAuthenticationError as error:
                if error.code not in _OTHER_MECHANISM:
                    raise
                refused = error
            else:
                return
        raise refused

    def _keep_secret(self) -> None:
        """Refuse to send a password without encryption, unless the settings allow it."""
        in_the_clear = self._client.get_transport_info("sslcontext") is None
        server = self._server
        if in_the_clear and server.starttls != "never" and server.host not in LOOPBACK:
            reason = "it offers no TLS; to send the password without it, write `starttls: never`"
            raise LoginExpired(server.message(reason, str))

    def _refused(self, error: SMTPResponseException) -> DeliveryError:
        return failure(
            self._stage,
            error.code,
            str(error.message),
            self._server.message(error, self._clean),
            sender=self._sender,
            recipient=self._recipient,
        )

    def _not_trusted(self, error: ssl.SSLCertVerificationError) -> LoginExpired:
        return LoginExpired(self._server.message(failure_reason(error), self._clean))

    def _reason(self, error: Exception) -> str:
        cause = error.__cause__
        match error:
            case TimeoutError():
                text = failure_reason(error)
            case SMTPConnectError() if isinstance(cause, OSError) and cause.errno:
                text = failure_reason(cause)
            case SMTPConnectError() | SMTPServerDisconnected():
                text = "the server closed the connection"
            case OSError():
                text = failure_reason(error)
            case _:
                text = str(error)
        return self._server.message(f"{text} (at {self._stage.value})", self._clean)


def _expect(reply: SMTPResponse, digit: int) -> None:
    if reply.code // 100 != digit:
        raise SMTPResponseException(reply.code, reply.message)


async def _dropped(task: asyncio.Task[Any]) -> None:
    """End a task whose result is not needed any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _stuffed(mail: bytes) -> bytes:
    """Return a mail as it is sent after DATA: all line ends CRLF, and dots at the beginning of lines doubled."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)
