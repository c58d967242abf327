"""The `ApprovalStore`: the part of a store that keeps questions, revisions and answers. See `model/approval.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from appealbridge.model.approval import Answer, AnswerKind, ApprovalQuestion, Revision
from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery
from appealbridge.model.run import Run
from appealbridge.model.value import value

MOST_REVISIONS = 20
"""How many revisions of a delivery are read, the newest ones."""


@value(kw_only=True)
class PersonsAnswer:
    """
    What a person answers about one delivery: `hash` is that of the revision that they were shown.

    An approved delivery goes out at `due_at` at the earliest; `publish_at` is the time that the person chose, if any.
    `reason` is in the person's own words.
    """

    delivery_id: str
    hash: str
    kind: AnswerKind
    due_at: float = 0.0
    publish_at: float | None = None
    reason: str = ""


class ApprovalStore(Protocol):
    """Keeps what is asked and answered. Who may answer is decided before; a store checks what is answered."""

    async def ask(
        self, question: ApprovalQuestion, revisions: Sequence[Revision]
    ) -> ApprovalQuestion:
        """
        Store the question about a run with the first or new revisions of its deliveries; return it.

        If the run has an open question to the same people, the revisions are added to that one. A revision of a
        delivery that is not held for approval any more, or whose content or thread is another one, is left out.
        """

    async def answer(
        self, replies: Sequence[PersonsAnswer], decision: Decision
    ) -> Sequence[Delivery]:
        """
        Store a person's answers, all of them or none, each with its entry in the trail; return the deliveries.

        What is approved becomes ready, with all that follows in its thread, if nothing else holds it. What is rejected
        is cancelled. Raise `NotFound`; `IllegalMove` if a delivery does not wait for approval; `StaleRevision` if
        the hash is not that of its newest revision.
        """

    async def revise(
        self, revision: Revision, contents: Mapping[str, str], decision: Decision
    ) -> Revision:
        """
        Store a person's new revision of a delivery that waits for approval.

        `contents` are the messages that change, by the ids of their deliveries: that of the delivery itself, or those
        of later posts of its thread. The revision's `number` must follow the newest one. Raise `NotFound`,
        `IllegalMove` or `StaleRevision`.
        """

    async def take_back(self, delivery_id: str, decision: Decision) -> Delivery:
        """
        Take back an approval: the delivery waits for approval again, and its question is open again.

        Raise `NotFound`, or `IllegalMove` if it has no approval, or if it is being sent or was sent.
        """

    async def asked_again(
        self, number: int, *, level: int, next_at: float | None, reached: int
    ) -> None:
        """Let people be told once more of what waits of a question, and store when to ask again."""

    async def lapse(self, now: float) -> Sequence[Delivery]:
        """
        End the questions whose time is over: what still waits is expired with the reason, and returned.

        A clock that is set back revives nothing.
        """


class ApprovalQueries(Protocol):
    """Queries about approvals."""

    async def unasked(self, limit: int) -> Sequence[Delivery]:
        """
        Return deliveries that are held for approval about which nothing is asked, the oldest first.

        That includes those with an approval that does not fit them any more. What follows in a thread is not held, and
        not returned.
        """

    async def thread(self, delivery_id: str) -> Sequence[Delivery]:
        """Return the posts that follow a delivery in its thread, in order."""

    async def questions(
        self, *, open_only: bool = True, after: int = 0, limit: int = 100
    ) -> Sequence[ApprovalQuestion]:
        """Return questions with a higher number, the oldest first; an open one only if anything of it waits."""

    async def question(self, number: int) -> ApprovalQuestion:
        """Return a question; raise `NotFound`."""

    async def asked_about(self, number: int) -> Sequence[Delivery]:
        """Return the deliveries of a question, the oldest first, with all that follows in their threads."""

    async def revisions(self, delivery_ids: Collection[str]) -> Sequence[Revision]:
        """
        Return the revisions of deliveries; those of each in order, and only the newest `MOST_REVISIONS`.

        A source can correct what waits as often as it likes. The newest revision names the authors of all before it.
        A later post of a thread has a revision for each one of the first post, with its number and its hash.
        """

    async def answers(self, delivery_ids: Collection[str]) -> Sequence[Answer]:
        """Return all answers about deliveries, in the order in which they were given."""

    async def approval(self, delivery_id: str) -> tuple[Answer, Revision] | None:
        """Return the approval in force of a delivery's newest revision, with that; `None` if there is none."""

    async def authors_about(self, event_id: str, *, later: bool = False) -> Sequence[str]:
        """Return the authors of an event and of the earlier ones about its subject, `later` also of later ones."""

    async def corrected_by(self, run_id: str) -> Sequence[Run]:
        """
        Return the later runs whose posts became revisions of what a run had planned, the oldest first.

        Only the newest `MOST_REVISIONS`: each revision also names the authors of the revisions before it.
        """

    async def next_question(self) -> float | None:
        """Return when a question is next due: people are asked again, or it lapses."""
