"""What follows when an amendment is published: the versions of an edited post, and the end of a replaced one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from appealbridge.model.actor import Actor, How
from appealbridge.model.amendment import Change
from appealbridge.model.audit import Act, Decision, withdrawal_object
from appealbridge.model.delivery import Delivery, Hold, State
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.store.sqlite.amending.removals import (
    is_about,
    is_being_removed,
    plan_removal,
    put,
    removal_id,
    store_withdrawal,
)
from appealbridge.store.sqlite.decisions.entries import record
from appealbridge.store.sqlite.rows import STORED_DELIVERY, delivery_of, names
from appealbridge.store.sqlite.schema import OF_SUBJECT
from appealbridge.store.sqlite.states import (
    AMENDING_POST,
    CANCELLED,
    IS_OPEN_AMENDMENT,
    IS_REMOVAL,
    WITHDRAWING,
)

_COLUMNS = ("number", "amendment", "content_hash", "receipt", "at")
_KEEP_FIRST = (
    f"INSERT INTO versions (delivery, {names(_COLUMNS)})"
    " SELECT id, 1, id, content_hash, coalesce(receipt_id, ''), settled_at FROM deliveries WHERE id = :target"
    " AND NOT EXISTS (SELECT 1 FROM versions WHERE delivery = :target)"
)
_KEEP = (
    f"INSERT INTO versions (delivery, {names(_COLUMNS)})"
    " SELECT target, (SELECT 1 + coalesce(max(number), 0) FROM versions WHERE delivery = target), id,"
    " content_hash, coalesce(receipt_id, ''), :at FROM deliveries WHERE id = :id"
)
# A platform may give an edited post another id.
_RECEIPT = (
    "UPDATE deliveries SET receipt_id = e.receipt_id, receipt_url = e.receipt_url FROM"
    " (SELECT receipt_id, receipt_url FROM deliveries WHERE id = :id AND receipt_id IS NOT NULL) AS e"
    " WHERE deliveries.id = :target"
)
VERSIONS = f"SELECT {names(_COLUMNS)} FROM versions WHERE delivery = ? ORDER BY number"
"""Selects the versions of a post, oldest first."""

_MORE = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {IS_OPEN_AMENDMENT} AND target = :target"
    " AND id <> :id AND change = :change)"
)
_SELECT = f"SELECT {names(STORED_DELIVERY)} FROM deliveries"
_THREAD = (
    "WITH RECURSIVE thread (id) AS (VALUES (:target) UNION SELECT d.id FROM thread t, deliveries o, deliveries d"
    " WHERE o.id = :target AND d.id > o.run_id || '.' AND d.id < o.run_id || '/' AND d.follows = t.id"
    f" AND d.change IN ('', '{Change.REPLACE}') AND NOT d.{IS_REMOVAL})"
    f" {_SELECT} WHERE id IN (SELECT id FROM thread) AND state <= {WITHDRAWING} ORDER BY number DESC"
)
_REPLIES = (
    f"{_SELECT} WHERE number IN ({OF_SUBJECT})"
    f" AND target = :target AND kind = {AMENDING_POST} AND change = '{Change.FOLLOW_UP}' AND state <= {WITHDRAWING}"
    " ORDER BY number DESC"
)
Ended = Sequence[tuple[str, float]]


def edited(db: sqlite3.Connection, id_: str, target: str, at: float) -> None:
    """Store the version of a post that an edit has published."""
    db.execute(_KEEP_FIRST, {"target": target})
    db.execute(_KEEP, {"id": id_, "at": at})
    db.execute(_RECEIPT, {"id": id_, "target": target})


def exchange_uploads(db: sqlite3.Connection, edit: str, post: str) -> None:
    """Give a post the uploads of its edit, and the edit those that the post no longer shows, to be removed."""
    between = f"{edit} between"
    for old, new in ((post, between), (edit, post), (between, edit)):
        db.execute("UPDATE uploads SET delivery_id = ? WHERE delivery_id = ?", (new, old))


def replaced(db: sqlite3.Connection, id_: str, target: str, at: float) -> Ended:
    """
    Withdraw what another post now replaces: a post or thread, and the corrections that replied to it.

    Return what that has cancelled.

    If the other one is a thread, its last post must be published first.
    """
    values = {"id": id_, "target": target, "change": Change.REPLACE.value}
    if db.execute(_MORE, values).fetchone()[0]:
        return ()
    (new,) = _posts(db, f"{_SELECT} WHERE id = :id", values)
    old = _posts(db, _THREAD, values)
    replies = _posts(db, _REPLIES, values | {"subject": new.subject})
    return [*_end(db, replies, new, at), *_end(db, old, new, at)]


def _posts(db: sqlite3.Connection, statement: str, values: Mapping[str, str]) -> list[Delivery]:
    return [delivery_of(row) for row in db.execute(statement, values).fetchall()]


def _end(
    db: sqlite3.Connection, old: Sequence[Delivery], new: Delivery, at: float
) -> list[tuple[str, float]]:
    """Cancel or withdraw posts in whose place another one is published; each is removed after the one before it."""
    cancelled: list[tuple[str, float]] = []
    behind = ""
    for post in old:
        reason = f"replaced by no. {new.number}"
        if _waits(post):
            put(db, post.id, CANCELLED, at, reason=reason)
            cancelled.append((post.id, at))
            continue
        withdrawal = Withdrawal(
            subject=post.subject,
            origin=post.origin,
            target=post.id,
            whole=False,
            reason=reason,
            by=f"recipe {new.recipe}",
            at=at,
        )
        stored = store_withdrawal(db, withdrawal)
        _record(db, stored, post, new)
        is_about(db, stored, [post])
        if is_being_removed(db, post):
            continue
        plan_removal(db, stored, post, behind)
        behind = removal_id(post, stored.number)
    return cancelled


def _record(db: sqlite3.Connection, withdrawal: Withdrawal, post: Delivery, new: Delivery) -> None:
    """Store the recipe's decision to withdraw a post that another one replaces."""
    decision = Decision(
        actor=Actor(new.recipe, How.RECIPE),
        act=Act.WITHDRAW,
        at=withdrawal.at,
        object=withdrawal_object(withdrawal.number),
        reason=withdrawal.reason,
        shown={"replaced": [post.number], "by": [new.number]},
        event_id=new.event_id,
    )
    record(db, decision)


def _waits(post: Delivery) -> bool:
    return (
        post.state in (State.PLANNED, State.READY, State.HELD) and post.hold != Hold.UNKNOWN.value
    )
