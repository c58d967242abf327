"""The interface of a trigger, which turns something outside into events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field

from appealbridge.model.duration import Duration
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.rate import RateText
from appealbridge.model.value import value
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.feeds.fetch import content_digest
from appealbridge.plugin.options import Options

BODY_BYTES = 1024 * 1024
"""How many bytes a request's body may have unless its source says otherwise."""


@value
class Request:
    """One HTTP request as it arrived: header names in lower case, the raw body, the arrival in Unix seconds UTC."""

    headers: Mapping[str, str]
    body: bytes
    arrived: float


@value
class Received:
    """
    The content of one proven request.

    If it has no events, `why_none` says why (a test, a handshake), and `answer` is the JSON that its
    sender expects, if any. `left_out` tells people what was in the request but is not taken.
    """

    events: Sequence[EventDraft] = ()
    why_none: str = ""
    answer: Mapping[str, Any] | None = None
    left_out: str = ""


@value
class Weakness:
    """Something unsafe about one source: the path to it in the settings, the problem, and the cure."""

    path: tuple[str | int, ...]
    problem: str
    cure: str


@value
class Item:
    """
    One item that a source lists at this moment.

    `identity` stays the same for the same item; `digest` changes when its content does. The
    event becomes `on_new` the first time it is seen, `on_changed` when its digest differs from the
    one remembered; an empty one makes no event. `time` is in Unix seconds UTC, `None` if not known.
    `addresses` are where it is published: they identify our own posts. `size` is how many bytes
    `data` is as JSON, 0 where that is not known. `named_by_reading` says that `identity` is made of
    what was read, and is another one where that is read in another way.
    """

    identity: str
    digest: str
    subject: str
    data: Any
    on_new: str
    on_changed: str
    time: float | None = None
    addresses: tuple[str, ...] = ()
    size: int = 0
    named_by_reading: bool = False


@value
class Look:
    """
    The result of one poll of a source.

    `items` is everything it lists, newest first, `None` if the source says that nothing changed.
    `cursor` is handed to the next poll (validators of a conditional GET). `after` is the
    source's own wish for the next poll, in seconds. `notes` are for the log. `problems` are what people
    have to know: words, by a name that stays the same while the problem does. They are told once.
    """

    items: Sequence[Item] | None
    cursor: Mapping[str, str] = field(default_factory=dict)
    after: float | None = None
    notes: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


@value
class Basis:
    """
    The basis of a source's memory. If it changes, the memory is not valid any more.

    `identity` stands for what is read and how its items are told apart. `reading` is raised when a
    new version of the program makes other digests of the same items.
    """

    identity: str
    reading: int = 0


class PolledSource(Options):
    """The options that every polled source has."""

    every: Duration = Field(
        300.0,
        gt=0,
        description="How long to wait between two polls.",
        examples=["5m"],
    )
    max_age: Duration | None = Field(
        None,
        gt=0,
        description="Ignore items that are older than this when first seen. An item without a readable date "
        "is held.",
        examples=["7d"],
    )
    backfill: int = Field(
        0,
        ge=0,
        description="How many of the newest items the very first poll may publish.",
        examples=[0],
    )
    burst: int = Field(
        20,
        ge=1,
        description="If one poll finds more new or changed items than this, they are held for a person.",
        examples=[20],
    )


class Burst(Options):
    """How many events may be published unseen."""

    events: int = Field(
        ge=1, description="How many events may be published unseen.", examples=[100]
    )
    within: Duration = Field(
        gt=0, le=86_400, description="Within any period of this length.", examples=["10m"]
    )


class PushSource(Options):
    """The options that every source of POST requests has."""

    rate: RateText | None = Field(
        None,
        description="How many requests to accept in a period; any more are answered 429. If left out, there "
        "is no limit.",
        examples=["600 per 1m"],
    )
    burst: Burst | None = Field(
        None,
        description="How much may go out unseen; anything more is held for a person. If left out, there is "
        "no limit.",
        examples=[{"events": 100, "within": "10m"}],
    )


