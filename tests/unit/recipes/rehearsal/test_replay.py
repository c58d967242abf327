"""A recipe played over events as they came, with their real times, one run of a subject after the other."""

import pytest

from appealbridge.recipes.rehearsal.replay import Replay
from tests.unit.recipes.conftest import event_of, recipe_of

HOUR = 3600.0
BEGIN = 1_777_636_800.0
NOTES = """
triggers: [{ trigger: appeal }]
actions:
  - { action: tweet, text: "{{ appeal.n }}" }
  - { delay: 2h }
  - { action: tweet, text: "{{ appeal.n }} again" }
approval: none
"""
HEARS = """
triggers: [{ trigger: appeal, on: [new] }]
actions:
  - { wait_for: appeal.closed, timeout: 1d, on_timeout: [{ stop: "not closed" }] }
  - { action: tweet, text: "closed after {{ wait.event.data.n }}" }
approval: none
"""


def event(n, hours, **more):
    at = BEGIN + hours * HOUR
    return event_of({"n": n}, id=f"e{n}", received_at=at, time=at, subject="7", **more)


def played(text, *events, until=100.0):
    replay = Replay(recipe_of(text))
    ran = [replay.take(event) for event in events]
    replay.go_on(BEGIN + until * HOUR)
    return [
        [(post.written["text"], post.after / HOUR) for post in each.rehearsal.posts]
        if each
        else None
        for each in ran
    ]


def test_a_wait_takes_its_real_time():
    assert played(NOTES, event(1, 0)) == [[("1", 0), ("1 again", 2)]]
    assert played(NOTES, event(1, 0), until=1.9) == [[("1", 0)]]


def test_a_wait_is_over_when_the_event_came_that_it_is_for():
    closed = event(2, 5, type="appeal.closed")
    assert played(HEARS, event(1, 0, type="appeal.new"), closed) == [[("closed after 2", 5)], None]


def test_what_comes_too_late_or_about_something_else_ends_no_wait():
    late = event(2, 25, type="appeal.closed")
    assert played(HEARS, event(1, 0, type="appeal.new"), late) == [[], None]
    other = event_of({"n": 3}, id="e3", received_at=BEGIN + 1, subject="8", type="appeal.closed")
    assert played(HEARS, event(1, 0, type="appeal.new"), other)[0] == []


@pytest.mark.parametrize(
    ("mode", "second", "first"),
    [
        ("queued", [("2", 1), ("2 again", 3)], [("1", 0), ("1 again", 2)]),
        ("parallel", [("2", 0), ("2 again", 2)], [("1", 0), ("1 again", 2)]),
        ("restart", [("2", 0), ("2 again", 2)], [("1", 0)]),
        ("single", [], [("1", 0), ("1 again", 2)]),
    ],
)
def test_a_run_that_comes_while_another_waits_goes_by_the_mode(mode, second, first):
    assert played(f"mode: {mode}\n{NOTES}", event(1, 0), event(2, 1)) == [first, second]


def test_an_event_of_the_recipe_s_own_post_starts_nothing():
    assert played(NOTES, event(1, 0, cause=("a",))) == [None]


def test_what_cannot_be_written_is_a_failure_and_no_fault():
    (ran,) = [Replay(recipe_of(NOTES)).take(event_of({}, subject="7"))]
    assert ran.over
    assert "appeal.n is missing" in ran.rehearsal.failed
