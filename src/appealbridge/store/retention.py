"""What a store guarantees about old data that is removed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from appealbridge.store.records import Over, Pruned


class RetentionStore(Protocol):
    """Removes old data."""

    async def empty(self, over: Over, after: int = 0, limit: int = 200) -> Pruned:
        """
        Remove the content of events that are over, and of everything they caused.

        That is an event's data, its runs' traces and reasons, its deliveries' content and reasons, and the details of
        their attempts. An event is over when it has no open run, all its deliveries settled before the time, and no
        delivery of its subject and origin is open. One call changes about `limit` rows. The next one continues
        `after` the `then` of this one, even if this one changed nothing.
        """

    async def forget(
        self, over: Over, *, emptied: bool, after: int = 0, limit: int = 200
    ) -> Pruned:
        """
        Remove events that are over with everything they caused, step by step like `empty`.

        With `emptied`, only those without content. Their keys stay known.
        """

    async def forget_keys(self, before: float, limit: int = 2000) -> int:
        """Delete up to `limit` keys of removed events that were received before a time; return how many."""

    async def forget_skipped(self, before: float, after: int = 0, limit: int = 200) -> Pruned:
        """Remove skipped runs that began before a time, step by step like `empty`; their events stay."""

    async def forget_recipes(self, before: float, in_force: Collection[str]) -> int:
        """
        Remove recipe versions that no run uses, and return how many.

        Versions in force stay, and so do those last stored after the time.
        """

    async def scrub(self) -> None:
        """Make sure that no file has a copy of removed data."""
