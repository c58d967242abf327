"""
The audit trail: every decision in a chain of hashes, so that a changed, removed or inserted one shows.

Each entry's hash covers its fields and the hash of the entry before it. Reasons are kept apart, and the entry has only
the hash of the reason with a random salt: the reason can be removed, and the chain still verifies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from appealbridge.model.actor import Actor
from appealbridge.model.value import value

MOST_PROBLEMS = 100
"""How many problems of a trail are named; the others are counted."""

REASON_LIMIT = 2000
"""How many characters of a reason are kept."""


class Act(StrEnum):
    """What was decided."""

    RELEASE = "release"
    RETRY = "retry"
    CANCEL = "cancel"
    CONFIRM = "confirm"
    REPLAY = "replay"
    WITHDRAW = "withdraw"
    LIFT = "lift"
    STOP = "stop"
    START = "start"
    RELOAD = "reload"
    RESTORE = "restore"
    PRUNE = "prune"
    INVITE = "invite"
    RESET = "reset"
    ENROL = "enrol"
    CHANGE_PEOPLE = "change_people"
    MAKE_TOKEN = "make_token"  # noqa: S105 - no secret
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 - no secret
    APPROVE = "approve"
    REJECT = "reject"
    ASK_CHANGES = "ask_changes"
    EDIT = "edit"
    TAKE_BACK = "take_back"
    ACCEPT = "accept"
    BEGIN_DUTY = "begin_duty"
    END_DUTY = "end_duty"


@value(kw_only=True)
class Decision:
    """
    A decision, as it is handed to the store with the change that it decides.

    `at` is in Unix seconds UTC. `object` is what it is about, such as `delivery 12` or `settings`; the store fills it
    in, with `revision` and `content_hash`, for what it changes itself. `shown` is what the person was shown, as JSON
    without personal words. `reason` is in the person's own words. `event_id` is the event with whose content the
    reason is removed, empty if it is about none.
    """

    actor: Actor
    act: str
    at: float
    reason: str = ""
    object: str = ""
    revision: int = 0
    content_hash: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = ""


@value(kw_only=True)
class AuditEntry:
    """
    One entry of the trail, as it is stored; `seq` counts from 1 without gaps.

    `shown` is canonical JSON. `reason` and `salt` (hex) are `None` if there is no reason, or it was removed.
    """

    seq: int
    at: float
    actor: str
    how: str
    act: str
    object: str
    revision: int
    content_hash: str
    shown: str
    reason_hash: str
    previous: str
    hash: str
    reason: str | None = None
    salt: str | None = None


@value
class Checkpoint:
    """The hash of the newest entry at a time (Unix seconds UTC); kept elsewhere, it shows what was cut off since."""

    seq: int
    hash: str
    at: float


def object_of(number: int) -> str:
    """Return the object of a decision about the delivery of this number."""
    return f"delivery {number}"


def withdrawal_object(number: int) -> str:
    """Return the object of a decision about the withdrawal of this number."""
    return f"withdrawal {number}"


def canonical(content: Any) -> str:
    """Return a value as JSON in its one canonical form."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def entry_hash(entry: AuditEntry) -> str:
    """Return the SHA-256 of an entry's fields and of the hash before it, in hex."""
    fields = {
        name: getattr(entry, name)
        for name in (
            "seq", "at", "actor", "how", "act", "object", "revision", "content_hash", "shown",
            "reason_hash", "previous",
        )
    }  # fmt: skip
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def reason_hash(salt: str, reason: str) -> str:
    """Return the SHA-256 of a reason with its salt (hex), in hex; empty if there is no reason."""
    return hashlib.sha256(bytes.fromhex(salt) + reason.encode()).hexdigest() if reason else ""


@value(kw_only=True)
class AuditReport:
    """
    What is wrong with a trail, in words, and what is missing from it for a known reason.

    `gaps` name what a restored backup or the retention took. `more` is how many problems are not named.
    """

    entries: int
    problems: Sequence[str]
    gaps: Sequence[str]
    more: int = 0


