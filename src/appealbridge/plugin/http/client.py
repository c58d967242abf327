"""
The HTTP client for plug-ins.

Every answer is read to its end within a limit, no redirect is followed, and every error text is cleaned of secrets.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp.http_exceptions import HttpProcessingError

from appealbridge.model.errors import (
    AddressNotAllowed,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.egress import EgressPolicy
from appealbridge.plugin.http.failures import failure_reason
from appealbridge.plugin.http.logins import Logins
from appealbridge.plugin.http.multipart import FormFile, multipart
from appealbridge.plugin.http.reply import Effect, Reply, bare, readable
from appealbridge.plugin.http.session import (
    Destination,
    NotAllowed,
    NotAnAddress,
    Session,
    header_line,
    open_session,
)
from appealbridge.plugin.options import Secret

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader

ANSWER_LIMIT = 1024 * 1024
"""How many bytes of an unpacked answer are read, unless the caller says otherwise."""

_PART = 128 * 1024
"""How many bytes of a long request are written at once."""

_SLOWEST = 100 * 1024
"""How many bytes of a request a second are sent at least; a long one gets so much more time."""

_INTERIM_ANSWERS = 20
"""How many answers may come before the final one."""

_NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WRONG_REQUEST = (ValueError, TypeError, LookupError, AttributeError)
"""The errors of a request that cannot be written."""
_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)
"""The errors of a connection, and of an answer that is not HTTP. A `TimeoutError` is an `OSError`."""
_LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

Failure = Callable[[Reply], DeliveryError]
"""Returns what an answer that was not accepted means."""

_ADDRESS = re.compile(r"https?://[^\s'\"<>)]+")


class RequestOptions(TypedDict, total=False):
    """The options of `Http.request`."""

    params: Mapping[str, str] | None
    json: Any
    form: Mapping[str, str] | None
    file: FormFile | None
    content: bytes | None
    headers: Mapping[str, str] | None
    bearer: Secret | None
    accept: Collection[int]
    failure: Failure
    limit: int


class Http:
    """
    Makes one request and returns the whole answer, or raises an error of a delivery.

    `clean` takes every secret known to the program out of a text, `now` returns Unix seconds UTC,
    `timeout` is the limit for one whole request in seconds. `on_answer` is called with every answer to a
    request that was to create something. `session` comes from `open_session`. `logins` are those that channels
    keep; they are masked too.
    """

    def __init__(
        self,
        session: Session,
        clean: Callable[[str], str],
        *,
        now: Callable[[], float],
        timeout: float = 30.0,
        on_answer: Callable[[Reply], None] | None = None,
        logins: Logins | None = None,
    ) -> None:
        if not isinstance(session, Session):
            raise TypeError("an Http needs a session of open_session, which checks each connection")
        self._session = session
        self.logins = logins or Logins()
        self.clean = self.logins.masking(clean)
        self._clean = clean
        self.now = now
        self._seconds = timeout
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(10.0, timeout * 2 / 3))
        self._on_answer = on_answer

    def reporting_to(self, on_answer: Callable[[Reply], None]) -> Http:
        """Return the same client with a callback for the answers to its creating requests."""
        return Http(
            self._session,
            self._clean,
            now=self.now,
            timeout=self._seconds,
            on_answer=on_answer,
            logins=self.logins,
        )

    async def get(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """Read something; an unclear answer is `TryAgain`. The options are those of `request`."""
        return await self.request("GET", url, Effect.READ, **options)

    async def get_outside(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """Read something at an address that a stranger gave: nothing inside the network is connected to."""
        return await self._get_by(self._session.policy().public_only(), url, options)

    async def get_named(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """Read something at an address that an event gave: inside the network only what `inside:` names."""
        return await self._get_by(self._session.policy().named_only(), url, options)

    async def _get_by(self, policy: EgressPolicy, url: str, options: RequestOptions) -> Reply:
        async with open_session(
            agent=self._session.agent, policy=lambda: policy, resolver=self._session.resolver
        ) as session:
            http = Http(session, self.clean, now=self.now, timeout=self._seconds)
            return await http.get(url, **options)

    async def open_socket(self, host: str, port: int) -> socket.socket:
        """
        Return a socket that is connected to a host, for other protocols than HTTP.

        Raise `OSError` in plain words if it cannot be connected, and `AddressNotAllowed` if it must not be.
        """
        try:
            return await self._session.open_socket(host, port)
        except NotAllowed as error:
            raise AddressNotAllowed(str(error), reason=error.reason) from None

    def tls(self) -> ssl.SSLContext | None:
        """Return the context for TLS on such a socket; `None` if the authorities of this machine are enough."""
        return self._session.tls()

    async def post(self, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """Create something; an unclear answer is `Unsure`. The options are those of `request`."""
        return await self.request("POST", url, Effect.CREATE, **options)

    async def change(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Reply:
        """
        Change or remove something that is there (PUT, POST, DELETE); an unclear answer is `Unsure`.

        404 and 410 are `AlreadyGone`. The options are those of `request`.
        """
        return await self.request(method, url, Effect.CHANGE, **options)

    async def request(
        self,
        method: str,
        url: str,
        effect: Effect,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        file: FormFile | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        failure: Failure = Reply.failure,
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """
        Make one request with `json`, a `form`, a `form` with a `file`, bytes as `content`, or no body.

        Return answers of 2xx and with a status in `accept`. For all others raise what `failure` makes of them: a
        platform whose answers say more than their status has a function of its own.
        """
        try:
            destination = self._session.destination(url, params)
            media_type, body = _body(json, form, file, content)
            head = _head(method, destination, media_type, len(body), headers, bearer)
        except NotAnAddress:
            raise Rejected(self._message(method, url, "this is not a web address")) from None
        except _WRONG_REQUEST as error:
            # A login with a wrong header fails for every message, so the account is at fault, not this message.
            login = isinstance(error, _BadHeader) and error.name.lower() == "authorization"
            wrong = LoginExpired if login else Rejected
            raise wrong(self._message(method, url, f"not sent: {_reason(error)}")) from None
        status, answer_headers, answer = await self._exchange(
            method, url, effect, destination, head, body, limit
        )
        reply = Reply(
            status, answer_headers, answer, destination.url,
            method=method, effect=effect, now=self.now(), clean=self.clean,
        )  # fmt: skip
        if self._on_answer is not None and effect is Effect.CREATE:
            self._on_answer(reply)
        if 200 <= status < 300 or status in accept:
            return reply
        raise failure(reply)

    async def _exchange(
        self,
        method: str,
        url: str,
        effect: Effect,
        destination: Destination,
        head: bytes,
        body: bytes,
        limit: int,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request and return the answer's status, headers and body; raise what its failure means."""
        session = self._session
        if session.closed:
            raise TryAgain(self._message(method, url, "the program is stopping"))
        sent, again = False, True
        try:
            async with asyncio.timeout(self._seconds + len(body) / _SLOWEST):
                while True:
                    connection = await session.connect(destination.request, [], self._timeout)
                    try:
                        protocol = connection.protocol
                        if protocol is None or protocol.transport is None or protocol.should_close:
                            # An answer that came before its request would be taken for ours.
                            raise aiohttp.ServerDisconnectedError
                        protocol.set_response_params(
                            skip_payload=method == "HEAD", read_until_eof=True
                        )
                        sent = True
                        await _send(protocol, head, body)
                        answer = await _answer(protocol, limit)
                    except _LOST:  # the server may have closed an idle connection
                        connection.close()
                        if not again or (sent and effect is not Effect.READ):
                            raise
                        again = False
                    except BaseException:
                        connection.close()
                        raise
                    else:
                        connection.release()
                        destination.check_login(answer[0])
                        return answer
        except NotAllowed as error:
            message = self._message(method, url, str(error))
            raise AddressNotAllowed(message, reason=self.clean(error.reason)) from None
        except (*_BROKEN, *_WRONG_REQUEST) as error:
            unclear = _kind(error, unsure=sent and effect is not Effect.READ)
            reason = _reason(error if sent else destination.late(error))
            failed = unclear(self._message(method, url, reason))
            failed.sent = sent
            raise failed from None

    def _message(self, method: str, url: str, reason: str) -> str:
        # The library's messages may quote a whole answer with its headers, so they are cut.
        return self.clean(f"{method} {bare(url)}: {readable(reason, self.clean)}")


