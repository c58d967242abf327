"""
Simulates what a recipe would publish about an event, with made-up receipts.

Delays and waits take no time: if nothing more can be planned, the clock moves to what happens next.
Nothing can be published from here: of a channel only its message model, its parts and its measure
are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import orjson

from appealbridge.documents.diagnostic import fault
from appealbridge.model.amendment import Amends
from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Measure
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.planning.match import match
from appealbridge.recipes.planning.plan import Plan, plan
from appealbridge.recipes.planning.position import Marks


@dataclass(frozen=True, slots=True)
class SimulatedPost:
    """
    One message that would go out.

    `message` has its fields as JSON values, `written` those that differ from their defaults. `measure` is its
    length as the platform counts, `None` if there is no limit, and `too_long` the length before shortening, `None`
    if it was not shortened. `hold` is what it would wait for, and `reason` why. It is planned `after` so many
    seconds. `follows` says that it replies to the post before it. `amends` says what it corrects. `left_out` are
    the images that its channel does not take. `bare_links`: the platform links `example.com` too.
    """

    step: str
    action: str
    channel: str
    message: Mapping[str, Any]
    written: Mapping[str, Any]
    measure: Measure | None = None
    hold: str = ""
    after: float = 0.0
    follows: bool = False
    bare_links: bool = False
    reason: str = ""
    too_long: Measure | None = None
    amends: Amends | None = None
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """
    The result of one event.

    `why_not` is why it is not for the recipe, `failed` why the run failed, with the path, and
    `stopped` the reason of a `stop`; empty otherwise. `posts` are what would go out, in order.
    """

    posts: Sequence[SimulatedPost] = field(default=())
    why_not: str = ""
    failed: str = ""
    stopped: str = ""


def rehearse(
    recipe: Recipe,
    event: Event,
    now: float,
    later: Sequence[Event] = (),
    until: float | None = None,
) -> Rehearsal:
    """
    Return what would be published about `event` if every post succeeded.

    `later` are later events for a `wait_for`, if they have the same subject and source. What is
    planned after `until` does not count. Times are in Unix seconds UTC.
    """
    try:
        why_not = match(recipe, event)
        if why_not:
            return Rehearsal(why_not=why_not)
        simulation = Simulation(recipe, event, now)
        for other in sorted(later, key=lambda other: other.received_at):
            if other.topic == event.topic:
                simulation.hear(other)
        simulation.go_on(inf if until is None else until)
    except RenderError as failure:
        return Rehearsal(failed=str(failure))
    except Exception as error:  # noqa: BLE001 - a plug-in that breaks fails the run in earnest, too
        return Rehearsal(failed=fault(error))
    return simulation.rehearsal


class Simulation:
    """
    One simulated run; every post succeeds at once.

    `over` says that it has ended; `now` is when it may continue, in Unix seconds UTC, infinite if
    only an event can continue it.
    """

    def __init__(self, recipe: Recipe, event: Event, now: float) -> None:
        self.over = False
        self.now = now
        self._recipe = recipe
        self._event = event
        self._begun = event.received_at
        self._last = now
        self._later_events: list[Event] = []
        self._marks: Marks = {}
        self._so_far: dict[str, list[Delivery]] = {}
        self._posts: list[SimulatedPost] = []
        self._failed = self._stopped = ""

    @property
    def rehearsal(self) -> Rehearsal:
        """What the run has published so far."""
        return Rehearsal(tuple(self._posts), failed=self._failed, stopped=self._stopped)

    def hear(self, event: Event) -> None:
        """Take a later event about the same subject."""
        self._later_events.append(event)
        self.now = min(self.now, max(self._last, event.received_at))

    def begin(self, now: float) -> None:
        """Begin no earlier than this, because other runs went first."""
        self.now = self._last = max(self._last, now)

    def end(self, reason: str) -> None:
        """End the run for this reason."""
        self.over, self._stopped = True, reason

    def go_on(self, until: float) -> None:
        """Plan everything up to a moment."""
        while not self.over and self.now <= until and self.now < inf:
            self._plan()

    def _plan(self) -> None:
        now = self._last = self.now
        later_events = [item for item in self._later_events if item.received_at <= now]
        planned = plan(self._recipe, self._event, self._so_far, now, self._marks, later_events)
        self._marks, self._stopped = planned.marks, planned.reason
        self._later_events = [
            item for item in self._later_events if item.id not in planned.unneeded
        ]
        self._posts += [
            _post(self._recipe, item, now - self._begun, planned) for item in planned.deliveries
        ]
        if planned.failed or planned.done:
            self._failed, self.over = planned.failed, True
            return
        for delivery in planned.deliveries:
            self._so_far.setdefault(delivery.step, []).append(_published(delivery))
        if not planned.deliveries:
            to_come = [item.received_at for item in self._later_events if item.received_at > now]
            self.now = min([*to_come, inf if planned.wake_at is None else planned.wake_at])


def _published(delivery: Delivery) -> Delivery:
    """Return the delivery with a made-up receipt."""
    made_up = f"example-{delivery.step}"
    receipt = Receipt(made_up, f"https://{delivery.channel.replace('_', '-')}.example/{made_up}")
    return replace(delivery, state=State.DELIVERED, receipt=receipt)


def _post(recipe: Recipe, delivery: Delivery, after: float, planned: Plan) -> SimulatedPost:
    step = next(step for step in recipe.steps if step.id == delivery.step)
    content = orjson.loads(delivery.content)
    message = step.plugin.message.model_validate(content)
    unchanged = () if step.amends is None else step.amends.keeps
    return SimulatedPost(
        step.id,
        step.action,
        step.channel,
        {name: value for name, value in content.items() if name not in unchanged},
        # The posts of a thread come each by itself, and the recipients of a correction are those of the first message.
        message.model_dump(mode="json", exclude_defaults=True, exclude={"thread", *unchanged}),
        step.plugin.measure(step.account, message),
        delivery.hold,
        after,
        bool(delivery.follows),
        step.plugin.bare_links,
        delivery.reason,
        planned.too_long.get(step.id),
        step.amends,
        () if delivery.follows else planned.left_out.get(step.id, ()),
    )
