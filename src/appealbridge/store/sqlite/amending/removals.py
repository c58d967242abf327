"""The rows of withdrawals and removals, and the changes of state that they cause."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.withdrawal import Withdrawal
from appealbridge.store.sqlite.bulk import Insert
from appealbridge.store.sqlite.rows import DELIVERY, as_json, delivery_row, names
from appealbridge.store.sqlite.states import (
    IS_REMOVAL,
    LAST_OPEN,
    PLANNED,
    READY,
    WITHDRAW,
    WITHDRAWING,
)

_SET = (
    "UPDATE deliveries SET state = :state, hold = :hold, reason = :reason, due_at = :at,"
    f" settled_at = CASE WHEN :state > {LAST_OPEN} THEN min(settled_at, :at) ELSE 9e999 END,"
    " blocked = 0 WHERE id = :id"
)
_REMOVE_NEXT = (
    f"UPDATE deliveries SET follows = '', due_at = :at, state = CASE (SELECT p.state FROM"
    f" deliveries p WHERE p.id = deliveries.target) WHEN {WITHDRAWING} THEN {READY} ELSE state END"
    f" WHERE follows > '' AND follows = :id AND state = {PLANNED} AND {IS_REMOVAL}"
)
WITHDRAWAL = ("subject", "origin", "target", "whole", "run", "reason", "by", "at", "lifted_by")
_STORE = (
    f"INSERT INTO withdrawals ({names(WITHDRAWAL)}, lifted_at)"
    f" VALUES ({', '.join('?' * len(WITHDRAWAL))}, 9e999) RETURNING number"
)
_deliveries = Insert("deliveries", (*DELIVERY, "blocked", "kind", "target", "follows"))
_ABOUT = "INSERT INTO withdrawn_posts (withdrawal, delivery) VALUES (?, ?)"
_HAS_REMOVAL = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {IS_REMOVAL} AND target = ?"
    f" AND state <= {LAST_OPEN})"
)
_TO_POST = f"UPDATE deliveries SET state = {WITHDRAWING} WHERE id = ?"


def put(
    db: sqlite3.Connection, id_: str, state: int, at: float, *, hold: str = "", reason: str = ""
) -> None:
    """Give a delivery another state, due from then on."""
    db.execute(_SET, {"id": id_, "state": state, "hold": hold, "reason": reason, "at": at})


def remove_next(db: sqlite3.Connection, id_: str, at: float) -> None:
    """Let the post before this one in a thread be removed too."""
    db.execute(_REMOVE_NEXT, {"id": id_, "at": at})


def removal_id(post: Delivery, number: int) -> str:
    """Return the id of the removal of a post by the withdrawal of this number."""
    return f"{post.id}~w{number}"


def store_withdrawal(db: sqlite3.Connection, withdrawal: Withdrawal) -> Withdrawal:
    """Store a withdrawal, and return it with its number."""
    w = withdrawal
    values = (w.subject, w.origin, w.target, int(w.whole), w.run, w.reason, w.by, w.at, w.lifted_by)
    (number,) = db.execute(_STORE, values).fetchone()
    return replace(w, number=number)


def is_being_removed(db: sqlite3.Connection, post: Delivery) -> bool:
    """Return whether a removal of a post has not ended."""
    (removed,) = db.execute(_HAS_REMOVAL, (post.id,)).fetchone()
    return bool(removed)


def is_about(db: sqlite3.Connection, withdrawal: Withdrawal, posts: Iterable[Delivery]) -> None:
    """Store which posts a withdrawal is about, also those that are being removed already."""
    db.executemany(_ABOUT, [(withdrawal.number, post.id) for post in posts])


def plan_removal(
    db: sqlite3.Connection, withdrawal: Withdrawal, post: Delivery, behind: str
) -> None:
    """Store the removal of a post, `behind` that of the next post of its thread."""
    content = as_json({"withdraw": post.number, "reason": withdrawal.reason})
    hold, reason, state = "", f"withdrawn: {withdrawal.reason}", State.READY
    if post.state in (State.HELD, State.CANCELLED):
        hold, reason, state = Hold.CANNOT_REMOVE, perhaps_published(post.reason), State.HELD
    elif post.state is not State.DELIVERED or behind:
        state = State.PLANNED
    removal = replace(
        post,
        id=removal_id(post, withdrawal.number),
        kind=Kind.WITHDRAW,
        target=post.id,
        content=content,
        content_hash=hashlib.sha256(content.encode()).hexdigest(),
        # No delivery has its turn before or behind it.
        origin=f"withdraw:{post.id}",
        state=state,
        hold=hold,
        reason=reason,
        planned_at=withdrawal.at,
        due_at=withdrawal.at,
        publish_by=None,
        attempts=0,
        begun_at=None,
        first_begun_at=None,
        settled_at=None,
    )
    _deliveries.write(db, [(*delivery_row(removal), 0, WITHDRAW, post.id, behind)])
    if post.state is State.DELIVERED:
        db.execute(_TO_POST, (post.id,))
    if state is State.HELD:
        remove_next(db, removal.id, withdrawal.at)


def perhaps_published(reason: str) -> str:
    """Return the reason of a task about a post of which nobody knows whether it is published."""
    return (
        "nobody knows whether its post is published; look at the account, remove it there if it is, "
        f"then confirm ({reason})"
    )
