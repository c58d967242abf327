"""
The one door to the network for plug-ins, and the one table from HTTP status to failure.

Every answer is read to its end within a bound, every error text is cleaned of secrets here, and no
redirect is followed silently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import aiohttp
import orjson
from yarl import URL

from appealbridge.model.errors import (
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.plugin.options import Secret

ANSWER_LIMIT = 1024 * 1024
"""How many bytes of an answer are read, unless the caller says otherwise."""


class Effect(StrEnum):
    """What a request does there, which decides what an unclear answer means."""

    CREATE = "create"
    """Makes something new: an unclear answer may hide a post."""
    READ = "read"
    """Changes nothing: an unclear answer is simply no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: status, headers (case-insensitive), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""

    def json(self) -> Any:
        """Return the body as JSON; raise `Unsure` if it is not, since the request did get through."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Unsure(f"the answer {self.status} is not JSON: {excerpt(self.body)}") from None


def excerpt(body: bytes, length: int = 300) -> str:
    """Return the beginning of a body on one line, for a person to read."""
    text = " ".join(body[: length * 4].decode("utf-8", "replace").split())
    return text[:length] + ("…" if len(text) > length else "") if text else "(empty)"


def failure(status: int, effect: Effect, message: str, after: float | None) -> DeliveryError:
    """
    Return what an HTTP status means for one attempt.

    `message` is the cleaned text for a person, `after` the answer's Retry-After in seconds.
    A channel adds only what is special about its platform, by looking at the reply itself.
    """
    if status == 401:
        return LoginExpired(message, after=after)
    if status == 429:
        return TryAgain(message, after=after, throttled=True)
    if status in (425, 503):
        return TryAgain(message, after=after)
    if status == 408 or status >= 500:
        return Unsure(message) if effect is Effect.CREATE else TryAgain(message, after=after)
    return Rejected(message)


class Http:
    """
    Makes one request and returns the whole answer, or raises one of the three failures.

    `clean` takes every secret known to the program out of a text. `timeout` is the bound on one
    whole request in seconds. `trace` of the wire stays out: plug-ins do not log.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clean: Callable[[str], str],
        *,
        timeout: float = 30.0,
    ) -> None:
        self._session = session
        self._clean = clean
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(10.0, timeout))

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """Read something; an unclear answer is `TryAgain`."""
        return await self.request(
            "GET", url, Effect.READ,
            params=params, headers=headers, bearer=bearer, accept=accept, limit=limit,
        )  # fmt: skip

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
    ) -> Reply:
        """Create something; an unclear answer is `Unsure`."""
        return await self.request(
            "POST", url, Effect.CREATE,
            json=json, form=form, headers=headers, bearer=bearer, accept=accept,
        )  # fmt: skip

    async def request(
        self,
        method: str,
        url: str,
        effect: Effect,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: Secret | None = None,
        accept: Collection[int] = (),
        limit: int = ANSWER_LIMIT,
    ) -> Reply:
        """
        Make one request.

        Answers of 2xx and the statuses in `accept` are returned, all others raised as `failure`
        says. `json` and `form` exclude each other.
        """
        sent = dict(headers or {})
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer.get_secret_value()}"
        body: Any = dict(form) if form is not None else None
        if json is not None:
            body = orjson.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        where = f"{method} {_bare(url)}"
        try:
            async with self._session.request(
                method,
                url,
                params=params,
                data=body,
                headers=sent,
                allow_redirects=False,
                timeout=self._timeout,
            ) as answer:
                content = await _bounded(answer, limit)
                reply = Reply(answer.status, answer.headers, content, str(answer.url))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise Rejected(self._clean(f"{where}: not an address: {error}")) from None
        except _NOT_SENT as error:
            raise TryAgain(self._clean(f"{where}: {_words(error)}")) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            unclear = Unsure if effect is Effect.CREATE else TryAgain
            raise unclear(self._clean(f"{where}: {_words(error)}")) from None
        if 200 <= reply.status < 300 or reply.status in accept:
            return reply
        message = self._clean(f"{where}: {reply.status} {excerpt(reply.body)}")
        raise failure(reply.status, effect, message, retry_after(reply.headers))


_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""What goes wrong before a single byte of the request has left."""


class TooLong(ValueError):
    """An answer is longer than its reader wants."""


async def _bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        chunks += chunk
        if len(chunks) > limit:
            answer.close()
            raise TooLong(f"the answer is longer than {limit} bytes")
    return bytes(chunks)


def _bare(url: str) -> str:
    """Leave out what may carry a credential: user, password, query."""
    try:
        address = URL(url)
        return str(address.with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return "an address that is none"


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time" if isinstance(error, _NOT_SENT) else "no answer in time"
    return str(error) or type(error).__name__


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return Retry-After in seconds from now; `None` where it is missing, a date, or nonsense."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
