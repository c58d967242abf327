"""The part of a store that takes back or corrects what was published."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from appealbridge.model.amendment import Version
from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.store.records import Removal, WithdrawalOrder, Withdrawn


class WithdrawalStore(Protocol):
    """
    Takes back what was published.

    A removal is a delivery of the kind `withdraw`; it belongs to the run of its post, whose `withdrawing` ends with it.
    While a whole subject is withdrawn, nothing about it is sent: `accept` and `advance` store it as cancelled and raise
    an alarm, and `move` does not make it ready. What was `sending`, `unknown` or held as unknown has a removal that is
    `planned` or held: `settle` and `move` make it ready if the post turns out to be published, and otherwise cancel it.
    """

    async def withdraw(self, order: WithdrawalOrder, decision: Decision | None = None) -> Withdrawn:
        """
        Store a withdrawal with all that follows from it.

        What waits is cancelled, and what is published gets a removal. A thread is removed from its last post to its
        first. Raise `IllegalMove` if a single post is not published and does not wait, and `NotFound`.
        """

    async def lift(
        self, number: int, by: str, now: float, decision: Decision | None = None
    ) -> Withdrawal:
        """
        End a withdrawal; removals that have not begun are cancelled, and their posts stay published.

        What was being sent or unclear when it was withdrawn is removed or cancelled all the same. Raise `NotFound`,
        or `IllegalMove` if it is lifted already.
        """

    async def claim_removals(self, channel: str, now: float, limit: int) -> Sequence[Delivery]:
        """Begin attempts at removals that are due, like `claim`."""

    async def carry_out(
        self, order_id: str, now: float, decision: Decision | None = None
    ) -> Withdrawn:
        """
        Carry out an order that is held: a delivery of the kind `withdraw` without a target, which a recipe planned.

        `accept` and `advance` carry out at once what is not held. Raise `NotFound`, or `IllegalMove` if it is not held.
        """


class CorrectionQueries(Protocol):
    """Queries about what was taken back or corrected."""

    async def would_withdraw(self, order: WithdrawalOrder) -> Withdrawn:
        """Return what `withdraw` would do, and change nothing."""

    async def withdrawals(self, subject: str = "", limit: int = 100) -> Sequence[Withdrawal]:
        """List withdrawals, newest first; without a subject those of all."""

    async def still_withdrawn_by(self, number: int) -> Sequence[Withdrawal]:
        """
        List the withdrawals in force that a lifted one leaves: those of its subject or of some channels, newest first.

        A withdrawal of one post is among them only if both are about that post.
        """

    async def from_other_sources(
        self, withdrawals: Sequence[Withdrawal], limit: int = 100
    ) -> Mapping[int, Sequence[Delivery]]:
        """
        Return for each withdrawal of a recipe, by its number, what is published or waits about its subject.

        A recipe takes back only what came from its own origin. The newest come first; a withdrawal that left nothing is
        left out.
        """

    async def removals(self, subject: str = "", *, limit: int = 500) -> Sequence[Removal]:
        """List removals with their posts: first those that have not ended, and the newest first of both."""

    async def stuck_removals(
        self, channels: Collection[str], before: float, limit: int = 500
    ) -> Sequence[Removal]:
        """
        List removals that wait for no person, oldest first, and will not end by themselves.

        They are on none of these channels, or were planned before a time (Unix seconds).
        """

    async def similar_subjects(self, subject: str, limit: int = 5) -> Sequence[str]:
        """
        Return other subjects with deliveries that a person may have meant, of the newest events.

        They differ only in case, Unicode form, spaces or punctuation.
        """

    async def outstanding(self) -> tuple[int, float | None]:
        """Return how many removals have not ended, and when the oldest of them was planned."""

    async def versions(self, delivery_id: str) -> Sequence[Version]:
        """Return the versions of a post that was edited, oldest first; none if it never was."""
