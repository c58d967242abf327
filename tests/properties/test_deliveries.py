"""
Whatever happens in whatever order to deliveries in the real SQLite store: every one has a next step or an end.

A machine of hypothesis plays the program: events arrive, attempts begin and end in every way, the
process dies and starts again, people move what waits, runs plan on, time passes, and what is over
is taken out. What must hold is said in plain Python, over the rows of the file, after each step.
"""

from __future__ import annotations

from collections.abc import Awaitable
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from appealbridge.model.delivery import MOVES, OPEN, Hold, State
from appealbridge.model.run import RunState
from appealbridge.store.records import Arrival, Over, Settlement
from tests.properties.machine import CHANNELS, Machine, may_expire, one_of
from tests.properties.ordering import (
    Row,
    have_to_wait,
    in_state,
)
from tests.properties.strategies import drawn
from tests.store_contract.case import RECEIPT, a_delivery, a_run

MOVABLE = (
    State.PLANNED,
    State.HELD,
    State.READY,
    State.UNKNOWN,
    State.DELIVERED,
    State.WITHDRAWING,
)
"""What a person may move in several ways."""

PLACES = st.integers(0, 5)
PAUSES = st.sampled_from([0.0, 1.0, 60.0])
SPANS = st.sampled_from([None, 30.0, 300.0])
# What is likely to meet is drawn often: one subject, one channel, runs that go on.
AT_FIRST = st.sampled_from([State.SENDING, State.READY, State.READY, State.HELD])
STEPS = st.tuples(st.sampled_from([CHANNELS[0], *CHANNELS]), AT_FIRST, SPANS)
ARRIVALS = st.tuples(
    st.sampled_from(["A38", "A38", "A38", "M6", ""]),
    st.lists(STEPS, min_size=1, max_size=3),
    st.sampled_from([RunState.OPEN, RunState.OPEN, RunState.PLANNED]),
)


