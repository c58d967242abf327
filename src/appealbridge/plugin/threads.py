"""Slow work without awaiting in it: aside, in a thread, so that everything else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what the function returns, or raise what it raises; it must touch nothing that others hold."""
    return await asyncio.to_thread(function, *args, **kwargs)
