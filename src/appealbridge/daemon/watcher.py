"""Watches recipes and templates for changes, and reports them once writing has stopped."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

QUIET_MS = 400
"""How many milliseconds must pass without a change before changes are reported: editors save in several steps."""

LONGEST_MS = 5000
"""After how many milliseconds changes are reported anyway."""

_PASSING = (".swp", ".swx", ".tmp", "~")
"""The endings of files that editors keep beside the edited one."""


def there(folders: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Return which of the folders are there, each with what tells it from another of the same name."""
    by_folder = {}
    for folder in folders:
        with suppress(OSError):
            status = folder.stat()
            if stat.S_ISDIR(status.st_mode):
                by_folder[folder] = status.st_dev, status.st_ino
    return by_folder


async def changes(folders: Iterable[Path]) -> AsyncIterator[list[str]]:
    """
    Yield the paths that changed below these folders, and an empty list whenever a while went by without.

    Raise `OSError` where one of them is not there, or the machine watches no more files.
    """
    from watchfiles import awatch  # its own thread and some memory, for those who want it

    async for changed in awatch(
        *folders,
        watch_filter=lambda _, path: is_worth_a_look(path),
        step=QUIET_MS,
        debounce=LONGEST_MS,
        rust_timeout=LONGEST_MS,
        yield_on_timeout=True,
        recursive=True,
    ):
        yield sorted(path for _, path in changed)


def is_worth_a_look(path: str) -> bool:
    """Return whether a file may be a recipe or a template, and not an editor's temporary file."""
    name = path.rpartition("/")[2]
    return not (name.startswith(".") or name.endswith(_PASSING))