class Verifier:
    """Checks the entries of a trail, in order, against each other and against checkpoints."""

    def __init__(self, checkpoints: Sequence[Checkpoint] = ()) -> None:
        self._checkpoints = sorted(set(checkpoints), key=lambda each: (each.seq, each.at))
        self._hashes: dict[int, str] = {each.seq: "" for each in checkpoints}
        self._last: AuditEntry | None = None
        self._first: AuditEntry | None = None
        self._count = 0
        self._pruned: set[tuple[int, str]] = set()
        self._restored: list[tuple[int, float, float]] = []
        self._problems: list[str] = []
        self._more = 0
        self._no_reason = 0

    def add(self, entry: AuditEntry) -> None:
        """Check the next entry, in the order of `seq`."""
        last, self._last = self._last, entry
        self._count += 1
        if last is None:
            self._first = entry
        elif entry.seq != last.seq + 1:
            self._say(f"{_entries(last.seq + 1, entry.seq - 1)} removed")
        elif entry.previous != last.hash:
            self._say(
                f"entry {entry.seq} does not follow entry {last.seq}: one of them was changed, or put in "
                "place of another"
            )
        if entry_hash(entry) != entry.hash:
            self._say(f"entry {entry.seq} was changed: its content does not have its hash")
        self._check_reason(entry)
        if entry.seq in self._hashes:
            self._hashes[entry.seq] = entry.hash
        self._note(entry)

    def end(self, issued: int = 0) -> AuditReport:
        """Return the report; `issued` is the highest `seq` that the store ever gave, 0 if that is not known."""
        last = 0 if self._last is None else self._last.seq
        gaps = self._begin()
        if issued > last:
            self._say(f"{_entries(last + 1, issued)} cut off at the end")
        gaps += [
            f"restored from a backup: what was decided after {_moment(backed_up_at)} and before {_moment(at)} is not "
            f"in this trail (entry {seq})"
            for seq, backed_up_at, at in self._restored
        ]
        gaps += self._against_checkpoints(last)
        if self._no_reason:
            gaps.append(f"{self._no_reason} reasons were removed when their retention was over")
        return AuditReport(entries=self._count, problems=self._problems, gaps=gaps, more=self._more)

    def _begin(self) -> list[str]:
        first = self._first
        if first is None or first.seq == 1:
            if first is not None and first.previous:
                self._say("entry 1 was changed: nothing goes before it")
            return []
        if (first.seq - 1, first.previous) in self._pruned:
            return [f"entries up to {first.seq - 1} were removed when their retention was over"]
        self._say(f"{_entries(1, first.seq - 1)} removed from the beginning")
        return []

    def _against_checkpoints(self, last: int) -> list[str]:
        gaps, good = [], 0
        first = 1 if self._first is None else self._first.seq
        for point in self._checkpoints:
            if point.seq < first or self._hashes[point.seq] == point.hash:
                good = max(good, point.seq)
                continue
            when = f"the checkpoint of {_moment(point.at)}"
            if any(backed_up_at <= point.at <= at for _, backed_up_at, at in self._restored):
                gaps.append(f"{when} (entry {point.seq}) is older than the restored backup")
            elif point.seq > last:
                self._say(f"{_entries(last + 1, point.seq)} cut off: {when} has them")
            else:
                self._say(
                    f"entry {point.seq} is not the one of {when}: an entry from {good + 1} to {point.seq} "
                    "was replaced, removed or inserted"
                )
        return gaps

    def _check_reason(self, entry: AuditEntry) -> None:
        if entry.reason is None or entry.salt is None:
            self._no_reason += bool(entry.reason_hash)
            return
        try:
            fits = bool(entry.reason) and (
                reason_hash(entry.salt, entry.reason) == entry.reason_hash
            )
        except ValueError:
            fits = False
        if not fits:
            self._say(f"the reason of entry {entry.seq} was changed")

    def _note(self, entry: AuditEntry) -> None:
        if entry.act not in (Act.PRUNE, Act.RESTORE):
            return
        try:
            shown = json.loads(entry.shown)
            if entry.act == Act.PRUNE:
                self._pruned.add((shown["to"], shown["hash"]))
            else:
                self._restored.append((entry.seq, float(shown["backup_taken_at"]), entry.at))
        except (ValueError, KeyError, TypeError):
            return  # its hash, or its content, says that it was changed

    def _say(self, problem: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)
        else:
            self._more += 1


def _entries(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
