"""
The control file, by which the command line finds the running daemon. Only its owner can read it.

It holds the daemon's address and a token made anew at each start. Whoever can read it could read
the store itself, so it opens no door that was shut.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from appealbridge.files import PRIVATE, is_trusted, write_file

LONGEST = 4096
"""The largest size of a control file in bytes. Real ones have about two hundred."""


@dataclass(frozen=True, slots=True)
class Control:
    """Where the daemon listens (`http://host:port` or `unix:/path`), what opens its API, and its process id."""

    url: str
    token: str
    pid: int


def control_file(store: Path) -> Path:
    """Return the path of a store's control file."""
    return store.with_name(f"{store.name}.control")


@contextmanager
def announced(store: Path, control: Control) -> Iterator[None]:
    """Write the control file, and remove it when the daemon stops."""
    file = control_file(store)
    write_file(file, json.dumps(asdict(control)).encode(), PRIVATE)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


class NotBelieved(OSError):
    """Somebody else may have written the control file, and would get the operator's commands."""


def read_control(store: Path) -> Control | None:
    """
    Return how to reach the daemon of this store, `None` if there is no control file.

    Raise `PermissionError` where that may not be known, and `NotBelieved` where anybody but the
    store's owner, whoever asks, and root could have written the file.
    """
    file = control_file(store)
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_believed(file, "is a link") from None
        return None
    with os.fdopen(handle, "rb") as opened:
        if not is_trusted(os.fstat(handle), frozenset({os.geteuid(), _owner(store)})):
            raise _not_believed(file, "may have been written by somebody else")
        content = opened.read(LONGEST)
    try:
        told = json.loads(content)
        return Control(str(told["url"]), str(told["token"]), int(told["pid"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def by_socket(path: str) -> Control | None:
    """
    Return how to reach the daemon at its control socket, `None` if there is no socket.

    Raise `NotBelieved` where anybody but the daemon's user, whoever asks, and root could have made the socket.
    """
    try:
        found, folder = Path(path).lstat(), Path(path).parent.stat()
    except FileNotFoundError:
        return None
    anybody = folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX
    owners = {0, os.geteuid(), folder.st_uid}
    if anybody or not stat.S_ISSOCK(found.st_mode) or found.st_uid not in owners:
        raise _not_believed(Path(path), "may have been made by somebody else")
    return Control(f"unix:{path}", "", 0)


def _not_believed(file: Path, why: str) -> NotBelieved:
    return NotBelieved(
        errno.EPERM, f"{why}, and is not believed; remove it, and restart the daemon", str(file)
    )


def _owner(store: Path) -> int:
    try:
        return store.stat().st_uid
    except OSError:
        return os.geteuid()
