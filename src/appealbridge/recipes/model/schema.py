"""The top level of a recipe file, and its `tests:`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, model_validator

from appealbridge.model.delivery import Hold
from appealbridge.model.duration import Duration
from appealbridge.model.moment import NoTime, read
from appealbridge.plugin.options import Options
from appealbridge.plugin.retry import Retry
from appealbridge.recipes.model.base import (
    Condition,
    Entry,
    Length,
    Or,
    Text,
    Time,
    must_be,
    needed,
    option,
    wrong,
)
from appealbridge.recipes.model.synonyms import WHOLE

NOT_HELD: Final = "none"
"""The value of `held` for a message that goes out without a person."""


def _a_time(text: str) -> str:
    cure = "for example 2026-05-01T14:30:00+01:00"
    try:
        if isinstance(read(text).day, date):
            return text
    except NoTime as no_time:
        if "tomorrow" not in no_time.cure:  # which is no date
            cure = no_time.cure
    raise wrong("is not a date and time", cure)


class _MadeUp(Options):
    type: str = needed("The event's type.", "appeal.new", min_length=1)
    data: Any = option("The event's data.", {"title": "Aisha, 14"})
    source: str | None = option(
        "Where the event comes from. If left out, the source of the recipe's first trigger.",
        "webhook:incident-desk",
    )


class TestEvent(_MadeUp):
    """The event of one test; what is left out is made up."""

    __test__ = False  # pytest takes any class called Test… for one of its own

    subject: str = option("What the event is about.", "WMP-2026-0412", default="test")
    time: Annotated[str, AfterValidator(_a_time)] | None = option(
        "When the event comes, as ISO 8601.", "2026-05-01T14:30:00+01:00"
    )


class LaterEvent(_MadeUp):
    """A later event of a test, for a run that waits. What is left out is filled in."""

    after: Duration = needed("How long after the first event it comes.", "1d", ge=0)
    subject: str | None = option(
        "What the event is about. If left out, the same as the first one.", "WMP-2026-0412"
    )


class Expected(Entry):
    """One message that a test expects: its options, and how it goes out."""

    model_config = ConfigDict(extra="allow")

    action: str = option("Which action it is.", "tweet", default="")
    channel: str = option("The account to use.", "force_x", default="")
    after: Length = option("How long after the event it goes out.", "3d")
    at: Annotated[Time | None, Or("after")] = option(
        "When it goes out.", "06:30", "2026-05-02T06:00"
    )
    held: Hold | Literal["none"] | None = option(
        "Why it is held. If left out, it goes out, at once or after its approval.", "time"
    )
    text_not: Text | list[Text] = option(
        "Text, or a list of texts, that it must not contain.", "Aisha", default=[]
    )


_WHEN = 'write 3d, "10:00", tomorrow 10:00, or a date and time as 2026-11-27T10:00'
_EXPECTATIONS = ("expect", "expect_at_least", "text_not", "nothing_until", "expect_failure")


class Test(Entry):
    """One test of a recipe: an event, and what must follow from it."""

    __test__ = False

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [name]} for name in _EXPECTATIONS]}
    )

    name: str = needed("What the test shows.", "a child goes to all", min_length=1)
    event: TestEvent = needed("The event that starts the recipe.", {"type": "appeal.new"})
    events: list[LaterEvent] = option(
        "Later events, for a recipe that waits.",
        [{"after": "1d", "type": "appeal.closed"}],
        default=[],
    )
    after: Duration | None = option(
        "Count only what goes out up to this long after the event. If left out, everything counts.",
        "3d",
        ge=0,
    )
    expect: list[Expected] | None = option(
        "Everything that goes out, an entry for each message. `*` stands for any words; `[]` means nothing.",
        [{"action": "tweet", "text": "*Aisha*"}],
    )
    expect_at_least: Annotated[
        list[Expected] | None,
        Or("expect", both="expect lists all that goes out already; leave one out"),
    ] = option(
        "Messages that must go out at some time; others may go out too.", [{"action": "tweet"}]
    )
    text_not: list[str] | str = option(
        "Text, or a list of texts, that no message may contain. `*` stands for any words.",
        "Aisha",
        default=[],
    )
    nothing_until: Annotated[Time | Length, must_be("a length of time, or a time", _WHEN)] = option(
        "The time before which nothing goes out, or how long after the event that is.",
        "3d",
        "06:30",
    )
    expect_failure: str = option(
        "The error with which the recipe must fail. `*` stands for any words.",
        "*missing*",
        default="",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) in (None, "", []) for name in _EXPECTATIONS[2:]) and (
            self.expect is None and self.expect_at_least is None
        ):
            raise wrong(
                "the test says nothing about what it expects", "add expect: [] for no post at all"
            )
        return self


class RecipeBurst(Options):
    """How much of what a recipe plans may go out unseen."""

    deliveries: int = needed("How many deliveries may go out unseen.", 20, ge=1)
    within: Duration = needed("Within any period of this length.", "10m", gt=0, le=86_400)


class Shape(Options):
    """The top level of a recipe."""

    SYNONYMS: ClassVar = WHOLE

    alias: str = option("The name that people see.", "New appeal, every channel", default="")
    description: str = option("What the recipe is for.", "Publish a new appeal.", default="")
    enabled: bool = option(
        "Whether the recipe is in force. While it is `false`, the recipe ignores new events.",
        False,
        default=True,
    )
    triggers: list[Any] = needed("What starts the recipe.", [{"trigger": "appeal"}], min_length=1)
    conditions: list[Condition] = option(
        "What else must be true of the event.", ["{{ appeal.kind == 'missing' }}"], default=[]
    )
    variables: dict[str, Any] = option(
        "Named values for use below.", {"headline": "$.title"}, default={}
    )
    actions: list[Any] = needed("What the recipe publishes.", [{"action": "tweet"}], min_length=1)
    mode: Literal["queued", "single", "restart", "parallel"] = option(
        "What to do when another event about the same subject comes.", "queued", default="queued"
    )
    approval: Annotated[
        str | None,
        must_be("a person, a group or none", "write a name, or none if nobody has to approve"),
    ] = option(
        "Who must approve before anything goes out. `none` means that nobody has to.",
        "officer_in_charge",
        "none",
    )
    images_required: bool = option(
        "Whether a message waits for a picture that cannot be fetched. With `false` it goes out without it.",
        False,
        default=True,
    )
    publish_within: Duration | None = option(
        "How long after the event a message may still go out.", "2h", gt=0
    )
    threat_to_life: bool = option(
        "Its messages go out even in the quiet hours of the settings.", True, default=False
    )
    retry: Retry = option(
        "How failed attempts are repeated, if it differs from the settings of the account.",
        {"within": "2h"},
        default=Retry(),
    )
    burst: RecipeBurst | None = option(
        "How much may go out unseen; anything more is held for a person. If left out, there is no limit.",
        {"deliveries": 20, "within": "10m"},
    )
    on_failure: list[str] | str = option(
        "Whom to tell when something fails, is too late or stays unclear. If left out, "
        "`notices.to` in the settings.",
        ["duty_comms"],
        default=[],
    )
    tests: list[Test] = option(
        "The recipe's own tests.",
        [{"name": "a test is for nobody", "event": {"type": "test"}, "expect": []}],
        default=[],
    )
