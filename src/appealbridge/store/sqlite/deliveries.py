"""Stores deliveries: claims, searches, expiry, people's changes, holds, and recovery after a crash."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from appealbridge.model.audit import Decision
from appealbridge.model.delivery import (
    KEEPS_TURN,
    MOVES,
    OPEN,
    Delivery,
    Hold,
    Kind,
    State,
    with_hold,
)
from appealbridge.model.errors import IllegalMove, NotFound
from appealbridge.model.ids import event_id
from appealbridge.model.notice import NOTICE
from appealbridge.store.records import HoldFilter, QueueStatus, Settlement, Text
from appealbridge.store.sqlite.access import Connection, WriteAccess, reads, writes
from appealbridge.store.sqlite.decisions.entries import decide
from appealbridge.store.sqlite.live import OF_CHANNEL, StateChange, live_of, mark_withdrawn
from appealbridge.store.sqlite.maintenance import recover_backup
from appealbridge.store.sqlite.ordering import FOLLOWS, key_of, restore, take_turn
from appealbridge.store.sqlite.rows import (
    STORED_DELIVERY,
    delivery_of,
    json_list,
    names,
    time_or_none,
)
from appealbridge.store.sqlite.settle import WAKING, ending, give_up_turns, leave, settle, wake
from appealbridge.store.sqlite.states import (
    EDIT,
    EXPIRED,
    FAILED,
    HELD,
    IS_BEGUN,
    IS_LISTED,
    IS_OPEN,
    IS_POST,
    IS_REMOVAL,
    IS_SENT,
    IS_WAITING,
    NUMBERS,
    PLANNED,
    READY,
    SENDING,
    UNKNOWN,
    WITHDRAW,
)

RECOVERED = 2000
"""How many interrupted attempts are recovered in one transaction, because each changed row takes memory."""

_COLUMNS = names(STORED_DELIVERY)
_OF_CHANNEL = f"FROM deliveries WHERE {IS_LISTED} AND channel = :channel AND state ="
_READY = f"{_OF_CHANNEL} {READY} AND"
_UNKNOWN = f"{_OF_CHANNEL} {UNKNOWN} AND blocked IN (0, 1) AND"

_BEGIN = (
    f"UPDATE deliveries SET state = {SENDING}, attempts = attempts + 1, begun_at = :now,"
    " first_begun_at = min(first_begun_at, :now), owner = :owner"
)
_CLAIM, _CLAIM_NOTICES = (
    f"{_BEGIN} WHERE number IN (SELECT number {_READY} blocked = 0 AND NOT {IS_REMOVAL}{which}"
    " AND due_at <= :now AND publish_by > :now ORDER BY due_at, number LIMIT :limit)"
    f" RETURNING {_COLUMNS}"
    for which in ("", f" AND recipe = '{NOTICE}'")
)
_QUEUE_STATUS = (
    f"SELECT (SELECT min(due_at) {_READY} blocked = 0 AND due_at > :now),"
    f" (SELECT min(due_at) {_READY} blocked = 1 AND due_at > :now),"
    f" (SELECT min(due_at) {_UNKNOWN} due_at > :now),"
    f" EXISTS (SELECT 1 {_READY} blocked = 1 AND due_at <= :now)"
    f" OR EXISTS (SELECT 1 FROM deliveries WHERE {FOLLOWS} AND channel = :channel)"
    f" OR EXISTS (SELECT 1 {OF_CHANNEL} AND state = {PLANNED}),"
    f" EXISTS (SELECT 1 {_UNKNOWN} due_at <= :now),"
    f" EXISTS (SELECT 1 {OF_CHANNEL} AND state = {READY} AND due_at <= :now)"
)
_LATER = (
    f"SELECT number, due_at {_OF_CHANNEL} {{state}}"
    " AND blocked = 0 AND due_at > :now AND (attempts > 0 OR question = 0)"
    # what was approved for a time, or can still be taken back, keeps its time
    " ORDER BY due_at LIMIT :limit"
)
_HASTEN = (
    "UPDATE deliveries SET due_at = :now WHERE number IN (SELECT number FROM"
    f" (SELECT * FROM ({_LATER.format(state=READY)})"
    f" UNION ALL SELECT * FROM ({_LATER.format(state=UNKNOWN)}))"
    " ORDER BY due_at, number LIMIT :limit)"
)
_EXPIRE = (
    f"UPDATE deliveries SET state = {EXPIRED}, hold = '', settled_at = :now, blocked = 0,"
    " reason = 'its publish_within had passed' || CASE WHEN reason = '' OR hold <> '' THEN ''"
    f" ELSE CASE state WHEN {PLANNED} THEN '; ' || reason ELSE '' END END"
    " WHERE number IN (SELECT number FROM deliveries"
    f" WHERE {IS_WAITING} AND publish_by <= :now ORDER BY publish_by LIMIT :limit)"
    f" RETURNING {_COLUMNS}"
)
_NEXT_EXPIRY = f"SELECT min(publish_by) FROM deliveries WHERE {IS_WAITING}"
# Whoever opens the store holds its lock, so every other owner is gone.
_INTERRUPTED = (
    f"SELECT number FROM deliveries WHERE {IS_BEGUN} AND state = {SENDING} AND owner <> :owner"
    " LIMIT :limit"
)
_KEEP_INTERRUPTED = (
    "INSERT INTO attempts (delivery_id, number, kind, begun_at, ended_at, outcome, detail)"
    f" SELECT id, attempts, CASE kind WHEN {WITHDRAW} THEN 'remove' WHEN {EDIT} THEN 'edit' ELSE 'send' END,"
    " begun_at, :now,"
    " 'unsure', :reason FROM deliveries"
    f" WHERE number IN ({_INTERRUPTED})"
)
# Until everything is uploaded, no attempt to publish is made; the rows of its uploads are stored before.
_STILL_UPLOADS = (
    "EXISTS (SELECT 1 FROM images i LEFT JOIN uploads u ON u.delivery_id = i.delivery_id"
    " AND u.number = i.number WHERE i.delivery_id = deliveries.id AND i.uploads = 1"
    " AND u.id IS NULL)"
)
_KEEP_UPLOADS = (
    "INSERT INTO attempts (delivery_id, number, kind, begun_at, ended_at, outcome, detail)"
    " SELECT id, attempts, 'upload', begun_at, :now, 'unsure', :reason FROM deliveries"
    f" WHERE number IN ({_INTERRUPTED}) AND {_STILL_UPLOADS}"
)
_RECOVER_UPLOADS = (
    f"UPDATE deliveries SET state = {READY}, begun_at = 9e999, due_at = :now, reason = :reason"
    f" WHERE number IN ({_INTERRUPTED}) AND {_STILL_UPLOADS} RETURNING id"
)
_RECOVER = (
    f"UPDATE deliveries SET state = {UNKNOWN}, begun_at = 9e999, due_at = :look_at, reason = :reason"
    f" WHERE number IN ({_INTERRUPTED})"
)
_MOVE = (
    "UPDATE deliveries SET state = :target, hold = :hold, reason = :reason, begun_at = 9e999,"
    f" due_at = CASE :target WHEN {READY} THEN :due_at ELSE due_at END,"
    " settled_at = CASE :open WHEN 1 THEN 9e999 ELSE min(settled_at, :now) END,"
    # A failed delivery is certainly not published, so a retry begins anew.
    f" first_begun_at = CASE state WHEN {FAILED} THEN 9e999 ELSE first_begun_at END,"
    " blocked = :keeps * (:blocked OR blocked),"
    # If it fails again, people are notified again.
    f" notified = CASE WHEN :target IN ({READY}, {PLANNED}) THEN 0 ELSE notified END WHERE number = :number"
)
_PREPARE_AGAIN = (
    "UPDATE preparations SET due_at = :now, first_at = 9e999, tries = 0 WHERE delivery_id = :id"
)
_LEAVE_HOLDS = "UPDATE deliveries SET hold = :hold, notified = 0 WHERE number = :number"
_RETRY_NOW = "UPDATE deliveries SET hold = :hold, reason = '', due_at = :now WHERE number = :number"
_BY_ITSELF = {State.SENDING, State.UNKNOWN, State.PLANNED}

_TEXT = "SELECT id, channel, content_hash, origin FROM deliveries"
_SENT_TEXTS = f"{_TEXT} WHERE {IS_SENT} AND settled_at >= ? ORDER BY settled_at DESC LIMIT ?"
_OPEN_TEXTS = f"{_TEXT} INDEXED BY deliveries_open WHERE {IS_OPEN} LIMIT ?"
_PUBLISHED = (
    "SELECT receipt_url, receipt_id, recipe,"
    " coalesce((SELECT cause FROM events WHERE id = event_id), '')"
    f" FROM deliveries WHERE {IS_SENT} AND settled_at >= :since"
    " AND (receipt_url IN (SELECT value FROM json_each(:addresses))"
    " OR receipt_id IN (SELECT value FROM json_each(:addresses)))"
)
_FOLLOWED = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {IS_SENT} AND {IS_POST} AND settled_at >= :settled_at"
    " AND channel = :channel AND subject = :subject AND content_hash <> :content_hash)"
)
# A delivery that a person released is due from then on, not from when it was planned.
_UNTOUCHED = (
    f"d.state IN ({PLANNED}, {READY}) AND d.attempts = 0 AND d.due_at = d.planned_at"
    f" AND d.{IS_POST}"
    " AND d.follows = ''"
)
# Ids begin with the time, so recent rows are found without another index.
_OF_RECIPE = (
    "SELECT d.id FROM deliveries d WHERE d.id >= :first AND d.recipe = :recipe"
    f" AND d.planned_at >= :since AND {_UNTOUCHED}"
)
_OF_SOURCE = (
    "SELECT d.id FROM events e CROSS JOIN deliveries d ON d.id > e.id || '.' AND d.id < e.id || '/'"
    " WHERE e.id >= :first AND e.received_at >= :since AND e.source = :source"
    f" AND {_UNTOUCHED}"
)
_HOLD = (
    # What is still to be prepared is held once that is done.
    f"UPDATE deliveries AS d SET state = CASE state WHEN {PLANNED} THEN {PLANNED} ELSE {HELD} END,"
    f" hold = CASE WHEN state = {PLANNED} AND hold <> '' THEN hold ELSE :hold END,"
    f" reason = CASE WHEN state = {PLANNED} AND hold <> '' THEN reason ELSE :reason END, blocked = 0"
    f" WHERE d.id IN (SELECT value FROM json_each(:ids)) AND {_UNTOUCHED} RETURNING {_COLUMNS}"
)


class SqliteDeliveries(WriteAccess):
    """The `DeliveryStore` in SQLite."""

    @writes
    def claim(
        self,
        db: Connection,
        channel: str,
        now: float,
        limit: int,
        *,
        notices_only: bool = False,
    ) -> Sequence[Delivery]:
        values = {"channel": channel, "now": now, "limit": limit, "owner": self._owner}
        claim = _CLAIM_NOTICES if notices_only else _CLAIM
        claimed = [delivery_of(row) for row in db.execute(claim, values).fetchall()]
        return sorted(claimed, key=lambda delivery: (delivery.due_at, delivery.number))

    async def settle(self, settlement: Settlement) -> None:
        await self._submit(settle, ending(settlement))

    @writes
    def confirm(self, db: Connection, settlement: Settlement, decision: Decision) -> None:
        decide(db, decision, find(db, settlement.delivery_id))
        settle(db, [ending(settlement)])

    async def recover(self, now: float, look_at: float) -> int:
        count = 0
        while step := await self._write(lambda db: recover(db, self._owner, now, look_at)):
            count += step
        return count

    @reads
    def claim_unknown(
        self, db: Connection, channel: str, now: float, limit: int
    ) -> Sequence[Delivery]:
        return deliveries_where(
            db,
            f"WHERE {IS_LISTED} AND channel = ? AND state = {UNKNOWN} AND blocked IN (0, 1)"
            " AND due_at <= ? ORDER BY due_at, number LIMIT ?",
            (channel, now, limit),
        )

    @reads
    def begun_before(self, db: Connection, at: float, limit: int) -> Sequence[Delivery]:
        return deliveries_where(
            db,
            f"WHERE {IS_BEGUN} AND state = {SENDING} AND begun_at <= ? ORDER BY number LIMIT ?",
            (at, limit),
        )

    @reads
    def queue_status(self, db: Connection, channel: str, now: float) -> QueueStatus:
        row = db.execute(_QUEUE_STATUS, {"channel": channel, "now": now}).fetchone()
        *due, blocked, looks, removals = row
        next_due = min((time for time in due if time is not None), default=None)
        return QueueStatus(next_due, bool(blocked), bool(looks), bool(removals))

    @writes
    def hasten(self, db: Connection, channel: str, now: float, limit: int) -> int:
        return db.execute(_HASTEN, {"channel": channel, "now": now, "limit": limit}).rowcount

    @writes
    def expire(self, db: Connection, now: float, limit: int = 1000) -> Sequence[Delivery]:
        rows = db.execute(_EXPIRE, {"now": now, "limit": limit}).fetchall()
        expired = [delivery_of(row) for row in rows]
        leave(db, [(delivery.id, now) for delivery in expired])
        return sorted(expired, key=lambda delivery: (delivery.publish_by or 0.0, delivery.number))

    @reads
    def next_expiry(self, db: Connection) -> float | None:
        return time_or_none(db.execute(_NEXT_EXPIRY).fetchone()[0])

    @writes
    def move(
        self,
        db: Connection,
        delivery_id: str,
        target: State,
        now: float,
        *,
        hold: str = "",
        reason: str = "",
        decision: Decision | None = None,
    ) -> Delivery:
        return move(db, delivery_id, target, now, hold=hold, reason=reason, decision=decision)

    @writes
    def clear_holds(
        self,
        db: Connection,
        delivery_id: str,
        cleared: Collection[str],
        now: float,
        *,
        hold: str = "",
        decision: Decision | None = None,
    ) -> Delivery:
        before = find(db, delivery_id)
        left = [each for each in before.holds if each not in cleared]
        if not left:
            return move(db, before.id, State.READY, now, hold=hold, decision=decision)
        if len(left) == len(before.holds):
            raise IllegalMove(f"delivery {before.number}: it is not held for {', '.join(cleared)}")
        decide(db, decision, before)
        db.execute(_LEAVE_HOLDS, {"hold": " ".join(left), "number": before.number})
        return find(db, before.id)

    @writes
    def send_now(self, db: Connection, delivery_id: str, decision: Decision) -> None:
        before = find(db, delivery_id)
        if before.state is not State.READY:
            raise IllegalMove(f"delivery {before.number}: it is {before.state.value}, not ready")
        decide(db, decision, before)
        hold = with_hold(before.hold, Hold.TIME)
        db.execute(_RETRY_NOW, {"hold": hold, "now": decision.at, "number": before.number})

    async def hold_untouched(
        self, which: HoldFilter, *, hold: str, reason: str
    ) -> Sequence[Delivery]:
        # A reader finds them: there may be many, and the writer must not wait for that.
        ids = await self._read(lambda db: untouched(db, which))
        return await self._write(lambda db: hold_these(db, ids, hold, reason))

    @reads
    def texts(self, db: Connection, since: float, limit: int) -> Sequence[Text]:
        sent = db.execute(_SENT_TEXTS, (since, limit)).fetchall()
        waiting = db.execute(_OPEN_TEXTS, (limit,)).fetchall()
        return [Text(*row) for row in (*waiting, *reversed(sent))]

    @reads
    def followed(self, db: Connection, delivery: Delivery, subject: str) -> bool:
        if not subject or delivery.settled_at is None:
            return False
        values = {
            "settled_at": delivery.settled_at,
            "channel": delivery.channel,
            "subject": subject,
            "content_hash": delivery.content_hash,
        }
        return bool(db.execute(_FOLLOWED, values).fetchone()[0])

    @reads
    def published(
        self, db: Connection, addresses: Collection[str], since: float
    ) -> Mapping[str, frozenset[str]]:
        recipes: dict[str, frozenset[str]] = {}
        rows = db.execute(_PUBLISHED, {"addresses": json_list(addresses), "since": since})
        for url, id_, recipe, cause in rows:
            for address in {url, id_} & {*addresses}:
                recipes[address] = recipes.get(address, frozenset()) | {recipe, *cause.split()}
        return recipes


def move(
    db: Connection,
    delivery_id: str,
    target: State,
    now: float,
    *,
    hold: str = "",
    reason: str = "",
    decision: Decision | None = None,
) -> Delivery:
    """Make a change of state for a person, in the transaction of the caller."""
    before = find(db, delivery_id)
    _refuse_wrong_move(before, target)
    if target is State.READY:
        live_of(db).refuse(db, before)
        if db.execute(_PREPARE_AGAIN, {"id": before.id, "now": now}).rowcount:
            target = State.PLANNED  # its images have to be prepared first
    place(db, before, target, now, hold=hold, reason=reason)
    decide(db, decision, before)
    return find(db, before.id)


def recover(db: Connection, owner: int, now: float, look_at: float, limit: int = RECOVERED) -> int:
    """Recover up to `limit` attempts of other owners; return how many, 0 when none is left."""
    unclear = recover_backup(db, now, look_at)
    values = {
        "owner": owner,
        "now": now,
        "look_at": look_at,
        "reason": "the program ended during the attempt",
        "limit": limit,
    }
    uploads = _recover_uploads(db, values)
    db.execute(_KEEP_INTERRUPTED, values)
    recovered = db.execute(_RECOVER, values).rowcount
    mark_withdrawn(db)
    return unclear + uploads + recovered


def _recover_uploads(db: Connection, values: Mapping[str, object]) -> int:
    """Let deliveries go on that were uploading an image: nothing of them is published."""
    db.execute(_KEEP_UPLOADS, values)
    recovered = [id_ for (id_,) in db.execute(_RECOVER_UPLOADS, values).fetchall()]
    live = live_of(db)
    if concerned := [id_ for id_ in recovered if live.concerns(id_)]:
        change = StateChange(cast("float", values["now"]), SENDING)
        live.after(db, dict.fromkeys(concerned, change), leave)
    return len(recovered)


def place(
    db: Connection,
    before: Delivery,
    target: State,
    now: float,
    *,
    hold: str = "",
    reason: str = "",
    due_at: float | None = None,
) -> None:
    """Give a delivery another state, with all that follows; what becomes `ready` is due at `due_at`, or else now."""
    live = live_of(db)
    keeps, kept_before = target in KEEPS_TURN, before.state in KEEPS_TURN
    unclear = target is State.CANCELLED and _is_unclear(before)
    if unclear and not hold and before.kind is not Kind.WITHDRAW and not before.is_edit:
        hold = Hold.UNKNOWN  # a withdrawal makes a task of it
    db.execute(
        _MOVE,
        {
            "target": NUMBERS[target],
            "hold": hold,
            "reason": reason,
            "now": now,
            "due_at": now if due_at is None else due_at,
            "open": target in OPEN,
            "keeps": keeps,
            "blocked": keeps and not kept_before and take_turn(db, key_of(before)),
            "number": before.number,
        },
    )
    if before.state is State.FAILED and target in OPEN:
        restore(db, before.id, before.event_id)
    if live.concerns(before.id):
        live.after(db, {before.id: StateChange(now, NUMBERS[before.state], unclear)}, leave)
    if target not in OPEN:
        leave(db, [(before.id, now)])
        return
    if kept_before and not keeps:
        give_up_turns(db, [before.id])
    if target in WAKING:
        wake(db, [(before.id, now)])


def _is_unclear(delivery: Delivery) -> bool:
    """Return whether nobody knows if it is published."""
    return delivery.state is State.UNKNOWN or delivery.holds == [Hold.UNKNOWN]


def _refuse_wrong_move(before: Delivery, target: State) -> None:
    if before.state is State.SENDING or target is State.SENDING:
        raise IllegalMove(
            f"delivery {before.number}: an attempt begins and ends by itself; try again in a moment"
        )
    if target not in MOVES[before.state]:
        targets = ", ".join(sorted(target.value for target in MOVES[before.state] - _BY_ITSELF))
        can = f"it can become {targets}" if targets else "nothing can change it any more"
        if before.state is State.DELIVERED:
            can = f"to take it back: appealbridge withdraw {before.number} --reason WHY"
        message = f"it is {before.state.value} and cannot become {target.value}; {can}"
        raise IllegalMove(f"delivery {before.number}: {message}")
    if target is State.READY and not before.content:
        raise IllegalMove(
            f"delivery {before.number}: its content was removed after its retention time, so it cannot be sent"
        )


def find(db: Connection, delivery_id: str) -> Delivery:
    """Return a delivery by its id or its number; raise `NotFound`."""
    rows = deliveries_where(db, "WHERE id = ?", (delivery_id,))
    if not rows and delivery_id.isdecimal() and len(delivery_id) < 19:
        rows = deliveries_where(db, "WHERE number = ?", (int(delivery_id),))
    if not rows:
        raise NotFound(
            f"delivery {delivery_id}: no delivery has this id or number; `appealbridge deliveries` "
            f"lists them"
        )
    return rows[0]


def deliveries_where(
    db: Connection, where: str, values: Sequence[object] | Mapping[str, object]
) -> list[Delivery]:
    """Return the deliveries that a clause selects and orders."""
    select = f"SELECT {_COLUMNS} FROM deliveries {where}"
    return [delivery_of(row) for row in db.execute(select, values).fetchall()]


def untouched(db: Connection, which: HoldFilter) -> Sequence[str]:
    """Return the ids of waiting deliveries that have not changed since they were planned."""
    values = {
        "first": event_id(max(0.0, which.since), 0),
        "since": which.since,
        "source": which.source,
        "recipe": which.recipe,
    }
    return [id_ for (id_,) in db.execute(_OF_SOURCE if which.source else _OF_RECIPE, values)]


def hold_these(db: Connection, ids: Collection[str], hold: str, reason: str) -> Sequence[Delivery]:
    """Hold those of these deliveries that still wait unchanged; return them, oldest first."""
    rows = db.execute(_HOLD, {"ids": json_list(ids), "hold": hold, "reason": reason}).fetchall()
    changed = sorted(map(delivery_of, rows), key=lambda delivery: delivery.number)
    held = [delivery for delivery in changed if delivery.state is State.HELD]
    give_up_turns(db, [delivery.id for delivery in held])
    return held
