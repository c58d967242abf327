"""Plans events without blocking the event loop: small events on the loop in short slices, large ones in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from appealbridge.clock import Clock
from appealbridge.engine.intake.arrival import LARGE, arrival_of, arrive, is_large, plan_each
from appealbridge.model.event import Event
from appealbridge.plugin.offload import Pool, offload
from appealbridge.plugin.text.links import links
from appealbridge.recipes.model.book import Book
from appealbridge.recipes.templates.limits import Budget
from appealbridge.store.records import Arrival

SLICE = 0.01
"""For how many seconds planning may use the event loop before other tasks run."""

R = TypeVar("R")


class TimeSlice:
    """For how long work may use the event loop before other tasks run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = clock.monotonic()

    def is_over(self) -> bool:
        """Return whether other tasks should run now."""
        return self._clock.monotonic() - self._begun >= SLICE

    async def pause(self) -> None:
        """Let other tasks run, then begin the next slice."""
        await self._clock.sleep(0)
        self._begun = self._clock.monotonic()


class Planner:
    """
    Plans what events cause, each within its budget of time.

    Planning takes longer the more data an event has. Large events are planned one after the other in a thread,
    so that they delay nothing but each other.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pool = Pool("planning", 1)

    async def warm_up(self) -> None:
        """Compile the pattern for links, which would hold up the first event by 50 ms."""
        await self.in_thread(links, "https://www.example.police.uk")

    async def arrive(
        self, events: Sequence[Event], book: Book, now: float, size: int | None = None
    ) -> list[Arrival]:
        """Return these events with what they cause; `size` is how many bytes they came in, if that is known."""
        if is_large([event.data for event in events]) if size is None else size > LARGE:
            return [await self.in_thread(self._arrive, event, book, now) for event in events]
        monotonic = self._clock.monotonic
        arrivals, begun = [], monotonic()
        for event in events:
            steps = []
            recipes = book.for_event(event)
            for step in plan_each(event, recipes, now, self.budget()):
                steps.append(step)
                if monotonic() - begun >= SLICE:
                    await self._clock.sleep(0)
                    begun = monotonic()
            arrivals.append(arrival_of(event, now, steps, book.others(event, recipes)))
        return arrivals

    def budget(self) -> Budget:
        """Return the budget for one event, for the thread that plans it."""
        return Budget(self._clock.work, self._clock.monotonic)

    async def in_thread(self, function: Callable[..., R], *args: Any) -> R:
        """Return what a function returns, or raise what it raises, when it has run in the thread."""
        return await offload(self._pool, function, *args)

    def _arrive(self, event: Event, book: Book, now: float) -> Arrival:
        recipes = book.for_event(event)
        return arrive(event, recipes, now, self.budget(), book.others(event, recipes))
