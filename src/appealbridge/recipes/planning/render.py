"""Renders a step into deliveries, and checks them once more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import orjson
from pydantic import ValidationError

from appealbridge.documents import path_text
from appealbridge.documents.validation import explain
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import Rejected, RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, run_id
from appealbridge.model.value import value
from appealbridge.plugin.channel import Measure
from appealbridge.plugin.message_images import Illustrated, gives_images
from appealbridge.plugin.options import Options
from appealbridge.recipes.model.recipe import NO_APPROVAL, Recipe
from appealbridge.recipes.model.step import Overflow, Step
from appealbridge.recipes.model.withdraw import ACTION, WithdrawMessage
from appealbridge.recipes.planning.images import fitting, illustrated
from appealbridge.recipes.planning.overflow import fitted, thread_of
from appealbridge.recipes.templates.scope import Scope


def message_of(step: Step, scope: Scope) -> Options:
    """Return the message of a step; raise `RenderError` with its path."""
    if step.fixed is not None:
        return step.fixed
    scope.budget.check()
    scope.count, scope.linked, scope.writing = step.count, step.plugin.mentions, True
    try:
        filled = step.fill(scope)
    finally:
        scope.writing = False
    try:
        message: Options = step.plugin.message.model_validate(filled)
    except ValidationError as failure:
        where, reason = explain(failure, filled)[0]
        rest = path_text(where).removeprefix(str(where[0])) if where else ""
        place = step.place(str(where[0])) + rest if where else step.path
        raise RenderError(place, reason) from None
    return message


@value
class StepContext:
    """
    The context in which a step of a recipe is planned for an event.

    `scope` has the names that it can use, `since` is the moment from which `publish_within` counts,
    in Unix seconds, and `hold` is why its deliveries wait for a person; empty if they do not.
    """

    recipe: Recipe
    event: Event
    scope: Scope
    since: float
    hold: str = ""


@value
class RenderedStep:
    """
    A rendered step.

    `too_long` is the length of its text before shortening, `None` if it was not shortened. `left_out` are the addresses
    of the images that are more than its channel takes.
    """

    deliveries: Sequence[Delivery]
    too_long: Measure | None = None
    left_out: Sequence[str] = ()


def held_for(delivery: Delivery, unread: str) -> Delivery:
    """Return a delivery held for a person, because a time in its text cannot be read."""
    if delivery.follows or delivery.reason:
        return delivery
    hold = delivery.hold if delivery.hold == Hold.APPROVAL else Hold.TIME.value
    reason = f"cannot read a time in it: {unread}; check it before you release it"
    return replace(delivery, hold=hold, reason=reason)


def render_step(step: Step, context: StepContext) -> RenderedStep:
    """Return the deliveries of a step; raise `RenderError` with its path."""
    if not context.event.subject and (step.plugin is ACTION or step.amends is not None):
        what = "withdraw" if step.plugin is ACTION else "amend"
        raise RenderError(step.path, f"the event has no subject, so there is nothing to {what}")
    message = message_of(step, context.scope)
    images = fitting(step, message) if isinstance(message, Illustrated) and message.images else None
    if images is not None and images.left_out:
        message = message.model_copy(update={"images": images.accepted})
    final = fitted(step, message, context.scope)
    whole = final is message or step.overflow is Overflow.THREAD
    too_long = None if whole else step.plugin.measure(step.account, message)
    deliveries = [*_deliveries(step, context, final)]
    if images is None:
        return RenderedStep(deliveries, too_long)
    deliveries = [
        each if each.follows else illustrated(each, context.recipe, images) for each in deliveries
    ]
    return RenderedStep(deliveries, too_long, images.left_out)


def _deliveries(step: Step, context: StepContext, whole: Options) -> Iterator[Delivery]:
    parts = _parts(step, whole)
    if not parts:
        raise RenderError(step.path, "the message has no recipient")
    for part, first in parts.items():
        follows = ""
        for number, post in enumerate((first, *thread_of(first)), start=1):
            _fits(step, post)
            which = part if number == 1 else f"{part}#{number}"
            delivery = _delivery(step, context, post, which, follows)
            follows = delivery.id
            yield delivery


def _delivery(
    step: Step, context: StepContext, message: Options, part: str, follows: str
) -> Delivery:
    recipe, event = context.recipe, context.event
    run = run_id(event.id, recipe.name)
    # A delivery that needs approval is not released together with a flood.
    own = Hold.TIME.value if context.hold else event.hold
    hold = own if recipe.approval == NO_APPROVAL else Hold.APPROVAL.value
    withdraws = isinstance(message, WithdrawMessage)
    if isinstance(message, WithdrawMessage):  # what does harm must not stay up until somebody looks
        hold = Hold.APPROVAL.value if message.approval else own
    # If nobody knows when it should go out, nobody knows when it is too late.
    within = None if context.hold or withdraws else recipe.publish_within
    content = _content(step, message)
    return Delivery(
        id=delivery_id(run, step.id, part),
        run_id=run,
        event_id=event.id,
        recipe=recipe.name,
        step=step.id,
        subject=event.subject,
        origin=event.origin,
        channel=step.channel,
        action=step.action,
        content=content.decode(),
        content_hash=hashlib.sha256(content).hexdigest(),
        state=State.PLANNED,
        planned_at=context.scope.at,
        due_at=context.scope.at,
        # Whoever releases the first post of a thread has read all of it.
        hold="" if follows else hold,
        reason="" if follows else context.hold,
        publish_by=None if within is None else context.since + within,
        follows=follows,
        kind=Kind.WITHDRAW if withdraws else Kind.AMEND if step.amends else Kind.POST,
        amends=step.amends,
        corrects=_corrects(recipe, step, event),
    )


def _content(step: Step, message: Options) -> bytes:
    """Return a message as it is stored. That an amendment takes all images off its post has to be stored too."""
    content = message.model_dump(mode="json")
    if step.amends is not None and gives_images(message):
        content.setdefault("images", [])
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _corrects(recipe: Recipe, step: Step, event: Event) -> bool:
    """Return whether what a step planned before about the subject is out of date if it still waits for approval."""
    publishes = step.plugin is not ACTION and step.amends is None
    return event.corrects and publishes and bool(event.subject) and recipe.approval != NO_APPROVAL


def _parts(step: Step, message: Options) -> Mapping[str, Options]:
    try:
        return dict(step.plugin.parts(step.account, message))
    except Rejected as refusal:
        raise RenderError(step.path, str(refusal)) from None


def _fits(step: Step, message: Options) -> None:
    measure = step.plugin.measure(step.account, message)
    if measure is not None and not measure.fits:
        cure = "shorten it, or put | shorten after a value that may be shortened"
        if step.overflow is Overflow.SHORTEN:
            cure = "even with the marked values shortened it is too long; shorten the rest"
        problem = f"{measure.count} {measure.unit}, but {step.channel} allows {measure.limit}"
        raise RenderError(step.place(measure.field), f"{problem}; {cure}")
