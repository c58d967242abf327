"""
Holds deliveries for review when they exceed a rate or repeat a recent text.

What comes is counted and remembered in memory, which costs an ordinary message next to nothing. Only
where something does not fit is the store asked: which of it are repeats, that change nothing anyway,
and what became of the earlier message with the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from appealbridge.clock import Clock
from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.delivery.lane import Lane
from appealbridge.engine.guards.duplicates import DAY, MOST, Texts, repeats
from appealbridge.engine.guards.sliding_window import Window, Windows
from appealbridge.engine.notices.notifier import Alarm, Notices
from appealbridge.engine.report import Report
from appealbridge.model.delivery import Delivery, Hold
from appealbridge.model.duration import written
from appealbridge.model.errors import NotFound, StoreError
from appealbridge.model.source import source_label
from appealbridge.plugin.channel import SameText
from appealbridge.plugin.trigger import PushSource
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, HoldFilter

RECALLED = 10_000
"""The largest number of events and deliveries that are counted again after a start."""

Bounds = Iterator[tuple[str, int, float]]


@dataclass(slots=True)
class Flood:
    """A flood that has just begun: its source (`webhook:desk`) or recipe, and the reason."""

    name: str
    reason: str
    of: HoldFilter


@dataclass(slots=True)
class Batch:
    """
    Arrivals that came together, after the check, with their holds.

    `came` says that the events are new, and not only what is planned about them. They were counted
    `at` this moment, but for those whose keys were `known` before.
    """

    arrivals: Sequence[Arrival]
    came: bool
    at: float
    known: frozenset[str] = frozenset()
    floods: tuple[Flood, ...] = ()


class Guard:
    """Holds deliveries that must not go out unseen, and tells people about a flood."""

    def __init__(self, store: Store, clock: Clock, report: Report, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._report = report
        self._notices = notices
        self._sources = Windows()
        self._recipes = Windows()
        self._texts = Texts(clock.now())
        self._active: ActiveConfiguration | None = None
        self.lanes: Mapping[str, Lane] = {}
        """The lanes to wake if other deliveries waited for one that is now held."""

    async def recall(self, active: ActiveConfiguration) -> None:
        """Continue where the last process stopped: count and remember the last hours from the store."""
        self.adopt(active)
        now, at = self._clock.now(), self._clock.monotonic()
        self._texts.recall(await self._store.texts(now - DAY, MOST), now)
        longest = max(self._sources.longest, self._recipes.longest)
        if longest:
            pace = await self._store.pace(now - longest, RECALLED)
            for windows, came in ((self._sources, pace.events), (self._recipes, pace.deliveries)):
                windows.recall((name, min(at, at + then - now)) for name, then in came)

    def adopt(self, active: ActiveConfiguration) -> None:
        """Use new limits; what was counted stays counted."""
        self._active = active
        self._sources.adopt(_of_hooks(active))
        self._recipes.adopt(_of_recipes(active))

    async def look(self, arrivals: Sequence[Arrival], now: float, *, came: bool = True) -> Batch:
        """
        Count new arrivals, or new plans for earlier ones; return them with their holds.

        People are told of a flood before anything of it is held: whoever dies in between must not
        keep it secret. `now` is in Unix seconds. What turns out not to be stored has to be given back.
        """
        batch = Batch(arrivals, came, self._clock.monotonic())
        if not self._fits(batch, now):
            self.give_back(batch, arrivals)
            await self._look_again(batch, now)
            for flood in batch.floods:
                await self.alarm(flood.name, flood.reason)
        return batch

    def give_back(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        """Forget these arrivals of a lot, because nothing of them was stored."""
        for arrival in arrivals:
            event = arrival.event
            if event.key in batch.known:
                continue
            source = self._sources.get(event.source) if batch.came else None
            if source is not None:
                source.give_back(1, batch.at)
            for delivery in arrival.deliveries:
                self._texts.forget(delivery, delivery.id)
                recipe = self._recipes.get(delivery.recipe)
                if recipe is not None:
                    recipe.give_back(1, batch.at)

    async def said_before(self, delivery: Delivery, now: float) -> str:
        """Return why a delivery repeats a text on its channel; if it does not, remember it and return empty."""
        active = self._active
        bound = None if active is None else active.channels.get(delivery.channel)
        if active is None or (bound and bound.account.same_text is SameText.ALLOW):
            return ""
        while said_by := self._texts.note(delivery, now):
            try:
                earlier = await self._store.delivery(said_by)
            except NotFound:  # it is being stored at this moment
                return f"the same text is on its way to {delivery.channel} already"
            reason = repeats(delivery, earlier, now, active.zone)
            if reason and not await self._store.followed(earlier, delivery.subject):
                return reason
            self._texts.forget(delivery, said_by)
        return ""

    def published(self, delivery: Delivery, at: float) -> None:
        """Record that a delivery went out, which may be long after it was planned."""
        self._texts.refresh(delivery, at)

    async def hold_the_rest(self, batch: Batch) -> None:
        """Hold earlier deliveries that belong to the floods which this lot began, once it is stored."""
        for flood in batch.floods:
            try:
                held = await self._store.hold_untouched(
                    flood.of, hold=Hold.BURST, reason=flood.reason
                )
                for channel in {delivery.channel for delivery in held} & self.lanes.keys():
                    self.lanes[channel].queued()
                self._report.held(held)
            except StoreError as error:
                self._report.store_failed(error)  # what comes next is held all the same

    async def alarm(self, name: str, reason: str) -> None:
        """Log once that a flood is held."""
        self._report.burst(name, reason)
        await self._notices.alarm(Alarm.FLOOD, words=f"{source_label(name)}: {reason}")

    # -- what fits ------------------------------------------------------------------------------

    def _fits(self, batch: Batch, now: float) -> bool:
        """Count and remember everything; return whether all of it may go out unseen."""
        fits, at = True, batch.at
        for arrival in batch.arrivals:
            source = self._sources.get(arrival.event.source) if batch.came else None
            if source is not None and not source.take(1, at):
                fits = False
            for delivery in arrival.deliveries:
                recipe = self._recipes.get(delivery.recipe)
                if recipe is not None and not recipe.take(1, at):
                    fits = False
                if self._texts.note(delivery, now):
                    fits = False
        return fits

    # -- what may not ---------------------------------------------------------------------------

    async def _look_again(self, batch: Batch, now: float) -> None:
        if batch.came:
            source = batch.arrivals[0].event.source
            keys = [arrival.event.key for arrival in batch.arrivals]
            batch.known = frozenset(await self._store.known(source, keys))
        batch.at = self._clock.monotonic()
        bursts = self._bursts(batch, now)
        try:
            batch.arrivals = [
                arrival
                if arrival.event.key in batch.known
                else await self._held(arrival, bursts, now)
                for arrival in batch.arrivals
            ]
        except BaseException:
            self.give_back(batch, batch.arrivals)
            raise

    def _bursts(self, batch: Batch, now: float) -> dict[str, str]:
        """Count what is not a repeat; return why a source or a recipe has too much."""
        reasons: dict[str, str] = {}
        fresh = [one for one in batch.arrivals if one.event.key not in batch.known]
        name = fresh[0].event.source if fresh and batch.came else ""
        source = self._sources.get(name)
        if source is not None and not source.take(len(fresh), batch.at):
            words = f"more than {source.most} events within {written(source.within)}"
            reasons[name] = words
            of = HoldFilter(since=now - source.within, source=name)
            _begins(batch, source, Flood(name, words, of))
        for arrival in fresh:
            counts = Counter((one.run_id, one.recipe) for one in arrival.deliveries)
            for (run, recipe), count in counts.items():
                window = self._recipes.get(recipe)
                if window is not None and not window.take(count, batch.at):
                    words = f"more than {window.most} deliveries within {written(window.within)}"
                    reasons[run] = words
                    of = HoldFilter(since=now - window.within, recipe=recipe)
                    _begins(batch, window, Flood(f"recipe:{recipe}", words, of))
        return reasons

    async def _held(self, arrival: Arrival, bursts: dict[str, str], now: float) -> Arrival:
        event, deliveries = arrival.event, []
        burst = bursts.get(event.source, "")
        for delivery in arrival.deliveries:
            same = await self.said_before(delivery, now)
            too_much = burst or bursts.get(delivery.run_id, "")
            deliveries.append(_with_hold(delivery, same, too_much))
        if burst and not event.hold:
            event = replace(event, hold=Hold.BURST)
        return replace(arrival, event=event, deliveries=deliveries)


def _with_hold(delivery: Delivery, same: str, burst: str) -> Delivery:
    if same and delivery.hold in ("", Hold.BURST):
        return replace(delivery, hold=Hold.SAME_TEXT, reason=same)
    if burst and not delivery.hold:
        return replace(delivery, hold=Hold.BURST, reason=burst)
    # Whoever approves it should know.
    return replace(delivery, reason=same) if same else delivery


def _begins(batch: Batch, window: Window, flood: Flood) -> None:
    if not window.flooded:
        window.flooded = True
        batch.floods += (flood,)


def _of_hooks(active: ActiveConfiguration) -> Bounds:
    for hook in active.hooks.values():
        if isinstance(hook.options, PushSource) and (burst := hook.options.burst):
            yield hook.source, burst.events, burst.within


def _of_recipes(active: ActiveConfiguration) -> Bounds:
    for recipe in active.book.recipes.values():
        if recipe.burst is not None:
            yield recipe.name, recipe.burst.deliveries, recipe.burst.within
