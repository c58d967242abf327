"""The names that conditions and templates can use, and the only ways to their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined
from jinja2.runtime import LoopContext
from jinja2.sandbox import safe_range

from appealbridge.model.event import Event
from appealbridge.model.value import value
from appealbridge.recipes.planning.shortening import Shortening
from appealbridge.recipes.templates.limits import LIMIT, NO_BOUND, Budget
from appealbridge.recipes.templates.public_text import (
    mentions_in,
    without_invisible,
    without_mentions,
)

BUILT_IN_NAMES = frozenset({"event", "appeal", "results", "wait", "lists", "now", "range"})
"""The names that every recipe has in addition to its variables."""


class Missing(StrictUndefined):
    """The value of a missing name, field or JSONPath: it raises when used, and `default` replaces it."""

    __slots__ = ()


class Unfillable(Exception):
    """Why a template or JSONPath has no value for this event."""


class NotThere(Unfillable):
    """The event lacks a value; other `Unfillable` errors are mistakes in the recipe."""


class EventView:
    """An event as templates see it; `time` is ISO 8601 in UTC."""

    __slots__ = ("_event", "data", "id", "source", "subject", "type")

    def __init__(self, event: Event) -> None:
        self._event = event
        self.id = event.id
        self.source = event.source
        self.type = event.type
        self.subject = event.subject
        self.data = event.data

    @property
    def time(self) -> str:
        """When the event happened."""
        return datetime.fromtimestamp(self._event.time, UTC).isoformat()


@value
class ResultView:
    """The result of a step for templates; `id` and `url` are missing until the platform has given them."""

    state: str
    id: str | None = None
    url: str | None = None


@value
class PostView(ResultView):
    """The result of a `post` for templates: that of the first published channel, and each channel's by name."""

    channels: Mapping[str, ResultView] = field(default_factory=dict)


@value
class WaitView:
    """The last wait that has ended, for templates; `event` is missing if none came in time."""

    completed: bool
    event: EventView | None = None


_TEXT = frozenset(
    ("lower", "upper", "title", "capitalize", "strip", "lstrip", "rstrip", "startswith", "endswith",
     "removeprefix", "removesuffix", "split", "splitlines", "isdigit", "isalpha")
)  # fmt: skip
_DATE = frozenset(
    ("year", "month", "day", "hour", "minute", "second", "weekday", "isoweekday", "isoformat", "date")
)  # fmt: skip
_LOOP = frozenset(
    ("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem")
)  # fmt: skip
_MAPPING = frozenset(("items", "keys", "values", "get"))

ATTRIBUTES: dict[type, frozenset[str]] = {
    EventView: frozenset(("id", "source", "type", "subject", "time", "data")),
    ResultView: frozenset(("id", "url", "state")),
    PostView: frozenset(("id", "url", "state")),
    WaitView: frozenset(("completed", "event")),
    str: _TEXT,
    datetime: _DATE,
    LoopContext: _LOOP,
}
"""The attributes and methods that templates may use, by type. All others count as missing."""

ABSENT = object()


def reach(value: Any, key: Any) -> Any:
    """
    Return the value of `value.key` or `value[key]` in a template, `ABSENT` if there is none.

    A null counts as missing, because it must not be published.
    """
    kind = type(value)
    result: Any = None
    if kind is dict:
        if isinstance(key, str):
            result = value.get(key)
            if result is None and key in _MAPPING and key not in value:
                result = getattr(value, key)
    elif isinstance(key, str):
        if key in ATTRIBUTES.get(kind, ()):
            result = getattr(value, key)
        elif kind is PostView:
            result = value.channels.get(key)
    elif isinstance(value, (list, tuple, str)) and isinstance(key, (int, slice)):
        try:
            result = value[key]
        except (IndexError, ValueError, TypeError):
            return ABSENT
    return ABSENT if result is None else result


Variables = Mapping[str, Callable[["Scope"], Any]]

LONGEST_WAY = 3600.0
"""How late an event may arrive, in seconds, for its own time to count."""

_LATER = ("now", "appeal")
"""Names that few templates use."""


