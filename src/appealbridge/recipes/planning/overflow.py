"""Shortens texts that are too long for their channel, or splits them into a thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appealbridge.model.errors import RenderError
from appealbridge.plugin.channel import Measure
from appealbridge.plugin.options import Options, Threaded
from appealbridge.plugin.text.splitting import split
from appealbridge.recipes.model.step import Overflow, Step
from appealbridge.recipes.planning.shortening import LEAST, Shortening
from appealbridge.recipes.templates.limits import Budget
from appealbridge.recipes.templates.scope import Scope

_TRIES = 8
"""How often shortening is tried: the parts of a text may count for more together than alone."""


def fitted(step: Step, message: Options, scope: Scope) -> Options:
    """
    Return the message; if its text is too long, shortened or split into a thread.

    Raise `RenderError` with its path if that is not possible. A message that must not be changed is
    returned as it is.
    """
    if step.overflow is Overflow.FAIL and not step.marked:
        return message
    measure = step.plugin.measure(step.account, message)
    if measure is None or measure.fits:
        return message
    if step.overflow is Overflow.THREAD:
        return _thread(step, message, measure, scope.budget)
    return _shortened(step, message, measure, scope) or message


def _thread(step: Step, message: Options, measure: Measure, budget: Budget) -> Options:
    def count(text: str) -> int:
        budget.check()
        counted = step.plugin.measure(step.account, _with(message, measure, text))
        return len(text) if counted is None else counted.count

    try:
        first, *thread = split(getattr(message, measure.field), measure.limit, count)
    except ValueError as flaw:
        raise RenderError(step.place(measure.field), str(flaw)) from None
    return _with(message, measure, first, thread=tuple(thread))


def _shortened(step: Step, message: Options, measure: Measure, scope: Scope) -> Options | None:
    """Return the message with its values shortened as far as needed, `None` if that is not enough."""
    fill = step.parts.get(measure.field)
    if fill is None:
        return None

    def written(available: int) -> tuple[Options, int, Shortening]:
        scope.budget.check()
        shortening = Shortening(available, step.count or len, own)
        text = fill(scope.to_shorten(shortening))
        shorter = _with(message, measure, text)
        counted = step.plugin.measure(step.account, shorter)
        return shorter, 0 if counted is None else counted.count, shortening

    own: frozenset[str] | None = None
    _, count, least = written(LEAST)
    if not least.marks and step.overflow is Overflow.SHORTEN:
        own = step.own_names
        _, count, least = written(LEAST)
    available = least.space_for(measure.limit, count)
    for _ in range(_TRIES if least.lengths else 0):
        if available < LEAST:
            break
        shorter, count, _ = written(available)
        if count <= measure.limit:
            return shorter
        available -= count - measure.limit
    return None


def thread_of(message: Options) -> Iterator[Options]:
    """Yield the later posts of a thread in order; `in_reply_to` is set when each is sent."""
    if isinstance(message, Threaded):
        for text in message.thread:
            # The first post has the images.
            without = {"images": ()} if "images" in type(message).model_fields else {}
            yield message.model_copy(
                update={"text": text, "thread": (), "in_reply_to": None, **without}
            )


def _with(message: Options, measure: Measure, text: str, **more: Any) -> Options:
    return message.model_copy(update={measure.field: text, **more})
