"""
What the writer remembers of live withdrawals, so that nothing else costs a statement more.

Live withdrawals are few. The memory belongs to the writing connection and is used only in its transactions. It is read
again after a change of withdrawals, and after a rollback.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import NamedTuple

import orjson

from appealbridge.model.amendment import Change
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import IllegalMove
from appealbridge.model.notice import Alarm
from appealbridge.model.withdrawal import SEARCHES, blocked_by
from appealbridge.model.withdrawal import WITHDRAWN as WITHDRAWN_HOLD
from appealbridge.store.sqlite.amending.removals import perhaps_published, put, remove_next
from appealbridge.store.sqlite.amending.versions import edited, exchange_uploads, replaced
from appealbridge.store.sqlite.rows import DELIVERY, Row
from appealbridge.store.sqlite.states import (
    CANCELLED,
    DELIVERED,
    HELD,
    IS_OPEN,
    IS_OPEN_AMENDMENT,
    IS_OPEN_REMOVAL,
    IS_REMOVAL,
    LAST_OPEN,
    PLANNED,
    READY,
    STATES,
    UNKNOWN,
    WITHDRAW,
    WITHDRAWING,
    WITHDRAWN,
)

Ended = Sequence[tuple[str, float]]

OF_CHANNEL = f"FROM deliveries WHERE {IS_OPEN_REMOVAL} AND channel = :channel"
"""The removals of a channel."""

_SUBJECTS = (
    "SELECT number, subject, origin, run, reason FROM withdrawals"
    " WHERE whole = 1 AND lifted_at = 9e999"
)
_OPEN_AMENDMENTS = f"SELECT id FROM deliveries WHERE {IS_OPEN_AMENDMENT}"
_OPEN_REMOVALS = (
    "SELECT r.id, p.id, p.state FROM deliveries r LEFT JOIN deliveries p ON p.id = r.target"
    f" WHERE r.{IS_REMOVAL} AND r.{IS_OPEN} AND r.target > ''"
)
_MARK = (
    f"UPDATE deliveries SET hold = '{WITHDRAWN_HOLD}' WHERE state = {UNKNOWN} AND id IN"
    f" (SELECT target FROM deliveries WHERE {IS_OPEN_REMOVAL} AND state = {PLANNED})"
)
_IS_OPEN = f"SELECT {IS_OPEN} FROM deliveries WHERE id = ?"
_ABOUT = (
    "SELECT kind, state, hold, target, reason, change,"
    f" CASE change WHEN '{Change.EDIT}' THEN json_type(nullif(content, ''), '$.images') IS NOT NULL END"
    " FROM deliveries WHERE id = ?"
)
_OF_POST = (
    f"SELECT id FROM deliveries WHERE {IS_REMOVAL} AND target = ? AND state IN ({PLANNED}, {HELD})"
)
_PUBLISHED_ONE = "UPDATE deliveries SET state = ? WHERE id = ? AND state = ?"
_NO_LONGER_UNCLEAR = f"UPDATE deliveries SET hold = '' WHERE id = ? AND state = {CANCELLED}"
# It began, so it keeps its place in the order.
_SEARCH_AGAIN = (
    f"UPDATE deliveries SET state = {UNKNOWN}, hold = '{WITHDRAWN_HOLD}', due_at = ? WHERE id = ?"
)

_RUN, _SUBJECT, _ORIGIN, _CHANNEL = (
    DELIVERY.index(name) for name in ("run_id", "subject", "origin", "channel")
)
_STATE, _HOLD, _CONTENT = (DELIVERY.index(name) for name in ("state", "hold", "content"))
_PLANNED_AT = DELIVERY.index("planned_at")


class StateChange(NamedTuple):
    """
    When a delivery changed its state, and what it was before.

    `unclear` says that a person cancelled it although nobody knew whether it was published.
    """

    at: float
    was: int
    unclear: bool = False


class Block(NamedTuple):
    """A live withdrawal of a whole subject; see `Withdrawal`."""

    number: int
    origin: str
    run: str
    reason: str

    @property
    def explanation(self) -> str:
        """Why nothing about the subject is published, and how to change that."""
        return blocked_by(self.number, self.reason)


class LiveWithdrawals:
    """
    The subjects about which nothing may be published, and the deliveries whose settling concerns a withdrawal.

    `concerned` are the open removals, and the posts with an open removal that are not published. `amendments` are those
    that are open.
    """

    def __init__(self) -> None:
        self.stale = True
        self.subjects: dict[str, list[Block]] = {}
        self.concerned: set[str] = set()
        self.amendments: set[str] = set()

    def load(self, db: sqlite3.Connection) -> None:
        """Read it from the store."""
        self.subjects = {}
        for number, subject, *rest in db.execute(_SUBJECTS):
            self.subjects.setdefault(subject, []).append(Block(number, *rest))
        self.concerned = set()
        for removal, post, state in db.execute(_OPEN_REMOVALS):
            self.concerned |= {removal, post} if post and state <= LAST_OPEN else {removal}
        self.amendments = {id_ for (id_,) in db.execute(_OPEN_AMENDMENTS)}
        self.stale = False

    def block(self, subject: str, origin: str, run: str) -> Block | None:
        """Return what keeps back a delivery of this subject, origin and run, `None` if nothing does."""
        blocks = self.subjects.get(subject, ())
        if any(block.run == run for block in blocks):
            return None
        return next((block for block in blocks if block.origin in ("", origin)), None)

    def refuse(self, db: sqlite3.Connection, delivery: Delivery) -> None:
        """Raise `IllegalMove` if a withdrawal does not allow that a delivery becomes ready."""
        if delivery.kind is Kind.WITHDRAW and not delivery.target:
            raise IllegalMove(f"delivery {delivery.number}: it is an order, which is carried out")
        if delivery.kind is Kind.WITHDRAW:
            (post,) = db.execute(_ABOUT, (delivery.target,)).fetchall() or [(0, -1)]
            if post[1] != WITHDRAWING:
                raise IllegalMove(
                    f"delivery {delivery.number}: nobody knows whether its post is published; look at "
                    "the account, then confirm the post, or that it is not there"
                )
            return
        block = self.block(delivery.subject, delivery.origin, delivery.run_id)
        if block is not None:
            raise IllegalMove(f"delivery {delivery.number}: {block.explanation}")
        if delivery.id in self.concerned:
            raise IllegalMove(f"delivery {delivery.number}: it is withdrawn, so it is not sent")

    def after(
        self,
        db: sqlite3.Connection,
        changed: Mapping[str, StateChange],
        leave: Callable[[sqlite3.Connection, Ended], None],
    ) -> None:
        """Store what follows from the new states of these deliveries."""
        left: list[tuple[str, float]] = []
        for id_, change in changed.items():
            kind, state, hold, target, reason, _, _ = db.execute(_ABOUT, (id_,)).fetchone()
            if id_ in self.amendments:
                left += self._amended(db, id_, change.at)
            if kind == WITHDRAW:
                left += _removal_ended(db, id_, target, state, change.at)
                over = {id_, target} if state > LAST_OPEN else set()
            elif id_ not in self.concerned:
                continue
            else:
                removal, ends = _post_ended(db, id_, state, hold, reason, change)
                left += ends
                (open_removal,) = db.execute(_IS_OPEN, (removal,)).fetchone() or (0,)
                after = db.execute(_ABOUT, (id_,)).fetchone()[1]
                over = {id_} if after > LAST_OPEN else set()
                over |= set() if open_removal else {id_, removal}
            # Not read again: there may be thousands of removals, which end one after another.
            self.concerned -= over
        leave(db, left)

    def concerns(self, id_: str) -> bool:
        """Return whether something follows from a new state of this delivery."""
        return id_ in self.concerned or id_ in self.amendments

    def _amended(self, db: sqlite3.Connection, id_: str, at: float) -> Ended:
        """Store what follows for the post that an amendment changes."""
        _, state, _, target, _, change, has_images = db.execute(_ABOUT, (id_,)).fetchone()
        if state > LAST_OPEN:
            self.amendments.discard(id_)
        if state != DELIVERED:
            return ()
        if change == Change.EDIT:
            edited(db, id_, target, at)
            if has_images:
                exchange_uploads(db, id_, target)
        if change != Change.REPLACE:
            return ()
        self.stale = True
        return replaced(db, id_, target, at)


class WritingConnection(sqlite3.Connection):
    """The connection that writes, with what it remembers."""

    live: LiveWithdrawals | None = None


def live_of(connection: sqlite3.Connection) -> LiveWithdrawals:
    """Return what a writing connection remembers of live withdrawals."""
    live = getattr(connection, "live", None) or LiveWithdrawals()
    if live.stale:
        live.load(connection)
    if isinstance(connection, WritingConnection):
        connection.live = live
    return live


def forget(connection: sqlite3.Connection) -> None:
    """Let it be read again, because a transaction was rolled back or has changed withdrawals."""
    if isinstance(connection, WritingConnection) and connection.live is not None:
        connection.live.stale = True


def mark_withdrawn(db: sqlite3.Connection) -> None:
    """Mark withdrawn posts whose outcome has become unclear, so that they are only searched for."""
    db.execute(_MARK)


def withhold(db: sqlite3.Connection, rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """
    Return the rows of new deliveries, cancelled where their subject is withdrawn, and these alone.

    People are notified of what is cancelled here.
    """
    live = live_of(db)
    if not live.subjects or not any(row[_SUBJECT] in live.subjects for row in rows):
        return rows, ()
    withdrawing = {row[_RUN] for row in rows if _withdraws_all(row)}
    remaining: list[Row] = []
    withheld: list[Row] = []
    for row in rows:
        block = live.block(row[_SUBJECT], row[_ORIGIN], row[_RUN])
        if (
            block is None
            or row[_STATE] > LAST_OPEN
            or not row[_CHANNEL]
            or row[_RUN] in withdrawing
        ):
            remaining.append(row)
            continue
        cancelled = (
            *row[:_HOLD], "", block.explanation, row[_PLANNED_AT], CANCELLED, 0, inf, inf, 0,
        )  # fmt: skip
        remaining.append(cancelled)
        withheld.append(cancelled)
        _notify_of_later_event(db, block, row)
    return remaining, withheld


def _withdraws_all(row: Row) -> bool:
    """Return whether it is an order for the whole subject that waits for nobody; its run may announce it."""
    if row[_CHANNEL] or row[_STATE] == HELD:
        return False
    order = orjson.loads(row[_CONTENT])
    return not order["of"] and not order["channels"]


_NOTIFY = (
    "INSERT INTO alarms (kind, channel, message, at) SELECT :kind, '', :message, :at"
    " WHERE NOT EXISTS (SELECT 1 FROM alarms WHERE kind = :kind AND channel = '' AND message = :message)"
)


def _notify_of_later_event(db: sqlite3.Connection, block: Block, row: Row) -> None:
    why = f" ({block.reason})" if block.reason else ""
    text = (
        f"{row[_SUBJECT]}: something was to be published, but the subject is withdrawn{why}. "
        f"If it is to be published again, lift the withdrawal: appealbridge lift {block.number}"
    )
    notify(db, Alarm.WITHDRAWN_SUBJECT, text, row[_PLANNED_AT])


def notify(db: sqlite3.Connection, kind: Alarm, text: str, at: float) -> None:
    """Let people be told of something about a withdrawal, once."""
    db.execute(_NOTIFY, {"kind": kind, "message": text, "at": at})


def _removal_ended(db: sqlite3.Connection, id_: str, post: str, state: int, at: float) -> Ended:
    left: list[tuple[str, float]] = []
    if state == DELIVERED:
        db.execute(_PUBLISHED_ONE, (WITHDRAWN, post, WITHDRAWING))
        db.execute(_NO_LONGER_UNCLEAR, (post,))
        about = db.execute(_ABOUT, (post,)).fetchone()
        if about is not None and about[1] <= LAST_OPEN:
            put(db, post, CANCELLED, at, reason="withdrawn; a person has seen that it is not there")
            left.append((post, at))
    elif state == CANCELLED:
        db.execute(_PUBLISHED_ONE, (DELIVERED, post, WITHDRAWING))
    if STATES[state] not in (State.PLANNED, State.READY, State.SENDING):
        remove_next(db, id_, at)
    return left


def _post_ended(
    db: sqlite3.Connection, id_: str, state: int, hold: str, reason: str, change: StateChange
) -> tuple[str, Ended]:
    """Store what the outcome of a withdrawn post means for it and its removal; return the removal's id too."""
    at = change.at
    (removal,) = db.execute(_OF_POST, (id_,)).fetchone() or ("",)
    if not removal:
        return "", ()
    if state == DELIVERED:
        db.execute(_PUBLISHED_ONE, (WITHDRAWING, id_, DELIVERED))
        (follows,) = db.execute(
            "SELECT follows FROM deliveries WHERE id = ?", (removal,)
        ).fetchone()
        if not follows:
            put(db, removal, READY, at)
        return removal, ()
    if state == UNKNOWN:
        mark_withdrawn(db)
        return removal, ()
    if state == READY and change.was == UNKNOWN:
        # The search began before the withdrawal. A slow platform may still publish it.
        db.execute(_SEARCH_AGAIN, (at + SEARCHES[0], id_))
        return removal, ()
    if change.unclear or (state == HELD and hold == Hold.UNKNOWN):
        put(db, removal, HELD, at, hold=Hold.CANNOT_REMOVE, reason=perhaps_published(reason))
        remove_next(db, removal, at)
        return removal, ()
    put(db, removal, CANCELLED, at, reason="its post was never published")
    remove_next(db, removal, at)
    if state > LAST_OPEN:
        return removal, ()
    put(db, id_, CANCELLED, at, reason="withdrawn before it was published")
    return removal, [(id_, at)]
