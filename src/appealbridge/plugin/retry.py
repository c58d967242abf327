"""How a message that was surely not published is tried again, as people write it in YAML."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appealbridge.model.duration import Duration
from appealbridge.plugin.options import Options


class Retry(Options):
    """
    How often, how long and how quickly.

    A rate limit waits until the platform's own time and an expired login until it works again; neither
    counts as an attempt.
    """

    within: Duration = Field(
        86_400.0,
        gt=0,
        description="How long after the first attempt it is still tried again.",
        examples=["24h"],
    )
    attempts: int | None = Field(
        None,
        ge=1,
        description="How many attempts are made at the most; any number if left out.",
        examples=[10],
    )
    pause: Literal["growing", "steady"] = Field(
        "growing",
        description="Whether the pause doubles from attempt to attempt, or stays as it is.",
        examples=["growing"],
    )
    first: Duration = Field(
        1.0, gt=0, description="The pause after the first attempt.", examples=["1s"]
    )
    longest: Duration = Field(
        300.0, gt=0, description="The longest pause of our own choosing.", examples=["5m"]
    )
    jitter: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How much of a pause is left to chance, so that many do not come at once.",
        examples=[0.5],
    )
    obey: Duration = Field(
        21_600.0,
        gt=0,
        description="How long a pause that the platform asks for may be; a longer wish is cut to it.",
        examples=["6h"],
    )
    stop_at: tuple[int, ...] = Field(
        (),
        description="Codes of the platform's answer, of HTTP or SMTP, after which it is not tried again.",
        examples=[[503]],
    )
