"""The `AuditStore`: the part of a store that keeps the audit trail. See `model/audit.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from appealbridge.model.audit import AuditEntry, Checkpoint, Decision


class AuditStore(Protocol):
    """
    Keeps the trail of decisions.

    A method of a store that changes something for a person takes the `Decision`, and stores its entry in the same
    transaction as the change: both are stored, or neither. What nobody decided has no entry.
    """

    async def record(self, decision: Decision) -> int:
        """Store the entry of a decision that changes nothing else in the store; return its number."""

    async def checkpoint(self, now: float) -> Checkpoint | None:
        """Store the hash of the newest entry, and return it; `None` if the last checkpoint has it already."""

    async def prune_audit(self, before: float, now: float, limit: int = 1000) -> int:
        """
        Remove up to `limit` of the oldest entries, if they are from before a time; return how many.

        An entry about that is stored with the hash of the last one removed, from which the chain goes on.
        """

    async def forget_reasons(self, before: float) -> int:
        """
        Remove the reasons of decisions from before a time that are about no event; return how many.

        Those about an event are removed with its content. A withdrawal from before that time goes on without its
        reason, once nothing is being taken back for it.
        """


class AuditQueries(Protocol):
    """Queries about the trail."""

    async def audit(self, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Return entries with a higher `seq` than `after`, in order, with the reasons that are left."""

    async def decisions(self, objects: Collection[str]) -> Sequence[AuditEntry]:
        """Return all decisions about these objects, in order."""

    async def checkpoints(self) -> Sequence[Checkpoint]:
        """Return the checkpoints in the store, oldest first."""

    async def audit_issued(self) -> int:
        """Return the highest number that an entry ever had, 0 if there was none."""