class Scope(dict[str, Any]):
    """
    The values that a template can use, by name; a variable is computed at its first use.

    `data` is the root of JSONPaths. `count` is how the channel of the current step counts its text,
    for filters that cut. `linked` are the options in which the platform links mentions, and
    `breaks_mentions` is set while one of them is filled. `mentions` are those that the recipe's
    author wrote.

    `seen` has the values that conditions read, and `fresh` the variables computed since the last
    trace entry.

    `at` is the present moment, `arrived_at` when the event came, as far as its times are concerned, and
    `since` the moment from which a `delay` counts, all in Unix seconds. `shortening` is set while a
    text that is too long is shortened. While a message is being written (`writing`), an unreadable
    time does not stop the recipe: it is printed as it is, and `unread` says what is wrong, so that
    the message is held. `budget` limits the time.
    """

    __slots__ = (
        "_kept", "_listed", "_mentions", "_variables", "arrived_at", "at", "breaks_mentions", "budget", "count",
        "data", "fresh", "linked", "seen", "shortening", "since", "steps_left", "unread", "writing", "zone",
    )  # fmt: skip

    def __init__(
        self,
        event: Event,
        variables: Variables,
        lists: Mapping[str, Any],
        results: Mapping[str, ResultView],
        at: float,
        zone: ZoneInfo,
        mentions: frozenset[str] = frozenset(),
        budget: Budget = NO_BOUND,
    ) -> None:
        super().__init__(event=EventView(event), lists=lists, results=results, range=safe_range)
        if event.trigger == "appeal" or event.type.startswith("appeal."):
            self["appeal"] = event.data
        self.data = event.data
        self.at = at
        # A time in the event counts from when it was sent, not from when it was received.
        self.arrived_at = min(event.received_at, max(event.time, event.received_at - LONGEST_WAY))
        self.since = self.arrived_at
        self.zone = zone
        self.count: Callable[[str], int] | None = None
        self.shortening: Shortening | None = None
        self.writing = False
        self.unread = ""
        self.steps_left = 0
        self.linked: frozenset[str] = frozenset()
        self.breaks_mentions = False
        self.budget = budget
        self.seen: list[tuple[str, Any]] = []
        self.fresh: list[str] = []
        self._variables = variables
        self._mentions = mentions
        self._listed: frozenset[str] | None = None
        self._kept: set[str] = set()

    def to_shorten(self, shortening: Shortening) -> Scope:
        """Return the same names, with all variables to be computed again."""
        other = copy(self)
        for name in self._variables:
            dict.pop(other, name, None)
        other.fresh, other.shortening = [], shortening
        return other

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in self._variables or name in _LATER

    def __missing__(self, name: str) -> Any:
        if name == "now":
            value: Any = datetime.fromtimestamp(self.at, self.zone)
        elif name == "appeal":
            value = Missing(hint="appeal is missing: this event is not about an appeal")
        else:
            # A variable has one value for all steps; its mentions are broken up where it is printed.
            breaks, self.breaks_mentions = self.breaks_mentions, False
            try:
                value = self._variables[name](self)
            except Unfillable as failure:
                value = Missing(hint=f"{name} is missing: {failure}")
            finally:
                self.breaks_mentions = breaks
            self.fresh.append(name)
        self[name] = value
        return value

    def keep(self, text: str) -> None:
        """Record a text or a mention (`@name` in lower case) that the recipe's author wrote."""
        self._kept.add(text)

    def publishable(self, text: str) -> str:
        """
        Return the value of an expression for publication; raise `Unfillable` if it is too long.

        Invisible characters are removed. Where the platform links mentions, they are broken up.
        """
        if len(text) > LIMIT:
            raise Unfillable(f"a value is longer than {LIMIT} characters; shorten it first")
        if not (text.isascii() and text.isprintable()) and text not in self._kept:
            text = without_invisible(text)
        return without_mentions(text, self._is_meant) if self.breaks_mentions else text

    def _is_meant(self, mention: str) -> bool:
        if self._listed is None:
            entries = (entry for entries in self["lists"].values() for entry in entries)
            self._listed = mentions_in(*(entry for entry in entries if isinstance(entry, str)))
        return mention in self._kept or mention in self._mentions or mention in self._listed
