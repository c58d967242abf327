"""
The interface of stores, noun by noun, and what each method guarantees.

`Store` is all of it; code that needs one noun can ask for that one. `tests.store_contract.contract` tests every
guarantee.

Times are Unix seconds UTC and always arguments: a store never asks for the time. Ids are those of `model/ids.py`: a
run's begins with its event's, a delivery's with its run's. Each method is one transaction, durable when it returns,
unless it says otherwise. Each raises `StoreError` if the store cannot be used.

**Order.** A delivery in a state of `KEEPS_TURN` goes before a later one of the same channel, subject and origin, if
that one is in such a state too and was planned for another event, or for the same one after a wait. Deliveries that
were planned together do not wait for each other. A delivery without a subject never waits, and no delivery waits for
one that a person has to decide about. A delivery has settled when it is in none of the open states.

**Threads.** A delivery that follows another is stored as `planned`. When the other settles, the same transaction makes
it `ready` and due if the other was published, and otherwise cancels it with the reason.

**Amendments.** A delivery of the kind `amend` says what it `amends`. The transaction that stores it finds the posts of
that step with its recipe, channel, subject and origin, and stores it for each; without one it is cancelled. A post that
still waits is cancelled, and the amendment takes its place.

**Owners.** An attempt belongs to the owner that began it: one opening of the store. An owner has a lease, and is gone
when the lease has ended. What the lease is depends on the store. SQLite's is the lock on the file, which ends with the
process. A store for several nodes writes an end with every claim, which the owner extends while it works.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from appealbridge.model.attempt import Attempt
from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.event import Event
from appealbridge.model.run import Run, RunState
from appealbridge.store.acceptances import AcceptanceQueries, AcceptanceStore
from appealbridge.store.approvals import ApprovalQueries, ApprovalStore
from appealbridge.store.audit import AuditQueries, AuditStore
from appealbridge.store.image_store import ImageQueries, ImageStore
from appealbridge.store.people import PeopleStore
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
    PlanningMark,
    PollState,
    Queue,
    QueueStatus,
    RecentPace,
    RecipeVersion,
    Settlement,
    SourceRecord,
    Text,
    Writing,
)
from appealbridge.store.retention import RetentionStore
from appealbridge.store.stops import StopQueries, StopStore
from appealbridge.store.withdrawals import CorrectionQueries, WithdrawalStore


class EventStore(Protocol):
    """Stores events, and knows their keys."""

    async def accept(
        self, arrivals: Sequence[Arrival], memory: PollState | None = None
    ) -> Sequence[Accepted]:
        """
        Store events with their runs and deliveries, and the state that a poll left.

        An event whose source and key are known is a repeat, even if the first one has been removed since: nothing of
        its arrival is stored. An open run with a `wake_at` waits: each later event of its subject (if that is not
        empty) and origin is kept for it and wakes it. A `marked` state that is `complete` removes the source's
        planning mark.
        """

    async def known(self, source: str, keys: Collection[str]) -> Mapping[str, KnownKey]:
        """
        Return the known ones of these keys of a source, with their events.

        A key stays known after its event is removed, until `forget_keys` deletes it.
        """

    async def free_keys(self, source: str, held: Mapping[str, KnownKey]) -> None:
        """Release each of these keys for a new event of the source, if it still belongs to this event."""

    async def pace(self, since: float, limit: int) -> RecentPace:
        """Return when events were received and deliveries planned since a time; the newest `limit` of each."""


class DeliveryStore(Protocol):
    """Stores deliveries: claims them, settles them, and changes their state."""

    async def claim(
        self, channel: str, now: float, limit: int, *, notices_only: bool = False
    ) -> Sequence[Delivery]:
        """
        Begin attempts for this owner: move up to `limit` due, unexpired, `ready` deliveries to `sending`.

        The longest due come first; of those due at the same time, the older ones. No delivery is claimed while another
        goes before it, and none twice.
        """

    async def settle(self, settlement: Settlement) -> None:
        """
        Store the result of an attempt or a search, and change the state.

        The run is woken if it is open, and the delivery has settled or is held. Raise `IllegalMove` if the change is
        not allowed or the delivery is not in the state `source`, and `NotFound`.
        """

    async def confirm(self, settlement: Settlement, decision: Decision) -> None:
        """Store like `settle` what a person says about the result of an attempt."""

    async def recover(self, now: float, look_at: float) -> int:
        """
        Make `sending` deliveries unknown if their owner is gone; return how many there were.

        For each, the attempt is stored as unsure, and a search is due at `look_at`. In a store restored from a backup,
        this includes everything that was about to be sent. Not one transaction: call it again after a crash.
        """

    async def claim_unknown(self, channel: str, now: float, limit: int) -> Sequence[Delivery]:
        """Return `unknown` deliveries whose search is due, the longest due first; they stay `unknown`."""

    async def begun_before(self, at: float, limit: int) -> Sequence[Delivery]:
        """Return up to `limit` deliveries with an attempt that began before a time and has not ended."""

    async def queue_status(self, channel: str, now: float) -> QueueStatus:
        """Return what waits on a channel after a claim at `now`, and when to claim again."""

    async def hasten(self, channel: str, now: float, limit: int) -> int:
        """
        Make up to `limit` attempts and searches due now, and return how many.

        The soonest due come first. A delivery that waits for another is left out.
        """

    async def expire(self, now: float, limit: int = 1000) -> Sequence[Delivery]:
        """
        Move waiting deliveries whose `publish_by` has passed to `expired`, and return them.

        At most `limit`: while more are left, `next_expiry` is in the past. Runs are woken. A delivery that is `sending`
        is not waiting.
        """

    async def next_expiry(self) -> float | None:
        """Return the earliest `publish_by` of a waiting delivery."""

    async def move(
        self,
        delivery_id: str,
        target: State,
        now: float,
        *,
        hold: str = "",
        reason: str = "",
        decision: Decision | None = None,
    ) -> Delivery:
        """
        Make a change of state for a person, and return the changed delivery.

        `delivery_id` may be the id or the number. What becomes `ready` is due now. The run is woken as by `settle`.
        Raise `NotFound`, or `IllegalMove` if the change is not allowed, an attempt is in progress, or the content has
        been removed.
        """

    async def clear_holds(
        self,
        delivery_id: str,
        cleared: Collection[str],
        now: float,
        *,
        hold: str = "",
        decision: Decision | None = None,
    ) -> Delivery:
        """
        Clear some reasons why a delivery is held, and return it: it becomes ready once none is left, as by `move`.

        Raise `NotFound`, or `IllegalMove` if it is not held for any of them.
        """

    async def send_now(self, delivery_id: str, decision: Decision) -> None:
        """Make a ready delivery due now in spite of the time; its `hold` says `time`. Raise as `move`."""

    async def hold_untouched(
        self, which: HoldFilter, *, hold: str, reason: str
    ) -> Sequence[Delivery]:
        """
        Hold waiting deliveries that have not been attempted or changed since they were planned.

        Return them, oldest first.
        """

    async def texts(self, since: float, limit: int) -> Sequence[Text]:
        """Return open deliveries, then those published since a time, oldest first; up to `limit` of each."""

    async def followed(self, delivery: Delivery, subject: str) -> bool:
        """Return whether the channel published another message about this subject (not empty) after a delivery."""

    async def published(
        self, addresses: Collection[str], since: float
    ) -> Mapping[str, frozenset[str]]:
        """
        Return which recipes published at these addresses since a time, and which recipes caused that.

        An address is a receipt's `url` or `id`. Addresses at which nothing was published are left out.
        """


class RunStore(Protocol):
    """Stores runs: those that wait, and what they plan next."""

    async def woken_runs(self, now: float, limit: int) -> Sequence[OpenRun]:
        """Return open runs that were woken or whose time has come."""

    async def any_open_run(self, before: float) -> bool:
        """Return whether a run that began at this time or earlier is still open."""

    async def next_wake(self) -> float | None:
        """Return when the next open run is due."""

    async def runs_before(self, run_id: str) -> Sequence[Run]:
        """Return the older waiting runs of this one's recipe, subject and origin, oldest first."""

    async def run_again(
        self, runs: Sequence[Run], waits: Collection[str], decision: Decision | None = None
    ) -> Sequence[Run]:
        """
        Store runs of an event that is already stored, and wake them; return those that are new.

        Runs with ids in `waits` wait: all events about the same subject since their own are kept for them.
        """

    async def advance(
        self, run: Run, seen: int, deliveries: Sequence[Delivery], unneeded: Collection[str] = ()
    ) -> bool:
        """
        Store what a run planned next; return whether the run was still open. If it was not, nothing is stored.

        `seen` is how often the run had been woken when this was planned. It stays awake if it was woken again since, or
        if one of these deliveries has settled. A delivery whose id is stored already is left alone; one given as
        `sending` becomes `ready`. Events with ids in `unneeded` are no longer kept for the run. If the run waited and
        is now over, the next one of its recipe, subject and origin is woken. Raise `NotFound` for an unknown run.
        """


