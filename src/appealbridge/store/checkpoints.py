"""The file with checkpoints of the audit trail: one line each, `number hash time`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from appealbridge.files import PRIVATE, open_handle, open_own
from appealbridge.model.audit import Checkpoint

LONGEST = 16 * 1024 * 1024
"""The largest size in bytes of a file that is read: a line has about 90, so that is 20 years of one an hour."""

_HEX = frozenset("0123456789abcdef")


def append_checkpoint(file: Path, point: Checkpoint) -> None:
    """Add a checkpoint to a file; make the file if there is none. Raise `OSError`."""
    handle = open_own(file, os.O_WRONLY | os.O_APPEND, PRIVATE)
    try:
        os.write(handle, f"{point.seq} {point.hash} {point.at!r}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def read_checkpoints(file: Path) -> Sequence[Checkpoint]:
    """Return the checkpoints of a file; raise `OSError`, or `ValueError` naming a line that is none."""
    with os.fdopen(open_handle(file, os.O_RDONLY), "rb") as opened:
        content = opened.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ValueError(f"{file}: this file is larger than {LONGEST} bytes; split it")
    points = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        if line.strip():
            points.append(_point(line, f"{file}:{number}"))
    return points


def _point(line: str, where: str) -> Checkpoint:
    try:
        seq, digest, at = line.split()
        point = Checkpoint(int(seq), digest, float(at))
    except ValueError:
        point = None
    if point is None or len(point.hash) != 64 or not set(point.hash) <= _HEX:
        raise ValueError(f"{where}: this is not a checkpoint; a line is: number, hash, time")
    return point
