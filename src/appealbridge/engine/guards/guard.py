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
from appealbridge.engine.active import InForce
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
from appealbridge.plugin.trigger import ToldSource
from appealbridge.store.base import Store
from appealbridge.store.records import Arrival, Unseen

RECALLED = 10_000
"""The largest number of events and deliveries that are counted again after a start."""

Bounds = Iterator[tuple[str, int, float]]


@dataclass(slots=True)
class Flood:
    """A flood that has just begun: its source (`webhook:desk`) or recipe, and the reason."""

    name: str
    reason: str
    of: Unseen


@dataclass(slots=True)
class Lot:
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


class Caution:
    """Holds deliveries that must not go out unseen, and tells people about a flood."""

    def __init__(self, store: Store, clock: Clock, report: Report, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._report = report
        self._notices = notices
        self._sources = Windows()
        self._recipes = Windows()
        self._texts = Texts(clock.now())
        self._inforce: InForce | None = None
        self.lanes: Mapping[str, Lane] = {}
        """The lanes to wake if other deliveries waited for one that is now held."""

    async def recall(self, inforce: InForce) -> None:
        """Continue where the last process stopped: count and remember the last hours from the store."""
        self.adopt(inforce)
        now, at = self._clock.now(), self._clock.monotonic()
        self._texts.recall(await self._store.texts(now - DAY, MOST), now)
        longest = max(self._sources.longest, self._recipes.longest)
        if longest:
            pace = await self._store.pace(now - longest, RECALLED)
            for windows, came in ((self._sources, pace.events), (self._recipes, pace.deliveries)):
                windows.recall((name, min(at, at + then - now)) for name, then in came)

    def adopt(self, inforce: InForce) -> None:
        """Use new limits; what was counted stays counted."""
        self._inforce = inforce
        self._sources.adopt(_of_hooks(inforce))
        self._recipes.adopt(_of_recipes(inforce))

    async def look(self, arrivals: Sequence[Arrival], now: float, *, came: bool = True) -> Lot:
        """
        Count new arrivals, or new plans for earlier ones; return them with their holds.

        People are told of a flood before anything of it is held: whoever dies in between must not
        keep it secret. `now` is in Unix seconds. What turns out not to be stored has to be given back.
        """
        lot = Lot(arrivals, came, self._clock.monotonic())
        if not self._fits(lot, now):
            self.give_back(lot, arrivals)
            await self._look_again(lot, now)
            for flood in lot.floods:
                await self.alarm(flood.name, flood.reason)
        return lot

    def give_back(self, lot: Lot, arrivals: Sequence[Arrival]) -> None:
        """Forget these arrivals of a lot, because nothing of them was stored."""
        for arrival in arrivals:
            event = arrival.event
            if event.key in lot.known:
                continue
            source = self._sources.get(event.source) if lot.came else None
            if source is not None:
                source.give_back(1, lot.at)
            for delivery in arrival.deliveries:
                self._texts.forget(delivery, delivery.id)
                recipe = self._recipes.get(delivery.recipe)
                if recipe is not None:
                    recipe.give_back(1, lot.at)

    async def said_before(self, delivery: Delivery, now: float) -> str:
        """Return why a delivery repeats a text on its channel; if it does not, remember it and return empty."""
        inforce = self._inforce
        bound = None if inforce is None else inforce.channels.get(delivery.channel)
        if inforce is None or (bound and bound.account.same_text is SameText.ALLOW):
            return ""
        while said_by := self._texts.note(delivery, now):
            try:
                earlier = await self._store.delivery(said_by)
            except NotFound:  # it is being stored at this moment
                return f"the same text is on its way to {delivery.channel} already"
            reason = repeats(delivery, earlier, now, inforce.zone)
            if reason and not await self._store.followed(earlier, delivery.subject):
                return reason
            self._texts.forget(delivery, said_by)
        return ""

    def published(self, delivery: Delivery, at: float) -> None:
        """Record that a delivery went out, which may be long after it was planned."""
        self._texts.refresh(delivery, at)

    async def hold_the_rest(self, lot: Lot) -> None:
        """Hold earlier deliveries that belong to the floods which this lot began, once it is stored."""
        for flood in lot.floods:
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

    def _fits(self, lot: Lot, now: float) -> bool:
        """Count and remember everything; return whether all of it may go out unseen."""
        fits, at = True, lot.at
        for arrival in lot.arrivals:
            source = self._sources.get(arrival.event.source) if lot.came else None
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

    async def _look_again(self, lot: Lot, now: float) -> None:
        if lot.came:
            source = lot.arrivals[0].event.source
            keys = [arrival.event.key for arrival in lot.arrivals]
            lot.known = frozenset(await self._store.known(source, keys))
        lot.at = self._clock.monotonic()
        bursts = self._bursts(lot, now)
        try:
            lot.arrivals = [
                arrival
                if arrival.event.key in lot.known
                else await self._held(arrival, bursts, now)
                for arrival in lot.arrivals
            ]
        except BaseException:
            self.give_back(lot, lot.arrivals)
            raise

    def _bursts(self, lot: Lot, now: float) -> dict[str, str]:
        """Count what is not a repeat; return why a source or a recipe has too much."""
        reasons: dict[str, str] = {}
        fresh = [one for one in lot.arrivals if one.event.key not in lot.known]
        name = fresh[0].event.source if fresh and lot.came else ""
        source = self._sources.get(name)
        if source is not None and not source.take(len(fresh), lot.at):
            words = f"more than {source.most} events within {written(source.within)}"
            reasons[name] = words
            of = Unseen(since=now - source.within, source=name)
            _begins(lot, source, Flood(name, words, of))
        for arrival in fresh:
            counts = Counter((one.run_id, one.recipe) for one in arrival.deliveries)
            for (run, recipe), count in counts.items():
                window = self._recipes.get(recipe)
                if window is not None and not window.take(count, lot.at):
                    words = f"more than {window.most} deliveries within {written(window.within)}"
                    reasons[run] = words
                    of = Unseen(since=now - window.within, recipe=recipe)
                    _begins(lot, window, Flood(f"recipe:{recipe}", words, of))
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


def _begins(lot: Lot, window: Window, flood: Flood) -> None:
    if not window.flooded:
        window.flooded = True
        lot.floods += (flood,)


def _of_hooks(inforce: InForce) -> Bounds:
    for hook in inforce.hooks.values():
        if isinstance(hook.options, ToldSource) and (burst := hook.options.burst):
            yield hook.source, burst.events, burst.within


def _of_recipes(inforce: InForce) -> Bounds:
    for recipe in inforce.book.recipes.values():
        if recipe.burst is not None:
            yield recipe.name, recipe.burst.deliveries, recipe.burst.within
