"""Whether the machine was ours while something was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.program import CORES, OUTSIDE, TESTED

NOISY = 0.08
"""A turn in which others took more of a core than this says little."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Others:
    """How much of the busier core others had, as a share of the time; known when it is over."""

    share: float = 0.0

    @property
    def noisy(self) -> bool:
        """Whether it was too much."""
        return self.share > NOISY


@contextmanager
def watched() -> Iterator[Others]:
    """Watch both cores. Programs started meanwhile must have ended, and been waited for, by the end."""
    others = Others()
    began, busy, ours = time.monotonic(), _busy(), os.times()
    yield others
    took, now, after = time.monotonic() - began, _busy(), os.times()
    by_programs = after.children_user + after.children_system
    by_programs -= ours.children_user + ours.children_system
    by_us = after.user + after.system - ours.user - ours.system
    known = {TESTED: by_programs, OUTSIDE: by_us}
    if len(CORES) > 1:
        others.share = max((now[c] - busy[c] - known[c]) / took for c in known)


def _busy() -> dict[int, float]:
    """Return the seconds that each core has worked, or was not given to this machine at all."""
    cores = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, ticks[:8])
            cores[int(name[3:])] = (user + nice + system + irq + softirq + steal) / _TICKS
    return cores
