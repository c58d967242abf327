"""
What a recipe would publish about an event, step by step, with made-up receipts: nothing is reached.

Delays and waits cost no time: where nothing more can be planned, the clock is put forward to what
happens next.
Nothing here can publish: of a channel only its message model, its parts and its measure are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import orjson

from appealbridge.model.delivery import Delivery, State
from appealbridge.model.errors import RenderError
from appealbridge.model.event import Event
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Measure
from appealbridge.recipes.match import match
from appealbridge.recipes.plan import plan
from appealbridge.recipes.reach import Marks
from appealbridge.recipes.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Post:
    """
    One message that would go out.

    `message` are its fields as JSON values, `written` those of them that differ from what is assumed
    where a recipe leaves them out. `measure` is how its platform counts it, `None` where it sets no
    bound; `hold` is why it would wait for a person. `after` is how many seconds after the event it is
    planned; `follows` says that it answers the post before it, in a thread. `bare_links`: its platform
    makes a link of `example.com` as well.
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


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """
    What would come of one event.

    `why_not` is why the recipe does not want it, `failed` why it broke off, with its place, and
    `stopped` the reason of a `stop`; all empty where none. `posts` are what would go out, in order.
    """

    posts: Sequence[Post] = field(default=())
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
    Return what would come of `event` if every post succeeded.

    `later` are events that come afterwards, which a `wait_for` hears if they are about the same
    subject. What is planned after `until` does not count. Times are in Unix seconds UTC.
    """
    try:
        why_not = match(recipe, event)
        if why_not:
            return Rehearsal(why_not=why_not)
        heard = [one for one in later if one.subject == event.subject]
        heard.sort(key=lambda one: one.received_at)
        return _play(recipe, event, now, heard, inf if until is None else until)
    except RenderError as failure:
        return Rehearsal(failed=str(failure))


def _play(
    recipe: Recipe, event: Event, now: float, later: Sequence[Event], until: float
) -> Rehearsal:
    begun = now
    marks: Marks = {}
    so_far: dict[str, list[Delivery]] = {}
    posts: list[Post] = []
    while True:
        heard = [one for one in later if one.received_at <= now]
        planned = plan(recipe, event, so_far, now, marks, heard)
        marks = planned.marks
        posts += [_post(recipe, one, now - begun) for one in planned.deliveries]
        if planned.failed or planned.done:
            return Rehearsal(tuple(posts), failed=planned.failed, stopped=planned.reason)
        for delivery in planned.deliveries:
            so_far.setdefault(delivery.step, []).append(_published(delivery))
        if not planned.deliveries:
            to_come = [one.received_at for one in later[len(heard) :]]
            now = min([*to_come, inf if planned.wake_at is None else planned.wake_at])
            if now > until or now == inf:
                return Rehearsal(tuple(posts), stopped=planned.reason)


def _published(delivery: Delivery) -> Delivery:
    """Return the delivery with a receipt as its platform might have given it."""
    made_up = f"example-{delivery.step}"
    receipt = Receipt(made_up, f"https://{delivery.channel.replace('_', '-')}.example/{made_up}")
    return replace(delivery, state=State.DELIVERED, receipt=receipt)


def _post(recipe: Recipe, delivery: Delivery, after: float) -> Post:
    step = next(step for step in recipe.steps if step.id == delivery.step)
    content = orjson.loads(delivery.content)
    message = step.plugin.message.model_validate(content)
    return Post(
        step.id,
        step.action,
        step.channel,
        content,
        # The posts of a thread come each by itself.
        message.model_dump(mode="json", exclude_defaults=True, exclude={"thread"}),
        step.plugin.measure(step.account, message),
        delivery.hold,
        after,
        bool(delivery.follows),
        step.plugin.bare_links,
    )
