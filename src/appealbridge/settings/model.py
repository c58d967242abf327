"""Every key of appealbridge.yaml that is the daemon's own, declared once: type, default, sentence, example."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from appealbridge.model.duration import Duration
from appealbridge.model.mailbox import mailbox
from appealbridge.model.moment import NoTime, zone_named
from appealbridge.model.retention import FORM, Span, span
from appealbridge.model.size import Size
from appealbridge.settings.paths import (
    AllowedText,
    Listen,
    ListenText,
    SocketMode,
    WebAddress,
    store_path,
)

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


def _zone(name: str) -> str:
    try:
        zone_named(name)
    except NoTime as wrong:
        context = {"problem": str(wrong), "cure": wrong.cure}
        raise PydanticCustomError("zone", "{problem}", context) from None
    return name


def _email(address: str) -> str:
    try:
        return str(mailbox(address))
    except ValueError:
        cure = "write it as alice@example.police.uk"
        raise PydanticCustomError("email", "is not one email address", {"cure": cure}) from None


def _span(value: Any) -> Span:
    try:
        return span(value if isinstance(value, str) else "")
    except ValueError:
        cure = "write it as 30d, 6m, 7y, or 30d after closure"
        raise PydanticCustomError("span", "is no time to keep things", {"cure": cure}) from None


SpanText = Annotated[
    Span, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": f"^{FORM.pattern}$"})
]
"""How long to keep something, written as `30d after closure`."""


def _from_the_first(span: Span) -> Span:
    if span.after_closure:
        cure = "write it as 30d"
        raise PydanticCustomError("span", "cannot wait for a closure", {"cure": cure})
    return span


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LogSettings(_Section):
    """What is said while the daemon works."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is important enough to be said.", examples=["info"]
    )
    format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="JSON, text, or text on a terminal and JSON elsewhere.",
        examples=["auto"],
    )


class Person(_Section):
    """One person, by name."""

    roles: tuple[str, ...] = Field((), description="What the person may do.", examples=[["author"]])
    email: Annotated[str, AfterValidator(_email)] | None = Field(
        None, description="Where the person is told things.", examples=["alice@example.police.uk"]
    )
    password_hash: SecretStr | None = Field(
        None, description="The hash of the password.", examples=["!secret alice_password"]
    )


class HoldRule(_Section):
    """When everything waits, and what does not."""

    between: (
        tuple[Annotated[str, Field(pattern=_CLOCK)], Annotated[str, Field(pattern=_CLOCK)]] | None
    ) = Field(None, description="From when to when, by the clock.", examples=[["23:00", "06:30"]])
    exempt: tuple[str, ...] = Field(
        (), alias="except", description="What does not wait.", examples=[["threat_to_life"]]
    )


class Notices(_Section):
    """Who learns of what goes wrong, and how."""

    to: tuple[str, ...] = Field(
        (),
        description="People and groups who are told of alarms, and of failures in recipes whose "
        "`on_failure` names nobody.",
        examples=[["duty_comms"]],
    )
    by: tuple[str, ...] = Field(
        (),
        description="The channels that may tell people, in order; left out, every one that can.",
        examples=[["press_office"]],
    )


class Retention(_Section):
    """How long things are kept."""

    personal: SpanText | None = Field(
        None,
        description="How long personal content is kept; left out, for good.",
        examples=["30d after closure"],
    )
    decisions: SpanText | None = Field(
        None,
        description="How long the trail of decisions is kept; left out, for good.",
        examples=["7y"],
    )
    skipped: Annotated[SpanText, AfterValidator(_from_the_first)] | None = Field(
        Span(30, "d"),
        description="How long it is kept why a recipe did not want an event; `null` keeps it as long as the event.",
        examples=["90d"],
    )


class Daemon(_Section):
    """The daemon's own settings; the accounts, sources and lists beside them are read on their own."""

    listen: ListenText = Field(
        Listen(("127.0.0.1", 8080)),
        description="Where to listen: host:port, unix:/path, or systemd for a socket it hands over.",
        examples=["127.0.0.1:8080", "unix:/run/appealbridge/http.sock"],
    )
    socket_mode: SocketMode = Field(
        "0600",
        description="Who may connect where it listens at a Unix socket: its rights, as `chmod` takes them.",
        examples=["0660"],
    )
    public_url: WebAddress | None = Field(
        None,
        description="Where people and senders find the daemon; nothing uses it yet.",
        examples=["https://bridge.example.police.uk"],
    )
    store: Annotated[str, AfterValidator(store_path)] = Field(
        "appealbridge.db",
        description="Where everything is kept.",
        examples=["sqlite:///var/lib/appealbridge/bridge.db"],
    )
    keep_free: Size | None = Field(
        None,
        description="How much room the store's disk must keep for what was accepted; with less, nothing more is. "
        "Left out, 64 MB, or 5 % of a small disk.",
        examples=["64MB"],
    )
    recipes: Path = Field(
        Path("recipes"), description="The folder of the recipes.", examples=["recipes/"]
    )
    templates: Path = Field(
        Path("templates"), description="The folder of the template files.", examples=["templates/"]
    )
    watch: bool = Field(
        True,
        description="Whether changed recipes and templates are taken as soon as they are saved; "
        "otherwise `appealbridge reload` takes them.",
        examples=[False],
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "Europe/London",
        description="The time zone of recipes that name none.",
        examples=["Europe/London"],
    )
    practice: WebAddress | None = Field(
        None,
        description="The practice platforms: every channel talks to them, and no credential is read.",
        examples=["http://127.0.0.1:8090"],
    )
    inside: tuple[AllowedText, ...] = Field(
        (),
        description="What may be connected to although it is inside your network: hosts, addresses and networks, "
        "each with a port after a colon where it is not one of 25, 80, 443, 465 and 587.",
        examples=[["news.internal", "10.0.0.5:8080", "10.1.0.0/16"]],
    )
    log: LogSettings = Field(
        LogSettings(), description="What is said.", examples=[{"level": "info"}]
    )
    feeds_at_once: int = Field(
        1,
        ge=1,
        le=32,
        description="How many feeds are read at the same time, each in a process of its own that may take up to "
        "256 MB. More are for thousands of feeds that change often.",
        examples=[4],
    )
    shutdown_within: Duration = Field(
        20.0,
        gt=0,
        le=3600,
        description="How long the daemon may take to finish what is under way when told to stop.",
        examples=["20s"],
    )
    people: dict[str, Person] = Field(
        {},
        description="Who may stand in `approval`, `on_failure` and `notices.to`; nobody logs in yet.",
        examples=[{"alice": {"roles": ["author"]}}],
    )
    groups: dict[str, tuple[str, ...]] = Field(
        {}, description="People by group, for the same.", examples=[{"officer_in_charge": ["bob"]}]
    )
    holds: dict[str, HoldRule] = Field(
        {},
        description="When everything waits; checked, and not in force yet.",
        examples=[{"quiet_hours": {"between": ["23:00", "06:30"]}}],
    )
    joined_sources: tuple[tuple[str, ...], ...] = Field(
        (),
        description="Sources that speak about the same things, one list for each system: what is about one "
        "subject keeps one order among them.",
        examples=[[["webhook:roads", "feed:road_news"]]],
    )
    notices: Notices = Field(
        Notices(),
        description="Who learns of what goes wrong, and how.",
        examples=[{"to": ["duty_comms"]}],
    )
    retention: Retention = Field(
        Retention(),
        description="How long things are kept.",
        examples=[{"decisions": "7y"}],
    )
