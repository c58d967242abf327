"""How much room the disk has on which a store lies."""

from __future__ import annotations

import os
from pathlib import Path

from appealbridge.model.errors import StoreError
from appealbridge.store.records import Space


def free_space(store: Path) -> Space:
    """Ask the file system that a store's file is on; raise `StoreError` where it does not say."""
    try:
        told = os.statvfs(store.parent)
    except OSError as error:
        raise StoreError(
            f"{store.parent}: {error.strerror}; how much room the disk has cannot be asked"
        ) from error
    # What only root may still write is no room for the daemon.
    return Space(told.f_bavail * told.f_frsize, told.f_blocks * told.f_frsize)
