"""Reads messages as they are stored, and works with long ones in threads, so that nothing else has to wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from appealbridge.plugin.channel import AnyChannel
from appealbridge.plugin.offload import Pool, offload
from appealbridge.plugin.options import Options

P = ParamSpec("P")
R = TypeVar("R")

LONG = 16_000
"""Messages of more than so many characters, as they are stored, are read in a thread: to clean HTML takes time."""

_THREADS = Pool("messages", 2)


async def message_of(channel: AnyChannel, content: str) -> Options:
    """Return a stored message; raise `ValidationError` if its channel no longer takes it."""
    read = channel.message.model_validate_json
    message: Options = read(content) if len(content) <= LONG else await in_thread(read, content)
    return message


async def in_thread(work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what `work` on messages returns, or raise what it raises."""
    return await offload(_THREADS, work, *args, **kwargs)
