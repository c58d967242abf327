"""Runs slow work of plug-ins in a thread, so that everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from appealbridge.plugin.offload import FOLDERS, PLUGINS, offload

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what the function returns, or raise what it raises. It must not touch shared objects."""
    return await offload(PLUGINS, function, *args, **kwargs)


async def in_folder(
    folder: object, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """
    As `in_thread`, for what reads a folder, which may lie on a share that does not answer.

    Raise `TryAgain` if an earlier reading of this folder has not ended.
    """
    return await offload(FOLDERS.only_once(str(folder)), function, *args, **kwargs)
