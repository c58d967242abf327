"""The models of the daemon's own keys in appealbridge.yaml: type, default, description, example."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from appealbridge.model.duration import Duration
from appealbridge.model.mailbox import mailbox
from appealbridge.model.moment import NoTime, clock, zone_named
from appealbridge.model.people import Role
from appealbridge.model.retention import FORM, Span, span
from appealbridge.model.size import Size
from appealbridge.settings.paths import (
    AllowedText,
    DirectText,
    Listen,
    ListenText,
    PracticeAddress,
    ProxyAddress,
    SocketMode,
    WebAddress,
    store_path,
)


def _clock(written: Any) -> str:
    text = "00:00" if written == "24:00" else written
    time = clock(text) if isinstance(text, str) else None
    if time is None or time.second or time.microsecond:
        raise ValueError
    return time.isoformat("minutes")


_Clock = Annotated[
    str,
    BeforeValidator(_clock),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(([01]?\d|2[0-3]):[0-5]\d|24:00|(0?[1-9]|1[0-2])([:.][0-5]\d)? ?[AaPp]\.?[Mm]\.?)$",
        }
    ),
]


def _two_times(written: Any, inner: Callable[[Any], Any]) -> Any:
    try:
        return inner(written)
    except ValidationError:
        times = _FROM_TO.fullmatch(written) if isinstance(written, str) else None
        begin, end = times.groups() if times else ("23:00", "06:30")
        cure = f'{"write" if times else "for example"} ["{begin}", "{end}"]'
        raise PydanticCustomError("times", "must be two times", {"cure": cure}) from None


_FROM_TO = re.compile(r"(\d{1,2}:\d{2}) *(?:-|–|to|until) *(\d{1,2}:\d{2})")


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


def _not_blank(text: str) -> str:
    if not text.strip():
        cure = "write it after the colon, or delete this line"
        raise PydanticCustomError("blank", "is empty", {"cure": cure})
    return text


def _span(value: Any) -> Span:
    try:
        return span(value if isinstance(value, str) else "")
    except ValueError:
        cure = "write it as 30d, 6m, 7y, or 30d after closure"
        raise PydanticCustomError(
            "span", "is not a time for keeping data", {"cure": cure}
        ) from None


SpanText = Annotated[
    Span, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": f"^{FORM.pattern}$"})
]
"""How long to keep something, written such as `30d after closure`."""


def _from_the_first(span: Span) -> Span:
    if span.after_closure:
        cure = "write it as 30d"
        raise PydanticCustomError("span", "cannot count from a closure", {"cure": cure})
    return span


def _option(default: Any, about: str, *examples: Any, **more: Any) -> Any:
    return Field(default, description=about, examples=[*examples], **more)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LogSettings(_Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = _option(
        "info", "The least important level that is logged.", "info"
    )
    format: Literal["auto", "json", "text"] = _option(
        "auto", "JSON, text, or `auto`: text on a terminal and JSON elsewhere.", "auto"
    )


class ApprovalSettings(_Section):
    """How long an approval may take."""

    SYNONYMS: ClassVar = {
        "remind": "remind_after", "lapse": "lapse_after", "expire_after": "lapse_after",
        "next": "next_after", "escalate_after": "next_after", "escalate": "escalate_to",
        **dict.fromkeys(
            ("require", "required", "by", "people"),
            "who approves stands in each recipe: approval: bob"),
    }  # fmt: skip

    undo: Duration = _option(
        20.0, "How long an approved post waits, so that the approval can be taken back.", "20s",
        ge=0, le=3600,
    )  # fmt: skip
    remind_after: Duration = _option(
        600.0, "After how long people are reminded of a question.", "10m", gt=0
    )
    next_after: Duration = _option(
        1200.0, "After how long those in `escalate_to` are asked too.", "20m", gt=0
    )
    lapse_after: Duration = _option(
        86_400.0,
        "After how long a question lapses. What nobody approved is then not published.",
        "24h",
        gt=0,
    )
    escalate_to: tuple[str, ...] = _option(
        (), "The people and groups who may answer too, once nobody else did.", ["silver"]
    )


class PersonSettings(_Section):
    """One person, by a permanent id."""

    @model_validator(mode="before")
    @classmethod
    def _with_options(cls, written: Any) -> Any:
        if isinstance(written, str) and written.strip():
            cure = f"write {{ {'email' if '@' in written else 'name'}: {written} }}"
            raise PydanticCustomError(
                "person", "must be a mapping of names to values", {"cure": cure}
            )
        return written

    name: Annotated[str, AfterValidator(_not_blank)] = _option(
        "", "The name that others see. If left out, the id.", "Alice Smith", max_length=100
    )
    roles: tuple[Role, ...] = _option(
        (),
        "What the person may do: `author`, `approver`, `operator`, `viewer`, `admin`. None includes another.",
        ["author"],
    )
    email: Annotated[str, AfterValidator(_email)] | None = _option(
        None, "Where notices to the person go.", "alice@example.police.uk"
    )
    user: Annotated[str, AfterValidator(_not_blank)] | None = _option(
        None, "The person's user on this machine, for the command line.", "asmith", max_length=64
    )
    uid: int | None = _option(
        None, "The id of that user, in place of its name.", 1001, ge=1, le=4_294_967_294
    )


class HoldRule(_Section):
    """A period in which nothing is published, with exceptions."""

    SYNONYMS: ClassVar = dict.fromkeys(
        ("from", "to", "start", "end", "begin"), 'write between: ["23:00", "06:30"]'
    )

    between: Annotated[tuple[_Clock, _Clock], WrapValidator(_two_times)] | None = _option(
        None,
        "The time of day at which it begins, and the one at which it ends.",
        ["23:00", "06:30"],
    )
    exempt: tuple[Literal["threat_to_life"], ...] = _option(
        ("threat_to_life",),
        "What is published nevertheless: recipes with `threat_to_life: true`.",
        ["threat_to_life"],
        alias="except",
    )

    @model_validator(mode="after")
    def _has_times(self) -> HoldRule:
        if self.between is None:
            cure = 'write between: ["23:00", "06:30"]'
            raise PydanticCustomError("hold", "has no times, so it holds nothing", {"cure": cure})
        return self


class NoticeSettings(_Section):
    """Whom to tell when something goes wrong, and how."""

    to: tuple[str, ...] = _option(
        (),
        "The people and groups who get alarms, and failures of recipes that have no `on_failure`.",
        ["duty_comms"],
    )
    by: tuple[str, ...] = _option(
        (),
        "The channels that may send notices, the preferred one first. If left out, every channel "
        "that can.",
        ["press_office"],
    )


class RetentionSettings(_Section):
    """How long data is kept."""

    personal: SpanText | None = _option(
        None,
        "How long personal content is kept. If left out, it is never removed.",
        "30d after closure",
    )
    decisions: SpanText | None = _option(
        None, "How long the record of decisions is kept. If left out, it is never removed.", "7y"
    )
    skipped: Annotated[SpanText, AfterValidator(_from_the_first)] | None = _option(
        Span(30, "d"),
        "How long the reason why a recipe did not want an event is kept. `null` keeps it as long "
        "as the event.",
        "90d",
    )


class AuditSettings(_Section):
    """How the trail of decisions is secured."""

    checkpoints: Path | None = _option(
        None,
        "The file to which the hash of the newest decision is added every hour. Keep it, or a copy, "
        "where nobody can change it who can write the store. If left out, it is beside the store.",
        "/mnt/elsewhere/appealbridge.checkpoints",
    )
    tell: tuple[str, ...] = _option(
        (),
        "The people and groups who get each checkpoint in a notice too, such as a mailbox of another force.",
        ["professional_standards"],
    )


_QUIET = 'write holds: { quiet_hours: { between: ["23:00", "06:30"] } }'


class DaemonSettings(_Section):
    """The daemon's own settings. Accounts, sources and lists are read separately."""

    SYNONYMS: ClassVar = {
        **dict.fromkeys(("quiet_hours", "quiet_time", "silence"), _QUIET),
        "accounts": "channels", "users": "people", "persons": "people", "teams": "groups",
        "approval": "approvals", "notifications": "notices", "alarms": "notices", "hooks": "webhooks",
    }  # fmt: skip

    listen: ListenText = _option(
        Listen(("127.0.0.1", 8080)),
        "Where to listen: host:port, unix:/path, or `systemd` for a socket that systemd passes on.",
        "127.0.0.1:8080",
        "unix:/run/appealbridge/http.sock",
    )
    socket_mode: SocketMode = _option(
        "0600", "The permissions of the Unix socket at which it listens, as for `chmod`.", "0660"
    )
    control_socket: str | None = _option(
        None,
        "A Unix socket for the command line. Where `people` have roles, the user who connects is the person; "
        "otherwise whoever may connect may decide. If left out, only the daemon's own user and root can.",
        "/run/appealbridge/control.sock",
        pattern="^/",
        max_length=100,
    )
    control_mode: SocketMode = _option(
        "0660", "The permissions of `control_socket`, as for `chmod`.", "0600"
    )
    public_url: WebAddress | None = _option(
        None,
        "The address at which people reach the pages, with https. If left out, only this machine does.",
        "https://bridge.example.police.uk",
    )
    store: Annotated[str, AfterValidator(store_path)] = _option(
        "appealbridge.db", "The database file.", "sqlite:///var/lib/appealbridge/bridge.db"
    )
    keep_free: Size | None = _option(
        None,
        "How much space must stay free on the store's disk. With less, no new events are "
        "accepted. If left out, 64 MB, or 5 % of a small disk.",
        "64MB",
    )
    recipes: Path = _option(Path("recipes"), "The folder with the recipes.", "recipes/")
    templates: Path = _option(
        Path("templates"), "The folder with the template files.", "templates/"
    )
    media_folder: Path | None = _option(
        None, "The folder with the pictures that recipes name with `file:`.", "media/"
    )
    watch: bool = _option(
        True,
        "Use changed recipes and templates as soon as they are saved. With `false`, only "
        "`appealbridge reload` does so.",
        False,
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = _option(
        "Europe/London", "The time zone of recipes that do not name one.", "Europe/London"
    )
    practice: PracticeAddress | None = _option(
        None,
        "The address of the practice platforms. With it, every channel talks to them, and no "
        "credential is read.",
        "http://127.0.0.1:8090",
    )
    inside: tuple[AllowedText, ...] = _option(
        (),
        "Hosts, addresses and networks inside your network to which AppealBridge may connect. "
        "Add a port after a colon if it is not 25, 80, 443, 465 or 587.",
        ["news.internal", "10.0.0.5:8080", "10.1.0.0/16"],
    )
    proxy: ProxyAddress = _option(
        None,
        "The HTTP proxy for everything outside your network. An address with a password must be a secret.",
        "http://proxy.internal:3128",
        "!secret proxy",
    )
    no_proxy: tuple[DirectText, ...] = _option(
        (),
        "Hosts, with all names below them, and networks that are reached without the proxy. What is "
        "inside your network needs no entry.",
        ["example.police.uk"],
    )
    ca_file: Path | None = _option(
        None,
        "A file with certificates in PEM. Their authorities are trusted besides those of the "
        "system, for platforms, feeds and mail.",
        "/etc/ssl/certs/force-ca.pem",
    )
    log: LogSettings = _option(LogSettings(), "What is logged, and how.", {"level": "info"})
    feeds_at_once: int = _option(
        1,
        "How many feeds are read at the same time, each in its own process of up to 256 MB. Only "
        "thousands of feeds that change often need more.",
        4,
        ge=1,
        le=32,
    )
    shutdown_within: Duration = _option(
        20.0,
        "How long the daemon may take to finish current work when it is told to stop.",
        "20s",
        gt=0,
        le=3600,
    )
    people: dict[str, PersonSettings] = _option(
        {},
        "The people who decide, log in and get notices, by an id that is never used for anybody else.",
        {"alice": {"name": "Alice Smith", "roles": ["author"]}},
        max_length=1000,
    )
    groups: dict[str, tuple[str, ...]] = _option(
        {},
        "Groups of people, whom `approval`, `on_failure` and `notices.to` may name as well.",
        {"officer_in_charge": ["bob"]},
        max_length=200,
    )
    holds: dict[str, HoldRule] = _option(
        {},
        "Times at which nothing is published, in the time zone of the settings.",
        {"quiet_hours": {"between": ["23:00", "06:30"]}},
    )
    approvals: ApprovalSettings = _option(
        ApprovalSettings(),
        "How long an approval may take, and who is asked next.",
        {"remind_after": "10m", "escalate_to": ["silver"]},
    )
    joined_sources: tuple[tuple[str, ...], ...] = _option(
        (),
        "Sources that belong to one system, a list for each system. Messages about one subject "
        "then keep their order across these sources.",
        [["webhook:roads", "feed:road_news"]],
    )
    notices: NoticeSettings = _option(
        NoticeSettings(),
        "Whom AppealBridge tells when something goes wrong, and how.",
        {"to": ["duty_comms"]},
    )
    audit: AuditSettings = _option(
        AuditSettings(),
        "How the trail of decisions is secured.",
        {"checkpoints": "/mnt/elsewhere/appealbridge.checkpoints"},
    )
    retention: RetentionSettings = _option(
        RetentionSettings(), "How long data is kept.", {"decisions": "7y"}
    )
