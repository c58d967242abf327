"""Time limits of the event loop that run out at once, so that no test depends on how fast the machine is."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def runs_out(call: Coroutine[Any, Any, T], once: Awaitable[Any], seconds: float = 60.0) -> T:
    """Await `call`; once `once` has happened, the time of the loop is so many seconds later at once."""
    task = asyncio.ensure_future(call)
    await once
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
    return await task
