"""Options: what a person may write, declared once with type, default, sentence and example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr
from yarl import URL


@dataclass(frozen=True, slots=True)
class Html:
    """The type of `HTML`."""


HTML = Html()
"""Marks an option that is a page, as `Annotated[str, HTML]`: what an event puts into it is escaped."""

Secret = SecretStr
"""A value that prints itself masked; `.get_secret_value()` is for the line that sends it."""


class Options(BaseModel):
    """
    The base of every options model.

    Unknown names are refused, values are not coerced from other types, and instances never change.
    Every field has a `description` and `examples`; a test refuses one without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _address(value: str) -> str:
    try:
        address = URL(value)
        plain = address.scheme in ("http", "https") and address.host
        extra = address.user or address.password or address.query_string or address.fragment
    except ValueError:
        plain, extra = False, None
    if not plain or extra:
        raise ValueError(
            "give an address such as https://api.example.org, with no password or query"
        )
    return value.rstrip("/")


def html_options(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's options that are pages."""
    return frozenset(name for name, option in model.model_fields.items() if HTML in option.metadata)


Address = Annotated[str, AfterValidator(_address)]
"""Where a platform lives: `http://` or `https://`, a host, perhaps a path; no slash at its end."""
