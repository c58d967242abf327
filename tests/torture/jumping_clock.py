"""
`appealbridge run` with a clock that another process may set at any moment.

    python jumping_clock.py CLOCK_FILE CONFIG

The file's first eight bytes, a native double, say by how many seconds the clock is wrong. The product knows nothing of
this: it is given another clock.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path

from appealbridge.cli.main import main
from appealbridge.clock import SystemClock
from appealbridge.daemon import bridge

CLOCK_FILE, CONFIG = Path(sys.argv[1]), sys.argv[2]

with CLOCK_FILE.open("rb") as file:
    _wrong_by = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)


class Jumping(SystemClock):
    """A wall clock that jumps; its monotonic time is the machine's own."""

    def now(self) -> float:
        return time.time() + float(struct.unpack_from("d", _wrong_by)[0])


vars(bridge)["SystemClock"] = Jumping  # this process only
main(["run", "--config", CONFIG])
