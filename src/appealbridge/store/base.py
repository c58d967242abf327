"""
The interface of stores, and what each method promises.

`tests.store_contract.contract` holds a store to all of them. Times are Unix seconds UTC and
always handed in: a store never asks for the time. Ids are those of `model/ids.py`: a run's begins
with its event's, a delivery's with its run's.

A delivery that goes on by itself (`KEEPS_TURN`) goes before another such one if it is older, of
the same channel, subject and origin, and of another event. Deliveries of one event go side by side,
those without a subject go before no other, and neither do those that wait for a person. A delivery has
settled when it is in none of the open states.

A delivery that follows another is stored `planned`. In the transaction in which the other settles it
becomes `ready` and due if that one is published, and otherwise `cancelled`, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from appealbridge.model.attempt import Attempt
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.records import (
    Accepted,
    Arrival,
    Backlog,
    DeliveryFilter,
    EventPage,
    HoldFilter,
    KnownKey,
    LaneRecord,
    News,
    NewsSort,
    OpenRun,
    Over,
    PlanningMark,
    PollState,
    Pruned,
    Queue,
    QueueStatus,
    RecentPace,
    RecipeVersion,
    Settlement,
    SourceRecord,
    Text,
    Writing,
)


class StoreRetention(Protocol):
    """The part of `Store` that removes old data."""

    async def empty(self, over: Over, after: int = 0, limit: int = 200) -> Pruned:
        """
        Remove the content of events that are over, and of everything they caused.

        That is an event's data, its runs' traces and reasons, its deliveries' content and reasons, and
        the details of their attempts. An event is over when it has no open run, all its deliveries had
        settled before the time, and no delivery of its subject and origin is open. About `limit` rows are changed
        at once; the next step goes on `after` what the last one said, however little that one found.
        """

    async def forget(
        self, over: Over, *, emptied: bool, after: int = 0, limit: int = 200
    ) -> Pruned:
        """
        Remove events that are over with everything they caused, in steps too.

        With `emptied`, only those whose content has been taken out before. Their keys stay known.
        """

    async def forget_keys(self, before: float, limit: int = 2000) -> int:
        """Delete up to `limit` keys of removed events that were received before a time; return how many."""
        ...

    async def forget_skipped(self, before: float, after: int = 0, limit: int = 200) -> Pruned:
        """Remove runs that were skipped and began before a time, likewise step by step; their events stay."""

    async def forget_recipes(self, before: float, in_force: Collection[str]) -> int:
        """
        Remove recipe versions that no run uses; return how many.

        Those that are in force stay, and those that were kept, or kept again, after the time.
        """

    async def scrub(self) -> None:
        """Make sure that no file keeps a copy of removed data."""


class StoreLooking(Protocol):
    """The part of `Store` that only reads."""

    async def deliveries(self, which: DeliveryFilter) -> Sequence[Delivery]:
        """List deliveries, newest first."""

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery by id or number; raise `NotFound`."""

    async def turns_behind(self, delivery_ids: Collection[str]) -> Mapping[str, int]:
        """Return, for those of these deliveries that wait for another, the number of that one."""
        ...

    async def overtaken_by(self, delivery: Delivery) -> int | None:
        """Return the number of the newest published delivery of a later event with its channel, subject and origin."""

    async def attempts(self, delivery_id: str) -> Sequence[Attempt]:
        """Return a delivery's finished attempts and searches in order."""

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
        """List events, last stored first; empty filters match all."""

    async def page_of_events(self, since: float, after: int, limit: int) -> EventPage:
        """
        Return up to `limit` events received since a time, in the order in which they were stored.

        The next page begins `after` the `number` of this one, the first one after 0. All of them have
        been seen when that is no more than `last`, or no event came.
        """
        ...

    async def latest_recipe(self, name: str) -> RecipeVersion | None:
        """Return the latest version of a recipe in force; `None` if there never was one."""

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
        Return how many deliveries of the channel were delivered since a time or are being sent.

        What is perhaps published counts too: all that is `unknown`, and what is held as such since.
        """

    async def backlog(self) -> Backlog:
        """Return how many deliveries wait."""

    async def queues(self) -> Sequence[Queue]:
        """Return what waits on each channel, for channels on which something does."""


class Store(StoreLooking, StoreRetention, Protocol):
    """
    Keeps everything that must survive a crash. Every method is one transaction, durable when it returns.

    `listings` answers the same queries for people and their programs, however long that takes, without
    holding up the engine; an answer that takes too long is a `StoreError`.
    """

    @property
    def listings(self) -> StoreLooking:
        """The queries for people."""
        ...

    # -- the hot path ---------------------------------------------------------------------------

    async def accept(
        self, arrivals: Sequence[Arrival], memory: PollState | None = None
    ) -> Sequence[Accepted]:
        """
        Store events with everything they caused, and the memory of a poll or a part of it, in one transaction.

        A `marked` memory that is `complete` removes the source's planning mark.

        An event whose source and key are known is a repeat, also where the event that had them has been
        removed: nothing of its arrival is stored. An open
        run with a `wake_at` is one that waits: while it is open, each event of its subject (that is
        not empty) and origin is kept for it and wakes it, from the one after its own on.
        """

    async def claim(self, channel: str, now: float, limit: int) -> Sequence[Delivery]:
        """
        Begin attempts: move up to `limit` due, unexpired, `ready` deliveries to `sending`.

        Those due longest come first, and of those due at once the older ones. None is claimed while another
        goes before it, and none twice.
        """

    async def settle(self, settlement: Settlement) -> None:
        """
        End an attempt or a search: change the state, keep the attempt.

        The run is woken if it is open and the delivery has settled or is held. Raise `IllegalMove`
        where the table lacks the move or the delivery is not in `source`, and `NotFound`.
        """

    # -- what waits -----------------------------------------------------------------------------

    async def claim_unknown(self, channel: str, now: float, limit: int) -> Sequence[Delivery]:
        """Return `unknown` deliveries whose search is due, longest due first; they stay `unknown`."""

    async def begun_before(self, at: float, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` deliveries whose attempt was begun before a time and has not ended."""

    async def outlook(self, channel: str, now: float) -> QueueStatus:
        """Return what waits on a channel after a claim at `now`, and when to ask again."""

    async def hasten(self, channel: str, now: float, limit: int) -> int:
        """
        Make up to `limit` attempts and searches that wait for a later time due now; return how many.

        Those due soonest come first; none that waits for another.
        """

    async def woken_runs(self, now: float, limit: int) -> Sequence[OpenRun]:
        """Return open runs that were woken, or whose time has come."""

    async def any_open_run(self, before: float) -> bool:
        """Return whether a run that began at a time or before is still open."""
        ...

    async def next_wake(self) -> float | None:
        """Return when the next open run is due."""

    async def runs_before(self, run_id: str) -> Sequence[Run]:
        """Return the older waiting runs of this one's recipe, subject and origin, oldest first."""

    async def run_again(self, runs: Sequence[Run], waits: Collection[str]) -> Sequence[Run]:
        """
        Store runs of an event that is already stored, woken; return those that are new.

        Those with ids in `waits` are runs that wait, and hear all events that came about the same
        thing since their own.
        """
        ...

    async def advance(
        self, run: Run, seen: int, deliveries: Sequence[Delivery], unheard: Collection[str] = ()
    ) -> bool:
        """
        Store what a run planned next, and return whether it was still open; if not, nothing is stored.

        `seen` is how often it had been woken when it was planned: if it has been since, or deliveries
        are stored as settled now, the run stays awake. A delivery whose id is stored already is left
        as it is; one handed over as `sending` becomes `ready`. The events with ids in `unheard` are no
        longer kept for the run. With a run that waited and is over the next one of its recipe, subject
        and origin is woken. Raise `NotFound` for an unknown run.
        """
        ...

    async def expire(self, now: float, limit: int = 1000) -> Sequence[Delivery]:
        """
        Move waiting deliveries whose `publish_by` has passed to `expired` and return them.

        Up to `limit` at once: while more are left, `next_expiry` has passed. Runs are woken. One
        that is `sending` is not waiting.
        """

    async def next_expiry(self) -> float | None:
        """Return the earliest `publish_by` of a waiting delivery."""

    async def recover(self, now: float, look_at: float) -> int:
        """
        After a start: every `sending` delivery was begun without outcome; return how many there were.

        Each becomes `unknown`, its look due at `look_at`, its attempt kept as unsure. In a store that
        was restored from a backup, so does all that was about to go out, and is counted too.
        """

    async def move(
        self, delivery_id: str, target: State, now: float, *, hold: str = "", reason: str = ""
    ) -> Delivery:
        """
        Make a change of state that a person asked for, and return the delivery after it.

        `delivery_id` may be the id or the number. What becomes `ready` is due now. The run is woken
        as by `settle`. Raise `NotFound`, or `IllegalMove` where the table lacks the move, an
        attempt is under way, or what is to be sent has been emptied.
        """

    # -- lanes ----------------------------------------------------------------------------------

    async def lanes(self) -> Sequence[LaneRecord]:
        """Return the condition of every account that was ever in trouble, by name."""

    async def keep_lane(self, lane: LaneRecord) -> None:
        """Store the condition of an account, replacing the earlier one."""

    async def sent_times(self, channel: str, since: float, limit: int) -> Sequence[float]:
        """Return when the latest deliveries of a channel were delivered after a time, earliest first."""

    # -- notices -------------------------------------------------------------------------

    async def raise_alarm(self, kind: str, channel: str, words: str, now: float) -> None:
        """Store an alarm until people have been told about it."""

    async def news(self) -> Sequence[NewsSort]:
        """
        Return the problems about which nobody has been told, by sort.

        That is every delivery that failed, expired, or is held (but not as a flood, of which an alarm
        tells), every run that failed, and every alarm, until `tell` has had it. What a person lets out
        may become news again.
        """

    async def news_of(self, sorts: Collection[NewsSort], limit: int) -> Sequence[News]:
        """Return up to `limit` news items of these sorts, of each sort oldest first."""

    async def tell(self, news: Collection[News], notice: Arrival | None = None) -> bool:
        """
        Mark these news items as told, and store the notice about them, in one transaction.

        Return whether a notice was stored: one whose source and key are known is a repeat, as for `accept`.
        A run of the notice is never news itself; its deliveries are, where they go wrong.
        """

    # -- floods and repetitions -----------------------------------------------------------------

    async def known(self, source: str, keys: Collection[str]) -> Mapping[str, KnownKey]:
        """
        Return what is known about those of these keys under which the source sent an event before.

        A key stays known after its event is removed, until `forget_keys` deletes it.
        """
        ...

    async def free_keys(self, source: str, held: Mapping[str, KnownKey]) -> None:
        """Release each of these keys for a new event of the source, if it still belongs to this event."""

    async def texts(self, since: float, limit: int) -> Sequence[Text]:
        """Return open deliveries, then those published since a time, oldest first; up to `limit` of each."""

    async def pace(self, since: float, limit: int) -> RecentPace:
        """Return when events came and deliveries were planned since a time; the newest `limit` of each."""
        ...

    async def followed(self, delivery: Delivery, subject: str) -> bool:
        """Return whether another message about this subject (not empty) was published on its channel after it."""
        ...

    async def published(
        self, addresses: Collection[str], since: float
    ) -> Mapping[str, frozenset[str]]:
        """
        Return which recipes published at these addresses since a time, and which led to that.

        An address is a receipt's `url` or `id`; those at which nothing was published are left out.
        """
        ...

    async def hold_untouched(
        self, which: HoldFilter, *, hold: str, reason: str
    ) -> Sequence[Delivery]:
        """Hold waiting deliveries not attempted or changed since they were planned; return them, oldest first."""

    # -- sources and recipes --------------------------------------------------------------------

    async def source(self, source: str) -> SourceRecord | None:
        """Return the record of a polled source, `None` if there is none."""

    async def remembered(self, source: str, identities: Collection[str]) -> Mapping[str, str]:
        """Return the digests of those identities that the source has listed before."""

    async def source_failed(self, source: str, now: float, next_look_at: float, note: str) -> None:
        """Record that a poll failed, and when the next one is."""

    async def keep_planning_mark(self, mark: PlanningMark) -> None:
        """Mark a source whose new items are being planned, or change its mark; `accept` removes it."""

    async def planning_marks(self) -> Sequence[PlanningMark]:
        """Return the marks of all sources, by name."""

    async def keep_recipes(self, versions: Iterable[RecipeVersion], now: float) -> None:
        """Store recipe versions, so that their runs can go on after they are replaced."""

    async def recipe(self, version: str) -> RecipeVersion:
        """Return a stored version; raise `NotFound`."""

    # -- the whole --------------------------------------------------------------------------------

    def writing(self) -> Writing:
        """Return the state of writing, without writing or reading anything."""
        ...

    async def check(self) -> None:
        """Raise `StoreError` if the store cannot write now."""

    async def close(self) -> None:
        """Finish what was handed over, then release everything."""
