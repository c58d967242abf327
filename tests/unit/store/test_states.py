import sqlite3
from contextlib import closing

from appealbridge.model.delivery import OPEN, Hold, State
from appealbridge.store.sqlite import states
from appealbridge.store.sqlite.states import NUMBERS, STATES


def chosen(predicate, hold=""):
    """The states for which a predicate of SQL holds."""
    with closing(sqlite3.connect(":memory:")) as connection:
        select = f"SELECT {predicate} FROM (SELECT ? AS state, ? AS hold, 9e999 AS settled_at)"
        return {
            state
            for state in State
            if connection.execute(select, (NUMBERS[state], hold)).fetchone()[0]
        }


def test_every_state_has_a_number_for_good():
    assert {state.value: number for number, state in enumerate(STATES)} == {
        "planned": 0,
        "held": 1,
        "ready": 2,
        "unknown": 3,
        "sending": 4,
        "delivered": 5,
        "withdrawing": 6,
        "withdrawn": 7,
        "failed": 8,
        "expired": 9,
        "cancelled": 10,
    }
    assert len(STATES) == len(State)


def test_the_open_ones_are_those_of_the_model():
    assert chosen(states.IS_OPEN) == OPEN
    assert {state for state in State if NUMBERS[state] <= states.LAST_OPEN} == OPEN


def test_what_is_surely_not_out_yet_waits():
    assert chosen(states.IS_WAITING) == {State.PLANNED, State.HELD, State.READY}
    assert chosen(states.IS_WAITING, hold=Hold.APPROVAL) == chosen(states.IS_WAITING)
    assert chosen(states.IS_WAITING, hold=Hold.UNKNOWN) == set()


def test_what_counts_against_a_day():
    assert chosen(states.IS_SENT) == {
        State.SENDING,
        State.DELIVERED,
        State.WITHDRAWING,
        State.WITHDRAWN,
    }


def test_the_hot_path_pays_for_no_list():
    assert chosen(states.IS_LISTED) == set(State) - {State.SENDING, State.DELIVERED}
