"""What withdrawals cost those that are none: no statement and no commit more."""

from contextlib import closing

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.store.records import WithdrawalOrder
from appealbridge.store.sqlite import schema
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.events import accept
from appealbridge.store.sqlite.live import live_of
from appealbridge.store.sqlite.settle import ending, settle
from appealbridge.store.sqlite.withdrawals import withdraw
from tests.sqlite_direct import On, intake
from tests.store_contract.case import CHANNEL, NOW, an_arrival, ended


@pytest.fixture
def db(path):
    """A store that its writing connection has opened."""
    with closing(open_writer(path)) as db:
        schema.migrate(db, path)
        live_of(db)
        yield db


def statements(db, number):
    """Publish one delivery, and return how many statements its transactions took."""
    statements = []
    db.set_trace_callback(statements.append)
    sending = an_arrival(number, state=State.SENDING)
    accept(db, [intake([sending], None)])
    settle(db, [ending(ended(sending.deliveries[0], State.READY, due_at=NOW))])
    On(db).queue_status(CHANNEL, NOW + 1)
    On(db).claim(CHANNEL, NOW + 1, 9)
    settle(db, [ending(ended(sending.deliveries[0], State.DELIVERED))])
    db.set_trace_callback(None)
    return len(statements)


def withdraws(db, subject):
    """Withdraw a subject."""
    withdrawal = Withdrawal(subject=subject, reason="found", by="alice", at=NOW)
    return withdraw(db, WithdrawalOrder(withdrawal=withdrawal))


def test_a_delivery_that_is_none_costs_what_it_did_before(db):
    """The version before withdrawals took as many statements, counted in the same way."""
    assert statements(db, 1) == 21


def test_live_withdrawals_of_other_subjects_cost_nothing(db):
    before = statements(db, 1)
    for number in range(50):
        withdraws(db, f"OTHER-{number}")
    live_of(db)  # read again once after a change
    assert statements(db, 2) == before
    assert len(withdraws(db, "INC-2").removing) == 1
    live_of(db)
    assert statements(db, 3) == before


def test_the_end_of_a_removal_reads_no_other_one(db):
    """Thousands of posts about one subject end one after another."""
    for number in range(9):
        sending = an_arrival(number, subject="MANY", state=State.SENDING)
        accept(db, [intake([sending])])
        settle(db, [ending(ended(sending.deliveries[0], State.DELIVERED))])
    withdraws(db, "MANY")
    live_of(db)
    removals = On(db).claim_removals(CHANNEL, NOW, 9)
    read = []
    db.set_trace_callback(read.append)
    for removal in removals:
        settle(db, [ending(ended(removal, State.UNKNOWN, due_at=NOW))])
        settle(db, [ending(ended(removal, State.DELIVERED, source=State.UNKNOWN, receipt=None))])
        assert removal.id not in live_of(db).concerned
    assert len(removals) == 9
    assert [line for line in read if "target > ''" in line] == []
    remembered = set(live_of(db).concerned)
    live_of(db).load(db)
    assert live_of(db).concerned == remembered == set()
