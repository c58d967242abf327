"""The `ModeStore`: the part of a store that knows which deliveries were practice, and which live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ModeStore(Protocol):
    """Keeps whether it is `practice` or `live`, for every delivery."""

    async def adopt_mode(self, mode: str) -> None:
        """
        Store that every later delivery is of this mode.

        Raise `StoreError`, with what to do, if the mode was another one and anything still waits.
        """


class ModeQueries(Protocol):
    """Queries about the mode."""

    async def modes(self) -> Sequence[tuple[int, str]]:
        """Return from which delivery's number on there was which mode, the lowest first."""
