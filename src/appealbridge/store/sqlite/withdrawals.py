"""Stores withdrawals, and the removals that they cause."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import orjson

from appealbridge.model.actor import Actor, How
from appealbridge.model.amendment import Change, Version
from appealbridge.model.attempt import AttemptKind, Outcome
from appealbridge.model.audit import Act, Decision, withdrawal_object
from appealbridge.model.delivery import Delivery, Hold, Kind, State
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.notice import NOTICE, Alarm
from appealbridge.model.withdrawal import REASON_LIMIT, Withdrawal, folded
from appealbridge.store.records import Removal, WithdrawalOrder, Withdrawn
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.amending.corrections import send_corrections
from appealbridge.store.sqlite.amending.removals import (
    WITHDRAWAL,
    is_about,
    is_being_removed,
    plan_removal,
    put,
    removal_id,
    store_withdrawal,
)
from appealbridge.store.sqlite.amending.versions import VERSIONS
from appealbridge.store.sqlite.decisions.entries import decide, record
from appealbridge.store.sqlite.deliveries import deliveries_where, find
from appealbridge.store.sqlite.live import OF_CHANNEL, forget, mark_withdrawn, notify
from appealbridge.store.sqlite.rows import (
    STORED_DELIVERY,
    Row,
    delivery_of,
    json_list,
    names,
    time_or_none,
)
from appealbridge.store.sqlite.schema import ANY_NUMBER, OF_SUBJECT
from appealbridge.store.sqlite.settle import leave
from appealbridge.store.sqlite.states import (
    CANCELLED,
    DELIVERED,
    EDIT,
    HELD,
    IS_AMENDMENT,
    IS_OPEN,
    IS_OPEN_REMOVAL,
    IS_POST,
    IS_REMOVAL,
    NUMBERS,
    PLANNED,
    READY,
    SENDING,
    UNKNOWN,
    WITHDRAWING,
)

_COLUMNS = names(STORED_DELIVERY)
_OF_SUBJECT = f"number IN ({OF_SUBJECT})"
# An edit has nothing of its own to remove, and a correction is meant for those who had what is withdrawn.
_TAKEN_BACK = (
    f"({IS_POST} AND state <= {WITHDRAWING} AND change <> '{Change.CORRECTION}'"
    f" OR kind = {EDIT} AND state <= {READY}"
    # A person cancelled it although it may be published.
    f" OR {IS_POST} AND state = {CANCELLED} AND hold = '{Hold.UNKNOWN}')"
)
# The later posts of a thread would stand as replies to nothing, and so would the corrections of each post.
_WITH_POST = (
    "WHERE number IN (WITH RECURSIVE parts (id) AS (VALUES (:target) UNION SELECT d.id FROM parts, deliveries o,"
    " deliveries d WHERE o.id = :target AND d.id > o.run_id || '.' AND d.id < o.run_id || '/'"
    " AND d.follows = parts.id) SELECT d.number FROM parts JOIN deliveries d ON d.id = parts.id"
    f" UNION SELECT d.number FROM parts JOIN deliveries d ON d.target = parts.id AND d.{IS_AMENDMENT})"
    f" AND id <> :target AND {_TAKEN_BACK} ORDER BY number DESC"
)
_AFFECTED = (
    f"WHERE {_OF_SUBJECT} AND subject = :subject AND {_TAKEN_BACK} AND recipe <> '{NOTICE}'"
    " AND (:origin = '' OR origin = :origin) AND run_id <> :run"
    " AND (:all_channels OR channel IN (SELECT value FROM json_each(:channels)))"
    " AND (:all_steps OR recipe = :recipe AND EXISTS (SELECT 1 FROM json_each(:steps)"
    " WHERE value IN (step, amends) OR step LIKE value || '.%' OR amends LIKE value || '.%'))"
    " ORDER BY number DESC"
)
_FROM_OTHERS = (
    f"WHERE {_OF_SUBJECT} AND subject = :subject AND {IS_POST} AND change <> '{Change.CORRECTION}'"
    f" AND state <= {DELIVERED} AND recipe <> '{NOTICE}' AND origin <> :origin AND run_id <> :run"
    " ORDER BY number DESC LIMIT :limit"
)
_MOST_NAMED = 20
"""How many posts of other sources the people who are told of them can read in the notice."""

_MOST_SHOWN = 1000
"""How many deliveries the audit entry of a withdrawal names, of each sort."""

_SELECT = f"SELECT number, {names(WITHDRAWAL)}, lifted_at FROM withdrawals"
_LEFT = (
    f"{_SELECT} WHERE subject = (SELECT subject FROM withdrawals WHERE number = :number)"
    " AND lifted_at = 9e999 AND number <> :number AND (target = '' OR EXISTS"
    " (SELECT 1 FROM withdrawn_posts a JOIN withdrawn_posts b ON b.delivery = a.delivery"
    " WHERE a.withdrawal = withdrawals.number AND b.withdrawal = :number))"
    " ORDER BY number DESC LIMIT 100"
)
_LIFT = "UPDATE withdrawals SET lifted_by = ?, lifted_at = ? WHERE number = ?"
_PUBLISHED_AGAIN = (
    f"UPDATE deliveries SET state = {DELIVERED} WHERE id = ? AND state = {WITHDRAWING}"
)
# What was being sent or unclear was withdrawn in time, and must not be sent again. If every attempt was rejected, as
# that of a mail always is, the post is certainly as it was.
_NOT_BEGUN = (
    "WHERE target IN (SELECT delivery FROM withdrawn_posts WHERE withdrawal = :number)"
    f" AND {IS_OPEN_REMOVAL} AND state <= {READY} AND attempts = (SELECT count(*) FROM attempts a"
    f" WHERE a.delivery_id = deliveries.id AND a.kind = '{AttemptKind.REMOVE}' AND a.outcome = '{Outcome.REJECTED}')"
    " AND NOT EXISTS (SELECT 1 FROM withdrawn_posts a JOIN withdrawals w ON w.number = a.withdrawal"
    " WHERE a.delivery = deliveries.target AND w.lifted_at = 9e999)"
    f" AND (SELECT p.state FROM deliveries p WHERE p.id = deliveries.target) IN ({HELD}, {WITHDRAWING})"
    " ORDER BY number"
)
_STUCK = (
    f"WHERE {IS_OPEN_REMOVAL} AND target > '' AND state IN ({PLANNED}, {READY}, {UNKNOWN})"
    " AND (planned_at <= :before OR channel NOT IN (SELECT value FROM json_each(:channels)))"
    # An attempt that is under way ends by itself, and only then it is known what there is to remove.
    f" AND NOT EXISTS (SELECT 1 FROM deliveries p WHERE p.id = deliveries.target AND p.state = {SENDING})"
    " ORDER BY number LIMIT :limit"
)
_CLAIM = (
    f"UPDATE deliveries SET state = {SENDING}, attempts = attempts + 1, begun_at = :now,"
    " first_begun_at = min(first_begun_at, :now), owner = :owner"
    f" WHERE number IN (SELECT number {OF_CHANNEL} AND state = {READY}"
    " AND due_at <= :now ORDER BY due_at, number LIMIT :limit)"
    f" RETURNING {_COLUMNS}"
)
_SUBJECTS = (
    "SELECT DISTINCT subject FROM events INDEXED BY events_by_subject"
    f" WHERE subject > '' AND {ANY_NUMBER} AND number > (SELECT max(number) FROM events) - :newest"
)
NEWEST = 100_000
"""Among how many of the newest events similar subjects are searched."""

_ANY_ABOUT = f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {_OF_SUBJECT})"
_OUTSTANDING = (
    f"SELECT count(*), min(planned_at) FROM deliveries WHERE {IS_OPEN_REMOVAL} AND target > ''"
)


class WithdrawalQueries(ReadAccess):
    """The `CorrectionQueries` in SQLite."""

    @reads
    def would_withdraw(self, db: Connection, order: WithdrawalOrder) -> Withdrawn:
        return _planned(db, order)

    @reads
    def withdrawals(
        self, db: Connection, subject: str = "", limit: int = 100
    ) -> Sequence[Withdrawal]:
        where = "WHERE subject = :subject" if subject else ""
        rows = db.execute(
            f"{_SELECT} {where} ORDER BY number DESC LIMIT :limit",
            {"subject": subject, "limit": limit},
        )
        return [withdrawal_of(row) for row in rows]

    @reads
    def still_withdrawn_by(self, db: Connection, number: int) -> Sequence[Withdrawal]:
        return [withdrawal_of(row) for row in db.execute(_LEFT, {"number": number})]

    @reads
    def from_other_sources(
        self, db: Connection, withdrawals: Sequence[Withdrawal], limit: int = 100
    ) -> Mapping[int, Sequence[Delivery]]:
        posts = {each.number: _from_others(db, each, limit) for each in withdrawals}
        return {number: some for number, some in posts.items() if some}

    @reads
    def removals(self, db: Connection, subject: str = "", *, limit: int = 500) -> Sequence[Removal]:
        tests = [IS_REMOVAL, "target > ''"]
        if subject:
            tests += [_OF_SUBJECT, "subject = :subject"]
        where = f"WHERE {' AND '.join(tests)} ORDER BY {IS_OPEN} DESC, number DESC LIMIT :limit"
        return _with_posts(db, where, {"subject": subject, "limit": limit})

    @reads
    def stuck_removals(
        self, db: Connection, channels: Collection[str], before: float, limit: int = 500
    ) -> Sequence[Removal]:
        values = {"channels": json_list(channels), "before": before, "limit": limit}
        return _with_posts(db, _STUCK, values)

    @reads
    def similar_subjects(self, db: Connection, subject: str, limit: int = 5) -> Sequence[str]:
        folded_subject = folded(subject)
        similar = (
            other
            for (other,) in db.execute(_SUBJECTS, {"newest": NEWEST})
            if other != subject and folded(other) == folded_subject
        )
        published = (s for s in similar if db.execute(_ANY_ABOUT, {"subject": s}).fetchone()[0])
        return [*islice(published, limit)]

    @reads
    def versions(self, db: Connection, delivery_id: str) -> Sequence[Version]:
        return [Version(*row) for row in db.execute(VERSIONS, (delivery_id,))]

    @reads
    def outstanding(self, db: Connection) -> tuple[int, float | None]:
        count, oldest = db.execute(_OUTSTANDING).fetchone()
        return int(count), oldest


def _with_posts(db: Connection, where: str, values: Mapping[str, object]) -> Sequence[Removal]:
    """Return the removals that a clause selects and orders, each with its post."""
    removals = deliveries_where(db, where, values)
    posts = {
        post.id: post
        for post in deliveries_where(
            db,
            "WHERE id IN (SELECT value FROM json_each(?))",
            (json_list({removal.target for removal in removals}),),
        )
    }
    return [Removal(each, posts[each.target]) for each in removals if each.target in posts]


class SqliteWithdrawals(WriteAccess):
    """The `WithdrawalStore` in SQLite."""

    @writes
    def withdraw(
        self, db: Connection, order: WithdrawalOrder, decision: Decision | None = None
    ) -> Withdrawn:
        return withdraw(db, order, decision)

    @writes
    def carry_out(
        self, db: Connection, order_id: str, now: float, decision: Decision | None = None
    ) -> Withdrawn:
        return release_order(db, order_id, now, decision)

    @writes
    def lift(
        self,
        db: Connection,
        number: int,
        by: str,
        now: float,
        decision: Decision | None = None,
    ) -> Withdrawal:
        withdrawal = _withdrawal(db, number)
        if withdrawal.lifted_at is not None:
            raise IllegalMove(
                f"withdrawal {number}: it was lifted already, by {withdrawal.lifted_by}"
            )
        db.execute(_LIFT, (by, now, number))
        if decision is not None:
            record(db, replace(decision, object=withdrawal_object(number)))
        for removal in deliveries_where(db, _NOT_BEGUN, {"number": number}):
            put(db, removal.id, CANCELLED, now, reason="the withdrawal was lifted")
            db.execute(_PUBLISHED_AGAIN, (removal.target,))
        forget(db)
        return _withdrawal(db, number)

    @writes
    def claim_removals(
        self, db: Connection, channel: str, now: float, limit: int
    ) -> Sequence[Delivery]:
        values = {"channel": channel, "now": now, "limit": limit, "owner": self._owner}
        claimed = [delivery_of(row) for row in db.execute(_CLAIM, values).fetchall()]
        return sorted(claimed, key=lambda delivery: (delivery.due_at, delivery.number))


def release_order(
    db: Connection, order_id: str, now: float, decision: Decision | None = None
) -> Withdrawn:
    """Carry out an order that is held; raise `IllegalMove` if it is not."""
    order = find(db, order_id)
    if order.kind is not Kind.WITHDRAW or order.target or order.state is not State.HELD:
        raise IllegalMove(f"delivery {order.number}: it is not an order that is held")
    decide(db, decision, order)
    return carry_out_order(db, order, now)


def withdraw(db: Connection, order: WithdrawalOrder, decision: Decision | None = None) -> Withdrawn:
    """Store a withdrawal with all that follows from it, in the transaction of its caller."""
    planned, now = _planned(db, order), order.withdrawal.at
    stored = store_withdrawal(db, order.withdrawal)
    for delivery in planned.cancelled:
        put(db, delivery.id, CANCELLED, now, reason=f"withdrawn: {stored.reason}")
    taken_back = (*planned.removing, *planned.awaited, *planned.tasks)
    is_about(db, stored, (*taken_back, *planned.already))
    behind = {each.follows: removal_id(each, stored.number) for each in taken_back}
    for delivery in sorted(taken_back, key=lambda each: -each.number):
        plan_removal(db, stored, delivery, behind.get(delivery.id, ""))
    mark_withdrawn(db)
    leave(db, [(delivery.id, now) for delivery in planned.cancelled])
    forget(db)
    if decision is not None:
        object_, shown = withdrawal_object(stored.number), _shown(planned)
        record(db, replace(decision, object=object_, shown={**shown, **decision.shown}))
    return replace(planned, withdrawal=stored)


def _shown(planned: Withdrawn) -> dict[str, list[int]]:
    """Return the numbers of the deliveries that a withdrawal is about, as the audit trail has them."""
    return {
        name: [each.number for each in getattr(planned, name)[:_MOST_SHOWN]]
        for name in ("cancelled", "removing", "awaited", "tasks")
    }


def carry_out_order(db: Connection, order: Delivery, now: float) -> Withdrawn:
    """Withdraw what an order of a recipe says."""
    what = orjson.loads(order.content)
    steps, channels = what["of"], what["channels"]
    withdrawal = Withdrawal(
        subject=order.subject,
        origin=order.origin,
        reason=what["reason"][:REASON_LIMIT],
        by=f"recipe {order.recipe}",
        at=now,
        run=order.run_id,
        whole=not steps and not channels,
    )
    result = withdraw(
        db,
        WithdrawalOrder(
            withdrawal=withdrawal,
            channels=channels,
            recipe=order.recipe if steps else "",
            steps=steps,
        ),
        Decision(
            actor=Actor(order.recipe, How.RECIPE),
            act=Act.WITHDRAW,
            at=now,
            reason=withdrawal.reason,
            event_id=order.event_id,
        ),
    )
    if correction := what.get("correction"):
        send_corrections(db, order, result, correction, now)
    _notify_of_others(db, result.withdrawal)
    put(db, order.id, DELIVERED, now, reason=f"withdrawn: {withdrawal.reason}")
    leave(db, [(order.id, now)])
    return result


def _from_others(db: Connection, w: Withdrawal, limit: int) -> Sequence[Delivery]:
    if not (w.origin and w.subject and w.blocks):
        return ()
    values = {"subject": w.subject, "origin": w.origin, "run": w.run, "limit": limit}
    return deliveries_where(db, _FROM_OTHERS, values)


def _notify_of_others(db: Connection, w: Withdrawal) -> None:
    """Let people be told what stays up about a subject because a recipe may not take it back."""
    posts = _from_others(db, w, _MOST_NAMED + 1)
    if not posts:
        return
    named = ", ".join(f"no. {post.number} on {post.channel}" for post in posts[:_MOST_NAMED])
    more = " and more" if len(posts) > _MOST_NAMED else ""
    text = (
        f"{w.subject}: {w.by} has withdrawn it ({w.reason}), but not what other sources sent: {named}{more}. "
        f"To take back everything: appealbridge withdraw {shlex.quote(w.subject)} --reason ..."
    )
    notify(db, Alarm.LEFT_UP, text, w.at)


def _planned(db: Connection, order: WithdrawalOrder) -> Withdrawn:
    """Return what a withdrawal does; its `withdrawal` is not stored yet."""
    w = order.withdrawal
    if w.target:
        post = find(db, w.target)
        if post.is_edit and NUMBERS[post.state] > READY:
            target = find(db, post.target)
            raise IllegalMove(
                f"delivery {post.number}: it edits no. {target.number}; withdraw that one"
            )
        if post.kind is Kind.WITHDRAW:
            what = f"takes back no. {find(db, post.target).number}" if post.target else "withdraws"
            raise IllegalMove(f"delivery {post.number}: it is no post, but {what} itself")
        unclear = post.state is State.CANCELLED and post.hold == Hold.UNKNOWN
        if NUMBERS[post.state] > DELIVERED and not unclear:
            raise IllegalMove(
                f"delivery {post.number}: it is {post.state.value}, so there is nothing to withdraw"
            )
        later = deliveries_where(db, _WITH_POST, {"target": post.id})
        affected = sorted([post, *later], key=lambda each: -each.number)
    else:
        values = {
            "subject": w.subject,
            "origin": w.origin,
            "run": w.run,
            "all_channels": not order.channels,
            "channels": json_list(order.channels),
            "all_steps": not order.steps,
            "recipe": order.recipe,
            "steps": json_list(order.steps),
        }
        affected = deliveries_where(db, _AFFECTED, values)
    lists: dict[str, list[Delivery]] = {}
    for delivery in affected:
        lists.setdefault(_list_of(db, delivery), []).append(delivery)
    return Withdrawn(withdrawal=w, **lists)


def _list_of(db: Connection, delivery: Delivery) -> str:
    """Return the name of the list of a `Withdrawn` to which a delivery in its state belongs."""
    if delivery.state is State.WITHDRAWING or is_being_removed(db, delivery):
        return "already"
    match delivery.state:
        case State.DELIVERED:
            return "removing"
        case State.SENDING | State.UNKNOWN:
            return "awaited"
        case State.HELD | State.CANCELLED if delivery.hold == Hold.UNKNOWN and not delivery.is_edit:
            return "tasks"
    return "cancelled"


def withdrawal_of(row: Row) -> Withdrawal:
    """Return the withdrawal of a row."""
    number, *values, lifted_at = row
    fields = dict(zip(WITHDRAWAL, values, strict=True))
    fields["whole"] = bool(fields["whole"])
    return Withdrawal(number=number, lifted_at=time_or_none(lifted_at), **fields)


def _withdrawal(db: Connection, number: int) -> Withdrawal:
    row = db.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise NotFound(f"withdrawal {number}: there is none; `appealbridge withdrawals` lists them")
    return withdrawal_of(row)
