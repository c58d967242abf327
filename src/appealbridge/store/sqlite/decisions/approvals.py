"""Stores questions, revisions and answers in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

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
from appealbridge.model.run import Run
from appealbridge.store.approvals import MOST_REVISIONS, PersonsAnswer
from appealbridge.store.sqlite.access import Connection, ReadAccess, WriteAccess, reads, writes
from appealbridge.store.sqlite.amending.revised import TAKE_BACK, followers
from appealbridge.store.sqlite.decisions.approval_rows import (
    ANSWER,
    QUESTION,
    REVISION,
    answer_of,
    keep_revision,
    new_question,
    question_of,
    revision_of,
)
from appealbridge.store.sqlite.decisions.entries import decide
from appealbridge.store.sqlite.deliveries import deliveries_where, find, move
from appealbridge.store.sqlite.rows import (
    STORED_RUN,
    json_list,
    names,
    run_of,
    stored_time,
    time_or_none,
)
from appealbridge.store.sqlite.schema import origin_of
from appealbridge.store.sqlite.settle import leave
from appealbridge.store.sqlite.states import EXPIRED, HELD, IS_LISTED
from appealbridge.store.sqlite.withdrawals import release_order

_IN = "IN (SELECT value FROM json_each(?))"
# Only these two values of `hold` begin with the word: alone, or with another hold.
_WAITS = f"state = {HELD} AND (hold = '{Hold.APPROVAL}' OR hold LIKE '%{Hold.APPROVAL}%')"
_NEWEST = "number = (SELECT max(number) FROM revisions n WHERE n.delivery_id = r.delivery_id)"
_APPROVED = (
    f"SELECT {names(ANSWER, 'a')}, {names(REVISION, 'r')} FROM revisions r JOIN answers a"
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
_AUTHORS = (
    "SELECT author FROM events WHERE id = :id AND author > '' UNION"
    " SELECT a.author FROM events e JOIN events a ON a.subject = e.subject WHERE e.id = :id"
    " AND a.subject > '' AND a.number > 0 AND a.author > '' AND (:later OR a.number < e.number)"
    f" AND {origin_of('a')} = {origin_of('e')}"
)
_OPEN = f"state = '{QuestionState.OPEN}'"
_ANY_WAITS = f"EXISTS (SELECT 1 FROM deliveries WHERE question = questions.number AND question > 0 AND {_WAITS})"
_CLOSE = (
    f"UPDATE questions SET state = '{QuestionState.ANSWERED}', ended_at = :at, next_at = 9e999"
    f" WHERE number = :question AND {_OPEN} AND NOT EXISTS (SELECT 1 FROM deliveries"
    f" WHERE question = :question AND question > 0 AND {_WAITS})"
)
_CORRECTED_BY = (
    f"SELECT {names(STORED_RUN, 'r')} FROM corrections c JOIN runs r ON r.id = c.by_run"
    f" WHERE c.run_id = ? ORDER BY r.number DESC LIMIT {MOST_REVISIONS}"
)
# Nothing of it waits any more, because it was cancelled, withdrawn, corrected or too late.
_OVER = (
    f"UPDATE questions SET state = '{QuestionState.ANSWERED}', ended_at = ?, next_at = 9e999"
    f" WHERE {_OPEN} AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id > questions.run_id || '.'"
    f" AND d.id < questions.run_id || '/' AND d.state <= {HELD} AND d.hold LIKE '%{Hold.APPROVAL}%')"
)


class SqliteApprovalQueries(ReadAccess):
    """The `ApprovalQueries` in SQLite."""

    @reads
    def unasked(self, db: Connection, limit: int) -> Sequence[Delivery]:
        return deliveries_where(db, _UNASKED, (limit,))

    @reads
    def thread(self, db: Connection, delivery_id: str) -> Sequence[Delivery]:
        return followers(db, delivery_id)

    @reads
    def questions(
        self, db: Connection, *, open_only: bool = True, after: int = 0, limit: int = 100
    ) -> Sequence[ApprovalQuestion]:
        # Few are open, while those that ended become ever more.
        index = " INDEXED BY questions_open" if open_only else ""
        waits = f" AND {_OPEN} AND {_ANY_WAITS}" if open_only else ""
        where = f"{index} WHERE number > ?{waits} ORDER BY number LIMIT ?"
        rows = db.execute(f"SELECT {names(QUESTION)} FROM questions{where}", (after, limit))
        return [question_of(row) for row in rows]

    @reads
    def question(self, db: Connection, number: int) -> ApprovalQuestion:
        select = f"SELECT {names(QUESTION)} FROM questions WHERE number = ?"
        row = db.execute(select, (number,)).fetchone()
        if row is None:
            raise NotFound(f"question {number}: no question has this number")
        return question_of(row)

    @reads
    def asked_about(self, db: Connection, number: int) -> Sequence[Delivery]:
        return deliveries_where(
            db, "WHERE question = ? AND question > 0 ORDER BY number", (number,)
        )

    @reads
    def revisions(self, db: Connection, delivery_ids: Collection[str]) -> Sequence[Revision]:
        select = (
            f"SELECT {names(REVISION)} FROM revisions r WHERE delivery_id {_IN} AND number >"
            " (SELECT max(number) FROM revisions n WHERE n.delivery_id = r.delivery_id)"
            f" - {MOST_REVISIONS} ORDER BY delivery_id, number"
        )
        return [revision_of(row) for row in db.execute(select, (json_list(delivery_ids),))]

    @reads
    def answers(self, db: Connection, delivery_ids: Collection[str]) -> Sequence[Answer]:
        select = f"SELECT {names(ANSWER)} FROM answers WHERE delivery_id {_IN} ORDER BY number"
        return [answer_of(row) for row in db.execute(select, (json_list(delivery_ids),))]

    @reads
    def approval(self, db: Connection, delivery_id: str) -> tuple[Answer, Revision] | None:
        row = db.execute(_APPROVED, (delivery_id,)).fetchone()
        return (
            None
            if row is None
            else (answer_of(row[: len(ANSWER)]), revision_of(row[len(ANSWER) :]))
        )

    @reads
    def authors_about(self, db: Connection, event_id: str, *, later: bool = False) -> Sequence[str]:
        rows = db.execute(_AUTHORS, {"id": event_id, "later": later})
        return [author for (author,) in rows]

    @reads
    def corrected_by(self, db: Connection, run_id: str) -> Sequence[Run]:
        return [run_of(row) for row in db.execute(_CORRECTED_BY, (run_id,))][::-1]

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
        stored = _of_run(db, question)
        if stored is None:
            stored = new_question(db, question)
        for revision in fitting:
            db.execute(TAKE_BACK, (revision.at, revision.delivery_id))
            parts = followers(db, revision.delivery_id)
            _keep_whole(db, replace(revision, question=stored.number), parts)
            _mark(db, stored.number, [revision.delivery_id, *(each.id for each in parts)])
        if stored.level and fitting:  # what is new is asked from the beginning
            _restart(db, stored.number, question)
        return stored

    @writes
    def answer(
        self, db: Connection, replies: Sequence[PersonsAnswer], decision: Decision
    ) -> Sequence[Delivery]:
        return [_answered(db, reply, decision) for reply in replies]

    @writes
    def revise(
        self, db: Connection, revision: Revision, contents: Mapping[str, str], decision: Decision
    ) -> Revision:
        delivery = find(db, revision.delivery_id)
        newest = _newest(db, delivery)
        if revision.number != newest.number + 1:
            raise _stale(delivery, newest, None)
        _refuse_changed(db, delivery, newest)
        revise(db, delivery, replace(revision, question=newest.question), contents)
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
        answer = answer_of(row[: len(ANSWER)])
        decision = replace(decision, revision=answer.revision, content_hash=answer.hash)
        if delivery.state is State.HELD:  # for another reason
            decide(db, decision, delivery)
            db.execute(
                "UPDATE deliveries SET hold = ? WHERE id = ?",
                (with_hold(delivery.hold, Hold.APPROVAL), delivery.id),
            )
        else:
            reason = f"{decision.actor.shown} took the approval back"
            move(
                db, delivery.id, State.HELD, decision.at,
                hold=Hold.APPROVAL, reason=reason, decision=decision,
            )  # fmt: skip
        for each in (delivery, *followers(db, delivery.id)):
            db.execute(TAKE_BACK, (decision.at, each.id))
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
                f"UPDATE deliveries SET notified = 0 WHERE question = ? AND question > 0 AND {_WAITS}",
                (number,),
            )

    @writes
    def lapse(self, db: Connection, now: float) -> Sequence[Delivery]:
        db.execute(_OVER, (now,))
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


def revise(
    db: sqlite3.Connection, delivery: Delivery, revision: Revision, contents: Mapping[str, str]
) -> None:
    """Give a waiting delivery, or posts of its thread, the content of a new revision."""
    _refuse_answered(delivery)
    parts = followers(db, delivery.id)
    if unknown := contents.keys() - {delivery.id, *(part.id for part in parts)}:
        raise IllegalMove(f"delivery {delivery.number}: {min(unknown)} is not a post of its thread")
    for id_, content in contents.items():
        values = (content, sha256(content.encode()).hexdigest(), id_)
        db.execute("UPDATE deliveries SET content = ?, content_hash = ? WHERE id = ?", values)
    db.execute(
        "UPDATE deliveries SET reason = ?, publish_by = ?, notified = 0 WHERE id = ?",
        (revision.why, stored_time(revision.publish_by), delivery.id),
    )
    parts = followers(db, delivery.id)
    _refuse_changed(db, find(db, delivery.id), revision)
    for each in (delivery, *parts):
        db.execute(TAKE_BACK, (revision.at, each.id))
    _keep_whole(db, revision, parts)


def _answered(db: sqlite3.Connection, reply: PersonsAnswer, decision: Decision) -> Delivery:
    delivery = find(db, reply.delivery_id)
    _refuse_answered(delivery)
    newest = _newest(db, delivery)
    if not is_hash_of(reply.hash, newest):
        raise _stale(delivery, newest, reply.hash)
    _refuse_changed(db, delivery, newest)
    if sha256(delivery.content.encode()).hexdigest() != delivery.content_hash:
        raise IllegalMove(
            f"delivery {delivery.number}: its content is not what was planned; cancel it"
        )
    decision = replace(
        decision, revision=newest.number, content_hash=newest.hash, reason=reply.reason
    )
    parts = followers(db, delivery.id)
    _say(db, delivery.id, newest, reply, decision)
    if reply.kind is AnswerKind.APPROVE:
        _approve(db, delivery, reply, decision)
        for part in parts:
            _say(db, part.id, newest, reply, decision)
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
        db.execute("UPDATE deliveries SET hold = ?, due_at = ?, notified = 0 WHERE id = ?", values)
        return
    move(db, delivery.id, State.READY, decision.at, decision=decision)
    db.execute("UPDATE deliveries SET due_at = ? WHERE id = ?", (reply.due_at, delivery.id))


def _by(decision: Decision) -> str:
    return decision.actor.shown or "somebody"


def _say(
    db: sqlite3.Connection,
    delivery_id: str,
    revision: Revision,
    reply: PersonsAnswer,
    decision: Decision,
) -> None:
    columns = names(ANSWER[1:])
    db.execute(
        f"INSERT INTO answers ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, 9e999)",
        (
            delivery_id, revision.number, decision.actor.person, reply.kind.value, revision.hash,
            decision.at, stored_time(reply.publish_at),
        ),
    )  # fmt: skip


def _keep_whole(db: sqlite3.Connection, revision: Revision, parts: Sequence[Delivery]) -> None:
    """Store a revision of a thread: the later posts have the number and the hash of the first one."""
    keep_revision(db, revision)
    for part in parts:
        keep_revision(db, replace(revision, delivery_id=part.id, content=part.content, thread=()))


def _is_asked(delivery: Delivery) -> bool:
    return delivery.state is State.HELD and Hold.APPROVAL in delivery.holds


def _refuse_answered(delivery: Delivery) -> None:
    if not _is_asked(delivery):
        state = (
            f"held for {delivery.hold}" if delivery.state is State.HELD else delivery.state.value
        )
        raise IllegalMove(f"delivery {delivery.number} is {state}; it does not wait for approval")


def _refuse_changed(db: sqlite3.Connection, delivery: Delivery, newest: Revision) -> None:
    """Raise `StaleRevision` if a delivery was corrected, and nothing was asked about that yet."""
    if not delivery.question or not _says(db, delivery, newest):
        raise StaleRevision(f"delivery {delivery.number} was changed just now; look at it again")


def _newest(db: sqlite3.Connection, delivery: Delivery) -> Revision:
    row = db.execute(
        f"SELECT {names(REVISION)} FROM revisions r WHERE delivery_id = ? AND r.{_NEWEST}",
        (delivery.id,),
    ).fetchone()
    if row is None:
        raise IllegalMove(f"delivery {delivery.number}: nothing was asked about it yet; try again")
    return revision_of(row)


def _stale(delivery: Delivery, newest: Revision, hash_: str | None) -> StaleRevision:
    return StaleRevision(
        f"delivery {delivery.number}: this is not what waits for approval now, which is revision "
        f"{newest.number} ({newest.hash[:12]}); look at it again",
        differences(None, newest) if hash_ is None else (),
    )


def _fits(db: sqlite3.Connection, revision: Revision) -> bool:
    delivery = find(db, revision.delivery_id)
    (newest,) = db.execute(
        "SELECT coalesce(max(number), 0) FROM revisions WHERE delivery_id = ?", (delivery.id,)
    ).fetchone()
    return _is_asked(delivery) and revision.number == newest + 1 and _says(db, delivery, revision)


def _says(db: sqlite3.Connection, delivery: Delivery, revision: Revision) -> bool:
    """Return whether a delivery and its thread have the content of a revision."""
    parts = [each.content_hash for each in followers(db, delivery.id)]
    return delivery.content == revision.content and parts == [*revision.thread]


def _of_run(db: sqlite3.Connection, question: ApprovalQuestion) -> ApprovalQuestion | None:
    """Return the open question of the same run to the same people."""
    select = (
        f"SELECT {names(QUESTION)} FROM questions WHERE run_id = ? AND policy = ? AND {_OPEN}"
        " ORDER BY number"
    )
    row = db.execute(select, (question.run_id, question.policy)).fetchone()
    return None if row is None else question_of(row)


def _restart(db: sqlite3.Connection, number: int, question: ApprovalQuestion) -> None:
    values = (stored_time(question.next_at), question.lapses_at, number)
    db.execute(
        "UPDATE questions SET level = 0, next_at = ?, lapses_at = ? WHERE number = ?", values
    )


def _mark(db: sqlite3.Connection, number: int, delivery_ids: Collection[str]) -> None:
    values = (number, json_list(delivery_ids))
    db.execute(f"UPDATE deliveries SET question = ? WHERE id {_IN}", values)
