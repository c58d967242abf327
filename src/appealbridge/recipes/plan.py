"""
What a recipe wants done about an event, given what has been done so far: one pure function.

Called when the event arrives and again whenever something it waits for happened. Values in, values
out; the time is an argument, and planning twice gives the same ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from appealbridge.documents import path_text
from appealbridge.documents.check import explain
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.errors import Rejected, RenderError
from appealbridge.model.event import Event
from appealbridge.model.ids import delivery_id, run_id
from appealbridge.model.value import value
from appealbridge.plugin.options import Options
from appealbridge.recipes.recipe import NO_APPROVAL, Recipe, Step
from appealbridge.recipes.results import Standing, standing, views
from appealbridge.recipes.scope import Scope


@value
class Plan:
    """
    What is to be done now.

    `deliveries` are new ones, `planned`, with their hold if they are to wait for a person; `done`
    says that nothing more will ever come of this run; `failed` is why the run cannot go on, with its
    place, empty if it can; `trace` is what was decided, as JSON objects with `step` and `said`.
    """

    deliveries: Sequence[Delivery]
    done: bool
    failed: str = ""
    trace: Sequence[Mapping[str, Any]] = ()


def plan(
    recipe: Recipe, event: Event, so_far: Mapping[str, Sequence[Delivery]], now: float
) -> Plan:
    """
    Return what is to be done about `event`, given the run's deliveries so far by step.

    Either every step that can be rendered now is, or nothing new is planned and `failed` says why.
    `now` is in Unix seconds UTC.
    """
    standings = standing(recipe.steps, so_far)
    ready = [step for step in recipe.steps if standings[step.id] is Standing.READY]
    done = Standing.WAITING not in standings.values()
    trace = []
    deliveries: list[Delivery] = []
    if ready:
        scope = recipe.scope(event, views(standings, so_far), now)
        try:
            for step in ready:
                made = [*_deliveries(recipe, step, event, scope, now)]
                deliveries += made
                trace.append({"step": step.id, "said": _planned_words(step, made)})
        except RenderError as failure:
            return Plan((), done=True, failed=str(failure))
    if done:
        trace += [
            {"step": step.id, "said": _skipped_words(step, standings, so_far)}
            for step in recipe.steps
            if standings[step.id] is Standing.SKIPPED
        ]
    return Plan(deliveries, done=done, trace=trace)


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
        place = f"{step.path}.{path_text(where)}" if where else step.path
        raise RenderError(place, words) from None
    return message


def _deliveries(
    recipe: Recipe, step: Step, event: Event, scope: Scope, now: float
) -> Iterator[Delivery]:
    run = run_id(event.id, recipe.name)
    hold = event.hold or ("" if recipe.approval == NO_APPROVAL else Hold.APPROVAL.value)
    within = recipe.publish_within
    parts = _parts(step, message_of(step, scope))
    if not parts:
        raise RenderError(step.path, "nothing to send: the message is for nobody")
    for part, message in parts.items():
        _fits(step, message)
        content = orjson.dumps(message.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        yield Delivery(
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
            planned_at=now,
            due_at=now,
            hold=hold,
            publish_by=None if within is None else event.received_at + within,
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
            f"{step.path}.{measure.field}",
            f"{measure.count} {measure.unit}, and {step.channel} takes {measure.limit}; "
            "make it shorter, or use | shorten",
        )


def _planned_words(step: Step, made: Sequence[Delivery]) -> str:
    many = f"{len(made)} deliveries" if len(made) > 1 else "a delivery"
    held = f", held: {made[0].hold}" if made[0].hold else ""
    return f"planned {many} on {step.channel}{held}"


def _skipped_words(
    step: Step, standings: Mapping[str, Standing], so_far: Mapping[str, Sequence[Delivery]]
) -> str:
    for need in sorted(step.needs):
        if standings[need] is Standing.SKIPPED:
            return f"cancelled, since {need} was"
        made = so_far.get(need, ())
        if standings[need] is Standing.FAILED:
            last = made[-1]
            return f"cancelled, since {need} is {last.state.value}" + (
                f": {last.reason}" if last.reason else ""
            )
    return "cancelled"
