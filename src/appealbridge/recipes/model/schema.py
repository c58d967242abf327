"""The top level of a recipe file: which names there are, and what sort of value each takes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from appealbridge.model.duration import Duration
from appealbridge.model.moment import NoTime, read
from appealbridge.plugin.options import Options
from appealbridge.plugin.retry import Retry


def _a_time(text: str) -> str:
    try:
        dated = isinstance(read(text).day, date)
    except NoTime:
        dated = False
    if not dated:
        cure = "for example 2026-05-01T14:30:00+01:00"
        raise PydanticCustomError("moment", "is no date and time", {"cure": cure})
    return text


class TestEvent(Options):
    """The event of one test; what is left out is made up."""

    __test__ = False  # pytest takes any class called Test… for one of its own

    type: str = Field(min_length=1, description="The event's type.", examples=["appeal.new"])
    data: Any = Field(None, description="The event's data.", examples=[{"title": "Aisha, 14"}])
    subject: str = Field("test", description="What it is about.", examples=["WMP-2026-0412"])
    source: str | None = Field(
        None,
        description="Where it comes from; the recipe's first trigger, if left out.",
        examples=["webhook:incident-desk"],
    )
    time: Annotated[str, AfterValidator(_a_time)] | None = Field(
        None, description="When it happens, as ISO 8601.", examples=["2026-05-01T14:30:00+01:00"]
    )


class LaterEvent(Options):
    """An event that comes after the one of a test, for a run that waits; what is left out is made up."""

    after: Duration = Field(
        ge=0, description="How long after the first event it comes.", examples=["1d"]
    )
    type: str = Field(min_length=1, description="The event's type.", examples=["appeal.closed"])
    data: Any = Field(None, description="The event's data.", examples=[{"title": "Aisha, 14"}])
    subject: str | None = Field(
        None, description="What it is about; left out, the same.", examples=["WMP-2026-0412"]
    )
    source: str | None = Field(
        None,
        description="Where it comes from; the recipe's first trigger, if left out.",
        examples=["webhook:incident-desk"],
    )


class Test(Options):
    """One test of a recipe: an event, and what is to come of it."""

    __test__ = False

    name: str = Field(min_length=1, description="What it shows.", examples=["a child goes to all"])
    event: TestEvent = Field(description="What happens.", examples=[{"type": "appeal.new"}])
    events: list[LaterEvent] = Field(
        [],
        description="What happens later, for a recipe that waits.",
        examples=[[{"after": "1d", "type": "appeal.closed"}]],
    )
    after: Duration | None = Field(
        None,
        ge=0,
        description="Only what goes out up to this long after the event counts; left out, all does.",
        examples=["3d"],
    )
    expect: list[dict[str, Any]] | None = Field(
        None,
        description="All that goes out, an entry for each message, with * for any words; [] for nothing.",
        examples=[[{"action": "tweet", "text": "*Aisha*"}]],
    )
    expect_at_least: list[dict[str, Any]] | None = Field(
        None,
        description="What goes out at the least, at any time, whatever else does.",
        examples=[[{"action": "tweet"}]],
    )
    text_not: list[str] | str = Field(
        [],
        description="Words that stand in no message, or a list of them, with * for any words between.",
        examples=["Aisha"],
    )
    nothing_until: str | None = Field(
        None,
        description="Until when nothing goes out: so long after the event, or a time.",
        examples=["3d", "06:30"],
    )
    expect_failure: str = Field(
        "", description="Why nothing can be rendered, with * for any words.", examples=["*missing*"]
    )


class Burst(Options):
    """How much of what a recipe plans may go out unseen."""

    deliveries: int = Field(
        ge=1, description="How many deliveries may go out unseen.", examples=[20]
    )
    within: Duration = Field(
        gt=0, le=86_400, description="Within which time, whenever it begins.", examples=["10m"]
    )


class Shape(Options):
    """The top level of a recipe."""

    alias: str = Field(
        "", description="What people call it.", examples=["New appeal, every channel"]
    )
    description: str = Field("", description="What it is for.", examples=["Publish a new appeal."])
    enabled: bool = Field(
        True,
        description="Whether it is in force; `false` switches it off, and what comes meanwhile is not for it.",
        examples=[False],
    )
    triggers: list[Any] = Field(
        min_length=1, description="What it reacts to.", examples=[[{"trigger": "appeal"}]]
    )
    conditions: list[Any] = Field(
        [], description="What else must hold.", examples=[["{{ appeal.kind == 'missing' }}"]]
    )
    variables: dict[str, Any] = Field(
        {}, description="Names for use below.", examples=[{"headline": "$.title"}]
    )
    actions: list[Any] = Field(
        min_length=1, description="What it publishes.", examples=[[{"action": "tweet"}]]
    )
    mode: Literal["queued", "single", "restart", "parallel"] = Field(
        "queued", description="What a second event on one subject does.", examples=["queued"]
    )
    approval: str | None = Field(
        None,
        description="Who must agree before anything goes out; `none` for nobody.",
        examples=["officer_in_charge", "none"],
    )
    publish_within: Duration | None = Field(
        None,
        gt=0,
        description="Later than this after the event, nothing goes out.",
        examples=["2h"],
    )
    retry: Retry = Field(
        Retry(),
        description="How its messages are tried again, where that differs from what their account says.",
        examples=[{"within": "2h"}],
    )
    burst: Burst | None = Field(
        None,
        description="What is more than this is held for a person; left out, nothing is.",
        examples=[{"deliveries": 20, "within": "10m"}],
    )
    on_failure: list[str] | str = Field(
        [],
        description="Whom to tell of what fails, comes too late or stays unclear; left out, "
        "`notices.to` of the settings.",
        examples=[["duty_comms"]],
    )
    tests: list[Test] = Field(
        [],
        description="Its own tests.",
        examples=[[{"name": "a test is for nobody", "event": {"type": "test"}, "expect": []}]],
    )
