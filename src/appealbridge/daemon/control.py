"""The control socket, by which a group of people can use the running daemon."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from appealbridge.store.backend import not_believed
from appealbridge.store.records import Control


def by_socket(path: str) -> Control | None:
    """
    Return how to reach the daemon at its control socket, `None` if there is no socket.

    Raise `NotBelieved` if anybody but the daemon's user, this user and root could have made the socket.
    """
    try:
        file_stat, folder = Path(path).lstat(), Path(path).parent.stat()
    except FileNotFoundError:
        return None
    anybody = folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX
    owners = {0, os.geteuid(), folder.st_uid}
    if anybody or not stat.S_ISSOCK(file_stat.st_mode) or file_stat.st_uid not in owners:
        raise not_believed(Path(path), "may have been made by somebody else")
    return Control(f"unix:{path}", "", 0)
