"""The interface of a trigger that receives requests."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from appealbridge.model.duration import Duration
from appealbridge.model.errors import Refused
from appealbridge.model.event import EventDraft
from appealbridge.model.rate import RateText
from appealbridge.model.value import value
from appealbridge.plugin.options import Options
from appealbridge.plugin.trigger import O, S, Trigger, Weakness

__all__ = ["BODY_BYTES", "PushSource", "Received", "Receiver", "Refused", "Request"]

BODY_BYTES = 1024 * 1024
"""The largest body of a request in bytes, unless the source says otherwise."""


@value
class Request:
    """One HTTP request as it arrived: header names in lower case, the raw body, the arrival in Unix seconds UTC."""

    headers: Mapping[str, str]
    body: bytes
    arrived: float


@value
class Received:
    """
    The content of one authenticated request.

    If it has no events, `why_none` says why (a test, a handshake). `answer` is the JSON that the sender expects, if
    any. `left_out` says for people what the request contained that makes no event. `refused` is the answer to the
    sender once the events are stored, if a part of the request could not be read.
    """

    events: Sequence[EventDraft] = ()
    why_none: str = ""
    answer: Mapping[str, Any] | None = None
    left_out: str = ""
    refused: Refused | None = None


class Burst(Options):
    """How many events may be published in a period without a person seeing them."""

    events: int = Field(
        ge=1, description="How many events may be published unseen.", examples=[100]
    )
    within: Duration = Field(
        gt=0, le=86_400, description="Within any period of this length.", examples=["10m"]
    )


class PushSource(Options):
    """The options that every source of POST requests has."""

    rate: RateText | None = Field(
        None,
        description="How many requests to accept in a period; any more are answered 429. If left out, there "
        "is no limit.",
        examples=["600 per 1m"],
    )
    burst: Burst | None = Field(
        None,
        description="How much may go out unseen; anything more is held for a person. If left out, there is "
        "no limit.",
        examples=[{"events": 100, "within": "10m"}],
    )


class Receiver(Trigger[O, S]):
    """
    A trigger that receives POST requests to `/hooks/<source>`.

    The sender is authenticated first: by `before_body`, before the body has arrived, then by `prove`.
    Only an authenticated request counts towards the source's `rate` and is read by `receive`.
    """

    def before_body(self, source: S, request: Request) -> bool:
        """
        Raise `Refused` (401) if the headers show that the sender cannot be authenticated.

        `request.body` is empty. Return whether the headers alone authenticate the sender.
        """
        return False

    @abstractmethod
    def prove(self, source: S, request: Request) -> None:
        """Raise `Refused` (401) unless the sender is authenticated."""

    @abstractmethod
    def receive(self, source: S, request: Request) -> Received:
        """Return the content of an authenticated request; raise `Refused` with the status to answer if it is wrong."""

    def sign(self, source: S, body: bytes, at: float, message_id: str) -> Mapping[str, str] | None:
        """
        Return the headers with which a sender would prove a body, `None` if that is not known here.

        `appealbridge send` sends them, as a request with this id at this time, in Unix seconds UTC.
        """
        return None

    def differences(self, source: S, data: Any) -> Iterable[str]:
        """Return how the data of an event differs from what the settings declare; for people who try a body."""
        return ()

    def body_limit(self, source: S) -> int:
        """Return the largest body of a request, in bytes."""
        return BODY_BYTES

    def weaknesses(self, sources: Mapping[str, S]) -> Iterable[Weakness]:
        """Return what is unsafe about these sources, which are given by name; the daemon starts all the same."""
        return ()

    def with_recipe(self, source: S, options: O) -> S:
        """
        Return the source with a recipe's options added.

        This is called for each recipe in a fixed order, before the first request. Raise `ValueError`, with how to fix
        it, if a recipe contradicts the source or an earlier recipe.
        """
        return source


AnyReceiver = Receiver[Any, Any]
