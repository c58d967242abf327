"""The top level of a recipe file: which names there are, and what sort of value each takes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from appealbridge.model.delivery import Hold
from appealbridge.model.duration import Duration
from appealbridge.model.moment import NoTime, read
from appealbridge.plugin.options import Options
from appealbridge.plugin.retry import Retry
from appealbridge.recipes.model.words import (
    Condition,
    Entry,
    Length,
    MustBe,
    OneOf,
    Or,
    Text,
    Time,
    wrong,
)

NOT_HELD: Final = "none"
"""What `held` says of a message that goes out without a person."""


def _a_time(text: str) -> str:
    try:
        dated = isinstance(read(text).day, date)
    except NoTime:
        dated = False
    if not dated:
        raise wrong("is no date and time", "for example 2026-05-01T14:30:00+01:00")
    return text


class TestEvent(Options):
    """The event of one test; what is left out is made up."""

    __test__ = False  # pytest takes any class called Test… for one of its own

    type: str = Field(min_length=1, description="The event's type.", examples=["appeal.new"])
    data: Any = Field(None, description="The event's data.", examples=[{"title": "Aisha, 14"}])
    subject: str = Field("test", description="What the event is about.", examples=["WMP-2026-0412"])
    source: str | None = Field(
        None,
        description="Where the event comes from. If left out, the source of the recipe's first trigger.",
        examples=["webhook:incident-desk"],
    )
    time: Annotated[str, AfterValidator(_a_time)] | None = Field(
        None,
        description="When the event comes, as ISO 8601.",
        examples=["2026-05-01T14:30:00+01:00"],
    )


class LaterEvent(Options):
    """A later event of a test, for a run that waits. What is left out is filled in."""

    after: Duration = Field(
        ge=0, description="How long after the first event it comes.", examples=["1d"]
    )
    type: str = Field(min_length=1, description="The event's type.", examples=["appeal.closed"])
    data: Any = Field(None, description="The event's data.", examples=[{"title": "Aisha, 14"}])
    subject: str | None = Field(
        None,
        description="What the event is about. If left out, the same as the first one.",
        examples=["WMP-2026-0412"],
    )
    source: str | None = Field(
        None,
        description="Where the event comes from. If left out, the source of the recipe's first trigger.",
        examples=["webhook:incident-desk"],
    )


class Expected(Entry):
    """One message that a test expects: what its options are to be, and how it goes out."""

    model_config = ConfigDict(extra="allow")

    action: str = Field("", description="Which action it is.", examples=["tweet"])
    channel: str = Field("", description="The account to use.", examples=["force_x"])
    after: Length = Field(
        None, description="How long after the event it goes out.", examples=["3d"]
    )
    at: Annotated[Time | None, Or("after")] = Field(
        None, description="When it goes out.", examples=["06:30", "2026-05-02T06:00"]
    )
    held: Annotated[str, OneOf((*Hold, NOT_HELD))] | None = Field(
        None,
        description="Why it is held. If left out, it goes out, at once or after its approval.",
        examples=["time"],
    )
    text_not: Text | list[Text] = Field(
        [], description="Text, or a list of texts, that it must not contain.", examples=["Aisha"]
    )


_WHEN = 'write 3d, "10:00", tomorrow 10:00, or a date and time as 2026-11-27T10:00'
_SAID = ("expect", "expect_at_least", "text_not", "nothing_until", "expect_failure")


class Test(Entry):
    """One test of a recipe: an event, and what must follow from it."""

    __test__ = False

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [one]} for one in _SAID]})

    name: str = Field(
        min_length=1, description="What the test shows.", examples=["a child goes to all"]
    )
    event: TestEvent = Field(
        description="The event that starts the recipe.", examples=[{"type": "appeal.new"}]
    )
    events: list[LaterEvent] = Field(
        [],
        description="Later events, for a recipe that waits.",
        examples=[[{"after": "1d", "type": "appeal.closed"}]],
    )
    after: Duration | None = Field(
        None,
        ge=0,
        description="Count only what goes out up to this long after the event. If left out, everything counts.",
        examples=["3d"],
    )
    expect: list[Expected] | None = Field(
        None,
        description="Everything that goes out, an entry for each message. `*` stands for any words; `[]` "
        "means nothing.",
        examples=[[{"action": "tweet", "text": "*Aisha*"}]],
    )
    expect_at_least: Annotated[
        list[Expected] | None,
        Or("expect", both="expect lists all that goes out already; leave one out"),
    ] = Field(
        None,
        description="Messages that must go out at some time; others may go out too.",
        examples=[[{"action": "tweet"}]],
    )
    text_not: list[str] | str = Field(
        [],
        description="Text, or a list of texts, that no message may contain. `*` stands for any words.",
        examples=["Aisha"],
    )
    nothing_until: Annotated[Time | Length, MustBe("a length of time, or a time", _WHEN)] = Field(
        None,
        description="The time before which nothing goes out, or how long after the event that is.",
        examples=["3d", "06:30"],
    )
    expect_failure: str = Field(
        "",
        description="The error with which the recipe must fail. `*` stands for any words.",
        examples=["*missing*"],
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) in (None, "", []) for name in _SAID[2:]) and (
            self.expect is None and self.expect_at_least is None
        ):
            raise wrong("the test expects nothing said", "add expect: [] for no post at all")
        return self


class Burst(Options):
    """How much of what a recipe plans may go out unseen."""

    deliveries: int = Field(
        ge=1, description="How many deliveries may go out unseen.", examples=[20]
    )
    within: Duration = Field(
        gt=0, le=86_400, description="Within any period of this length.", examples=["10m"]
    )


class Shape(Options):
    """The top level of a recipe."""

    alias: str = Field(
        "", description="The name that people see.", examples=["New appeal, every channel"]
    )
    description: str = Field(
        "", description="What the recipe is for.", examples=["Publish a new appeal."]
    )
    enabled: bool = Field(
        True,
        description="Whether the recipe is in force. While it is `false`, the recipe ignores new events.",
        examples=[False],
    )
    triggers: list[Any] = Field(
        min_length=1, description="What starts the recipe.", examples=[[{"trigger": "appeal"}]]
    )
    conditions: list[Condition] = Field(
        [],
        description="What else must be true of the event.",
        examples=[["{{ appeal.kind == 'missing' }}"]],
    )
    variables: dict[str, Any] = Field(
        {}, description="Named values for use below.", examples=[{"headline": "$.title"}]
    )
    actions: list[Any] = Field(
        min_length=1, description="What the recipe publishes.", examples=[[{"action": "tweet"}]]
    )
    mode: Literal["queued", "single", "restart", "parallel"] = Field(
        "queued",
        description="What to do when another event about the same subject comes.",
        examples=["queued"],
    )
    approval: str | None = Field(
        None,
        description="Who must approve before anything goes out. `none` means that nobody has to.",
        examples=["officer_in_charge", "none"],
    )
    publish_within: Duration | None = Field(
        None,
        gt=0,
        description="How long after the event a message may still go out.",
        examples=["2h"],
    )
    retry: Retry = Field(
        Retry(),
        description="How failed attempts are repeated, if it differs from the settings of the account.",
        examples=[{"within": "2h"}],
    )
    burst: Burst | None = Field(
        None,
        description="How much may go out unseen; anything more is held for a person. If left out, there is no "
        "limit.",
        examples=[{"deliveries": 20, "within": "10m"}],
    )
    on_failure: list[str] | str = Field(
        [],
        description="Whom to tell when something fails, is too late or stays unclear. If left out, "
        "`notices.to` in the settings.",
        examples=[["duty_comms"]],
    )
    tests: list[Test] = Field(
        [],
        description="The recipe's own tests.",
        examples=[[{"name": "a test is for nobody", "event": {"type": "test"}, "expect": []}]],
    )
