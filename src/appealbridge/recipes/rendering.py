"""From a step that may be planned to its deliveries: filled, checked once more, finished byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import orjson
from pydantic import ValidationError

from appealbridge.documents import path_text
from appealbridge.documents.check import explain
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import Rejected, RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, run_id
from appealbridge.plugin.options import Options
from appealbridge.recipes.overflow import fitted, thread_of
from appealbridge.recipes.recipe import NO_APPROVAL, Recipe
from appealbridge.recipes.scope import Scope
from appealbridge.recipes.step import Step


def message_of(step: Step, scope: Scope) -> Options:
    """Return a step's finished message; raise `RenderError` with its place."""
    if step.fixed is not None:
        return step.fixed
    scope.count = step.count
    filled = step.fill(scope)
    try:
        message: Options = step.plugin.message.model_validate(filled)
    except ValidationError as failure:
        where, words = explain(failure, filled)[0]
        rest = path_text(where).removeprefix(str(where[0])) if where else ""
        place = step.place(str(where[0])) + rest if where else step.path
        raise RenderError(place, words) from None
    return message


def deliveries_of(
    recipe: Recipe, step: Step, event: Event, scope: Scope, since: float
) -> Iterator[Delivery]:
    """
    Yield a step's finished deliveries; raise `RenderError` with its place.

    `since` is the moment, in Unix seconds, from which `publish_within` counts.
    """
    parts = _parts(step, message_of(step, scope))
    if not parts:
        raise RenderError(step.path, "nothing to send: the message is for nobody")
    for part, message in parts.items():
        first = fitted(step, message)
        follows = ""
        for number, post in enumerate((first, *thread_of(first)), start=1):
            _fits(step, post)
            which = part if number == 1 else f"{part}#{number}"
            delivery = _delivery(recipe, step, event, scope, since, post, which, follows)
            follows = delivery.id
            yield delivery


def _delivery(
    recipe: Recipe,
    step: Step,
    event: Event,
    scope: Scope,
    since: float,
    message: Options,
    part: str,
    follows: str,
) -> Delivery:
    run = run_id(event.id, recipe.name)
    # What somebody has to agree to is not let out with a lot that only looked too large.
    hold = event.hold if recipe.approval == NO_APPROVAL else Hold.APPROVAL.value
    within = recipe.publish_within
    content = orjson.dumps(message.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return Delivery(
        id=delivery_id(run, step.id, part),
        run_id=run,
        event_id=event.id,
        recipe=recipe.name,
        step=step.id,
        subject=event.subject,
        channel=step.channel,
        action=step.action,
        content=content.decode(),
        content_hash=hashlib.sha256(content).hexdigest(),
        state=State.PLANNED,
        planned_at=scope.at,
        due_at=scope.at,
        # Whoever lets the first post of a thread out has read all of it.
        hold="" if follows else hold,
        publish_by=None if within is None else since + within,
        follows=follows,
    )


def _parts(step: Step, message: Options) -> Mapping[str, Options]:
    try:
        return dict(step.plugin.parts(step.account, message))
    except Rejected as refusal:
        raise RenderError(step.path, str(refusal)) from None


def _fits(step: Step, message: Options) -> None:
    measure = step.plugin.measure(step.account, message)
    if measure is not None and not measure.fits:
        raise RenderError(
            step.place(measure.field),
            f"{measure.count} {measure.unit}, and {step.channel} takes {measure.limit}; "
            "make it shorter, or say overflow: shorten",
        )
