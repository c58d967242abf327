"""A platform's answer, and the table of what its HTTP status means for an attempt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import orjson
from yarl import URL

from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.value import value

MOVED = frozenset({301, 307, 308})
"""Redirects that say the request was not looked at; after any other one it may have been."""

ABOUT_THE_ACCOUNT = frozenset({402, 403, 404, 405, 407, 410})
"""
Refusals that speak of rights, bills and addresses, and not of a text.

Whatever is wrong there is wrong for every message, so none of them is given up for it.
"""

_GAVE_UP = re.compile(
    r"\btime-?d?[ -]?out|first byte|fetch failed|read error|guru meditation|before headers|\bH1[2-9]\b",
    re.IGNORECASE,
)
"""The texts of a proxy's 503 after it had passed the request on and stopped waiting."""

_STUMBLES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading an answer of another shape than the one expected raises."""
_NAME = re.compile(r"[!-~]{1,200}")
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f\ud800-\udfff]{1,2000}")


class Effect(StrEnum):
    """What a request does, which decides what an unclear answer means."""

    CREATE = "create"
    """Makes something new: an unclear answer may hide a post."""
    READ = "read"
    """Changes nothing: an unclear answer counts as no answer."""


def failure(status: int, effect: Effect, message: str, after: float | None) -> DeliveryError:
    """
    Return what an HTTP status other than 2xx means for one attempt.

    `message` is the cleaned text for a person, `after` the answer's Retry-After in seconds.
    A channel adds only what is special about its platform, by looking at the reply itself.
    """
    if status == 401:
        return LoginExpired(message, after=after, status=status)
    if status == 429:
        return TryAgain(message, after=after, throttled=True, status=status)
    if status in (425, 503):
        return TryAgain(message, after=after, status=status)
    if effect is Effect.CREATE and (status in MOVED or status in ABOUT_THE_ACCOUNT):
        return AccountRefused(message, sure=status in MOVED, after=after, status=status)
    if status in MOVED or (400 <= status < 500 and status != 408):
        return Rejected(message, status=status)
    if effect is Effect.CREATE:
        return Unsure(message, status=status)
    return TryAgain(message, after=after, status=status)


@value
class Reply:
    """
    A whole answer: status, headers (case-insensitive), unpacked body.

    `url`, `method` and `effect` are those of the request; `now` is when the answer was complete, in
    Unix seconds UTC; `clean` takes secrets out of a text.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    method: str = "GET"
    effect: Effect = Effect.READ
    now: float = 0.0
    clean: Callable[[str], str] = field(default=str, repr=False)

    def json(self) -> Any:
        """Return the body as JSON; where it is none, the outcome is unclear although the request got through."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise self.unclear(f"the answer is not JSON: {self.said()}") from None

    def at(self, *path: str | int) -> Any:
        """Return what stands at a path of the JSON body; where there is no such place, the outcome is unclear."""
        value = self.json()
        try:
            for step in path:
                value = value[step]
        except (LookupError, TypeError):
            place = ".".join(map(str, path))
            raise self.unclear(f"the answer has no {place}: {self.said()}") from None
        return value

    def expecting(self, what: str) -> _TakenFor:
        """While open, stumbling over the answer's shape says that it is not `what`: the outcome is unclear."""
        return _TakenFor(self, what)

    def name(self, value: Any) -> str:
        """Return what a platform calls a thing, a short word or a number; raise `ValueError` for anything else."""
        word = str(value) if type(value) is int else value
        if not isinstance(word, str) or _NAME.fullmatch(word) is None:
            raise ValueError("no name of anything")
        if not word.replace("_", "").isdigit() and self.clean(word) != word:
            raise ValueError("a secret, and no name")
        return word

    def web_address(self, value: Any) -> str:
        """Return a page's address, cleaned of secrets; empty for what is none."""
        plain = isinstance(value, str) and _WEB_ADDRESS.fullmatch(value) is not None
        return self.clean(value) if plain else ""

    def said(self, length: int = 300) -> str:
        """Return the beginning of the body on one line, cleaned of secrets, for a person to read."""
        return self.words(self.body.decode("utf-8", "replace"), length)

    def words(self, text: str, length: int = 300) -> str:
        """Return the beginning of a text of the platform's on one line, cleaned of secrets, for a person to read."""
        return readable(text, self.clean, length)

    def message(self, said: str = "") -> str:
        """Return a message for people: the request, the status, and the platform's text or `said`."""
        where = f"{self.method} {bare(self.url)}: {self.status}"
        return self.clean(f"{where} {said}" if said else f"{where} {self.said()}")

    def failure(self, said: str = "") -> DeliveryError:
        """Return what the status means for this attempt, told in the platform's words or in `said`."""
        if 300 <= self.status < 400 and not said:
            target = self.words(bare(self.headers.get("Location", "")) or "nowhere")
            said = (
                f"it redirects to {target}; redirects are not followed, so give the final address"
            )
        if self.status == 503 and _GAVE_UP.search(self.said(2000)):
            return self.unclear(said)
        return failure(self.status, self.effect, self.message(said), self.retry_after())

    def unclear(self, said: str) -> DeliveryError:
        """Return the failure for an answer that does not say what was done."""
        message = self.message(said)
        unclear = Unsure if self.effect is Effect.CREATE else TryAgain
        return unclear(message, status=self.status)

    def retry_after(self) -> float | None:
        """Return Retry-After in seconds from now; `None` where it is missing or nonsense."""
        value = self.headers.get("Retry-After", "")
        try:
            seconds = float(value)
        except ValueError:
            moment = http_date(value)
            return None if moment is None else self.seconds_until(moment)
        return seconds if 0 <= seconds < float("inf") else None

    def seconds_until(self, moment: float) -> float:
        """
        Return how long it is until `moment`, a time that the platform named, in Unix seconds UTC.

        Reckoned from the answer's own Date, so that a clock that differs from the platform's
        neither hurries nor delays.
        """
        told = http_date(self.headers.get("Date", ""))
        return max(0.0, moment - (self.now if told is None else told))


