"""Whatever happens to deliveries in whatever order: exactly those wait that have one standing before them."""

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.model.delivery import MOVES, State
from appealbridge.store.records import (
    Arrival,
)
from appealbridge.store.sqlite import deliveries
from appealbridge.store.sqlite.events import accept
from appealbridge.store.sqlite.settle import ending, settle
from appealbridge.store.sqlite.states import STATES
from tests.new_store import new_store_in_memory
from tests.properties.ordering import delivery_rows, have_to_wait, marked_as_waiting
from tests.properties.strategies import drawn
from tests.sqlite_direct import On, intake
from tests.store_contract.case import CHANNEL, NOW, a_delivery, a_run, an_event, ended

PLACES = st.integers(0, 20)
SUBJECTS = st.sampled_from(["A38", "A38", "M6", ""])
# Two sources that are joined, and one that is not.
SOURCES = st.sampled_from([("webhook:a", ""), ("webhook:b", "webhook:a"), ("webhook:c", "")])
STATES_AT_FIRST = st.sampled_from(
    [State.READY, State.SENDING, State.HELD, State.PLANNED, State.FAILED, State.EXPIRED]
)

ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("accept"),
            st.lists(
                st.tuples(SUBJECTS, SOURCES, st.lists(STATES_AT_FIRST, max_size=3)), max_size=3
            ),
        ),
        st.tuples(st.just("advance"), st.integers(0, 9), STATES_AT_FIRST),
        st.tuples(st.just("claim"), st.integers(1, 4)),
        st.tuples(
            st.just("settle"),
            st.lists(st.tuples(PLACES, PLACES), max_size=4),
        ),
        st.tuples(st.just("move"), PLACES, PLACES),
        st.tuples(st.just("expire"), st.integers(0, 5)),
        st.tuples(st.just("hold"), st.lists(PLACES, max_size=3)),
        st.tuples(st.just("recover")),
    ),
    max_size=25,
)


class World:
    """A store, and what happens to it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.events = []

    def accept(self, arrivals):
        """Let events arrive at once, each with deliveries of its subject."""
        fresh = []
        for subject, (source, joined), states in arrivals:
            number = len(self.events) + 1
            event = an_event(number, subject=subject, source=source, joined=joined)
            self.events.append(event)
            planned = [
                a_delivery(event, f"step{n}", state=state, publish_by=NOW + len(self.events) % 5)
                for n, state in enumerate(states)
            ]
            fresh.append(Arrival(event, [a_run(event)], planned))
        accept(self.db, [intake([arrival], None) for arrival in fresh])

    def advance(self, number, state):
        """Let a run plan one more delivery."""
        if self.events:
            event = self.events[number % len(self.events)]
            later = NOW + number
            step = a_delivery(event, f"later{number}", state=state, planned_at=later)
            On(self.db).advance(a_run(event), 0, [step])

    def claim(self, limit):
        """Begin attempts."""
        On(self.db).claim(CHANNEL, NOW, limit)

    def settle(self, endings):
        """Let attempts and looks end, several at once."""
        under_way = self._those_in(State.SENDING, State.UNKNOWN)
        chosen = {}
        for place, way in endings:
            if under_way:
                id_, source = under_way[place % len(under_way)]
                target = sorted(MOVES[source])[way % len(MOVES[source])]
                chosen[id_] = ending(ended(id_, target, source=source))
        settle(self.db, list(chosen.values()))

    def move(self, place, way):
        """Let a person move a delivery in one of the ways that are open to it."""
        movable = self._those_in(State.PLANNED, State.HELD, State.READY, State.FAILED)
        if movable:
            id_, source = movable[place % len(movable)]
            targets = sorted(MOVES[source] - {State.SENDING})
            On(self.db).move(id_, targets[way % len(targets)], NOW)

    def expire(self, later):
        """Let time pass."""
        On(self.db).expire(NOW + later, 2)

    def hold(self, places):
        """Hold some of what waits untouched, as a flood."""
        waiting = self._those_in(State.READY)
        if waiting:
            ids = {waiting[place % len(waiting)][0] for place in places}
            deliveries.hold_these(self.db, ids, "burst", "too much")

    def recover(self):
        """Start anew."""
        deliveries.recover(self.db, 1, NOW, NOW, 2)

    def _those_in(self, *states):
        rows = self.db.execute("SELECT id, state FROM deliveries ORDER BY number").fetchall()
        return [(id_, STATES[state]) for id_, state in rows if STATES[state] in states]


@given(ACTIONS)
@drawn(300)
def test_exactly_those_wait_that_have_one_standing_before_them(actions):
    with closing(new_store_in_memory()) as db:
        world = World(db)
        for name, *arguments in actions:
            getattr(world, name)(*arguments)
            rows = delivery_rows(db)
            assert marked_as_waiting(rows) == have_to_wait(rows)
