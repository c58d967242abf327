from dataclasses import replace

import pytest

from appealbridge.engine.runs.modes import begun, ended_by, kept_back
from appealbridge.model.run import RunState
from tests.store_contract.case import NOW, a_run, an_event

OLDER = begun(a_run(an_event(1)), NOW)
RUN = a_run(an_event(2), wake_at=NOW)


@pytest.mark.parametrize("mode", ["queued", "single", "restart", "parallel"])
def test_a_run_with_none_before_it_has_its_turn(mode):
    assert kept_back(RUN, mode, [], NOW) is None
    assert list(ended_by(RUN, mode, [], NOW)) == []


def test_queued_a_run_waits_until_the_older_one_is_over():
    waits = kept_back(RUN, "queued", [OLDER], NOW + 1)
    assert (waits.state, waits.wake_at) == (RunState.OPEN, None)
    assert waits.trace[-1] == {
        "at": NOW + 1, "step": "", "message": f"waits for its turn, because run {OLDER.id} is still open",
    }  # fmt: skip


def test_it_says_so_once_however_often_it_is_woken():
    waits = kept_back(RUN, "queued", [OLDER], NOW + 1)
    assert kept_back(replace(waits, wake_at=NOW), "queued", [OLDER], NOW + 2) == waits


def test_single_a_run_is_skipped_and_says_why():
    skipped = kept_back(RUN, "single", [OLDER], NOW + 1)
    assert (skipped.state, skipped.wake_at) == (RunState.SKIPPED, None)
    assert skipped.reason == f"run {OLDER.id} is still open, and the recipe has mode: single"
    assert skipped.trace[-1]["message"] == skipped.reason


def test_restart_ends_the_older_runs_and_goes_on():
    assert kept_back(RUN, "restart", [OLDER], NOW) is None
    waiting = a_run(an_event(3))
    first, other = ended_by(RUN, "restart", [OLDER, waiting], NOW + 1)
    assert (first.id, first.state, first.wake_at) == (OLDER.id, RunState.PLANNED, None)
    assert first.reason == f"ended by run {RUN.id}, because the recipe has mode: restart"
    assert (other.id, other.state) == (waiting.id, RunState.SKIPPED)  # nothing of it had begun


@pytest.mark.parametrize("mode", ["queued", "single", "parallel"])
def test_no_other_mode_ends_a_run(mode):
    assert list(ended_by(RUN, mode, [OLDER], NOW)) == []


def test_in_parallel_no_run_minds_another():
    assert kept_back(RUN, "parallel", [OLDER], NOW) is None
