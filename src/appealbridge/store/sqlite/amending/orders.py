"""Carries out what recipes order about earlier deliveries, in the transaction that stores the order."""

from __future__ import annotations

from collections.abc import Sequence

from appealbridge.model.delivery import Delivery, Kind, State
from appealbridge.store.sqlite.access import Connection
from appealbridge.store.sqlite.amending.amendments import resolve
from appealbridge.store.sqlite.amending.revised import correct
from appealbridge.store.sqlite.states import WITHDRAW
from appealbridge.store.sqlite.withdrawals import carry_out_order

_IS_ORDER = f"UPDATE deliveries SET kind = {WITHDRAW} WHERE id = ?"


def carry_out(db: Connection, orders: Sequence[Delivery], now: float) -> None:
    """
    Carry out the withdrawals among these new deliveries, and find what the others amend or correct.

    Withdrawals that wait for a person are only marked as orders.
    """
    amendments = []
    corrections = []
    for order in orders:
        if order.corrects:
            corrections.append(order)
            continue
        if order.kind is Kind.AMEND:
            amendments.append(order)
            continue
        db.execute(_IS_ORDER, (order.id,))
        if order.state is not State.HELD:
            carry_out_order(db, order, now)
    if amendments:
        resolve(db, amendments, now)
    if corrections:
        correct(db, corrections, now)
