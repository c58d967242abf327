"""What becomes of a text that is too long for its channel: as the recipe says with `overflow`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appealbridge.model.errors import RenderError
from appealbridge.plugin.channel import Measure
from appealbridge.plugin.options import Options
from appealbridge.plugin.overlong import shortened, split
from appealbridge.plugin.threaded import Threaded
from appealbridge.recipes.step import Overflow, Step


def fitted(step: Step, message: Options) -> Options:
    """
    Return the message with its text shortened, or made the first of a thread, where it is too long.

    Raise `RenderError` with its place where that is not possible. One that must not be changed is
    returned as it is.
    """
    if step.overflow is Overflow.FAIL:
        return message
    measure = step.plugin.measure(step.account, message)
    if measure is None or measure.fits:
        return message
    text: str = getattr(message, measure.field)

    def count(words: str) -> int:
        counted = step.plugin.measure(step.account, _with(message, measure, words))
        return len(words) if counted is None else counted.count

    if step.overflow is Overflow.SHORTEN:
        return _with(message, measure, shortened(text, measure.limit, count))
    try:
        first, *thread = split(text, measure.limit, count)
    except ValueError as flaw:
        raise RenderError(step.place(measure.field), str(flaw)) from None
    return _with(message, measure, first, thread=tuple(thread))


def thread_of(message: Options) -> Iterator[Options]:
    """Yield the posts that continue a message, in their order; `in_reply_to` is left for when each is sent."""
    if isinstance(message, Threaded):
        for text in message.thread:
            yield message.model_copy(update={"text": text, "thread": (), "in_reply_to": None})


def _with(message: Options, measure: Measure, text: str, **more: Any) -> Options:
    return message.model_copy(update={measure.field: text, **more})