def _body(
    json: Any, form: Mapping[str, str] | None, file: FormFile | None, content: bytes | None
) -> tuple[str, bytes]:
    """Return the media type and the bytes of a body; raise one of `_WRONG_REQUEST` if it cannot be written."""
    if json is not None:
        return "application/json", orjson.dumps(json)
    if file is not None:
        return multipart(form or {}, file)
    if form is not None:
        return "application/x-www-form-urlencoded", urlencode(form).encode()
    return "application/octet-stream" if content else "", content or b""


def _head(
    method: str,
    destination: Destination,
    media_type: str,
    length: int,
    headers: Mapping[str, str] | None,
    bearer: Secret | None,
) -> bytes:
    """Return what comes before the body; raise one of `_WRONG_REQUEST` if it cannot be written."""
    own = dict(headers) if headers else {}
    if bearer is not None:
        own["Authorization"] = f"Bearer {bearer.get_secret_value()}"
    if media_type:
        own.setdefault("Content-Type", media_type)
    if method not in ("GET", "HEAD"):
        own["Content-Length"] = str(length)
    _check_headers(own)
    lines = {name.lower(): header_line(name, value) for name, value in own.items()}
    if "authorization" in lines and "authorization" in destination.headers:
        raise ValueError("it has a login both in its address and in a header")
    fields = "".join((destination.headers | lines).values())
    return f"{method} {destination.path} HTTP/1.1\r\n{fields}\r\n".encode()


