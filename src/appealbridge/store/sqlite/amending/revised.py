"""
Makes a correction the next revision of what still waits for approval, in the transaction that stores it.

So there is one question about one post, and never two of which the older one has the text that was wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import orjson

from appealbridge.model.approval import AnswerKind
from appealbridge.model.delivery import Delivery, Hold, State, in_order
from appealbridge.store.sqlite.access import Connection
from appealbridge.store.sqlite.amending.removals import put
from appealbridge.store.sqlite.bulk import Insert
from appealbridge.store.sqlite.deliveries import deliveries_where, place
from appealbridge.store.sqlite.rows import DELIVERY, delivery_row, json_list, stored_time
from appealbridge.store.sqlite.schema import OF_SUBJECT
from appealbridge.store.sqlite.settle import leave
from appealbridge.store.sqlite.states import CANCELLED, PLANNED, POST, READY

Thread = Sequence[Delivery]

_EARLIER = (
    f"WHERE number IN ({OF_SUBJECT})"
    " AND subject = :subject AND origin = :origin AND recipe = :recipe AND channel = :channel"
    f" AND step = :step AND kind = {POST} AND follows = '' AND state <= {READY}"
    " AND event_id <> :event AND number < :number ORDER BY number"
)
_FOLLOWERS = (
    "WHERE id IN (WITH RECURSIVE t (id) AS (SELECT id FROM deliveries WHERE follows = :id"
    f" AND follows > '' AND state = {PLANNED} UNION ALL SELECT d.id FROM t JOIN deliveries d"
    f" ON d.follows = t.id AND d.follows > '' AND d.state = {PLANNED}) SELECT id FROM t) ORDER BY number"
)
TAKE_BACK = (
    "UPDATE answers SET withdrawn_at = ? WHERE delivery_id = ?"
    f" AND kind = '{AnswerKind.APPROVE}' AND withdrawn_at = 9e999"
)
"""Ends the approvals of a delivery."""

_SAYS = (
    "UPDATE deliveries SET content = :content, content_hash = :content_hash, publish_by = :publish_by"
    " WHERE id = :id"
)
# Nothing is asked about it as it is now.
_UNASKED = "UPDATE deliveries SET question = 0, notified = 0 WHERE id = ?"
_PREPARE = "UPDATE preparations SET delivery_id = ? WHERE delivery_id = ?"
_IS_UNPREPARED = "SELECT 1 FROM preparations WHERE delivery_id = ?"
_FORGET_IMAGES = tuple(
    f"DELETE FROM {table} WHERE delivery_id = ?" for table in ("preparations", "images")
)
_deliveries = Insert("deliveries", (*DELIVERY, "blocked", "follows"))
_LIKE_FIRST = (
    "UPDATE deliveries SET kind = f.kind, target = f.target, change = f.change, amends = f.amends"
    " FROM deliveries AS f WHERE deliveries.id = :id AND f.id = :first"
)
_CORRECTED = (
    "INSERT INTO corrections (run_id, by_run, at) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET at = excluded.at"
)


def followers(db: Connection, delivery_id: str) -> list[Delivery]:
    """Return the posts that follow a delivery in its thread and wait for it, in order."""
    return deliveries_where(db, _FOLLOWERS, {"id": delivery_id})


def waits(post: Delivery) -> bool:
    """Return whether a delivery was certainly not sent yet, and may still be."""
    waiting = (State.PLANNED, State.READY, State.HELD)
    return post.state in waiting and Hold.UNKNOWN not in post.hold.split()


def needs_approval(thread: Thread) -> bool:
    """Return whether people are or were asked about a thread, or will be."""
    return thread[0].question > 0 or Hold.APPROVAL in thread[0].hold.split()


def may_be_revised(thread: Thread) -> bool:
    """Return whether people are or were asked about a thread, and no attempt was made yet to send any of it."""
    return needs_approval(thread) and all(waits(post) and not post.attempts for post in thread)


def correct(db: Connection, orders: Sequence[Delivery], now: float) -> None:
    """Make these new posts revisions of earlier ones of their steps that still wait for approval."""
    steps: dict[tuple[str, str, str], list[Delivery]] = {}
    for order in orders:
        if not order.follows:
            steps.setdefault((order.run_id, order.step, order.channel), []).append(order)
    for planned in steps.values():
        stored = deliveries_where(
            db,
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY number",
            (json_list(each.id for each in planned),),
        )
        fresh = [each for each in stored if each.state is not State.CANCELLED]
        if fresh:
            _correct_step(db, fresh, now)


def _correct_step(db: Connection, fresh: Sequence[Delivery], now: float) -> None:
    """Make the posts of one step revisions; cancel the earlier ones that are not to be sent any more."""
    first = fresh[0]
    values = {
        "subject": first.subject,
        "origin": first.origin,
        "recipe": first.recipe,
        "channel": first.channel,
        "step": first.step,
        "event": first.event_id,
        "number": first.number,
    }
    roots = deliveries_where(db, _EARLIER, values)
    earlier = [[root, *followers(db, root.id)] for root in roots]
    waiting = [each for each in earlier if needs_approval(each) and all(map(waits, each))]
    for root in fresh:
        order = [root, *followers(db, root.id)]
        own = [thread for thread in waiting if _part(thread[0]) == _part(root)]
        newest = next((thread for thread in reversed(own) if may_be_revised(thread)), None)
        for thread in own:
            if thread is not newest:
                supersede(db, thread, f"superseded by no. {root.number}", now)
        if newest is not None:
            revise(db, order, newest, now)
    parts = {_part(root) for root in fresh}
    for thread in waiting:
        if _part(thread[0]) not in parts:
            supersede(db, thread, "a later event corrected it, and is not sent there", now)


def _part(root: Delivery) -> str:
    """Return which delivery of its step it is: that for one recipient, for example."""
    return root.id.removeprefix(root.run_id)


def supersede(db: Connection, thread: Thread, reason: str, now: float) -> None:
    """Cancel a thread that still waits."""
    for post in thread:
        put(db, post.id, CANCELLED, now, reason=reason)
    leave(db, [(post.id, now) for post in thread])


def revise(
    db: Connection,
    order: Thread,
    waiting: Thread,
    now: float,
    keeps: Collection[str] | None = None,
) -> None:
    """
    Give a waiting thread the content of a new one, so that it is asked about again; cancel the new one.

    An amendment `keeps` options of the message as they are, such as the recipient of a mail, and the images if it says
    nothing of them. A post keeps nothing.
    """
    keeps_images = keeps is not None and "images" not in orjson.loads(order[0].content)
    keeps = (*(keeps or ()), "images") if keeps_images else keeps or ()
    order = [keeping(part, post, keeps) for part, post in _pairs(order, waiting)]
    first = waiting[0]
    if [each.content for each in order] == [each.content for each in waiting]:
        reason = f"no. {first.number}, which still waits for approval, says this already"
        supersede(db, order, reason, now)
        return
    if not keeps_images:
        _take_images(db, order[0], first)
    unprepared = db.execute(_IS_UNPREPARED, (first.id,)).fetchone()
    for part, post in zip(order, waiting, strict=False):
        _say(db, part, post)
    behind = waiting[: len(order)][-1].id
    for part in order[len(waiting) :]:
        behind = _append(db, part, first, behind)
    if len(waiting) > len(order):
        reason = f"the correction of no. {first.number} has only {len(order)} parts"
        supersede(db, waiting[len(order) :], reason, now)
    approved = [db.execute(TAKE_BACK, (now, post.id)).rowcount for post in waiting]
    why = "a later event corrected it"
    if approved[0]:
        why += " after it was approved"
    target = State.PLANNED if unprepared else State.HELD
    place(db, first, target, now, hold=_holds(first, order[0]), reason=why)
    db.execute(_UNASKED, (first.id,))
    db.execute(_CORRECTED, (first.run_id, order[0].run_id, now))
    reason = f"it is the next revision of no. {first.number}, which still waits for approval"
    supersede(db, order, reason, now)


def _pairs(order: Thread, waiting: Thread) -> Iterable[tuple[Delivery, Delivery]]:
    return zip(order, [*waiting, *[waiting[0]] * len(order)], strict=False)


def keeping(part: Delivery, post: Delivery, keeps: Collection[str]) -> Delivery:
    """Return a new message with these options as an earlier one has them."""
    if not keeps:
        return part
    earlier = orjson.loads(post.content) if post.content else {}
    whole = orjson.loads(part.content) | {name: earlier[name] for name in keeps if name in earlier}
    content = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    return replace(part, content=content.decode(), content_hash=hashlib.sha256(content).hexdigest())


def _take_images(db: Connection, part: Delivery, post: Delivery) -> None:
    """Give a waiting post the images of the new one, which are still to be prepared, in place of its own."""
    for statement in _FORGET_IMAGES:
        db.execute(statement, (post.id,))
    db.execute(_PREPARE, (post.id, part.id))


def _say(db: Connection, part: Delivery, post: Delivery) -> None:
    values = {
        "content": part.content,
        "content_hash": part.content_hash,
        "publish_by": stored_time(part.publish_by),
        "id": post.id,
    }
    db.execute(_SAYS, values)


def _append(db: Connection, part: Delivery, first: Delivery, behind: str) -> str:
    """Add a part to the end of a waiting thread, and return its id."""
    new = replace(
        part,
        id=f"{first.id}~p{part.number}",
        run_id=first.run_id,
        event_id=first.event_id,
        step=first.step,
        state=State.PLANNED,
        hold="",
        reason="",
    )
    _deliveries.write(db, [(*delivery_row(new), 0, behind)])
    db.execute(_LIKE_FIRST, {"id": new.id, "first": first.id})
    return new.id


def _holds(post: Delivery, part: Delivery) -> str:
    """Return why the revision is held: for approval, for what is in it, and for a flood that its event was part of."""
    burst = {Hold.BURST.value} & {*post.hold.split()} if post.state is not State.READY else set()
    return " ".join(in_order([Hold.APPROVAL, *part.hold.split(), *burst]))
