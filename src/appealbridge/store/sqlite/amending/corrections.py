"""Stores the mails that correct those that are withdrawn, in the transaction of the withdrawal."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from appealbridge.model.amendment import KEPT_IN_CORRECTION, Change
from appealbridge.model.delivery import Delivery, State
from appealbridge.store.records import Withdrawn
from appealbridge.store.sqlite.bulk import Insert
from appealbridge.store.sqlite.ordering import LAST, has_to_wait, key_of
from appealbridge.store.sqlite.rows import DELIVERY, delivery_row
from appealbridge.store.sqlite.states import AMENDING_POST, IS_AMENDMENT

_deliveries = Insert("deliveries", (*DELIVERY, "blocked", "kind", "target", "change", "follows"))
_HAS_CORRECTION = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {IS_AMENDMENT} AND target = ?"
    f" AND change = '{Change.CORRECTION}')"
)
_SENT = (State.DELIVERED, State.WITHDRAWING)


def send_corrections(
    db: sqlite3.Connection,
    order: Delivery,
    result: Withdrawn,
    correction: Mapping[str, Any],
    now: float,
) -> None:
    """
    Store a mail for each mail that is withdrawn, which threads onto that one.

    It belongs to the run that withdraws, so that the withdrawal does not keep it back. If nobody knows yet whether the
    first mail was sent, it waits for that. A mail that was withdrawn before, by a person for example, gets one too,
    until somebody confirms that all is done about it.
    """
    for mail in (*result.removing, *result.awaited, *result.tasks, *result.already):
        # Whoever had a first mail and one that followed it gets one correction.
        if (
            mail.channel not in correction["channels"]
            or mail.change == Change.FOLLOW_UP
            or not mail.content
        ):
            continue
        if mail in result.already and db.execute(_HAS_CORRECTION, (mail.id,)).fetchone()[0]:
            continue
        original = orjson.loads(mail.content)
        message = {name: original[name] for name in KEPT_IN_CORRECTION if name in original}
        message |= {"subject": correction["subject"], "text": correction["text"]}
        content = orjson.dumps(message, option=orjson.OPT_SORT_KEYS).decode()
        follow_up = replace(
            order,
            id=f"{order.id}~{mail.number}",
            step=f"{order.step}.correction",
            action="correction",
            channel=mail.channel,
            content=content,
            content_hash=hashlib.sha256(content.encode()).hexdigest(),
            state=State.READY if mail.state in _SENT else State.PLANNED,
            hold="",
            reason="",
            planned_at=now,
            due_at=now,
            publish_by=None,
        )
        waits = has_to_wait(db, key_of(replace(follow_up, number=LAST)))
        blocked = int(follow_up.state is State.READY and waits)
        values = (AMENDING_POST, mail.id, Change.CORRECTION.value, mail.id)
        _deliveries.write(db, [(*delivery_row(follow_up), blocked, *values)])
