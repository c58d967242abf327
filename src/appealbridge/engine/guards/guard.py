"""
Holds deliveries for review when they exceed a rate or repeat a recent text.

Arrivals are counted and remembered in memory, which costs an ordinary message almost nothing. Only if something
exceeds a limit, the store is asked which of the arrivals are repeats, and what became of the earlier message with
the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.context import EngineContext
from appealbridge.engine.guards.duplicates import DAY, MOST, Texts, repeats
from appealbridge.engine.guards.sliding_window import Window, Windows
from appealbridge.engine.intake.batch import AcceptanceStage, Batch, Flood
from appealbridge.engine.outcomes import OutcomeListener
from appealbridge.model.delivery import Delivery, Hold, Kind, with_hold
from appealbridge.model.duration import written
from appealbridge.model.errors import NotFound, StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.source import source_label
from appealbridge.plugin.channel import SameText
from appealbridge.plugin.receiver import PushSource
from appealbridge.store.records import Arrival, HoldFilter

RECALLED = 10_000
"""The largest number of events and deliveries that are counted again after a start."""

Bounds = Iterator[tuple[str, int, float]]


class Guard(AcceptanceStage):
    """A stage: holds deliveries that must not go out unseen, and tells people about a flood."""

    def __init__(self, context: EngineContext, outcomes: OutcomeListener, texts: Texts) -> None:
        self._context = context
        self._monotonic = context.clock.monotonic
        self._outcomes = outcomes
        self._texts = texts
        self._sources = Windows()
        self._recipes = Windows()
        self._active: ActiveConfiguration | None = None

    async def recall(self, active: ActiveConfiguration) -> None:
        """Continue where the last process stopped: count and remember the last hours from the store."""
        self.reconfigure(active)
        now, at = self._context.clock.now(), self._monotonic()
        self._texts.recall(await self._context.store.texts(now - DAY, MOST), now)
        longest = max(self._sources.longest, self._recipes.longest)
        if longest:
            pace = await self._context.store.pace(now - longest, RECALLED)
            for windows, arrivals in (
                (self._sources, pace.events),
                (self._recipes, pace.deliveries),
            ):
                windows.recall((name, min(at, at + then - now)) for name, then in arrivals)

    def reconfigure(self, active: ActiveConfiguration) -> None:
        """Use new limits; what was counted stays counted."""
        self._active = active
        self._sources.reconfigure(_of_hooks(active))
        self._recipes.reconfigure(_of_recipes(active))

    async def run(self, batch: Batch) -> None:
        """
        Count a batch, and hold what exceeds a limit or repeats a text.

        People are told of a flood before anything of it is held: if the process dies in between, it must not stay
        unknown.
        """
        at = batch.counted_at = self._monotonic()
        if not self._fits(batch, at):
            self.undo(batch)
            await self._check_closely(batch)
            for flood in batch.floods:
                await self.alarm(flood.name, flood.reason)

    def undo(self, batch: Batch) -> None:
        """Forget a batch, because it was not stored."""
        for arrival in batch.arrivals:
            self.forget(batch, arrival)
        batch.counted_at = None

    def forget(self, batch: Batch, arrival: Arrival) -> None:
        """Forget one arrival of a batch, because it was not stored."""
        event, at = arrival.event, batch.counted_at
        if at is None or event.key in batch.known:
            return
        source = self._sources.get(event.source) if batch.from_source else None
        if source is not None:
            source.give_back(1, at)
        for delivery in arrival.deliveries:
            self._texts.forget(delivery, delivery.id)
            recipe = self._recipes.get(delivery.recipe)
            if recipe is not None:
                recipe.give_back(1, at)

    async def repeats_text(self, delivery: Delivery, now: float) -> str:
        """Return why a delivery repeats a text on its channel; if it does not, remember it and return empty."""
        active = self._active
        bound = None if active is None else active.channels.get(delivery.channel)
        if (
            active is None
            or not delivery.channel
            or delivery.kind is not Kind.POST
            or (bound and bound.account.same_text is SameText.ALLOW)
        ):
            return ""
        store = self._context.store
        while earlier_id := self._texts.note(delivery, now):
            try:
                earlier = await store.delivery(earlier_id)
            except NotFound:  # it is being stored at this moment
                return f"the same text is on its way to {delivery.channel} already"
            reason = repeats(delivery, earlier, now, active.zone)
            if reason and not await store.followed(earlier, delivery.subject):
                return reason
            self._texts.forget(delivery, earlier_id)
        return ""

    async def hold_earlier(self, batch: Batch) -> None:
        """Hold earlier deliveries that belong to the floods which this batch began, once it is stored."""
        for flood in batch.floods:
            try:
                held = await self._context.store.hold_untouched(
                    flood.filter, hold=Hold.BURST, reason=flood.reason
                )
            except StoreError as error:
                self._context.report.store_failed(error)  # new deliveries are held all the same
                continue
            for delivery in held:
                self._context.lanes.queued(delivery)
            self._outcomes.on_held(held)

    async def alarm(self, name: str, reason: str) -> None:
        """Log once that a flood is held, and tell people."""
        self._context.report.burst(name, reason)
        message = f"{source_label(name)}: {reason}"
        await self._context.alarms.raise_alarm(Alarm.FLOOD, message=message)

    def _fits(self, batch: Batch, at: float) -> bool:
        """Count and remember everything; return whether all of it may go out unseen."""
        fits, now = True, batch.now
        for arrival in batch.arrivals:
            source = self._sources.get(arrival.event.source) if batch.from_source else None
            if source is not None and not source.take(1, at):
                fits = False
            for delivery in arrival.deliveries:
                recipe = self._recipes.get(delivery.recipe)
                if recipe is not None and not recipe.take(1, at):
                    fits = False
                # An amendment with the text that stands there already is not a repeat.
                if delivery.kind is Kind.POST and self._texts.note(delivery, now):
                    fits = False
        return fits

    async def _check_closely(self, batch: Batch) -> None:
        if batch.from_source:
            source = batch.arrivals[0].event.source
            keys = [arrival.event.key for arrival in batch.arrivals]
            batch.known = frozenset(await self._context.store.known(source, keys))
        at = batch.counted_at = self._monotonic()
        bursts = self._bursts(batch, at)
        batch.arrivals = [
            arrival
            if arrival.event.key in batch.known
            else await self._held(arrival, bursts, batch.now)
            for arrival in batch.arrivals
        ]

    def _bursts(self, batch: Batch, at: float) -> dict[str, str]:
        """Count what is not a repeat; return why a source or a recipe has too much."""
        reasons: dict[str, str] = {}
        fresh = [each for each in batch.arrivals if each.event.key not in batch.known]
        name = fresh[0].event.source if fresh and batch.from_source else ""
        source = self._sources.get(name)
        if source is not None and not source.take(len(fresh), at):
            reason = f"more than {source.most} events within {written(source.within)}"
            reasons[name] = reason
            which = HoldFilter(since=batch.now - source.within, source=name)
            _begins(batch, source, Flood(name, reason, which))
        for arrival in fresh:
            counts = Counter((each.run_id, each.recipe) for each in arrival.deliveries)
            for (run, recipe), count in counts.items():
                window = self._recipes.get(recipe)
                if window is not None and not window.take(count, at):
                    reason = f"more than {window.most} deliveries within {written(window.within)}"
                    reasons[run] = reason
                    which = HoldFilter(since=batch.now - window.within, recipe=recipe)
                    _begins(batch, window, Flood(f"recipe:{recipe}", reason, which))
        return reasons

    async def _held(self, arrival: Arrival, bursts: dict[str, str], now: float) -> Arrival:
        event, deliveries = arrival.event, []
        burst = bursts.get(event.source, "")
        for delivery in arrival.deliveries:
            same = await self.repeats_text(delivery, now)
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
    # The person who approves it should know, and decides about each.
    if delivery.hold == Hold.APPROVAL and (same or burst):
        more = Hold.SAME_TEXT if same else Hold.BURST
        return replace(delivery, hold=with_hold(delivery.hold, more), reason=same or burst)
    return replace(delivery, reason=same) if same else delivery


def _begins(batch: Batch, window: Window, flood: Flood) -> None:
    if not window.flooded:
        window.flooded = True
        batch.floods = (*batch.floods, flood)


def _of_hooks(active: ActiveConfiguration) -> Bounds:
    for hook in active.hooks.values():
        if isinstance(hook.options, PushSource) and (burst := hook.options.burst):
            yield hook.source, burst.events, burst.within


def _of_recipes(active: ActiveConfiguration) -> Bounds:
    for recipe in active.book.recipes.values():
        if recipe.burst is not None:
            yield recipe.name, recipe.burst.deliveries, recipe.burst.within
