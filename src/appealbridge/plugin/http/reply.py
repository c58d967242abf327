"""A platform's answer, and the table of what its HTTP status means for an attempt."""

from __future__ import annotations

import base64
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar

import orjson
from multidict import istr
from yarl import URL

from appealbridge.model.errors import (
    AccountRefused,
    AlreadyGone,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)
from appealbridge.model.value import value
from appealbridge.plugin.timestamps import moment as read_moment

MOVED = frozenset({301, 307, 308})
"""Redirects of a request that was certainly not carried out; after any other redirect it may have been."""

PAGE_SAYS_NO = frozenset(range(300, 500)) - {429}
"""What the page of a post answers if it is not there, or not for everybody."""

ABOUT_THE_ACCOUNT = frozenset({402, 403, 404, 405, 407, 410})
"""
Refusals that are about rights, bills and addresses, and not about a text.

They would be the same for every message, so no message is given up because of them.
"""

GONE = frozenset({404, 410})
"""Answers to a request for one post: it is not there."""

_GAVE_UP = re.compile(
    r"\btime-?d?[ -]?out|first byte|fetch failed|read error|guru meditation|before headers|\bH1[2-9]\b",
    re.IGNORECASE,
)
"""Texts in the 503 of a proxy that passed the request on and then stopped waiting."""

# All of these are looked up in every answer; an `istr` is turned into small letters only once.
RATE_HEADERS = tuple(
    (istr(f"{prefix}-remaining"), istr(f"{prefix}-reset"))
    for prefix in ("x-rate-limit", "x-ratelimit", "ratelimit")
)
"""The usual headers of rate limits: how many requests are left, and when there will be more."""

_LARGEST_SPAN = 10_000_000.0
"""A larger number is a time in Unix seconds, a smaller one a number of seconds from now; platforms use both."""

_UNEXPECTED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""The errors of code that reads an answer with another structure than expected."""
_NAME = re.compile(r"[!-~]{1,200}")
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f\ud800-\udfff]{1,2000}")


E = TypeVar("E", bound=DeliveryError)


_LINK = re.compile(r"<([^<>]+)>[ \t]*((?:;[^;,<]*)+)")
_LINKS = 16_384
"""How many characters of `Link` headers are read."""


def basic_login(user: str, password: str) -> dict[str, str]:
    """Return the header of a login with a user and a password (RFC 7617)."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


class Effect(StrEnum):
    """What a request does. This decides what an unclear answer means."""

    CREATE = "create"
    """Makes something new: after an unclear answer it may exist."""
    CHANGE = "change"
    """Changes or removes something that is there: after an unclear answer nobody knows whether it did."""
    READ = "read"
    """Changes nothing: an unclear answer is as good as none."""


