"""Converts questions, revisions and answers to rows, and back."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import orjson

from appealbridge.model.approval import (
    Answer,
    AnswerKind,
    ApprovalQuestion,
    QuestionState,
    Revision,
)
from appealbridge.store.sqlite.rows import Row, names, stored_time, time_or_none

QUESTION = (
    "number", "run_id", "policy", "mode", "state", "asked_at", "next_at", "level", "lapses_at",
    "ended_at", "reached",
)  # fmt: skip
REVISION = (
    "delivery_id", "number", "content", "account", "thread", "publish_at", "publish_by", "authors",
    "at", "why", "question", "hash",
)  # fmt: skip
ANSWER = (
    "number", "delivery_id", "revision", "person", "kind", "hash", "at", "publish_at", "withdrawn_at",
)  # fmt: skip


def new_question(db: sqlite3.Connection, question: ApprovalQuestion) -> ApprovalQuestion:
    """Store a question, and return it with its number."""
    columns = names(QUESTION[1:])
    cursor = db.execute(
        f"INSERT INTO questions ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 9e999, ?)",
        (
            question.run_id, question.policy, question.mode, question.state.value, question.asked_at,
            stored_time(question.next_at), question.level, question.lapses_at, question.reached,
        ),
    )  # fmt: skip
    return replace(question, number=int(cursor.lastrowid or 0))


def keep_revision(db: sqlite3.Connection, revision: Revision) -> None:
    """Store a revision."""
    db.execute(
        f"INSERT INTO revisions ({names(REVISION)}) VALUES ({', '.join('?' * len(REVISION))})",
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


def question_of(row: Row) -> ApprovalQuestion:
    """Return the question of a row in the order of `QUESTION`."""
    fields = dict(zip(QUESTION, row, strict=True))
    fields["state"] = QuestionState(fields["state"])
    for name in ("next_at", "ended_at"):
        fields[name] = time_or_none(fields[name])
    return ApprovalQuestion(**fields)


def revision_of(row: Row) -> Revision:
    """Return the revision of a row in the order of `REVISION`."""
    fields = dict(zip(REVISION, row, strict=True))
    for name in ("account", "thread", "authors"):
        fields[name] = orjson.loads(fields[name])
    for name in ("publish_at", "publish_by"):
        fields[name] = time_or_none(fields[name])
    return Revision(**fields)


def answer_of(row: Row) -> Answer:
    """Return the answer of a row in the order of `ANSWER`."""
    fields = dict(zip(ANSWER, row, strict=True))
    fields["kind"] = AnswerKind(fields["kind"])
    for name in ("publish_at", "withdrawn_at"):
        fields[name] = time_or_none(fields[name])
    return Answer(**fields)
