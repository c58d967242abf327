"""An appeal: a case that the public is asked about. Everything published about it has its reference."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


class AppealStatus(StrEnum):
    """Whether the public is still asked about a case."""

    OPEN = "open"
    CLOSED = "closed"


class AppealImage(BaseModel):
    """A picture of an appeal, with a description for people who cannot see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        description="The picture's address.", examples=["https://example.police.uk/aisha.jpg"]
    )
    alt: str = Field("", description="What the picture shows.", examples=["A girl in a red coat"])


class Appeal(BaseModel):
    """
    A case that the public is asked about.

    Fields that a source does not name are absent from the event's data, so that a template which
    needs one stops instead of printing an empty word.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    reference: str = Field(
        min_length=1,
        max_length=300,
        description="The case's reference.",
        examples=["WMP-2026-0412"],
    )
    title: str = Field(min_length=1, description="The headline.", examples=["Missing: Aisha, 14"])
    kind: str = Field(
        "other", description="What sort of appeal it is.", examples=["missing", "witness"]
    )
    status: AppealStatus = Field(
        AppealStatus.OPEN, description="Whether the case is open or closed.", examples=["open"]
    )
    text: str | None = Field(
        None, description="The appeal as plain text.", examples=["Last seen in Digbeth."]
    )
    body_html: str | None = Field(
        None, description="The appeal as HTML.", examples=["<p>Last seen …</p>"]
    )
    url: str | None = Field(
        None, description="The appeal's page.", examples=["https://example.police.uk/a/412"]
    )
    area: str | None = Field(
        None, description="Where it happened.", examples=["Digbeth, Birmingham"]
    )
    deadline: str | None = Field(
        None, description="Until when the appeal runs, as ISO 8601.", examples=["2026-12-01"]
    )
    embargo: str | None = Field(
        None,
        description="The time before which nothing should be published, as it is written. A recipe decides "
        "what waits for it.",
        examples=["2026-11-27T10:00"],
    )
    author: str | None = Field(
        None,
        max_length=300,
        description="Who wrote it, by id or email address of `people`. They cannot approve what is published about it.",
        examples=["alice"],
    )
    closed_reason: str | None = Field(
        None, description="Why it was closed.", examples=["found safe"]
    )
    images: tuple[AppealImage, ...] = Field((), description="The appeal's pictures.", examples=[[]])
    links: tuple[str, ...] = Field((), description="Further pages.", examples=[[]])

    @field_validator("reference", "title", "kind", "area", "author", "closed_reason", mode="before")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        # A line end in a title would end a header of a mail, and is not visible in the file.
        return " ".join(_CONTROL.sub("", value).split()) if isinstance(value, str) else value

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value