class LaneStore(Protocol):
    """Stores the condition of accounts."""

    async def lanes(self) -> Sequence[LaneRecord]:
        """Return the condition of every account that ever had a problem, by name."""

    async def keep_lane(self, lane: LaneRecord) -> None:
        """Store the condition of an account, in place of the earlier one."""

    async def sent_times(self, channel: str, since: float, limit: int) -> Sequence[float]:
        """Return when the latest deliveries of a channel were delivered after a time, earliest first."""


class NoticeStore(Protocol):
    """Stores problems until people have been notified of them."""

    async def raise_alarm(self, kind: str, channel: str, message: str, now: float) -> None:
        """Store an alarm until people have been notified of it."""

    async def news(self) -> Sequence[NewsSort]:
        """
        Return the problems that nobody has been notified of, by sort.

        These are all alarms, all failed runs, and all deliveries that failed, expired or are held (except as a flood,
        which has an alarm), until `tell` gets them. A delivery that a person releases can become news again.
        """

    async def news_of(self, sorts: Collection[NewsSort], limit: int) -> Sequence[News]:
        """Return up to `limit` problems of these sorts; of each sort the oldest first."""

    async def tell(self, news: Collection[News], notice: Arrival | None = None) -> bool:
        """
        Mark these problems as notified, and store the notice about them.

        Return whether a notice was stored: if its source and key are known it is a repeat, as for `accept`. A failed
        run of the notice is never news itself; its deliveries are, if they have a problem.
        """


