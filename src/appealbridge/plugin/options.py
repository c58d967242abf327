"""The base of all option models, and their common types."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from yarl import URL

from appealbridge.plugin.containment import contained
from appealbridge.plugin.egress import check_host, is_loopback_url


@dataclass(frozen=True, slots=True)
class Html:
    """The type of `HTML`."""


HTML = Html()
"""Marks an option that is HTML, as `Annotated[str, HTML]`: values of events in it are escaped."""

Secret = SecretStr
"""A value that is masked when printed; use `.get_secret_value()` only to send it."""


class Options(BaseModel):
    """
    The base of every options model.

    Unknown names are refused, and instances never change. Every field has a `description` and `examples`.
    """

    # Most models of the recipe language are never needed by one daemon: each is built at its first use.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )

    @classmethod
    def model_validate(cls, *args: Any, **options: Any) -> Self:
        """Validate a value as pydantic does, whatever a plug-in's own checks raise."""
        with contained:
            return super().model_validate(*args, **options)

    @classmethod
    def model_validate_json(cls, *args: Any, **options: Any) -> Self:
        """Validate JSON as pydantic does, whatever a plug-in's own checks raise."""
        with contained:
            return super().model_validate_json(*args, **options)


class Threaded(Options):
    """
    The options of a post that can reply to another, and be replied to.

    A channel publishes `text` as a reply to `in_reply_to`. It ignores `thread`, because those posts are deliveries of
    their own, and does not split its messages into parts.
    """

    in_reply_to: str | None = Field(
        None,
        min_length=1,
        description="The id or address of an earlier post of this account to which this post replies.",
        examples=["{{ results.tweet.id }}"],
    )
    thread: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description="More posts, each a reply to the one before.",
        examples=[["What we know so far: {{ appeal.text }}"]],
    )

    def number(self) -> str | None:
        """Return the platform's id of the post replied to, which is the end of its address."""
        return self.in_reply_to and self.in_reply_to.rstrip("/").rpartition("/")[2]


def _address(value: str) -> str:
    try:
        address = URL(value)
        plain = address.scheme in ("http", "https") and address.host
        extra = address.user or address.password or address.query_string or address.fragment
    except ValueError:
        plain, extra = False, None
    if not plain or extra:
        raise ValueError(
            "give an address such as https://api.example.org, without a password or query"
        )
    check_host(address.raw_host or "")
    return value.rstrip("/")


def _feed_address(value: str) -> str:
    try:
        address = URL(value)
    except ValueError:
        raise ValueError("give a web address such as https://www.example.org/rss") from None
    check_host(address.raw_host or "")
    if (address.user or address.password) and not is_loopback_url(value):
        raise ValueError(
            "an address must not contain a login; put it under the feed's credentials: in appealbridge.yaml"
        )
    return value


def _secret_address(value: Secret) -> Secret:
    try:
        address = URL(value.get_secret_value())
        plain = address.scheme in ("http", "https") and address.host
    except ValueError:
        plain = None
    if not plain:
        raise ValueError("the secret must be an address such as https://hooks.example.org/…")
    check_host(address.raw_host or "")
    return value


def html_options(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's options that are HTML."""
    return frozenset(name for name, option in model.model_fields.items() if HTML in option.metadata)


PageAddress = Annotated[
    Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s/]\S*$")] | None,
    BeforeValidator(lambda value: None if value == "" else value),
]
"""The address of a page that a message may show. Where a template gives nothing, there is none."""

Address = Annotated[str, AfterValidator(_address)]
"""The address of a platform's API: `http://` or `https://`, a host, perhaps a path; no slash at its end."""

SecretAddress = Annotated[Secret, AfterValidator(_secret_address)]
"""An address that is itself the secret, as those of incoming webhooks are: `http://` or `https://`, and anything."""


def address_options(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's options that are an `Address` or a `SecretAddress`, or may be left out."""

    def leads_somewhere(parts: Iterable[Any], annotation: Any) -> bool:
        own = (each.func for each in parts if isinstance(each, AfterValidator))
        several = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
        return any(each in (_address, _secret_address) for each in own) or any(
            leads_somewhere(getattr(inner, "__metadata__", ()), None) for inner in several
        )

    fields = model.model_fields.items()
    return frozenset(
        name for name, each in fields if leads_somewhere(each.metadata, each.annotation)
    )


FeedAddress = Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(_feed_address)]
"""The address of a feed."""


class FeedCredentials(Options):
    """A login for a feed's server."""

    username: str = Field(min_length=1, description="The user name.", examples=["press"])
    password: Secret = Field(description="The password.", examples=["!secret news_password"])

    def check(self, url: str) -> None:
        """Raise `ValueError` if they would be sent to this address without encryption."""
        if URL(url).scheme != "https" and not is_loopback_url(url):
            raise ValueError(
                "others could read the login on its way; write https:// instead of http://"
            )

    def header(self) -> str:
        """Return the Authorization header (RFC 7617)."""
        login = f"{self.username}:{self.password.get_secret_value()}"
        return f"Basic {base64.b64encode(login.encode()).decode()}"


def feed_credentials() -> Any:
    """Return the option for a source's login. A new login does not reset the stored state of the source."""
    return Field(
        None,
        exclude=True,
        description="The login for the feed's server, if it needs one.",
        examples=[{"username": "press", "password": "!secret news_password"}],
    )
