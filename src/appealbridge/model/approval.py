"""
Approval: the question about the deliveries of one run, the revisions of what is asked, and people's answers.

What publishes without approval is accepted once: a version of a recipe, by an admin who did not write it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from appealbridge.model.audit import canonical
from appealbridge.model.delivery import Delivery
from appealbridge.model.value import value

SHORTEST_HASH = 8
"""How many characters of a revision's hash must be given at least."""


class AnswerKind(StrEnum):
    """What a person answers."""

    APPROVE = "approve"
    REJECT = "reject"
    CHANGES = "changes"


class QuestionState(StrEnum):
    """A question is `open` while anything of it waits for an answer; one that `lapsed` was never answered."""

    OPEN = "open"
    ANSWERED = "answered"
    LAPSED = "lapsed"


@value(kw_only=True)
class ApprovalQuestion:
    """
    What is asked about the deliveries of one run.

    `policy` is who may answer (a person or a group; empty: any approver), `mode` is `practice` or `live`. Times are
    Unix seconds UTC: `next_at` is when people are asked again, for which `level` counts how often they were asked
    before, and at `lapses_at` it lapses. `reached` is how many people the last notice went to.
    """

    number: int = 0
    run_id: str
    policy: str
    mode: str
    state: QuestionState = QuestionState.OPEN
    asked_at: float
    next_at: float | None = None
    level: int = 0
    lapses_at: float
    ended_at: float | None = None
    reached: int = 0


@value(kw_only=True)
class Revision:
    """
    One version of what is asked about a delivery; `number` counts from 1.

    `content` is the message as canonical JSON (with the hashes and alt texts of its pictures, and its recipients),
    `thread` has the content hashes of the posts that follow it, and `account` says where it goes: the platform, the
    API's address and whose account it is. `publish_at` is a time before which it does not go out, and `publish_by` one
    after which it does not. `authors` are those who may not approve it: the author of what caused it, and everybody who
    edited this revision or one before. `hash` binds all of it.
    """

    delivery_id: str
    number: int
    content: str
    account: Mapping[str, Any] = field(default_factory=dict)
    thread: Sequence[str] = ()
    publish_at: float | None = None
    publish_by: float | None = None
    authors: Sequence[str] = ()
    at: float
    why: str = ""
    question: int = 0
    hash: str = ""


@value(kw_only=True)
class Answer:
    """
    A person's answer about one revision of a delivery.

    `hash` is that of the revision. An approval may have a time `publish_at` (Unix seconds UTC) for the post. Once
    `withdrawn_at` is set, the answer does not count any more.
    """

    number: int = 0
    delivery_id: str
    revision: int
    person: str
    kind: AnswerKind
    hash: str
    at: float
    publish_at: float | None = None
    withdrawn_at: float | None = None


@value(kw_only=True)
class RecipeContent:
    """What somebody accepts: a recipe's text, and the templates and lists that it uses, by name."""

    text: str
    templates: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)


@value(kw_only=True)
class RecipeAcceptance:
    """That a person accepted a version of a recipe, with its hash; `at` is in Unix seconds UTC."""

    version: str
    recipe: str
    person: str
    at: float


def bound(
    delivery: Delivery,
    number: int,
    account: Mapping[str, Any],
    thread: Sequence[str] = (),
    publish_at: float | None = None,
) -> str:
    """Return the hash over all that an approval of a revision binds, in hex."""
    everything = {
        "delivery": delivery.id,
        "revision": number,
        "content": hashlib.sha256(delivery.content.encode()).hexdigest(),
        "channel": delivery.channel,
        "kind": delivery.kind.value,
        "target": delivery.target,
        "account": dict(account),
        "thread": list(thread),
        # SQLite returns a whole number for some rows, which JSON writes in another way.
        "publish_at": None if publish_at is None else float(publish_at),
        "publish_by": None if delivery.publish_by is None else float(delivery.publish_by),
    }
    return hashlib.sha256(canonical(everything).encode()).hexdigest()


def is_hash_of(hash_: str, revision: Revision) -> bool:
    """Return whether this is a revision's hash, or enough of its beginning."""
    return len(hash_) >= SHORTEST_HASH and revision.hash.startswith(hash_.lower())


def differences(before: Revision | None, after: Revision) -> list[dict[str, Any]]:
    """
    Return what changed from one revision to another: `field`, `before` and `after`.

    Without an earlier one, everything is new.
    """
    old = {} if before is None else _fields(before)
    new = _fields(after)
    return [
        {"field": name, "before": old.get(name), "after": new.get(name)}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _fields(revision: Revision) -> dict[str, Any]:
    message = json.loads(revision.content) if revision.content else {}
    fields = {name: value for name, value in message.items() if value not in (None, [], "")}
    fields |= {f"account.{name}": value for name, value in revision.account.items()}
    if revision.thread:
        fields["posts that follow"] = len(revision.thread)
    for name in ("publish_at", "publish_by"):
        if (at := getattr(revision, name)) is not None:
            fields[name] = at
    return fields