class SourceStore(Protocol):
    """Stores what polled sources have listed, and when to poll them."""

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


class RecipeStore(Protocol):
    """Stores the versions of recipes."""

    async def keep_recipes(self, versions: Iterable[RecipeVersion], now: float) -> None:
        """Store recipe versions, so that their runs can continue after the recipe has changed."""

    async def recipe(self, version: str) -> RecipeVersion:
        """Return a stored version; raise `NotFound`."""


class StoreQueries(
    AuditQueries,
    StopQueries,
    CorrectionQueries,
    ImageQueries,
    ApprovalQueries,
    AcceptanceQueries,
    Protocol,
):
    """Queries that only read, for people and for the engine."""

    async def deliveries(self, which: DeliveryFilter) -> Sequence[Delivery]:
        """List deliveries, newest first."""

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return one delivery by id or number; raise `NotFound`."""

    async def turns_behind(self, delivery_ids: Collection[str]) -> Mapping[str, int]:
        """Return, for those of these deliveries that wait for another, the number of that other one."""

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

        The first page is `after` 0, each later one `after` the `number` of the page before. A page is the last one if
        it is empty, or if its `number` is not below its `last`.
        """

    async def latest_recipe(self, name: str) -> RecipeVersion | None:
        """Return the latest version of a recipe in force, `None` if there never was one."""

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
        Return how many deliveries of a channel were delivered since a time, or may have been.

        That includes all that are `sending` or `unknown`, and those held as unknown since the time.
        """

    async def backlog(self) -> Backlog:
        """Return how many deliveries wait."""

    async def queues(self) -> Sequence[Queue]:
        """Return what waits on each channel that has something waiting."""

    async def modes(self) -> Sequence[tuple[int, str]]:
        """Return from which delivery's number on there was which mode, `practice` or `live`, the lowest first."""


class Store(
    EventStore,
    DeliveryStore,
    RunStore,
    LaneStore,
    NoticeStore,
    SourceStore,
    RecipeStore,
    RetentionStore,
    WithdrawalStore,
    AuditStore,
    StopStore,
    ApprovalStore,
    AcceptanceStore,
    PeopleStore,
    ImageStore,
    StoreQueries,
    Protocol,
):
    """Keeps everything that must survive a crash."""

    @property
    def listings(self) -> StoreQueries:
        """The same queries for people: they may take long, and do not delay the engine. Too long is a `StoreError`."""

    def writing(self) -> Writing:
        """Return the state of writing, without reading or writing anything."""

    async def adopt_mode(self, mode: str) -> None:
        """
        Store that every later delivery is of this mode, `practice` or `live`.

        Raise `StoreError`, with what to do, if the mode was another one and anything still waits.
        """

    async def check(self) -> None:
        """Raise `StoreError` if the store cannot write now."""

    async def close(self) -> None:
        """Finish what was submitted, then release everything."""
