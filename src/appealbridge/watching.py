"""Recipes and templates that change on the disk, noticed once nobody writes there any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

QUIET_MS = 400
"""For how many milliseconds nothing may change until what changed is taken: an editor saves in several steps."""

LONGEST_MS = 5000
"""After how many milliseconds it is taken all the same."""

_PASSING = (".swp", ".swx", ".tmp", "~")
"""How files end that editors keep beside what they edit."""


async def changes(folders: Sequence[Path]) -> AsyncIterator[list[str]]:
    """
    Yield the paths that changed below these folders, for as long as the caller asks.

    Folders that are not there are left out. Raise `OSError` where the machine watches no more files.
    """
    from watchfiles import awatch  # its own thread and some memory, for those who want it

    there = [folder for folder in folders if folder.is_dir()]
    if not there:
        return
    async for changed in awatch(
        *there,
        watch_filter=lambda _, path: is_worth_a_look(path),
        step=QUIET_MS,
        debounce=LONGEST_MS,
        recursive=True,
    ):
        yield sorted(path for _, path in changed)


def is_worth_a_look(path: str) -> bool:
    """Whether a file may be a recipe or a template, and not what an editor leaves beside one."""
    name = path.rpartition("/")[2]
    return not (name.startswith(".") or name.endswith(_PASSING))
