"""Stores questions, revisions and answers in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256

import orjson

from appealbridge.model.approval import (
    Answer,
    AnswerKind,
    ApprovalQuestion,
    QuestionState,
    Revision,
    differences,
    is_hash_of,
)
from appealbridge.model.audit import Decision
from appealbridge.model.delivery import Delivery, Hold, Kind, State, with_hold
from appealbridge.model.errors import IllegalMove, NotFound, StaleRevision
from appealbridge.store.approving import PersonsAnswer
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.decisions.entries import decide
from appealbridge.store.sqlite.deliveries import deliveries_where, find, move
from appealbridge.store.sqlite.rows import Row, json_list, names, stored_time, time_or_none
from appealbridge.store.sqlite.schema import origin_of
from appealbridge.store.sqlite.settle import leave
from appealbridge.store.sqlite.states import EXPIRED, HELD, IS_LISTED, PLANNED
from appealbridge.store.sqlite.withdrawals import release_order

_QUESTION = (
    "number", "run_id", "policy", "mode", "state", "asked_at", "next_at", "level", "lapses_at",
    "ended_at", "reached",
)  # fmt: skip
_REVISION = (
    "delivery_id", "number", "content", "account", "thread", "publish_at", "publish_by", "authors",
    "at", "why", "question", "hash",
)  # fmt: skip
_ANSWER = (
    "number", "delivery_id", "revision", "person", "kind", "hash", "at", "publish_at", "withdrawn_at",
)  # fmt: skip
_IN = "IN (SELECT value FROM json_each(?))"
# Only these two values of `hold` begin with the word: alone, or with another hold.
_WAITS = f"state = {HELD} AND (hold = '{Hold.APPROVAL}' OR hold LIKE '%{Hold.APPROVAL}%')"
_NEWEST = "number = (SELECT max(number) FROM revisions n WHERE n.delivery_id = r.delivery_id)"
_APPROVED = (
    f"SELECT {names(_ANSWER, 'a')}, {names(_REVISION, 'r')} FROM revisions r JOIN answers a"
    " ON a.delivery_id = r.delivery_id AND a.revision = r.number AND a.hash = r.hash"
    f" WHERE r.delivery_id = ? AND r.{_NEWEST} AND a.kind = '{AnswerKind.APPROVE}'"
    " AND a.withdrawn_at = 9e999 ORDER BY a.number DESC LIMIT 1"
)
_UNASKED = (
    f"WHERE {IS_LISTED} AND {_WAITS} AND content <> ''"
    " AND (question = 0 OR EXISTS (SELECT 1 FROM answers a WHERE a.delivery_id = deliveries.id"
    f" AND a.kind = '{AnswerKind.APPROVE}' AND a.withdrawn_at = 9e999)"
    " OR NOT EXISTS (SELECT 1 FROM questions q WHERE q.number = question"
    f" AND q.state = '{QuestionState.OPEN}'))"
    " ORDER BY number LIMIT ?"
)
_THREAD = (
    "WHERE id IN (WITH RECURSIVE t (id) AS (SELECT id FROM deliveries WHERE follows = :id"
    f" AND follows > '' AND state = {PLANNED} UNION ALL SELECT d.id FROM t JOIN deliveries d"
    f" ON d.follows = t.id AND d.follows > '' AND d.state = {PLANNED}) SELECT id FROM t) ORDER BY number"
)
_AUTHORS = (
    "SELECT author FROM events WHERE id = :id AND author > '' UNION"
    " SELECT a.author FROM events e JOIN events a ON a.subject = e.subject WHERE e.id = :id"
    " AND a.subject > '' AND a.number > 0 AND a.author > '' AND (:later OR a.number < e.number)"
    f" AND {origin_of('a')} = {origin_of('e')}"
)
_OPEN = f"state = '{QuestionState.OPEN}'"
_CLOSE = (
    f"UPDATE questions SET state = '{QuestionState.ANSWERED}', ended_at = :at, next_at = 9e999"
    f" WHERE number = :question AND {_OPEN} AND NOT EXISTS (SELECT 1 FROM deliveries"
    f" WHERE question = :question AND question > 0 AND {_WAITS})"
)
_TAKE_BACK = (
    "UPDATE answers SET withdrawn_at = ? WHERE delivery_id = ?"
    f" AND kind = '{AnswerKind.APPROVE}' AND withdrawn_at = 9e999"
)


class SqliteApprovalQueries(ReadAccess):
    """The `ApprovalQueries` in SQLite."""

    @reads
    def unasked(self, db: Connection, limit: int) -> Sequence[Delivery]:
        return deliveries_where(db, _UNASKED, (limit,))

    @reads
    def thread(self, db: Connection, delivery_id: str) -> Sequence[Delivery]:
        return thread(db, delivery_id)

    @reads
    def questions(
        self, db: Connection, *, open_only: bool = True, after: int = 0, limit: int = 100
    ) -> Sequence[ApprovalQuestion]:
        where = f"WHERE number > ?{f' AND {_OPEN}' if open_only else ''} ORDER BY number LIMIT ?"
        rows = db.execute(f"SELECT {names(_QUESTION)} FROM questions {where}", (after, limit))
        return [_question(row) for row in rows]

    @reads
    def question(self, db: Connection, number: int) -> ApprovalQuestion:
        return question(db, number)

    @reads
    def asked_about(self, db: Connection, number: int) -> Sequence[Delivery]:
        return deliveries_where(
            db, "WHERE question = ? AND question > 0 ORDER BY number", (number,)
        )

    @reads
    def revisions(self, db: Connection, delivery_ids: Collection[str]) -> Sequence[Revision]:
        return revisions(db, delivery_ids)

    @reads
    def answers(self, db: Connection, delivery_ids: Collection[str]) -> Sequence[Answer]:
        select = f"SELECT {names(_ANSWER)} FROM answers WHERE delivery_id {_IN} ORDER BY number"
        return [_answer(row) for row in db.execute(select, (json_list(delivery_ids),))]

    @reads
    def approval(self, db: Connection, delivery_id: str) -> tuple[Answer, Revision] | None:
        row = db.execute(_APPROVED, (delivery_id,)).fetchone()
        return (
            None if row is None else (_answer(row[: len(_ANSWER)]), _revision(row[len(_ANSWER) :]))
        )

    @reads
    def authors_about(self, db: Connection, event_id: str, *, later: bool = False) -> Sequence[str]:
        rows = db.execute(_AUTHORS, {"id": event_id, "later": later})
        return [author for (author,) in rows]

    @reads
    def next_question(self, db: Connection) -> float | None:
        select = f"SELECT min(min(next_at, lapses_at)) FROM questions WHERE {_OPEN}"
        (at,) = db.execute(select).fetchone()
        return None if at is None else time_or_none(at)


class SqliteApprovals(WriteAccess):
    """The `ApprovalStore` in SQLite."""

    @writes
    def ask(
        self, db: Connection, question: ApprovalQuestion, revisions: Sequence[Revision]
    ) -> ApprovalQuestion:
        fitting = [each for each in revisions if _fits(db, each)]
        asked = _of_run(db, question.run_id)
        if asked is None:
            asked = _new(db, question)
        for revision in fitting:
            db.execute(_TAKE_BACK, (revision.at, revision.delivery_id))
            _keep(db, replace(revision, question=asked.number))
            _mark(db, asked.number, [revision.delivery_id])
            _mark(db, asked.number, [each.id for each in thread(db, revision.delivery_id)])
        if asked.level and fitting:  # what is new is asked from the beginning
            _restart(db, asked.number, question)
        return asked

    @writes
    def answer(
        self, db: Connection, replies: Sequence[PersonsAnswer], decision: Decision
    ) -> Sequence[Delivery]:
        return [_answered(db, reply, decision) for reply in replies]

    @writes
    def revise(
        self, db: Connection, revision: Revision, content_hash: str, decision: Decision
    ) -> Revision:
        delivery = find(db, revision.delivery_id)
        newest = _newest(db, delivery)
        if revision.number != newest.number + 1:
            raise _stale(delivery, newest, None)
        revise(db, delivery, replace(revision, question=newest.question), content_hash)
        decide(
            db,
            replace(decision, revision=revision.number, content_hash=revision.hash),
            delivery,
        )
        return revision

    @writes
    def take_back(self, db: Connection, delivery_id: str, decision: Decision) -> Delivery:
        delivery = find(db, delivery_id)
        row = db.execute(_APPROVED, (delivery.id,)).fetchone()
        if row is None:
            raise IllegalMove(f"delivery {delivery.number}: it has no approval to take back")
        answer = _answer(row[: len(_ANSWER)])
        decision = replace(decision, revision=answer.revision, content_hash=answer.hash)
        if delivery.state is State.HELD:  # for another reason
            decide(db, decision, delivery)
            db.execute(
                "UPDATE deliveries SET hold = ? WHERE id = ?",
                (with_hold(delivery.hold, Hold.APPROVAL), delivery.id),
            )
        else:
            reason = f"{decision.actor} took the approval back"
            move(
                db, delivery.id, State.HELD, decision.at,
                hold=Hold.APPROVAL, reason=reason, decision=decision,
            )  # fmt: skip
        for each in (delivery, *thread(db, delivery.id)):
            db.execute(_TAKE_BACK, (decision.at, each.id))
        db.execute(
            f"UPDATE questions SET state = '{QuestionState.OPEN}', ended_at = 9e999"
            " WHERE number = ? AND lapses_at > ?",
            (delivery.question, decision.at),
        )
        return find(db, delivery.id)

    @writes
    def asked_again(
        self, db: Connection, number: int, *, level: int, next_at: float | None, reached: int
    ) -> None:
        db.execute(
            "UPDATE questions SET level = ?, next_at = ?, reached = ? WHERE number = ?",
            (level, stored_time(next_at), reached, number),
        )
        if level > 1:  # the first time is the notice about what is held
            db.execute(
                f"UPDATE deliveries SET told = 0 WHERE question = ? AND question > 0 AND {_WAITS}",
                (number,),
            )

    @writes
    def lapse(self, db: Connection, now: float) -> Sequence[Delivery]:
        over = f"SELECT number FROM questions WHERE {_OPEN} AND lapses_at <= ? LIMIT 100"
        lapsed: list[str] = []
        for (number,) in db.execute(over, (now,)).fetchall():
            reason = f"nobody answered question {number} in time, so the question lapsed"
            rows = db.execute(
                f"UPDATE deliveries SET state = {EXPIRED}, hold = '', settled_at = ?, blocked = 0,"
                f" reason = ? WHERE question = ? AND question > 0 AND {_WAITS} RETURNING id",
                (now, reason, number),
            ).fetchall()
            lapsed += [id_ for (id_,) in rows]
            db.execute(
                f"UPDATE questions SET state = '{QuestionState.LAPSED}', ended_at = ?, next_at = 9e999"
                " WHERE number = ?",
                (now, number),
            )
        leave(db, [(id_, now) for id_ in lapsed])
        return [find(db, id_) for id_ in lapsed]


def question(db: sqlite3.Connection, number: int) -> ApprovalQuestion:
    """Return a question; raise `NotFound`."""
    select = f"SELECT {names(_QUESTION)} FROM questions WHERE number = ?"
    row = db.execute(select, (number,)).fetchone()
    if row is None:
        raise NotFound(f"question {number}: no question has this number")
    return _question(row)


def revisions(db: sqlite3.Connection, delivery_ids: Collection[str]) -> list[Revision]:
    """Return all revisions of deliveries."""
    select = f"SELECT {names(_REVISION)} FROM revisions WHERE delivery_id {_IN} ORDER BY delivery_id, number"
    return [_revision(row) for row in db.execute(select, (json_list(delivery_ids),))]


def thread(db: sqlite3.Connection, delivery_id: str) -> list[Delivery]:
    """Return the posts that follow a delivery in its thread and wait for it, in order."""
    return deliveries_where(db, _THREAD, {"id": delivery_id})


def revise(
    db: sqlite3.Connection, delivery: Delivery, revision: Revision, content_hash: str
) -> None:
    """Give a waiting delivery the content of a new revision, in the transaction of the caller."""
    _refuse_answered(delivery)
    db.execute(
        "UPDATE deliveries SET content = ?, content_hash = ?, reason = ?, publish_by = ?, told = 0"
        " WHERE id = ?",
        (
            revision.content, content_hash, revision.why, stored_time(revision.publish_by),
            delivery.id,
        ),
    )  # fmt: skip
    db.execute(_TAKE_BACK, (revision.at, delivery.id))
    _keep(db, revision)


def _answered(db: sqlite3.Connection, reply: PersonsAnswer, decision: Decision) -> Delivery:
    delivery = find(db, reply.delivery_id)
    _refuse_answered(delivery)
    newest = _newest(db, delivery)
    if not is_hash_of(reply.hash, newest):
        raise _stale(delivery, newest, reply.hash)
    if sha256(delivery.content.encode()).hexdigest() != delivery.content_hash:
        raise IllegalMove(
            f"delivery {delivery.number}: its content is not what was planned; cancel it"
        )
    decision = replace(
        decision, revision=newest.number, content_hash=newest.hash, reason=reply.reason
    )
    parts = thread(db, delivery.id)
    _say(db, delivery.id, newest, reply, decision)
    if reply.kind is AnswerKind.APPROVE:
        _approve(db, delivery, reply, decision)
        for part in parts:
            part_of = replace(newest, delivery_id=part.id)
            _keep_part(db, part, part_of)
            _say(db, part.id, part_of, reply, decision)
    elif reply.kind is AnswerKind.REJECT:
        reason = f"{_by(decision)} rejected it: {reply.reason}"
        move(db, delivery.id, State.CANCELLED, decision.at, reason=reason, decision=decision)
    else:
        decide(db, decision, delivery)
        db.execute(
            "UPDATE deliveries SET reason = ? WHERE id = ?",
            (f"{_by(decision)} asks for changes: {reply.reason}", delivery.id),
        )
    db.execute(_CLOSE, {"question": delivery.question, "at": decision.at})
    return find(db, delivery.id)


def _approve(
    db: sqlite3.Connection, delivery: Delivery, reply: PersonsAnswer, decision: Decision
) -> None:
    if delivery.kind is Kind.WITHDRAW and not delivery.target:
        release_order(db, delivery.id, decision.at, decision)
        return
    left = " ".join(each for each in delivery.holds if each != Hold.APPROVAL)
    if left:
        decide(db, decision, delivery)
        values = (left, reply.due_at, delivery.id)
        db.execute("UPDATE deliveries SET hold = ?, due_at = ?, told = 0 WHERE id = ?", values)
        return
    move(db, delivery.id, State.READY, decision.at, decision=decision)
    db.execute("UPDATE deliveries SET due_at = ? WHERE id = ?", (reply.due_at, delivery.id))


def _by(decision: Decision) -> str:
    return str(decision.actor) or "somebody"


def _say(
    db: sqlite3.Connection,
    delivery_id: str,
    revision: Revision,
    reply: PersonsAnswer,
    decision: Decision,
) -> None:
    columns = names(_ANSWER[1:])
    db.execute(
        f"INSERT INTO answers ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, 9e999)",
        (
            delivery_id, revision.number, decision.actor.person, reply.kind.value, revision.hash,
            decision.at, stored_time(reply.publish_at),
        ),
    )  # fmt: skip


def _keep_part(db: sqlite3.Connection, part: Delivery, revision: Revision) -> None:
    """Store for a later post of a thread what was approved: its hash is that of the first post."""
    content = replace(revision, content=part.content, thread=())
    db.execute(
        "DELETE FROM revisions WHERE delivery_id = ? AND number = ?", (part.id, revision.number)
    )
    _keep(db, content)


def _refuse_answered(delivery: Delivery) -> None:
    if delivery.state is not State.HELD or Hold.APPROVAL not in delivery.holds:
        state = (
            f"held for {delivery.hold}" if delivery.state is State.HELD else delivery.state.value
        )
        raise IllegalMove(f"delivery {delivery.number} is {state}; it does not wait for approval")


def _newest(db: sqlite3.Connection, delivery: Delivery) -> Revision:
    row = db.execute(
        f"SELECT {names(_REVISION)} FROM revisions r WHERE delivery_id = ? AND r.{_NEWEST}",
        (delivery.id,),
    ).fetchone()
    if row is None:
        raise IllegalMove(f"delivery {delivery.number}: nothing was asked about it yet; try again")
    return _revision(row)


def _stale(delivery: Delivery, newest: Revision, given: str | None) -> StaleRevision:
    return StaleRevision(
        f"delivery {delivery.number}: this is not what waits for approval now, which is revision "
        f"{newest.number} ({newest.hash[:12]}); look at it again",
        differences(None, newest) if given is None else (),
    )


def _fits(db: sqlite3.Connection, revision: Revision) -> bool:
    delivery = find(db, revision.delivery_id)
    (newest,) = db.execute(
        "SELECT coalesce(max(number), 0) FROM revisions WHERE delivery_id = ?", (delivery.id,)
    ).fetchone()
    waits = delivery.state is State.HELD and Hold.APPROVAL in delivery.holds
    return waits and delivery.content == revision.content and revision.number == newest + 1


def _of_run(db: sqlite3.Connection, run_id: str) -> ApprovalQuestion | None:
    select = (
        f"SELECT {names(_QUESTION)} FROM questions WHERE run_id = ? AND {_OPEN} ORDER BY number"
    )
    row = db.execute(select, (run_id,)).fetchone()
    return None if row is None else _question(row)


def _new(db: sqlite3.Connection, asked: ApprovalQuestion) -> ApprovalQuestion:
    columns = names(_QUESTION[1:])
    cursor = db.execute(
        f"INSERT INTO questions ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 9e999, ?)",
        (
            asked.run_id, asked.policy, asked.mode, asked.state.value, asked.asked_at,
            stored_time(asked.next_at), asked.level, asked.lapses_at, asked.reached,
        ),
    )  # fmt: skip
    return replace(asked, number=int(cursor.lastrowid or 0))


def _restart(db: sqlite3.Connection, number: int, asked: ApprovalQuestion) -> None:
    values = (stored_time(asked.next_at), asked.lapses_at, number)
    db.execute(
        "UPDATE questions SET level = 0, next_at = ?, lapses_at = ? WHERE number = ?", values
    )


def _mark(db: sqlite3.Connection, number: int, delivery_ids: Collection[str]) -> None:
    values = (number, json_list(delivery_ids))
    db.execute(f"UPDATE deliveries SET question = ? WHERE id {_IN}", values)


def _keep(db: sqlite3.Connection, revision: Revision) -> None:
    db.execute(
        f"INSERT INTO revisions ({names(_REVISION)}) VALUES ({', '.join('?' * len(_REVISION))})",
        (
            revision.delivery_id, revision.number, revision.content, json(dict(revision.account)),
            json(list(revision.thread)), stored_time(revision.publish_at),
            stored_time(revision.publish_by), json(list(revision.authors)), revision.at,
            revision.why, revision.question, revision.hash,
        ),
    )  # fmt: skip


def json(value: object) -> str:
    """Return a value as JSON text."""
    return orjson.dumps(value).decode()


def _question(row: Row) -> ApprovalQuestion:
    fields = dict(zip(_QUESTION, row, strict=True))
    fields["state"] = QuestionState(fields["state"])
    for name in ("next_at", "ended_at"):
        fields[name] = time_or_none(fields[name])
    return ApprovalQuestion(**fields)


def _revision(row: Row) -> Revision:
    fields = dict(zip(_REVISION, row, strict=True))
    for name in ("account", "thread", "authors"):
        fields[name] = orjson.loads(fields[name])
    for name in ("publish_at", "publish_by"):
        fields[name] = time_or_none(fields[name])
    return Revision(**fields)


def _answer(row: Row) -> Answer:
    fields = dict(zip(_ANSWER, row, strict=True))
    fields["kind"] = AnswerKind(fields["kind"])
    for name in ("publish_at", "withdrawn_at"):
        fields[name] = time_or_none(fields[name])
    return Answer(**fields)