class Deliveries(Machine):
    """All that may happen."""

    @rule(together=st.lists(st.lists(ARRIVALS, min_size=1, max_size=2), min_size=1, max_size=2))
    def events_arrive(self, together: list[list[Any]]) -> None:
        """Several calls at once, each with several events."""
        calls = [[self.an_arrival(*each) for each in call] for call in together]
        answers = self.changes(*(self.store.accept(call) for call in calls))
        for arrival, accepted in zip(chain(*calls), chain(*answers), strict=True):
            assert not accepted.repeat
            self.events[arrival.event.id] = arrival.event
            for id_ in accepted.begun:
                self.begun[id_] += 1
            requested = {
                delivery.id for delivery in arrival.deliveries if delivery.state is State.SENDING
            }
            rows = {row["id"]: row for row in in_state(self.rows, State.SENDING)}
            assert accepted.begun == requested & rows.keys()
            # Where nothing stands before it, what asks to begin is begun.
            assert accepted.begun == requested - have_to_wait(self.rows)

    @precondition(lambda self: self.events)
    @rule(place=PLACES)
    def an_event_is_told_once_more(self, place: int) -> None:
        event = one_of(list(self.events.values()), place)
        again = Arrival(event, [a_run(event)], [a_delivery(event, "again")])
        ((accepted,),) = self.changes(self.store.accept([again]))
        assert (accepted.repeat, accepted.event_id) == (True, event.id)
        assert self.rows == self.before

    @precondition(lambda self: self.has(State.READY))
    @rule(channel=st.sampled_from(CHANNELS), limit=st.integers(1, 3))
    def attempts_begin(self, channel: str, limit: int) -> None:
        (claimed,) = self.changes(self.store.claim(channel, self.now, limit))
        waiting = have_to_wait(self.before)
        due = [
            row
            for row in in_state(self.before, State.READY)
            if row["channel"] == channel and row["due_at"] <= self.now < row["publish_by"]
            if row["id"] not in waiting
        ]
        due.sort(key=lambda row: (row["due_at"], row["number"]))
        assert [delivery.id for delivery in claimed] == [row["id"] for row in due[:limit]]
        for delivery in claimed:
            self.begun[delivery.id] += 1
        assert {delivery.id for delivery in claimed} == self.moved()

    @precondition(lambda self: self.has(State.SENDING))
    @rule(
        places=st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=3),
        due=PAUSES,
        cap=st.booleans(),
    )
    def attempts_end(self, places: list[tuple[int, int]], due: float, cap: bool) -> None:
        """Several at once, each in any of the ways that an attempt may end."""
        under_way = in_state(self.rows, State.SENDING)
        chosen = {
            row["id"]: self.ending(row, one_of(sorted(MOVES[State.SENDING]), way), due, cap)
            for place, way in places
            for row in [one_of(under_way, place)]
        }
        self.changes(*map(self.store.settle, chosen.values()))
        assert self.moved() == chosen.keys()

    @precondition(lambda self: self.has(State.UNKNOWN))
    @rule(channel=st.sampled_from(CHANNELS), way=PLACES, due=PAUSES)
    def looks_end(self, channel: str, way: int, due: float) -> None:
        (match,) = self.changes(self.store.claim_unknown(channel, self.now, 2))
        assert self.rows == self.before
        unknown = in_state(self.rows, State.UNKNOWN)
        due_now = [
            row for row in unknown if row["channel"] == channel and row["due_at"] <= self.now
        ]
        assert len(match) == min(2, len(due_now))
        for each in match:
            row = next(row for row in self.rows if row["id"] == each.id)
            target = one_of(sorted(MOVES[State.UNKNOWN]), way)
            self.changes(self.store.settle(self.ending(row, target, due, False)))

    @precondition(lambda self: self.rows)
    @rule(place=PLACES, of=st.sampled_from(State), to=st.sampled_from(State))
    def an_attempt_ends_that_was_not_under_way(self, place: int, of: State, to: State) -> None:
        row = one_of(self.rows, place)
        if of is not row["state"] or to not in MOVES[of]:
            wrong = Settlement(delivery_id=row["id"], source=of, target=to, at=self.now)
            self.refuses(lambda: self.store.settle(wrong))

    @precondition(lambda self: self.has(*MOVABLE))
    @rule(place=PLACES, way=PLACES, hold=st.sampled_from(Hold))
    def a_person_moves_something(self, place: int, way: int, hold: Hold) -> None:
        row = one_of(in_state(self.rows, *MOVABLE), place)
        to = one_of(sorted(MOVES[row["state"]] - {State.SENDING}), way)
        if to is State.DELIVERED and row["receipt_id"] is None:
            return  # nobody says so without saying where
        self._a_person_moves(row, to, hold)

    @precondition(lambda self: self.has(State.FAILED))
    @rule(place=PLACES)
    def a_person_lets_try_again(self, place: int) -> None:
        self._a_person_moves(one_of(in_state(self.rows, State.FAILED), place), State.READY)

    @precondition(lambda self: self.rows)
    @rule(place=PLACES, to=st.sampled_from(State))
    def a_person_asks_for_what_cannot_be(self, place: int, to: State) -> None:
        row = one_of(self.rows, place)
        if State.SENDING in (row["state"], to) or to not in MOVES[row["state"]]:
            self.refuses(lambda: self.store.move(row["id"], to, self.now))

    def _a_person_moves(self, row: Row, to: State, hold: Hold = Hold.APPROVAL) -> None:
        def moves() -> Awaitable[Any]:
            held = hold.value if to is State.HELD else ""
            return self.store.move(str(row["number"]), to, self.now, hold=held)

        if to is State.READY and not row["content"]:
            self.refuses(moves)  # there is nothing left to be sent
            return
        (after,) = self.changes(moves())
        assert after.state is to
        assert self.moved() == ({row["id"]} if to is not row["state"] else set())
        if to is State.READY:
            self.let_again.add(row["id"])

    @precondition(lambda self: self.has(State.HELD))
    @rule(place=PLACES)
    def a_person_confirms(self, place: int) -> None:
        settlement = Settlement(
            delivery_id=one_of(in_state(self.rows, State.HELD), place)["id"],
            source=State.HELD,
            target=State.DELIVERED,
            at=self.now,
            receipt=RECEIPT,
        )
        self.changes(self.store.settle(settlement))
        assert self.moved() == {settlement.delivery_id}

    @precondition(lambda self: any(row["publish_by"] <= self.now for row in self.rows))
    @rule(limit=st.integers(1, 3))
    def what_is_late_expires(self, limit: int) -> None:
        (expired,) = self.changes(self.store.expire(self.now, limit))
        late = {
            row["id"] for row in self.before if may_expire(row) and row["publish_by"] <= self.now
        }
        assert {delivery.id for delivery in expired} == self.moved() <= late
        assert len(expired) == min(limit, len(late))

    @precondition(lambda self: self.rows)
    @rule()
    def the_process_dies(self) -> None:
        self.stops()
        self.starts()
        (match,) = self.changes(self.store.recover(self.now, self.now + 1))
        assert match == len(in_state(self.before, State.SENDING))
        assert in_state(self.rows, State.SENDING) == []
        self.looked_at.clear()

    @precondition(lambda self: self.has(State.READY, State.UNKNOWN))
    @rule(channel=st.sampled_from(CHANNELS), limit=st.integers(1, 3))
    def a_platform_works_again(self, channel: str, limit: int) -> None:
        (count,) = self.changes(self.store.hasten(channel, self.now, limit))
        assert self.moved() == set()
        earlier = [
            (old, new)
            for old, new in zip(self.before, self.rows, strict=True)
            if old["due_at"] != new["due_at"]
        ]
        assert count == len(earlier) <= limit
        assert all(new["due_at"] == self.now < old["due_at"] for old, new in earlier)

    @precondition(lambda self: self.rows)
    @rule()
    def runs_are_looked_at(self) -> None:
        """What is found is planned on later, when other things may have happened."""
        self.looked_at += self.does(self.store.woken_runs(self.now, 5))

    @precondition(lambda self: self.looked_at)
    @rule(steps=st.lists(STEPS, max_size=2), state=st.sampled_from(RunState))
    def a_run_plans_on(self, steps: list[Any], state: RunState) -> None:
        result = self.looked_at.pop(0)
        if result.event.id not in self.events:
            return
        self.count += 1
        run = a_run(result.event, state=state)
        planned = [
            self.planned(result.event, f"later{self.count}.{n}", *step)
            for n, step in enumerate(steps)
        ]
        (open_still,) = self.changes(self.store.advance(run, result.wakes, planned))
        if open_still:
            ended = [delivery for delivery in result.deliveries if delivery.state not in OPEN]
            self.known_ends[run.id] = {each.id: (each.state, each.attempts) for each in ended}
        assert len(self.rows) == len(self.before) + len(planned) * open_still

    @precondition(lambda self: self.rows)
    @rule(seconds=st.sampled_from([0.5, 31.0, 61.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: any(row["settled_at"] <= self.now for row in self.rows))
    @rule(forget=st.booleans(), back=st.sampled_from([0.0, 100.0]))
    def what_is_over_is_taken_out(self, forget: bool, back: float) -> None:
        over = Over(self.now - back)
        requested = self.store.forget(over, emptied=False) if forget else self.store.empty(over)
        self.changes(requested)
        left = {row["id"]: row for row in self.rows}
        known = {id_ for (id_,) in self.reader.execute("SELECT id FROM events")}
        self.events = {id_: event for id_, event in self.events.items() if id_ in known}
        open_events = {row["event_id"] for row in self.before if row["state"] in OPEN}
        for row in self.before:
            after = left.get(row["id"])
            if after is None or after["content"] != row["content"]:
                assert row["state"] not in (*OPEN, State.WITHDRAWING)
                assert row["settled_at"] <= over.before
                assert row["event_id"] not in open_events


@pytest.mark.timeout(600)  # it syncs thousands of transactions to a disk that may be busy
def test_every_delivery_has_a_next_step_or_an_end():
    run_state_machine_as_test(
        Deliveries,
        settings=settings(
            drawn(60),
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
