"""
The control file beside the store, by which the command line finds the running daemon. Only its owner can read it.

It has the daemon's address, and a token that is new at each start. Whoever can read it could read the store itself.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from appealbridge.files import PRIVATE, is_trusted, open_handle, own_user, write_file
from appealbridge.store.backend import not_believed
from appealbridge.store.records import Control

LONGEST = 4096
"""The largest size of a control file in bytes. Real ones have about two hundred."""


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


def read_control(store: Path) -> Control | None:
    """
    Return how to reach the daemon of this store, `None` if there is no control file.

    Raise `PermissionError` if this user may not read it, and `NotBelieved` if anybody but this user, the store's owner
    and root could have written the file.
    """
    file = control_file(store)
    try:
        handle = open_handle(file, os.O_RDONLY, follow=False, wait=False)
    except PermissionError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise not_believed(file, "is a link") from None
        return None
    with os.fdopen(handle, "rb") as opened:
        if not is_trusted(os.fstat(handle), frozenset({own_user(), _owner(store)})):
            raise not_believed(file, "may have been written by somebody else")
        content = opened.read(LONGEST)
    try:
        control = json.loads(content)
        return Control(str(control["url"]), str(control["token"]), int(control["pid"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _owner(store: Path) -> int:
    try:
        return store.stat().st_uid
    except OSError:
        return own_user()
