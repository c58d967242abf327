"""What every store promises to people and their screens: to say what it has, and to change nothing by it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import Delivery
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import Backlog, DeliveryFilter, EventPage, Queue, RecipeVersion


class StoreLooking(Protocol):
    """The part of `Store` that only looks."""

    async def deliveries(self, which: DeliveryFilter) -> Sequence[Delivery]:
        """List deliveries, newest first."""

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery by id or number; raise `NotFound`."""

    async def turns_behind(self, delivery_ids: Collection[str]) -> Mapping[str, int]:
        """Return, for those of these deliveries that wait for their turn, the number that goes first."""
        ...

    async def overtaken_by(self, delivery: Delivery) -> int | None:
        """Return the number of the newest published delivery of its place and another event that is younger."""

    async def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        """Return a delivery's finished attempts and looks in order."""

    async def event(self, event_id: str) -> Event:
        """Return one event; raise `NotFound`."""

    async def events(
        self,
        *,
        subject: str = "",
        source: str = "",
        type_: str = "",
        since: float | None = None,
        limit: int = 100,
    ) -> Sequence[Event]:
        """List events, the last stored first; empty words ask for all."""

    async def page_of_events(self, since: float, after: int, limit: int) -> EventPage:
        """
        Return up to `limit` events received since a time, in the order in which they were stored.

        The next page begins `after` the `number` of this one, the first one after 0. All of them have
        been seen when that is no more than `last`, or no event came.
        """
        ...

    async def latest_recipe(self, name: str) -> RecipeVersion | None:
        """Return the version of a recipe that was put in force last; `None` where none ever was."""

    async def run(self, run_id: str) -> Run:
        """Return one run; raise `NotFound`."""

    async def runs(
        self,
        *,
        event_id: str = "",
        recipe: str = "",
        state: RunState | None = None,
        limit: int = 100,
    ) -> Sequence[Run]:
        """List runs, newest first."""

    async def sent_today(self, channel: str, since: float) -> int:
        """
        Return how many deliveries of the channel were delivered since a time or are under way.

        What is perhaps published counts too: all that is `unknown`, and what is held as such since.
        """

    async def backlog(self) -> Backlog:
        """Return how much waits."""

    async def queues(self) -> Sequence[Queue]:
        """Return what waits on each channel on which anything does."""
