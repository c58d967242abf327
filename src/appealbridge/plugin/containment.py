"""
Makes an ordinary error of whatever a plug-in raises, so that it concerns this plug-in alone.

`sys.exit` and a panic in a library written in Rust raise what is no `Exception`. Nobody who calls a plug-in would catch
it, and it would end the whole program, at each start again.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any


class RaisedBaseException(RuntimeError):
    """A plug-in raised what is no `Exception`; the message has its name and its words."""


class _Contained:
    """Lets nothing out but an `Exception`, the cancelling of this task, and the closing of what runs inside."""

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, Exception):
            return
        if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
            return
        if isinstance(error, GeneratorExit) and _is_being_closed(trace):
            return
        message = str(error)
        text = f"{type(error).__name__}{': ' if message else ''}{message}"
        raise RaisedBaseException(text).with_traceback(trace) from None


contained = _Contained()


def contain(plugin: type) -> None:
    """Do so for every public method that the class of a third party, or a class above it, defines."""
    if _is_ours(plugin):
        return  # ours do no such thing, and are called for every event
    for name in dir(plugin):
        owner = next((each for each in plugin.__mro__ if name in vars(each)), None)
        if owner is None or name.startswith("_") or _is_ours(owner):
            continue
        method = vars(owner)[name]
        if isinstance(method, staticmethod | classmethod):
            setattr(plugin, name, type(method)(_contained(method.__func__)))
        elif inspect.isfunction(method):
            setattr(plugin, name, _contained(method))


def _is_ours(owner: type) -> bool:
    return owner.__module__.startswith("appealbridge.")


def _contained(method: Callable[..., Any]) -> Callable[..., Any]:
    if hasattr(method, _MARK):
        return method  # it belongs to a class above, which is a plug-in itself

    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        with contained:
            result = method(*args, **options)
        # A decorator may hide that the method waits, or that it lists.
        if inspect.isawaitable(result):
            return _wait(result)
        return _list(result) if inspect.isgenerator(result) else result

    @functools.wraps(method)
    async def wait(*args: Any, **options: Any) -> Any:
        return await _wait(method(*args, **options))

    chosen = wait if inspect.iscoroutinefunction(method) else call
    setattr(chosen, _MARK, True)
    return chosen


_MARK = "_appealbridge_contained"


async def _wait(result: Awaitable[Any]) -> Any:
    with contained:
        return await result


def _list(entries: Iterator[Any]) -> Iterator[Any]:
    with contained:
        yield from entries


def _is_being_cancelled() -> bool:
    """Return whether somebody cancels this task; if not, a plug-in waited for a task of its own that was cancelled."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return False
    return task is not None and task.cancelling() > 0


def _is_being_closed(trace: TracebackType | None) -> bool:
    """
    Return whether somebody closes the coroutine or generator that a `GeneratorExit` ends; if not, a plug-in raised it.

    Python closes what a frame waits for first, and then raises `GeneratorExit` in this frame itself. So the place of
    one that somebody else causes is our own frame, and a plug-in's is below it.
    """
    return trace is None or trace.tb_next is None
