"""Events: as a plug-in reports them, and as they are stored."""

from __future__ import annotations

from typing import Any

from appealbridge.model.value import value

NOT_NAMED = "(not named)"
"""The author of an event whose source names authors, but not this one: nobody can tell who may not approve it."""


def authored(author: str, uid: int) -> str:
    """Return the author of an event whose file belongs to a user of the machine; `author` is whom it names, if any."""
    return f"{one_line(author)}\n{uid}"


def authors_of(author: str) -> tuple[str, int | None]:
    """Return whom an event names as its author, empty for nobody, and the user to whom its file belongs."""
    named, _, uid = author.partition("\n")
    return named, int(uid) if uid else None


def one_line(text: str) -> str:
    """Return a text without line ends and double spaces."""
    return " ".join(text.split())


@value(kw_only=True)
class Repeats:
    """
    When an event whose key is known is not a repeat.

    `within`: it is a repeat for so many seconds, and after that a new event. `ended_by`: it is a new
    event if an event with this key came since. `replayable`: anybody who saw the request could send it
    again, so an event that is new by one of these two rules waits for a person. `one_content`: the key
    is an id given by the sender, so another content under it is refused.
    """

    within: float | None = None
    ended_by: str = ""
    replayable: bool = False
    one_content: bool = False


CORRECTIONS = frozenset({"appeal.updated", "feed.changed"})
"""
The types of events that have the whole of something that was reported before, as it is now.

What was planned for it before and still waits for approval is then out of date.
"""

ALWAYS = Repeats()
"""An event whose key is known is always a repeat."""


@value
class EventDraft:
    """
    One thing that happened, as a trigger reports it.

    `type` is a dotted word such as `appeal.new`; `subject` is what it is about (an appeal's
    reference, an incident's number); `key` makes a repeat harmless: two drafts of one source with
    one key are the same event. `data` is any JSON value. `time` is when it happened, in Unix
    seconds UTC, `None` where the source does not say.
    `addresses` are where it is published, perhaps by us; `cause` names the
    recipes that published it. `hold` is why everything caused by it waits for a person, and
    `why` explains that to the person; empty for none.
    `repeats` says when another one with the same key is not a repeat. `author` is the person who wrote it, by id or
    email address, if the source says; see `authored` for a file that belongs to a user of the machine.
    """

    type: str
    subject: str
    key: str
    data: Any
    time: float | None = None
    addresses: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    hold: str = ""
    why: str = ""
    repeats: Repeats = ALWAYS
    author: str = ""


@value
class Event:
    """
    One thing that happened, as stored before it is acknowledged.

    The attributes are those of CloudEvents 1.0, with `source` naming trigger and place
    (`webhook:incident-desk`, `feed:https://…`, `appeal:website`). Times are Unix seconds UTC.
    `hold` is why everything caused by this event waits for a person; empty for none.
    `removed` says that `data` was removed, because its retention is over. `cause` names the
    recipes whose posts led to it: it starts none of them, or they would go round in circles.
    `joined` is the name that the source shares with those it is joined with, empty for none.
    `author` is the person who wrote it, by id or email address, if the source said.
    """

    id: str
    source: str
    type: str
    subject: str
    key: str
    time: float
    data: Any
    received_at: float
    hold: str = ""
    removed: bool = False
    cause: tuple[str, ...] = ()
    joined: str = ""
    author: str = ""

    @property
    def origin(self) -> str:
        """The source, or the name that it shares with those it is joined with."""
        return self.joined or self.source

    @property
    def corrects(self) -> bool:
        """Whether it has the whole of something that was reported before, as it is now."""
        return self.type in CORRECTIONS

    @property
    def topic(self) -> tuple[str, str]:
        """
        What it is about: its origin and its subject, or only itself if it has no subject.

        One sender's RC-77 has nothing to do with another's RC-77.
        """
        return (self.origin, self.subject) if self.subject else ("", self.id)

    @property
    def trigger(self) -> str:
        """The trigger's name: the part of `source` before its first colon."""
        return self.source.partition(":")[0]
