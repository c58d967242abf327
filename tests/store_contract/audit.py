"""What every store guarantees about the audit trail: with each decision its entry, or neither of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act, AuditReport, Checkpoint, Decision, Verifier
from appealbridge.model.delivery import Hold, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.run import RunState
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.store.base import Store
from appealbridge.store.records import Over, WithdrawalOrder
from tests.store_contract.case import NOW, RECEIPT, a_run, an_arrival, an_event, begun, ended

ALICE = Actor("alice", How.SOCKET)


def a_decision(act: Act = Act.RELEASE, reason: str = "seen by me", **more: object) -> Decision:
    """Return a decision of Alice."""
    return Decision(**{"actor": ALICE, "act": act, "at": NOW + 5, "reason": reason, **more})  # type: ignore[arg-type]


async def verified(store: Store, checkpoints: tuple[Checkpoint, ...] = ()) -> AuditReport:
    """Check the whole trail of a store."""
    verifier = Verifier([*checkpoints, *await store.checkpoints()])
    after = 0
    while page := await store.audit(after, 3):
        for entry in page:
            verifier.add(entry)
        after = page[-1].seq
    return verifier.end(await store.audit_issued())


async def held(store: Store, number: int = 1) -> str:
    """Store a held delivery, and return its id."""
    arrival = an_arrival(number, state=State.HELD, hold=Hold.BURST)
    await store.accept([arrival])
    return arrival.deliveries[0].id


class StoreAuditContract:
    """The trail of decisions."""

    async def test_a_move_for_a_person_stores_who_decided_what_and_on_which_text(
        self, store: Store
    ) -> None:
        """The entry names the delivery, its hash, and what it was before."""
        id_ = await held(store)
        moved = await store.move(id_, State.READY, NOW + 5, decision=a_decision())
        (entry,) = await store.audit()
        assert (entry.seq, entry.actor, entry.how, entry.act) == (
            1,
            "alice",
            "control socket",
            "release",
        )
        assert (entry.object, entry.content_hash) == (
            f"delivery {moved.number}",
            moved.content_hash,
        )
        assert '"holds":["burst"]' in entry.shown
        assert '"state":"held"' in entry.shown
        assert entry.reason == "seen by me"
        assert await store.decisions([entry.object]) == [entry]
        assert await store.decisions(["delivery 999"]) == []

    async def test_a_change_that_is_refused_leaves_no_entry(self, store: Store) -> None:
        """They are one transaction."""
        delivery = await begun(store, an_arrival(1))
        with pytest.raises(IllegalMove):
            await store.move(delivery.id, State.READY, NOW + 5, decision=a_decision())
        with pytest.raises(NotFound):
            await store.move("404", State.READY, NOW + 5, decision=a_decision())
        wrong = ended(delivery, State.DELIVERED, source=State.HELD, attempt=None)
        with pytest.raises(IllegalMove):
            await store.confirm(wrong, a_decision(Act.CONFIRM))
        assert await store.audit() == []
        assert (await store.delivery(delivery.id)).state is State.SENDING

    async def test_what_nobody_decided_has_no_entry(self, store: Store) -> None:
        """Unattended sends are in the trace, not in the trail."""
        delivery = await begun(store, an_arrival(1))
        await store.settle(ended(delivery, State.DELIVERED))
        assert await store.audit() == []
        assert await store.audit_issued() == 0
        assert await store.checkpoint(NOW) is None

    async def test_a_confirmation_a_withdrawal_its_lifting_and_a_replay_are_in_the_trail(
        self, store: Store
    ) -> None:
        """Each in the transaction of its change."""
        delivery = await begun(store, an_arrival(1, subject="A38"))
        await store.settle(
            ended(delivery, State.HELD, hold=Hold.UNKNOWN, receipt=None, attempt=None)
        )
        sure = ended(delivery, State.DELIVERED, source=State.HELD, receipt=RECEIPT, attempt=None)
        await store.confirm(sure, a_decision(Act.CONFIRM))
        withdrawal = Withdrawal(subject="A38", reason="found", by="alice", at=NOW + 6)
        await store.withdraw(
            WithdrawalOrder(withdrawal=withdrawal), a_decision(Act.WITHDRAW, "found")
        )
        await store.lift(1, "alice", NOW + 7, a_decision(Act.LIFT, ""))
        run = a_run(an_event(1, subject="A38"), "other")
        await store.run_again([run], (), a_decision(Act.REPLAY, ""))
        number = (await store.delivery(delivery.id)).number
        entries = await store.audit()
        assert [(each.act, each.object) for each in entries] == [
            ("confirm", f"delivery {number}"),
            ("withdraw", "withdrawal 1"),
            ("lift", "withdrawal 1"),
            ("replay", f"event {run.event_id}"),
        ]
        assert f'"removing":[{number}]' in entries[1].shown
        assert (await verified(store)).problems == []

    async def test_reasons_are_removed_with_the_content_and_the_trail_still_verifies(
        self, store: Store
    ) -> None:
        """The entry stays, with the hash of a reason that nobody can read or guess any more."""
        id_ = await held(store)
        await store.move(id_, State.CANCELLED, NOW + 5, decision=a_decision(Act.CANCEL))
        await store.record(a_decision(Act.RELOAD, "new recipes", object="settings"))
        (run,) = await store.runs()
        await store.advance(replace(run, state=RunState.PLANNED), 9, [])
        assert (await store.empty(Over(NOW + 99))).events == 1
        assert [each.reason for each in await store.audit()] == [None, "new recipes"]
        assert await store.forget_reasons(NOW + 5) == 0
        assert await store.forget_reasons(NOW + 6) == 1
        report = await verified(store)
        assert report.problems == []
        assert report.gaps == ["2 reasons were removed when their retention was over"]

    async def test_pruning_leaves_a_base_from_which_the_trail_verifies(self, store: Store) -> None:
        """Only the oldest entries go, those before the first that is young enough."""
        for at in (1, 2, 30, 3, 40):
            await store.record(a_decision(Act.RELOAD, "", at=NOW + at))
        assert await store.prune_audit(NOW + 10, NOW + 50, 1) == 1
        assert await store.prune_audit(NOW + 10, NOW + 50) == 1
        assert await store.prune_audit(NOW + 10, NOW + 50) == 0
        entries = await store.audit()
        assert [each.seq for each in entries] == [3, 4, 5, 6, 7]
        assert [each.act for each in entries[3:]] == ["prune", "prune"]
        report = await verified(store)
        assert report.problems == []
        assert report.gaps == ["entries up to 2 were removed when their retention was over"]

    async def test_a_checkpoint_is_kept_once_for_each_newest_entry(self, store: Store) -> None:
        """So an idle night leaves one line, not eight."""
        await store.record(a_decision())
        point = await store.checkpoint(NOW + 8)
        (entry,) = await store.audit()
        assert point == Checkpoint(1, entry.hash, NOW + 8)
        assert await store.checkpoint(NOW + 9) is None
        assert [*await store.checkpoints()] == [point]
