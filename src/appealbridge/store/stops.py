"""The `StopStore`: the part of a store that keeps what stops everything. The stop file is beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from appealbridge.files import open_handle, write_file
from appealbridge.model.audit import REASON_LIMIT, Decision
from appealbridge.model.delivery import Delivery
from appealbridge.model.stop import Start, TotalStop
from appealbridge.model.value import value

LONGEST = 8192
"""How many bytes of a stop file are read."""


class StopStore(Protocol):
    """Keeps the stop. While one is in force the engine publishes nothing; the store itself does not enforce it."""

    async def stop(self, decision: Decision) -> TotalStop:
        """Store a stop with its entry in the trail; return it, or the one in force, to which the entry is added."""

    async def start(self, decision: Decision, seen: str) -> Start:
        """
        Lift the stop in force. Of what waits on each channel, the oldest few stay ready, and the others are held.

        Raise `IllegalMove` if none is in force, or if what would go out is not what was `seen`.
        """


class StopQueries(Protocol):
    """Queries about stops."""

    async def stops(self, limit: int = 1) -> Sequence[TotalStop]:
        """Return stops, the newest first."""

    async def would_start(self, now: float) -> Start:
        """Return what `start` would do, and change nothing."""

    async def waiting_with_end(self, before: float, limit: int) -> Sequence[Delivery]:
        """Return waiting deliveries that expire before a time, the soonest first."""

    async def sent_since(self, channel: str, since: float) -> int:
        """
        Return how many posts of a channel, without notices, were published since a time, or may have been.

        That includes what is being sent.
        """


@value
class StopNote:
    """What a stop file says: who made it (perhaps only the number of the user), and why."""

    by: str
    reason: str


class StopFile:
    """The file beside the store that stops everything, even while the daemon hangs or does not run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)

    def exists(self) -> bool:
        """Return whether the file is there. This takes about two microseconds, so every send asks."""
        return os.path.lexists(self._name)

    def make(self, by: str, reason: str, at: float) -> None:
        """Make the file; raise `OSError`."""
        note = {"by": by, "reason": reason[:REASON_LIMIT], "at": at}
        write_file(self.path, json.dumps(note).encode(), 0o644)

    def read(self) -> StopNote:
        """Return what it says. Whoever may make the file may stop, so nothing in it has to be right."""
        try:
            handle = open_handle(self.path, os.O_RDONLY, follow=False, wait=False)
            with os.fdopen(handle, "rb") as opened:
                owner = f"user {os.fstat(handle).st_uid}"
                text = opened.read(LONGEST).decode("utf-8", "replace")
        except OSError:
            return StopNote("", "")
        by, reason = owner, text.strip()
        with suppress(ValueError, TypeError, AttributeError, RecursionError):
            note = json.loads(text)
            by, reason = str(note.get("by") or owner), str(note.get("reason") or "")
        return StopNote(_line(by)[:100], _line(reason)[:REASON_LIMIT])

    def remove(self) -> None:
        """Remove the file if it is there; raise `OSError` if that is not possible."""
        self.path.unlink(missing_ok=True)


def _line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text).strip()
