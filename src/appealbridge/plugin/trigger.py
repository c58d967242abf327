"""The interface of a trigger, which turns something outside into events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field

from appealbridge.model.duration import Duration
from appealbridge.model.event import Event, EventDraft
from appealbridge.model.value import value
from appealbridge.plugin.channel import Tools
from appealbridge.plugin.containment import contain
from appealbridge.plugin.feeds.fetch import content_digest
from appealbridge.plugin.options import Options


@value
class Weakness:
    """Something unsafe or doubtful about a source or trigger: its path in the file, the problem, and its cure."""

    path: tuple[str | int, ...]
    problem: str
    cure: str


@value
class Item:
    """
    One item that a source lists.

    `identity` stays the same for the same item; `digest` changes when its content does. The type of the event is
    `on_new` when the item is first seen and `on_changed` when its digest has changed; if it is empty, there is no
    event. `time` is in Unix seconds UTC, `None` if not known. `addresses` are where it is published, so that our own
    posts are recognised. `size` is the length of `data` as JSON in bytes, 0 if not known. `named_by_reading` says that
    `identity` was made from the text and may change if a new version of the program reads the text differently.
    `author` is that of `EventDraft`.
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
    author: str = ""


@value
class PollResult:
    """
    The result of one poll of a source.

    `items` is everything it lists, newest first, `None` if the source says that nothing changed. `cursor` is given to
    the next poll (for example the validators of a conditional GET). `after` is how many seconds the source wants to be
    left alone. `notes` are for the log. `problems` are messages for people, each sent once: by a name that stays
    the same as long as the problem does.
    """

    items: Sequence[Item] | None
    cursor: Mapping[str, str] = field(default_factory=dict)
    after: float | None = None
    notes: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


@value
class Basis:
    """
    What the stored state of a source depends on. If it changes, that state is no longer valid.

    `identity` changes with what is read and how its items are distinguished. `reading` is raised when a new version of
    the program makes different digests of the same items.
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


O = TypeVar("O", bound=Options)  # noqa: E741 - the letter stands for options, as A and M do in channel.py
S = TypeVar("S", bound=Options)


class Trigger(ABC, Generic[O, S]):
    """
    Turns something outside into events.

    `name` is the word in a recipe, `options` the model of its options there. A source is where events come from, and
    `source_options` the model of its options. If `section` is set, sources are listed under that key of
    appealbridge.yaml and recipes refer to them by name. A recipe can also describe a source itself, see `described`.
    `every_type` are the types of all events that it can make, `None` if they are not known.
    """

    name: ClassVar[str]
    section: ClassVar[str] = ""
    every_type: ClassVar[frozenset[str] | None] = None
    options: type[O]
    source_options: type[S]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        contain(cls)

    @abstractmethod
    def source(self, options: O) -> str:
        """Return the name of the source whose events this recipe wants; empty for any."""

    @abstractmethod
    def accepts(self, options: O, event: Event) -> str:
        """Return why this event is not for a recipe with these options; empty if it is."""

    def doubts(self, options: O) -> Iterable[Weakness]:
        """Yield what a recipe's author should know about options that are allowed; paths begin at the options."""
        return ()

    def types(self, options: O) -> frozenset[str] | None:
        """Return the types of all events that `accepts` may accept, `None` for any."""
        return None

    def described(self, options: O) -> S | None:
        """Return the source that a recipe describes itself, `None` if it refers to one in the settings."""
        return None

    def fields(self, options: O, source: S | None) -> frozenset[str] | None:
        """
        Return the fields that the data of an event from this source may have, `None` if not known.

        Inner fields have a dot (`images.url`), also those of items of a list; `*` says that there may be others.
        `source` is `None` if it is not known which one it is.
        """
        return None

    def event_in(self, name: str, content: bytes) -> EventDraft | None:
        """
        Return the event in a file, with which a person tries a recipe.

        `None` if this trigger does not read such files. Raise `InvalidDocuments` if the file has mistakes.
        """
        return None


class Poller(Trigger[O, S]):
    """
    A trigger that polls a source. The engine decides when to call `poll`.

    `time_limit` is how many seconds one poll may take; after that the source counts as down.
    """

    time_limit: ClassVar[float] = 900.0

    @abstractmethod
    async def poll(self, source: S, cursor: Mapping[str, str], tools: Tools) -> PollResult:
        """Poll once and return everything listed; raise `SourceDown` if it cannot be read."""

    def basis(self, source: S) -> Basis:
        """Return what the stored state depends on: all options that say what is read."""
        options = source.model_dump(mode="json", exclude=set(PolledSource.model_fields))
        return Basis(content_digest(options))


AnyPoller = Poller[Any, Any]
AnyTrigger = Trigger[Any, Any]