class _TakenFor:
    """What `Reply.taken_for` returns. Every post goes through it, and a generator would cost three times as much."""

    __slots__ = ("_reply", "_what")

    def __init__(self, reply: Reply, what: str) -> None:
        self._reply = reply
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _STUMBLES):
            raise self._reply.unclear(
                f"the answer is not {self._what}: {self._reply.said()}"
            ) from None


def http_date(value: str) -> float | None:
    """Return an HTTP date as Unix seconds UTC, `None` where it is none."""
    try:
        moment = parsedate_to_datetime(value)
        stamp = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return stamp if stamp >= 0 else None


def excerpt(body: bytes, length: int = 300) -> str:
    """Return the beginning of a body on one line; it is not cleaned of secrets, as `Reply.said` is."""
    return _cut(_on_one_line(body.decode("utf-8", "replace")), length)


def readable(text: str, clean: Callable[[str], str], length: int = 300) -> str:
    """Return the beginning of a stranger's words on one line, cleaned of secrets, for a person to read."""
    # Cleaned as they came, with their breaks, and only then cut: half a secret is one too.
    return _cut(clean(_on_one_line(clean(text))), length)


def _on_one_line(text: str) -> str:
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    # What cannot be seen would steer a terminal, and some stores take no NUL.
    return line if line.isprintable() else "".join(c if c.isprintable() else "�" for c in line)


def _cut(text: str, length: int) -> str:
    if not text:
        return "(empty)"
    return text if len(text) <= length else text[:length] + "…"


def bare(url: str) -> str:
    """Return an address without what may carry a credential: user, password, query, fragment."""
    try:
        address = URL(url).with_query(None).with_fragment(None)
        return str(address.with_user(None) if address.absolute else address)
    except ValueError:
        return "an address that is not valid"
