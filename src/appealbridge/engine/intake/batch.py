"""What passes through the stages of the pipeline until it is stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from appealbridge.engine.delivery.lane import Lane
from appealbridge.model.event import Event
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import Accepted, Arrival, HoldFilter, PollState

_NO_BOOK = Book({})


@dataclass(slots=True)
class Flood:
    """A flood that has just begun: its source (`webhook:desk`) or recipe (`recipe:roads`), and the reason."""

    name: str
    reason: str
    filter: HoldFilter


@dataclass(slots=True, eq=False)
class Batch:
    """
    Events that are stored together, and what each stage adds to them.

    `now` is the time in Unix seconds. `size` is how many bytes the events came in, if that is known, and `why`
    the reason for each event's hold. `from_source` is false if the events are stored already and only plans are new.
    `reserved` has the lane of each delivery whose first attempt begins as soon as it is stored. The guards
    counted the arrivals at the monotonic time `counted_at`, except those whose keys were `known` before.
    `accepted` has the result of each arrival once it is stored.
    """

    now: float
    events: Sequence[Event] = ()
    book: Book = _NO_BOOK
    size: int | None = None
    why: Sequence[str] = ()
    arrivals: Sequence[Arrival] = ()
    poll_state: PollState | None = None
    from_source: bool = True
    reserved: dict[str, Lane] = field(default_factory=dict)
    counted_at: float | None = None
    known: frozenset[str] = frozenset()
    floods: Sequence[Flood] = ()
    accepted: Sequence[Accepted] = ()


class AcceptanceStage(ABC):
    """One step that a batch takes before it is stored."""

    @abstractmethod
    async def run(self, batch: Batch) -> None:
        """Take the step. Raise `StoreError` to refuse the batch."""

    def undo(self, batch: Batch) -> None:  # noqa: B027 - most stages leave nothing behind
        """Take back what the step counted or reserved, because the batch was not stored."""
