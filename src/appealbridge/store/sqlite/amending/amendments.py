"""Finds what the amendments of a recipe amend, in the transaction that stores them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import orjson

from appealbridge.model.amendment import Amends, Change, Instead
from appealbridge.model.delivery import Delivery, State
from appealbridge.store.sqlite.access import Connection
from appealbridge.store.sqlite.amending.removals import put
from appealbridge.store.sqlite.amending.revised import (
    followers,
    keeping,
    may_be_revised,
    needs_approval,
    revise,
    supersede,
    waits,
)
from appealbridge.store.sqlite.amending.superseded import note
from appealbridge.store.sqlite.bulk import Insert
from appealbridge.store.sqlite.deliveries import deliveries_where
from appealbridge.store.sqlite.images.images import copy_images, copy_preparation
from appealbridge.store.sqlite.live import forget
from appealbridge.store.sqlite.ordering import LAST, has_to_wait, key_of
from appealbridge.store.sqlite.rows import DELIVERY, delivery_row, json_list
from appealbridge.store.sqlite.schema import OF_SUBJECT
from appealbridge.store.sqlite.settle import leave
from appealbridge.store.sqlite.states import (
    AMENDING_POST,
    CANCELLED,
    DELIVERED,
    EDIT,
    IS_OPEN_AMENDMENT,
    NUMBERS,
    POST,
    READY,
)

# Those of the step, and those that took their place.
_STANDING = (
    f"WHERE number IN ({OF_SUBJECT})"
    " AND subject = :subject AND origin = :origin AND recipe = :recipe AND channel = :channel"
    f" AND (kind = {POST} AND step = :of OR amends = :of AND change = '{Change.REPLACE}')"
    f" AND state <= {DELIVERED} ORDER BY number"
)
_EARLIER = (
    f"WHERE {IS_OPEN_AMENDMENT} AND target IN (SELECT value FROM json_each(?)) AND state <= {READY}"
    f" AND hold <> 'unknown' AND change <> '{Change.CORRECTION}' ORDER BY number"
)
_AMEND = (
    "UPDATE deliveries SET kind = :kind, target = :target, change = :change, amends = :amends,"
    " follows = :follows, content = :content, content_hash = :content_hash, state = :state,"
    " reason = :reason WHERE id = :id"
)
_deliveries = Insert("deliveries", (*DELIVERY, "blocked"))

Thread = Sequence[Delivery]


def resolve(db: Connection, orders: Sequence[Delivery], now: float) -> None:
    """Give each of these new deliveries what it amends; cancel those that have nothing to amend."""
    for order in _threads(orders):
        amends = order[0].amends
        stored = [each for delivery in order for each in _stored(db, delivery)]
        if amends is None or any(each.change for each in stored):
            continue  # it was stored before
        if any(each.state is State.CANCELLED for each in stored):  # its subject is withdrawn
            _mark(db, order)
            continue
        _resolve(db, stored, amends, now)
    forget(db)


def _resolve(db: Connection, order: Thread, amends: Amends, now: float) -> None:
    first = order[0]
    values = {
        "subject": first.subject,
        "origin": first.origin,
        "recipe": first.recipe,
        "channel": first.channel,
        "of": amends.of,
    }
    threads = _threads(deliveries_where(db, _STANDING, values))
    earlier = deliveries_where(db, _EARLIER, (json_list(thread[0].id for thread in threads),))
    targets = _standing(threads, {amendment.id for amendment in earlier})
    waiting = {target[0].id: _to_revise(db, order, target, earlier, amends) for target in targets}
    revised = {thread[0].id for thread in waiting.values() if thread}
    for amendment in earlier:
        if amendment.id not in revised:
            reason = f"superseded by no. {first.number}"
            supersede(db, [amendment, *followers(db, amendment.id)], reason, now)
    if not targets:
        _give_up(db, order, now, f"nothing of {amends.of} is published about this subject")
        return
    # All are made before one is changed, for it may be cancelled.
    copies = [order, *(_copied(db, order, n) for n in range(2, len(targets) + 1))]
    for copy, target in zip(copies, targets, strict=True):
        if amended := waiting[target[0].id]:
            _mark(db, copy, target[0].id)
            revise(db, copy, amended, now, amends.keeps)
        else:
            _amend(db, copy, target, amends, now)


def _to_revise(
    db: Connection, order: Thread, target: Thread, earlier: Sequence[Delivery], amends: Amends
) -> Thread:
    """Return the amendment of a thread that waits for approval and would do the same; empty if there is none."""
    for amendment in reversed(earlier):
        thread = [amendment, *followers(db, amendment.id)]
        if (
            amendment.target == target[0].id
            and amendment.change == _change_of(order, target, amends)
            and (amendment.change != Change.EDIT or len(thread) == len(target))
            and _revises(order, thread)
        ):
            return thread
    return ()


def _revises(order: Thread, waiting: Thread) -> bool:
    """Return whether an amendment becomes the next revision of what waits."""
    return needs_approval(order) and may_be_revised(waiting)


def _change_of(order: Thread, target: Thread, amends: Amends) -> str:
    """Return how an amendment corrects a thread that is sent; empty if it does not."""
    if amends.edits and len(order) == len(target):
        return Change.EDIT.value
    return "" if amends.instead is Instead.NOTHING else amends.instead.value


def _standing(threads: Sequence[Thread], superseded: Collection[str]) -> Sequence[Thread]:
    """Return the threads to amend: not what will never be published, and not what is being replaced already."""
    threads = [thread for thread in threads if thread[0].id not in superseded]
    replaced = {
        thread[0].target
        for thread in threads
        if thread[0].change == Change.REPLACE and not all(map(waits, thread))
    }
    return [thread for thread in threads if thread[0].id not in replaced]


def _amend(db: Connection, order: Thread, target: Thread, amends: Amends, now: float) -> None:
    change = _change_of(order, target, amends)
    if _revises(order, target):
        _mark(db, order, target[0].id)
        revise(db, order, target, now, amends.keeps)
    elif all(waits(post) for post in target):
        _supersede(db, order, target, amends, now)
    elif change == Change.EDIT:
        for part, post in zip(order, target, strict=True):
            _change(db, part, post, Change.EDIT, amends)
    elif change == Change.FOLLOW_UP:
        _follow_up(db, order, target[0], amends)
    elif change == Change.REPLACE:
        for part in order:
            _change(db, part, target[0], Change.REPLACE, amends)
    else:
        why = f"{order[0].channel} cannot edit"
        if amends.edits:
            why = f"it has {len(order)} parts, and the thread that it amends has {len(target)}"
        _give_up(db, order, now, f"{why}, and the recipe has instead: nothing", target[0])


def _follow_up(db: Connection, order: Thread, target: Delivery, amends: Amends) -> None:
    state = order[0].state
    if state is State.READY and target.state is not State.DELIVERED:
        state = State.PLANNED
    for part in (replace(order[0], follows=target.id, state=state), *order[1:]):
        _change(db, part, target, Change.FOLLOW_UP, amends)


def _supersede(db: Connection, order: Thread, target: Thread, amends: Amends, now: float) -> None:
    """Put an amendment in the place of a post that was not sent yet; without `images` it keeps those of the post."""
    first = order[0]
    keeps = amends.keeps
    if "images" not in orjson.loads(first.content):
        keeps = (*keeps, "images")
        if copy_images(db, target[0].id, first.id):
            first = replace(first, state=State.PLANNED)
    for post in target:
        put(db, post.id, CANCELLED, now, reason=f"superseded by no. {first.number}")
    note(db, target[0], first, now)
    _change(db, first, target[0], Change.REPLACE, replace(amends, keeps=keeps))
    for part in order[1:]:
        _change(db, part, target[0], Change.REPLACE, amends)
    leave(db, [(post.id, now) for post in target])


def _change(
    db: Connection, part: Delivery, target: Delivery, change: Change, amends: Amends
) -> None:
    part = keeping(part, target, amends.keeps)
    db.execute(
        _AMEND,
        {
            "kind": EDIT if change is Change.EDIT else AMENDING_POST,
            "target": target.id,
            "change": change.value,
            "amends": amends.of,
            "follows": part.follows,
            "content": part.content,
            "content_hash": part.content_hash,
            "state": NUMBERS[part.state],
            "reason": part.reason,
            "id": part.id,
        },
    )


def _give_up(
    db: Connection, order: Thread, now: float, reason: str, target: Delivery | None = None
) -> None:
    for part in order:
        put(db, part.id, CANCELLED, now, reason=reason)
    _mark(db, order, "" if target is None else target.id)
    leave(db, [(part.id, now) for part in order])


def _mark(db: Connection, order: Thread, target: str = "") -> None:
    """Store that these are amendments, although they amend nothing."""
    for part in order:
        values = (EDIT, target, Change.EDIT.value, part.id)
        db.execute("UPDATE deliveries SET kind = ?, target = ?, change = ? WHERE id = ?", values)


def _copied(db: Connection, order: Thread, number: int) -> Thread:
    """Store an amendment once more, for the next post that it amends."""
    ids = {part.id: f"{part.id}~a{number}" for part in order}
    copies = []
    for part in order:
        copy = replace(part, id=ids[part.id], follows=ids.get(part.follows, ""))
        blocked = copy.state is State.READY and has_to_wait(db, key_of(replace(copy, number=LAST)))
        _deliveries.write(db, [(*delivery_row(copy), int(blocked))])
        copy_preparation(db, part.id, copy.id)
        copies += [replace(each, follows=copy.follows) for each in _stored(db, copy)]
    return copies


def _stored(db: Connection, delivery: Delivery) -> Thread:
    return deliveries_where(db, "WHERE id = ?", (delivery.id,))


def _threads(deliveries: Sequence[Delivery]) -> Sequence[Thread]:
    """Return deliveries by the thread that they belong to, each from its first post to its last."""
    threads: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        thread = threads.get(delivery.follows) if delivery.follows else None
        if thread is None:
            thread = []
        thread.append(delivery)
        threads[delivery.id] = thread
    return [thread for id_, thread in threads.items() if thread[0].id == id_]
