"""What every store promises about what is over: emptied first, removed later, step by step."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from appealbridge.store.records import Over, Pruned


class StoreRetention(Protocol):
    """The part of `Store` that takes out what is over."""

    async def empty(self, over: Over, after: int = 0, limit: int = 200) -> Pruned:
        """
        Take the content out of events that are over, and out of all they caused.

        That is an event's data, its runs' traces and reasons, its deliveries' content and reasons, and
        the details of their attempts. An event is over when it has no open run, all its deliveries had
        settled before the time, and no delivery of its subject and origin is open. About `limit` rows are changed
        at once; the next step goes on `after` what the last one said, however little that one found.
        """

    async def forget(
        self, over: Over, *, emptied: bool, after: int = 0, limit: int = 200
    ) -> Pruned:
        """
        Remove events that are over with all they caused, likewise step by step.

        With `emptied`, only those whose content has been taken out before. Their keys stay known.
        """

    async def forget_keys(self, before: float, limit: int = 2000) -> int:
        """Delete up to `limit` keys of removed events that were received before a time; return how many."""
        ...

    async def forget_skipped(self, before: float, after: int = 0, limit: int = 200) -> Pruned:
        """Remove runs that were skipped and began before a time, likewise step by step; their events stay."""

    async def forget_recipes(self, before: float, in_force: Collection[str]) -> int:
        """
        Remove recipe versions that no run was made by; return how many.

        Those that are in force stay, and those that were kept, or kept again, after the time.
        """

    async def scrub(self) -> None:
        """Leave no copy of what was emptied or removed in places that are only written now and then."""