def failure(status: int, effect: Effect, message: str, after: float | None) -> DeliveryError:
    """
    Return what an HTTP status other than 2xx means for one attempt.

    `message` is the cleaned text for people, `after` the answer's Retry-After in seconds.
    """
    if status == 401:
        return LoginExpired(message, after=after, status=status)
    if status == 429:
        return TryAgain(message, after=after, throttled=True, status=status)
    if status in (425, 503):
        return TryAgain(message, after=after, status=status)
    if effect is Effect.CHANGE and status in GONE:
        return AlreadyGone(message, status=status)
    if effect is not Effect.READ and (status in MOVED or status in ABOUT_THE_ACCOUNT):
        return AccountRefused(message, sure=status in MOVED, after=after, status=status)
    if status in MOVED or (400 <= status < 500 and status != 408):
        return Rejected(message, status=status)
    if effect is not Effect.READ:
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
        """Return the body as JSON; raise `Unsure` or `TryAgain` if it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise self.unclear(f"the answer is not JSON: {self.excerpt()}") from None

    def at(self, *path: str | int) -> Any:
        """Return the value at a path of the JSON body; raise `Unsure` or `TryAgain` if there is none."""
        value = self.json()
        try:
            for step in path:
                value = value[step]
        except (LookupError, TypeError):
            place = ".".join(map(str, path))
            raise self.unclear(f"the answer has no {place}: {self.excerpt()}") from None
        return value

    def get(self, *path: str | int) -> Any:
        """Return the value at a path of the JSON body, `None` if there is none: for what a platform may leave out."""
        try:
            value = orjson.loads(self.body)
            for step in path:
                value = value[step]
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return None
        return value

    def said(self, *path: str | int) -> Any:
        """Return what `get` returns: its earlier name, for plug-ins that were written before it changed."""
        warnings.warn("Reply.said is now Reply.get", DeprecationWarning, stacklevel=2)
        return self.get(*path)

    def expecting(self, what: str) -> _Expecting:
        """Return a context in which an error of reading the answer becomes `Unsure` or `TryAgain`: it is not `what`."""
        return _Expecting(self, what)

    def name(self, value: Any) -> str:
        """Return an identifier, which is a short word or a number; raise `ValueError` for anything else."""
        name = str(value) if type(value) is int else value
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise ValueError("not an identifier")
        if not name.replace("_", "").isdigit() and self.clean(name) != name:
            raise ValueError("a secret, not an identifier")
        return name

    def check_name(self, value: Any, expected: str) -> None:
        """Raise `ValueError` if an identifier is not the expected one: the answer is about something else."""
        if self.name(value) != expected:
            raise ValueError(f"not {expected}")

    def web_address(self, value: Any) -> str:
        """Return the address of a page, cleaned of secrets; empty if it is not one."""
        plain = isinstance(value, str) and _WEB_ADDRESS.fullmatch(value) is not None
        return self.clean(value) if plain else ""

    def linked(self, relation: str) -> str:
        """Return the address that the `Link` headers give for a relation (RFC 8288); empty if they give none."""
        getall: Callable[[str, list[str]], list[str]] | None = getattr(self.headers, "getall", None)
        lines = getall("Link", []) if getall else [self.headers.get("Link", "")]
        for link in _LINK.finditer(", ".join(lines)[:_LINKS]):
            for parameter in link[2].split(";"):
                name, _, value = parameter.partition("=")
                if name.strip().lower() == "rel" and relation in value.strip(' \t"').split():
                    return link[1]
        return ""

    def excerpt(self, length: int = 300) -> str:
        """Return the beginning of the body on one line, cleaned of secrets, for people."""
        return self.readable(self.body.decode("utf-8", "replace"), length)

    def readable(self, text: str, length: int = 300) -> str:
        """Return the beginning of a text from the platform on one line, cleaned of secrets, for people."""
        return readable(text, self.clean, length)

    def message(self, reason: str = "") -> str:
        """Return a message for people: the request, the status, and the reason or else the platform's text."""
        request = f"{self.method} {bare(self.url)}"
        return self.clean(f"{request}: {self.status} {reason or self.excerpt()}")

    def failure(self, reason: str = "") -> DeliveryError:
        """Return what the status means for this attempt, with the reason or else the platform's text."""
        if 300 <= self.status < 400 and not reason:
            target = self.readable(bare(self.headers.get("Location", "")) or "nowhere")
            reason = (
                f"it redirects to {target}; redirects are not followed, so give the final address"
            )
        if self.status == 503 and _GAVE_UP.search(self.excerpt(2000)):
            return self.unclear(reason)
        after = self.retry_after()
        if self.status == 429 and after is None:
            after = self._limit_ends()
        return failure(self.status, self.effect, self.message(reason), after)

    def error(self, kind: type[E], reason: str = "", **more: Any) -> E:
        """Return an error of this kind, with the reason or else the platform's text, and the status."""
        return kind(self.message(reason), status=self.status, **more)

    def unclear(self, reason: str) -> DeliveryError:
        """Return the failure for an answer that does not say what was done."""
        unclear = TryAgain if self.effect is Effect.READ else Unsure
        return unclear(self.message(reason), status=self.status)

    def retry_after(self) -> float | None:
        """Return Retry-After in seconds from now; `None` if it is missing or not valid."""
        value = self.headers.get("Retry-After", "")
        try:
            seconds = float(value)
        except ValueError:
            moment = http_date(value)
            return None if moment is None else self.seconds_until(moment)
        return seconds if 0 <= seconds < float("inf") else None

    def seconds_until(self, moment: float) -> float:
        """
        Return the seconds until `moment`, a time that the platform gave, in Unix seconds UTC.

        They count from the answer's own Date, so a difference between our clock and the platform's does not matter.
        """
        answered_at = http_date(self.headers.get("Date", ""))
        return max(0.0, moment - (self.now if answered_at is None else answered_at))

    def seconds_until_reset(self, reset: str) -> float | None:
        """Return the seconds until the end of a rate limit, which a header gives in one of the usual forms."""
        try:
            number = float(reset)
        except ValueError:
            time = read_moment(reset)
            return None if time is None else self.seconds_until(time)
        if not 0 <= number < float("inf"):
            return None
        return number if number < _LARGEST_SPAN else self.seconds_until(number)

    def _limit_ends(self) -> float | None:
        waits = (
            self.seconds_until_reset(self.headers.get(reset, ""))
            for left, reset in RATE_HEADERS
            if self.headers.get(left, "0") == "0"
        )
        return max((wait for wait in waits if wait is not None), default=None)


class _Expecting:
    """The context of `Reply.expecting`. Every delivery uses it, and a generator would take three times as long."""

    __slots__ = ("_reply", "_what")

    def __init__(self, reply: Reply, what: str) -> None:
        self._reply = reply
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _UNEXPECTED):
            reason = f"the answer is not {self._what}: {self._reply.excerpt()}"
            raise self._reply.unclear(reason) from None


def http_date(value: str) -> float | None:
    """Return an HTTP date as Unix seconds UTC, `None` if it is not one."""
    try:
        moment = parsedate_to_datetime(value)
        stamp = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return stamp if stamp >= 0 else None


def readable(text: str, clean: Callable[[str], str], length: int = 300) -> str:
    """Return the beginning of a text from outside on one line, cleaned of secrets, for people."""
    # Cleaned as it came, with its line breaks, and cut only then: half a secret must not stay.
    line = " ".join(clean(text).encode("utf-8", "replace").decode().split())
    if not line.isprintable():
        # Invisible characters could control a terminal, and some stores accept no NUL.
        line = "".join(c if c.isprintable() else "�" for c in line)
    line = clean(line) or "(empty)"
    return line if len(line) <= length else line[:length] + "…"


def bare(url: str) -> str:
    """Return an address without the parts that may contain a credential: user, password, query, fragment."""
    try:
        address = URL(url).with_query(None).with_fragment(None)
        return str(address.with_user(None) if address.absolute else address)
    except ValueError:
        return "an address that is not valid"
