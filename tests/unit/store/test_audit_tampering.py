"""Whoever can write the file can change the trail; `Verifier` finds every entry changed, removed, inserted, cut off."""

import sqlite3
from contextlib import closing
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import (
    AuditEntry,
    Checkpoint,
    Decision,
    Verifier,
    canonical,
    entry_hash,
    reason_hash,
)
from appealbridge.store.sqlite.store import SqliteStore
from tests.store_contract.audit import verified

ALICE = Actor("alice", How.LOG_IN)


def chain(count, restored=()):
    entries, previous = [], ""
    for seq in range(1, count + 1):
        salt, reason = f"{seq:032x}", f"reason {seq}"
        entry = AuditEntry(
            seq=seq, at=1000.0 + seq, actor="alice", how="log-in", act="release", object=f"delivery {seq}",
            revision=0, content_hash="9c" * 32, shown="{}", reason_hash=reason_hash(salt, reason),
            previous=previous, hash="", reason=reason, salt=salt,
        )  # fmt: skip
        if seq in restored:
            shown = canonical({"backup_taken_at": 1000.0 + seq - 2})
            entry = replace(entry, act="restore", shown=shown)
        entries.append(rehashed(entry))
        previous = entries[-1].hash
    return entries


def rehashed(entry):
    return replace(entry, hash=entry_hash(entry))


def report_of(entries, checkpoints=(), issued=0):
    verifier = Verifier(checkpoints)
    for entry in entries:
        verifier.add(entry)
    return verifier.end(issued)


def point(entry):
    return Checkpoint(entry.seq, entry.hash, entry.at)


def rechained(entries):
    """What a careful forger does: every later entry follows the changed one."""
    result = []
    for entry in entries:
        result.append(rehashed(replace(entry, previous=result[-1].hash if result else "")))
    return result


def test_a_trail_as_it_was_stored_verifies():
    entries = chain(7)
    assert report_of(entries, [point(entries[4])], issued=7).problems == []


@pytest.mark.parametrize(
    "field", [field.name for field in fields(AuditEntry) if field.name != "seq"]
)
@given(at=st.integers(0, 6))
def test_a_change_of_any_field_is_found_and_its_entry_named(field, at):
    entries = chain(7)
    value = getattr(entries[at], field)
    changed = (
        value + 1 if isinstance(value, (int, float)) else ("00" if field == "salt" else value + "x")
    )
    entries[at] = replace(entries[at], **{field: changed})
    (*_, problem) = [entry for entry in report_of(entries).problems if f"entry {at + 1} " in entry]
    assert "chang" in problem


@given(at=st.integers(0, 5), count=st.integers(1, 3))
def test_a_removed_entry_is_found_and_named(at, count):
    entries = chain(7)
    del entries[at : at + count]
    problems = " ".join(report_of(entries, issued=7).problems)
    assert f"{at + 1}" in problems
    assert "removed" in problems or "cut off" in problems


@given(at=st.integers(0, 5))
def test_an_entry_put_in_place_of_another_is_found_though_it_has_a_good_hash(at):
    entries = chain(7)
    entries[at] = rehashed(replace(entries[at], actor="mallory"))
    (problem,) = report_of(entries).problems
    assert f"entry {at + 2} does not follow entry {at + 1}" in problem


@given(at=st.integers(0, 6), last=st.integers(0, 6))
def test_a_trail_forged_with_all_its_hashes_differs_from_a_checkpoint(at, last):
    entries = chain(7)
    points = [point(entries[last])]
    forged = rechained([replace(e, actor="mallory") if e.seq == at + 1 else e for e in entries])
    problems = report_of(forged, points, issued=7).problems
    assert bool(problems) == (at <= last)
    if problems:
        assert f"an entry from 1 to {last + 1} was replaced" in problems[0]


@given(at=st.integers(0, 5))
def test_an_inserted_entry_with_all_hashes_made_anew_differs_from_a_checkpoint(at):
    entries = chain(7)
    more = [*entries[:at], entries[at], *entries[at:]]
    forged = rechained([replace(entry, seq=seq) for seq, entry in enumerate(more, start=1)])
    assert report_of(forged, issued=8).problems == []
    assert report_of(forged, [point(entries[6])], issued=8).problems != []


@given(left=st.integers(0, 6))
def test_entries_cut_off_after_a_checkpoint_are_found_and_named(left):
    entries = chain(7)
    (problem,) = report_of(entries[:left], [point(entries[6])], issued=left).problems
    assert ("entry 7 was" if left == 6 else f"entries {left + 1} to 7 were") in problem
    assert "cut off" in problem


def test_what_a_restored_backup_lost_is_a_gap_and_no_forgery():
    before = chain(7)
    after = rechained([*before[:4], *chain(6, restored={5})[4:]])
    lost = Checkpoint(6, before[5].hash, 1004.0)
    report = report_of(after, [point(before[2]), lost], issued=6)
    assert report.problems == []
    assert "restored from a backup" in report.gaps[0]
    assert "(entry 6) is older than the restored backup" in report.gaps[1]


def test_most_problems_are_counted_and_not_kept():
    entries = [replace(entry, hash="x") for entry in chain(300)]
    report = report_of(entries)
    assert len(report.problems) == 100
    assert report.more > 200


async def test_a_changed_file_is_found(tmp_path):
    path = tmp_path / "bridge.db"
    store = await SqliteStore.open(path)
    for number in range(4):
        await store.record(Decision(actor=ALICE, act="reload", at=1000.0 + number, reason="r"))
    await store.close()
    for attack, phrase in {
        "UPDATE audit SET actor = 'bob' WHERE seq = 2": "entry 2 was changed",
        "DELETE FROM audit WHERE seq = 3": "entry 3 was removed",
        "DELETE FROM audit WHERE seq = 4": "entry 4 was cut off",
        "DELETE FROM audit": "entries 1 to 4 were cut off",
        "UPDATE reasons SET text = 'other' WHERE seq = 1": "the reason of entry 1 was changed",
    }.items():
        with closing(sqlite3.connect(path)) as db:
            db.executescript(
                f"SAVEPOINT s; CREATE TABLE copy AS SELECT * FROM audit; {attack}; RELEASE s"
            )
        store = await SqliteStore.open(path, read_only=True)
        report = await verified(store)
        await store.close()
        assert phrase in " ".join(report.problems), attack
        with closing(sqlite3.connect(path)) as db:
            db.executescript(
                "DELETE FROM audit; INSERT INTO audit SELECT * FROM copy; DROP TABLE copy"
            )
