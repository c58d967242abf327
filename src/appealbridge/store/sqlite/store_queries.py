"""The read-only part of the SQLite store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import Delivery
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import (
    Backlog,
    DeliveryFilter,
    EventPage,
    KnownKey,
    News,
    NewsSort,
    Queue,
    RecentPace,
    RecipeVersion,
    Text,
)
from appealbridge.store.sqlite import deliveries as delivery_rows
from appealbridge.store.sqlite import events, listing, notices, ordering, queries, recent
from appealbridge.store.sqlite.connections import Readers
from appealbridge.store.sqlite.queries import backlog, queues


class SqliteQueries:
    """The part of `SqliteStore` that only reads."""

    def __init__(self, readers: Readers) -> None:
        self._ask = readers.ask

    async def deliveries(self, which: DeliveryFilter) -> Sequence[Delivery]:
        """List deliveries, newest first."""
        return await self._ask(lambda db: listing.deliveries(db, which))

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery by id or number."""
        return await self._ask(lambda db: delivery_rows.find(db, delivery_id))

    async def turns_behind(self, delivery_ids: Collection[str]) -> Mapping[str, int]:
        """Return who goes first where deliveries wait for their turn."""
        return await self._ask(lambda db: ordering.behind(db, delivery_ids))

    async def overtaken_by(self, delivery: Delivery) -> int | None:
        """Return what was published about the same though this one is older."""
        return await self._ask(lambda db: ordering.overtaken_by(db, delivery))

    async def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        """Return a delivery's finished attempts and searches in order."""
        return await self._ask(lambda db: queries.attempts(db, delivery_id))

    async def event(self, event_id: str) -> Event:
        """Return one event."""
        return await self._ask(lambda db: queries.event(db, event_id))

    async def events(
        self,
        *,
        subject: str = "",
        source: str = "",
        type_: str = "",
        since: float | None = None,
        limit: int = 100,
    ) -> Sequence[Event]:
        """List events, newest first."""
        return await self._ask(
            lambda db: listing.events(
                db, subject=subject, source=source, type_=type_, since=since, limit=limit
            )
        )

    async def page_of_events(self, since: float, after: int, limit: int) -> EventPage:
        """Return events received since a time, in the order in which they were stored."""
        return await self._ask(lambda db: listing.page_of_events(db, since, after, limit))

    async def latest_recipe(self, name: str) -> RecipeVersion | None:
        """Return the version of a recipe that was put in force last."""
        return await self._ask(lambda db: listing.latest_recipe(db, name))

    async def run(self, run_id: str) -> Run:
        """Return one run."""
        return await self._ask(lambda db: queries.run(db, run_id))

    async def runs(
        self,
        *,
        event_id: str = "",
        recipe: str = "",
        state: RunState | None = None,
        limit: int = 100,
    ) -> Sequence[Run]:
        """List runs, newest first."""
        return await self._ask(lambda db: listing.runs(db, event_id, recipe, limit, state))

    async def sent_today(self, channel: str, since: float) -> int:
        """Return how many of the channel were delivered since a time, are under way, or perhaps published."""
        return await self._ask(lambda db: queries.sent_today(db, channel, since))

    async def known(self, source: str, keys: Collection[str]) -> Mapping[str, KnownKey]:
        """Return what is known about those of these keys under which the source sent an event before."""
        return await self._ask(lambda db: events.known_keys(db, source, keys))

    async def texts(self, since: float, limit: int) -> Sequence[Text]:
        """Return what is still open, then what was published since a time."""
        return await self._ask(lambda db: recent.texts(db, since, limit))

    async def pace(self, since: float, limit: int) -> RecentPace:
        """Return when events came and deliveries were planned since a time."""
        return await self._ask(lambda db: recent.pace(db, since, limit))

    async def followed(self, delivery: Delivery, subject: str) -> bool:
        """Return whether another message about this subject was published on a delivery's channel after it."""
        return await self._ask(lambda db: recent.followed(db, delivery, subject))

    async def published(
        self, addresses: Collection[str], since: float
    ) -> Mapping[str, frozenset[str]]:
        """Return by whom something was published at these addresses."""
        return await self._ask(lambda db: recent.published(db, addresses, since))

    async def backlog(self) -> Backlog:
        """Return how much waits."""
        return await self._ask(backlog)

    async def queues(self) -> Sequence[Queue]:
        """Return what waits on each channel."""
        return await self._ask(queues)

    async def news(self) -> Sequence[NewsSort]:
        """Return what went wrong and nobody has been told of, sort by sort."""
        return await self._ask(notices.news)

    async def news_of(self, sorts: Collection[NewsSort], limit: int) -> Sequence[News]:
        """Return news of these sorts."""
        return await self._ask(lambda db: notices.news_of(db, sorts, limit))
