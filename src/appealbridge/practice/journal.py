"""
A journal of all posts, so that they survive a killed process.

One JSON object a line, handed to the kernel before the platform answers: that survives the process,
though not the machine's power, and costs a load test no disk wait. A last line that was cut off in
the middle belongs to a request that never got an answer, and is dropped.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from appealbridge.files import SHARED, open_own


class StateUnusable(Exception):
    """The state file cannot be used; the message says why and what to do."""


class Journal:
    """An append-only file of JSON lines; without a path it remembers nothing."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file = None if path is None else _opened(path)

    def load(self) -> Iterator[dict[str, Any]]:
        """Yield every record that was written whole, oldest first, and cut off a torn last one."""
        if self._file is None or self._path is None:
            return
        whole = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    record: dict[str, Any] = orjson.loads(line)
                except orjson.JSONDecodeError:
                    raise StateUnusable(
                        f"{self._path}:{number}: not a line of a state file; name another file"
                    ) from None
                whole += len(line)
                yield record
        os.ftruncate(self._file, whole)

    def append(self, record: dict[str, Any]) -> None:
        """Write one record; when this returns it outlives the process. A full disk raises `OSError`."""
        if self._file is None:
            return
        line = orjson.dumps(record) + b"\n"
        end = os.lseek(self._file, 0, os.SEEK_END)
        if os.write(self._file, line) < len(line):
            os.ftruncate(self._file, end)  # half a line would spoil every later one
            raise OSError(errno.ENOSPC, "no room for the state file")

    def clear(self, first: dict[str, Any]) -> None:
        """Forget everything and begin anew with one record."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            self.append(first)

    def close(self) -> None:
        """Let go of the file; further records are forgotten."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _opened(path: Path) -> int:
    try:
        file = open_own(path, os.O_RDWR | os.O_APPEND, SHARED)
    except OSError as error:
        raise StateUnusable(f"{path}: {error.strerror}; name another state file") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise StateUnusable(f"{path}: another practice platform uses this state file") from None
    return file