async def _send(protocol: ResponseHandler, head: bytes, body: bytes) -> None:
    """Write a request; a large one in parts, so that others get their turn and the memory stays small."""
    transport = protocol.transport
    if transport is None:
        raise aiohttp.ServerDisconnectedError
    if len(body) <= _PART:
        transport.write(head + body)
        return
    transport.write(head)
    view = memoryview(body)
    for start in range(0, len(body), _PART):
        if transport.is_closing():
            return  # the server has answered already, or is gone: reading tells
        transport.write(view[start : start + _PART])
        await protocol._drain_helper()  # noqa: SLF001 - what the library's own writer calls
        await asyncio.sleep(0)


class _BadHeader(ValueError):
    """A header has a character in it that no header may have; the message does not repeat it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"its header {name} contains a line end or another control character; check the secret"
        )
        self.name = name


def _check_headers(headers: Mapping[str, str]) -> None:
    if not _NO_HEADER.search("".join((*headers, *headers.values()))):
        return
    for name, value in headers.items():
        if _NO_HEADER.search(value) or _NO_HEADER.search(name):
            raise _BadHeader(readable(name, str, 40))


class _TooLong(ValueError):
    """An answer is longer than allowed."""


class AnswerTooLong(TryAgain):
    """What was to be read is longer than the caller allows."""


def _kind(error: BaseException, *, unsure: bool) -> type[DeliveryError]:
    if unsure:
        return Unsure
    return AnswerTooLong if isinstance(error, _TooLong) else TryAgain


async def _answer(protocol: ResponseHandler, limit: int) -> tuple[int, Mapping[str, str], bytes]:
    """Return the final answer: its status, headers and body."""
    message, body = await protocol.read()
    for _ in range(_INTERIM_ANSWERS):
        if not 100 <= message.code < 200 or message.code == 101:
            break
        message, body = await protocol.read()
    else:
        raise ValueError(f"more than {_INTERIM_ANSWERS} interim answers came before the final one")
    return message.code, message.headers, await _bounded(body, limit)


async def _bounded(body: StreamReader, limit: int) -> bytes:
    """Read a body to its end. The limit is for its unpacked length, so that a small bomb is a long answer."""
    first = await body.readany()
    if body.at_eof() and len(first) <= limit:
        return first
    chunks = bytearray(first)
    while len(chunks) <= limit:
        chunk = await body.readany()
        if not chunk and body.at_eof():
            return bytes(chunks)
        chunks += chunk
    raise _TooLong(f"the answer is longer than {limit} bytes")


def _reason(error: BaseException) -> str:
    """Return what went wrong, without the addresses that the library quotes."""
    match error:
        case aiohttp.ClientPayloadError():
            return "the answer broke off before its end"
        case aiohttp.ServerDisconnectedError():
            return "the server closed the connection without an answer"
        case TimeoutError() | OSError():
            return failure_reason(error)
    text = error.message if isinstance(error, HttpProcessingError) else str(error)
    return _ADDRESS.sub(lambda address: bare(address[0]), text) or type(error).__name__
