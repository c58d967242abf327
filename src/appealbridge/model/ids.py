"""Ids: sortable by time, short enough to read aloud, the same for the same plan."""

from __future__ import annotations

import hashlib

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o or u to misread
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def event_id(now: float, random_bits: int) -> str:
    """Return 16 characters: 9 for `now` (Unix seconds, kept to the millisecond), 7 for `random_bits` (35 used)."""
    number = int(now * 1000) << 35 | random_bits & (2**35 - 1)
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10)])


def run_id(event: str, recipe: str) -> str:
    """Return the one id of an event's run through a recipe."""
    return f"{event}.{recipe}"


def delivery_id(run: str, step: str, part: str = "") -> str:
    """Return the one id of a run's step; `part` tells several deliveries of one step apart."""
    if not part:
        return f"{run}.{step}"
    return f"{run}.{step}.{hashlib.sha256(part.encode()).hexdigest()[:10]}"
