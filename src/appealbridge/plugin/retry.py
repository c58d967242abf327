"""The options for retries of messages that were certainly not published."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from appealbridge.model.duration import Duration
from appealbridge.plugin.options import Options


class Retry(Options):
    """
    How often, for how long and how quickly to retry.

    A rate limit waits until the platform's own time and an expired login until it works again; neither
    counts as an attempt.
    """

    within: Duration = Field(
        86_400.0,
        gt=0,
        description="How long after the first attempt to go on trying.",
        examples=["24h"],
    )
    attempts: int | None = Field(
        None,
        ge=1,
        description="The largest number of attempts. If left out, there is no limit.",
        examples=[10],
    )
    pause: Literal["growing", "steady"] = Field(
        "growing",
        description="Whether the pause doubles with each attempt (`growing`) or stays the same (`steady`).",
        examples=["growing"],
    )
    first: Duration = Field(
        1.0, gt=0, description="The pause after the first attempt.", examples=["1s"]
    )
    longest: Duration = Field(
        300.0,
        gt=0,
        description="The longest pause, unless the platform asks for a longer one.",
        examples=["5m"],
    )
    jitter: float = Field(
        0.5,
        ge=0,
        le=1,
        description="The share of each pause that is random, so that many messages do not retry at the same "
        "moment.",
        examples=[0.5],
    )
    obey: Duration = Field(
        21_600.0,
        gt=0,
        description="The longest pause that the platform may ask for. A longer one is cut to this.",
        examples=["6h"],
    )
    stop_at: tuple[int, ...] = Field(
        (),
        description="HTTP or SMTP status codes after which there is no further attempt.",
        examples=[[503]],
    )
