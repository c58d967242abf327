"""
Makes an ordinary error of whatever a plug-in raises, so that it concerns this plug-in alone.

`sys.exit` and a panic in a library written in Rust raise what is no `Exception`. Nobody who calls a plug-in would catch
it, and it would end the whole program, at each start again.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class RaisedBaseException(RuntimeError):
    """A plug-in raised what is no `Exception`; the message has its name and its words."""


@contextmanager
def contained() -> Iterator[None]:
    """Let nothing out but an `Exception`, and the cancelling of this task."""
    try:
        yield
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
            raise
        words = str(error)
        text = f"{type(error).__name__}{': ' if words else ''}{words}"
        raise RaisedBaseException(text).with_traceback(error.__traceback__) from None


def contain(plugin: type) -> None:
    """Do so for every public method that the class of a third party defines."""
    if plugin.__module__.startswith("appealbridge."):
        return  # ours do no such thing, and are called for every event
    for name, method in tuple(vars(plugin).items()):
        if not name.startswith("_") and inspect.isfunction(method):
            setattr(plugin, name, _contained(method))


def _contained(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        with contained():
            return method(*args, **options)

    @functools.wraps(method)
    def generate(*args: Any, **options: Any) -> Iterator[Any]:
        with contained():
            yield from method(*args, **options)

    @functools.wraps(method)
    async def wait(*args: Any, **options: Any) -> Any:
        with contained():
            return await method(*args, **options)

    if inspect.iscoroutinefunction(method):
        return wait
    return generate if inspect.isgeneratorfunction(method) else call


def _is_being_cancelled() -> bool:
    """Return whether somebody cancels this task; if not, a plug-in waited for a task of its own that was cancelled."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return False
    return task is not None and task.cancelling() > 0
