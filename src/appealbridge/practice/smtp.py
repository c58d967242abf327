"""
The practice mail server: real SMTP, which keeps every message instead of delivering it.

One post for every recipient in the envelope. As on a real one, the same Message-ID twice is two
messages.
"""

from __future__ import annotations

import asyncio
import hashlib
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import getaddresses, parseaddr
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from appealbridge.clock import Clock
from appealbridge.practice.answering import reset
from appealbridge.practice.faults import Fault, FaultName, Faults
from appealbridge.practice.media import Media, kind_of
from appealbridge.practice.posts import Shelf, readable

_F = FaultName
_HOST = "practice.localhost"
_KEPT = frozenset({_F.SLOW, _F.TRUNCATED, _F.POST_THEN_HANG, _F.POST_THEN_RESET, _F.POST_THEN_500})
_BEFORE_MAIL = frozenset({_F.REFUSE, _F.HTTP_503, _F.OUT_OF_CREDITS})


class PracticeMailServer:
    """Takes connections; `connection` makes the protocol of one."""

    name = "email"

    def __init__(self, shelf: Shelf, faults: Faults, clock: Clock, media: Media) -> None:
        self._shelf = shelf
        self._faults = faults
        self._clock = clock
        self._media = media
        self._open: WeakSet[_PracticeConversation] = WeakSet()

    def connection(self) -> asyncio.Protocol:
        """Return what answers one new connection, under the faults that are on."""
        fault = self._faults.take(self.name, {_F.REFUSE, _F.HTML})
        if fault is not None:
            banner = (
                b"" if fault.name is _F.REFUSE else b"<html><body>502 Bad Gateway</body></html>\r\n"
            )
            return _Wrong(banner)
        conversation = _PracticeConversation(
            self,
            hostname=_HOST,
            ident="ESMTP practice",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._open.add(conversation)
        return conversation

    async def hang_up(self) -> None:
        """Tear down every connection that is still open, and wait for its end."""
        for conversation in list(self._open):
            await conversation.end()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        fault = self._faults.take(self.name, _BEFORE_MAIL)
        if fault is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
            return "250 2.1.0 Ok"
        if fault.name is _F.REFUSE:
            await _never(server)
        if fault.name is _F.HTTP_503:
            return "451 4.3.2 Service temporarily unavailable"
        return "550 5.4.5 Daily user sending limit exceeded"

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        if self._faults.take(self.name, {_F.HTTP_429}):
            return f"450 4.2.0 <{address}>: Recipient address rejected: Greylisted"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    def _shown(self, attached: dict[str, Any], sender: str) -> dict[str, Any]:
        """Return what the wall shows of an attachment: a picture has an address there."""
        shown = dict(attached)
        data = shown.pop("data", b"")
        if not kind_of(data):
            return shown
        return {**shown, "url": self._media.attach(self.name, sender, data)}

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, once for each recipient."""
        content = envelope.original_content or b""
        if authors(content) > 1:
            return "550 5.7.1 Messages with several addresses in From: are not accepted"
        letter = read(content)
        sender = letter.pop("account") or readable(envelope.mail_from or "")
        key = letter.pop("client_key")
        same = key is not None and self._shelf.with_key(self.name, sender, key) is not None
        if same and self._faults.take(self.name, {_F.DUPLICATE_FILTER}):
            return "554 5.7.1 Message rejected: duplicate of an earlier one"
        media = [self._shown(each, sender) for each in letter["media"]]
        posts = [
            self._shelf.add(
                self.name,
                sender,
                letter["text"],
                media=media,
                client_key=key,
                more={"to": to, **letter["more"]},
            )
            for to in map(readable, envelope.rcpt_tos)
        ]
        fault = self._faults.take(self.name, _KEPT)
        reply = f"250 2.0.0 Ok: queued as {posts[0].number:X}"
        return reply if fault is None else await self._spoil(server, fault, reply)

    async def _spoil(self, server: SMTP, fault: Fault, reply: str) -> str:
        match fault.name:
            case _F.SLOW:
                await self._clock.sleep(fault.seconds or 0.0)
                return reply
            case _F.POST_THEN_500:
                return "554 5.3.0 Error: queue file write error"
            case _F.TRUNCATED:
                await _cut_short(server, reply)
            case _F.POST_THEN_HANG:
                await self._clock.sleep(self._faults.hangs_for(fault))
        return await _never(server)

    def _authenticate(self, _: SMTP, session: Session, *__: Any) -> AuthResult:
        """Take any login, unless the fault says that it is no longer good."""
        assert isinstance(session, _Session)  # noqa: S101 - every conversation here makes its own
        if session.good is None:
            session.good = self._faults.take(self.name, {_F.TOKEN_EXPIRED}) is None
        return AuthResult(success=session.good, handled=False)


class _Session(Session):
    """What is known of one client: `good` is whether its login is, `None` before it tried."""

    good: bool | None = None  # a client tries one mechanism after the other; all get one answer
    login_data = None  # the base logs a warning of its own about this at every login


class _PracticeConversation(SMTP):
    """One client's connection."""

    def _create_session(self) -> Session:
        return _Session(self.loop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._handler_coroutine is not None:
            # A client that goes away in the middle is nobody's mistake.
            self._handler_coroutine.add_done_callback(
                lambda task: task.cancelled() or task.exception()
            )

    async def end(self) -> None:
        reset(self.transport)
        if self._handler_coroutine is not None:
            await asyncio.wait({self._handler_coroutine})


class _Wrong(asyncio.Protocol):
    """Hangs up at once, with or without a word that is no SMTP."""

    def __init__(self, banner: bytes) -> None:
        self._banner = banner

    def connection_made(self, transport: Any) -> None:
        if self._banner:
            transport.write(self._banner)
            transport.close()
        else:
            reset(transport)


async def _never(server: SMTP) -> str:
    """Tear the connection down, and wait for it to take this handler along."""
    reset(server.transport)
    disconnected: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await disconnected


async def _cut_short(server: SMTP, reply: str) -> str:
    """Say the first two digits, hang up, and wait for the connection to take this handler along."""
    transport: Any = server.transport
    transport.write(reply[:2].encode())
    transport.close()
    disconnected: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await disconnected


def read(content: bytes) -> dict[str, Any]:
    """
    Return what a message says: `account` is the address in From, `client_key` the Message-ID.

    Besides: `text`, `media` (type, name and, of a picture, `data`) and `more`: `subject`, `html` (`None` without one)
    and, if it has one, `in_reply_to`. Whatever is broken in it is shown as well as it can be; nothing in it raises.
    """
    message = message_from_bytes(content, policy=policy.SMTPUTF8)
    if not isinstance(message, EmailMessage):
        raise TypeError("the policy makes no EmailMessage")
    plain, rich, media = "", None, []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), part.get_filename()
        if name or part.get_content_disposition() == "attachment":
            media.append({"type": kind, "name": readable(name or ""), **_picture(part, kind)})
        elif kind == "text/plain" and not plain:
            plain = _content(part)
        elif kind == "text/html" and rich is None:
            rich = _content(part)
    earlier = _header(message, "In-Reply-To").strip()
    return {
        "account": parseaddr(_header(message, "From"))[1],
        "client_key": _header(message, "Message-ID").strip() or None,
        "text": plain,
        "media": media,
        "more": {
            "subject": _header(message, "Subject"),
            "html": rich,
            **({"in_reply_to": earlier} if earlier else {}),
        },
    }


def _picture(part: EmailMessage, kind: str) -> dict[str, Any]:
    """Return what is known of a picture: its size, its SHA-256, and whether the text shows it."""
    if not kind.startswith("image/"):
        return {}
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    return {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "inline": part.get_content_disposition() == "inline",
        "cid": _header(part, "Content-ID").strip("<> "),
        "data": content,
    }


def authors(content: bytes) -> int:
    """Return how many addresses stand in From, of which large providers take only one."""
    message = message_from_bytes(content, policy=policy.SMTPUTF8)
    return len(getaddresses([_header(message, "From")]))


def _header(message: Message, name: str) -> str:
    try:
        return readable(str(message.get(name, "")))
    except (ValueError, IndexError, AttributeError):  # a header that its own parser chokes on
        return ""


def _content(part: EmailMessage) -> str:
    """Return a text part's text, with plain line ends and none at its end."""
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").rstrip("\n")
