"""A case the public is asked about; everything published about it hangs on its reference."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class AppealStatus(StrEnum):
    """Where a case stands, as the public is concerned."""

    OPEN = "open"
    CLOSED = "closed"


class AppealImage(BaseModel):
    """A picture of an appeal and the words for those who cannot see it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        description="Where the picture lies.", examples=["https://example.police.uk/aisha.jpg"]
    )
    alt: str = Field("", description="What the picture shows.", examples=["A girl in a red coat"])


class Appeal(BaseModel):
    """
    A case the public is asked about.

    Fields that a source does not name are absent from the event's data, so that a template which
    needs one stops instead of printing an empty word.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    reference: str = Field(
        min_length=1,
        max_length=300,
        description="The case's own name.",
        examples=["WMP-2026-0412"],
    )
    title: str = Field(min_length=1, description="The headline.", examples=["Missing: Aisha, 14"])
    kind: str = Field(
        "other", description="What sort of appeal it is.", examples=["missing", "witness"]
    )
    status: AppealStatus = Field(
        AppealStatus.OPEN, description="Where the case stands.", examples=["open"]
    )
    text: str | None = Field(
        None, description="The appeal in plain words.", examples=["Last seen in Digbeth."]
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
        None, description="Until when the public is asked, ISO 8601.", examples=["2026-12-01"]
    )
    closed_reason: str | None = Field(
        None, description="Why it was closed.", examples=["found safe"]
    )
    images: tuple[AppealImage, ...] = Field((), description="Its pictures.", examples=[[]])
    links: tuple[str, ...] = Field((), description="Further pages.", examples=[[]])
