"""
What a recipe would have made of events as they came: one run after the other, each with its real times.

Fed one event at a time, so that however many there are only what still waits is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from appealbridge.documents.diagnostic import fault
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.recipes.model.recipe import PARALLEL, RESTART, SINGLE, Recipe
from appealbridge.recipes.planning.match import match
from appealbridge.recipes.rehearsal.simulate import Rehearsal, Simulation

NOTHING = Rehearsal()

Topic = tuple[str, str]
"""What an event is about, as `Event.topic` says it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The run of one event; `ended` says how it ended if it never began."""

    run: Simulation | None = None
    ended: Rehearsal = NOTHING

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.run is None or self.run.over

    @property
    def rehearsal(self) -> Rehearsal:
        """What the run has published so far."""
        return self.ended if self.run is None else self.run.rehearsal


class Replay:
    """Runs one recipe over events."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._open: dict[Topic, list[Simulation]] = {}

    def take(self, event: Event) -> Ran | None:
        """Take the next event in order; return its run, `None` if the event is not for the recipe."""
        for run in self._open.get(event.topic, []):
            run.hear(event)
        self._go_on(event.topic, event.received_at)
        try:
            if self._recipe.name in event.cause or match(self._recipe, event):
                return None
            return self._begun(event)
        except RenderError as failure:
            return Ran(ended=Rehearsal(failed=str(failure)))
        except Exception as error:  # noqa: BLE001 - a plug-in that breaks fails the run in earnest, too
            return Ran(ended=Rehearsal(failed=fault(error)))

    def go_on(self, until: float) -> None:
        """Continue the waiting runs up to a moment in Unix seconds UTC."""
        for topic in [*self._open]:
            self._go_on(topic, until)

    def _begun(self, event: Event) -> Ran:
        recipe, begun = self._recipe, Simulation(self._recipe, event, event.received_at)
        older = self._open.get(event.topic, [])
        if older and recipe.mode == SINGLE:
            return Ran(
                ended=Rehearsal(why_not="another run is under way, and it says mode: single")
            )
        if recipe.mode == RESTART:
            for run in older:
                run.end(f"ended by event {event.id}, since it says mode: restart")
            older.clear()
        if not older or recipe.mode == PARALLEL:
            begun.go_on(event.received_at)
        if not begun.over and recipe.waits:
            self._open.setdefault(event.topic, []).append(begun)
        return Ran(begun)

    def _go_on(self, topic: Topic, until: float) -> None:
        """Continue the runs about one subject, all at once or one after the other."""
        runs = self._open.get(topic)
        if runs is None:
            return
        if self._recipe.mode == PARALLEL:
            for run in runs:
                run.go_on(until)
            runs[:] = [run for run in runs if not run.over]
        else:
            _in_turn(runs, until)
        if not runs:
            del self._open[topic]


def _in_turn(runs: list[Simulation], until: float) -> None:
    ended = -inf
    while runs:
        if ended > -inf:
            runs[0].begin(ended)
        runs[0].go_on(until)
        if not runs[0].over:
            return
        ended = runs.pop(0).now