O = TypeVar("O", bound=Options)  # noqa: E741 - the letter stands for options, as A and M do in channel.py
S = TypeVar("S", bound=Options)


class Trigger(ABC, Generic[O, S]):
    """
    Turns something outside into events.

    `name` is the word in a recipe, `options` what a recipe may say there. A source is a place that
    events come from; `source_options` says what configures one. Where `section` is set, sources
    stand under that key of appealbridge.yaml and recipes refer to them by name; a recipe may also
    describe one itself where `described` says so.
    """

    name: ClassVar[str]
    section: ClassVar[str] = ""
    options: type[O]
    source_options: type[S]

    @abstractmethod
    def source(self, options: O) -> str:
        """Return the source whose events this recipe wants, without the trigger's name; empty for any."""

    @abstractmethod
    def accepts(self, options: O, event: Event) -> str:
        """Return why this event is not for a recipe with these options; empty if it is."""

    def types(self, options: O) -> frozenset[str] | None:
        """Return the types of all events that `accepts` may accept, `None` for any."""
        del options
        return None

    def described(self, options: O) -> S | None:
        """Return the source that a recipe describes itself, `None` if it refers to one in the settings."""
        del options
        return None

    def fields(self, options: O, source: S | None) -> frozenset[str] | None:
        """
        Return the names that the data of an event from this source may have, `None` where unknown.

        Names inside another stand after a dot (`images.url`), lists passed over; `*` says that there
        may be others besides. `source` is `None` where it is not known which one it is.
        """
        del options, source
        return None

    def event_in(self, name: str, content: bytes) -> EventDraft | None:
        """
        Return the event in a file that a person names to try a recipe with.

        `None` if the file is not one that this trigger could read. Raise `InvalidDocuments` if it is, but has
        mistakes.
        """
        del name, content
        return None


class Poller(Trigger[O, S]):
    """
    A trigger that polls a source. `poll` polls once; the engine decides when.

    `time_limit` is how many seconds one poll may take; after that the source counts as down.
    """

    time_limit: ClassVar[float] = 900.0

    @abstractmethod
    async def poll(self, source: S, cursor: Mapping[str, str], tools: Tools) -> Look:
        """Poll once and return everything listed; raise `SourceDown` if it cannot be read."""

    def basis(self, source: S) -> Basis:
        """Return the basis of this source's memory: all options that say what is read."""
        told = source.model_dump(mode="json", exclude=set(PolledSource.model_fields))
        return Basis(content_digest(told))


class Receiver(Trigger[O, S]):
    """
    A trigger that receives POST requests to `/hooks/<source>`.

    The sender is proven first: by `before_body` while the body is still on its way, then by `prove`.
    Only a proven request counts towards the source's `rate` and is read by `receive`.
    """

    def before_body(self, source: S, request: Request) -> bool:
        """
        Raise `Refused` (401) if the headers show that the sender cannot be proven.

        `request.body` is empty here. Return whether the headers alone are proof enough.
        """
        del source, request
        return False

    @abstractmethod
    def prove(self, source: S, request: Request) -> None:
        """Raise `Refused` (401) unless the sender is proven."""

    @abstractmethod
    def receive(self, source: S, request: Request) -> Received:
        """Return the content of a proven request; raise `Refused` with the status to answer if it cannot be read."""

    def body_limit(self, source: S) -> int:
        """Return how many bytes a request's body may have."""
        del source
        return BODY_BYTES

    def weaknesses(self, sources: Mapping[str, S]) -> Iterable[Weakness]:
        """Return what is unsafe about these sources, given by name; it does not stop the daemon."""
        del sources
        return ()

    def with_recipe(self, source: S, options: O) -> S:
        """
        Return the source with a recipe's options added.

        Handed every recipe's options in turn, in a fixed order, before the first request. Raise
        `ValueError`, with the cure, where a recipe disagrees with the source or an earlier recipe.
        """
        del options
        return source


AnyPoller = Poller[Any, Any]
AnyReceiver = Receiver[Any, Any]
AnyTrigger = Trigger[Any, Any]
