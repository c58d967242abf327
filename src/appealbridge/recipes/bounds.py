"""How much any template may make, whatever an event has in it."""

from __future__ import annotations

LIMIT = 100_000
"""How many characters or entries anything that a template makes may have."""

LIST_LIMIT = 10_000
"""How many entries a list may have that a filter goes through: some compare each with each."""

LOOP_LIMIT = 2_000
"""How many rounds all loops of one template may take together."""


class TooMuch(ValueError):
    """A template makes more than any message can be."""


def bounded(size: int) -> None:
    """Raise `TooMuch` where something of this size must not be made."""
    if size > LIMIT:
        raise TooMuch(f"this makes more than {LIMIT} characters or entries")
