"""A time limit for the work of plug-ins, kept even if one does not let itself be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from appealbridge.clock import Clock

T = TypeVar("T")

_LEFT_BEHIND: set[asyncio.Task[Any]] = set()
"""Abandoned work that has not ended yet. Without a reference it could be garbage-collected while it runs."""


class GaveUp(Exception):
    """The work did not end in time, or was cancelled before its end. The message says which."""


async def within(
    clock: Clock,
    seconds: float,
    work: Coroutine[Any, Any, T],
    over: asyncio.Event | None = None,
) -> T:
    """
    Return what `work` returns, or raise `GaveUp` after so many seconds or once `over` is set.

    Abandoned work is cancelled, but not waited for.
    """
    over = asyncio.Event() if over is None else over
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda _: over.set())
    try:
        ended = await clock.wait(over, seconds)
    finally:
        if not task.done():
            _leave_behind(task)
    if task.cancelled():
        raise GaveUp("it ended without a result")
    if not task.done():
        raise GaveUp("it was called off" if ended else f"it did not end within {seconds:g} seconds")
    return task.result()


def _leave_behind(task: asyncio.Task[Any]) -> None:
    _LEFT_BEHIND.add(task)
    task.add_done_callback(_ended)
    task.cancel()


def _ended(task: asyncio.Task[Any]) -> None:
    _LEFT_BEHIND.discard(task)
    if not task.cancelled():
        task.exception()  # otherwise asyncio warns that the exception was never retrieved
