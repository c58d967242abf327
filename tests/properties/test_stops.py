"""
Whatever happens in whatever order to a stop and to what waits: nothing passes a stop, no hold drops anything.

A machine of hypothesis plays people, lanes, crashes and restored backups, on the real SQLite store with the engine's
own `Stops`. The trail of decisions is checked after each step.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from appealbridge.engine.delivery.gate import GO
from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.holds.stops import Stops
from appealbridge.model.actor import Actor, How
from appealbridge.model.audit import Act, Checkpoint, Decision
from appealbridge.model.delivery import OPEN, Hold, State
from appealbridge.model.errors import IllegalMove
from appealbridge.model.stop import EASED_POSTS, EASED_SECONDS
from appealbridge.store.records import Arrival, DeliveryFilter, Settlement
from appealbridge.store.sqlite.backend import SqliteBackend
from appealbridge.store.sqlite.maintenance import back_up
from tests.properties.folders import new_folder
from tests.properties.strategies import drawn
from tests.store_contract.audit import verified
from tests.store_contract.case import CHANNEL, NOW, RECEIPT, a_delivery, a_run, an_event
from tests.unit.engine.parts import context_of

ALICE, BOB = Actor("alice", How.SOCKET), Actor("bob", How.LOG_IN)
HOLDS = st.sampled_from(["", "", "", Hold.APPROVAL, Hold.BURST, f"{Hold.APPROVAL} {Hold.BURST}"])
PLACES = st.integers(0, 5)


class Stopping(RuleBasedStateMachine):
    """People, lanes, crashes and backups."""

    @initialize()
    def opens(self) -> None:
        self.folder = new_folder()
        self.backend = SqliteBackend(Path(self.folder.name) / "bridge.db")
        self.loop = asyncio.Runner()
        self.time = NOW
        self.count = 0
        self.stopped = False
        self.lifted_at = 0.0
        self.expected: dict[str, frozenset[State]] = {}
        self.sent: list[float] = []
        self.copy: Any = None
        self.point: Checkpoint | None = None
        self.starts()

    # -- the clock, as the engine asks it -----------------------------------------------------------

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def starts(self) -> None:
        self.store = self.does(self.backend.open())
        self.does(self.store.recover(self.time, self.time + 5))
        self.lane = SimpleNamespace(
            name=CHANNEL, stopped=False, eased=False, zone=ZoneInfo("UTC"), wake=asyncio.Event()
        )

        async def tell(kind: str, message: str = "") -> None:
            del kind, message

        context = context_of(
            self.store,
            self,
            alarms=tell,
            lanes=Lanes({CHANNEL: self.lane}),
            stop_file=self.backend.stop_file(),
        )
        self.stops = Stops(context)
        self.does(self.stops.recall())

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.does(self.store.close())
            self.loop.close()
            self.folder.cleanup()

    def does(self, call: Any) -> Any:
        async def done() -> Any:
            return await call

        return self.loop.get_loop().run_until_complete(done())

    def decision(self, act: Act) -> Decision:
        return Decision(actor=BOB, act=act, at=self.time, reason="decided")

    def chosen(self, place: int, *states: State) -> Any:
        rows = self.does(self.store.deliveries(DeliveryFilter(states=frozenset(states))))
        return rows[place % len(rows)] if rows else None

    # -- what may happen ------------------------------------------------------------------------------

    @rule(holds=st.lists(HOLDS, min_size=1, max_size=8))
    def events_arrive(self, holds: list[str]) -> None:
        arrivals = []
        for hold in holds:
            self.count += 1
            state = State.HELD if hold else State.READY
            event = an_event(self.count, received_at=self.time)
            arrivals.append(
                Arrival(event, [a_run(event)], [a_delivery(event, state=state, hold=hold)])
            )
        self.does(self.store.accept(arrivals))
        for arrival in arrivals:
            self.expected[arrival.deliveries[0].id] = OPEN

    @rule(limit=st.integers(1, 3))
    def the_lane_sends(self, limit: int) -> None:
        """As the dispatcher and the attempt do it; one at a time for ten minutes after a stop."""
        limit = 1 if self.lane.eased else limit
        claim = self.store.claim(CHANNEL, self.time, limit, notices_only=self.lane.stopped)
        for delivery in self.does(claim):
            verdict = self.does(self.stops.gate(self.lane, delivery)) if self.lane.eased else GO
            if verdict is GO:
                verdict = self.stops.forbids(delivery) or GO
            ending: dict[str, Any] = {"target": State.DELIVERED, "receipt": RECEIPT}
            if verdict is GO:
                assert not self.stopped, "something passed the stop"
                self.sent.append(self.time)
                self.expected[delivery.id] = frozenset({State.DELIVERED})
            else:
                ending = {"target": verdict.state, "hold": verdict.hold, "reason": verdict.reason}
            settlement = Settlement(
                delivery_id=delivery.id, source=State.SENDING, at=self.time, **ending
            )
            self.does(self.store.settle(settlement))

    @rule()
    def a_person_stops(self) -> None:
        self.does(self.stops.stop("wrong picture", ALICE))
        self.stopped = True

    @rule()
    def somebody_makes_the_file(self) -> None:
        self.backend.stop_file().make("carol", "wrong text", self.time)
        self.stopped = True

    @rule()
    def an_operator_lifts_it(self) -> None:
        preview = self.does(self.stops.would_start()).seen
        try:
            self.does(self.stops.start(preview, BOB))
        except IllegalMove:
            # A stop by the file has no number until it is stored, so what was seen was another one.
            preview = self.does(self.stops.would_start()).seen
            if not self.stopped:
                return
            self.does(self.stops.start(preview, BOB))
        assert self.stopped
        self.stopped = False
        self.lifted_at = self.time

    @rule()
    def an_operator_lifts_what_nobody_has_seen(self) -> None:
        with pytest.raises(IllegalMove):
            self.does(self.stops.start("never seen", BOB))

    @rule(place=PLACES)
    def a_person_clears_a_hold(self, place: int) -> None:
        held = self.chosen(place, State.HELD)
        if held is not None:
            cleared = [held.holds[place % len(held.holds)]]
            self.does(
                self.store.clear_holds(
                    held.id, cleared, self.time, decision=self.decision(Act.RELEASE)
                )
            )

    @rule(place=PLACES)
    def a_person_cancels(self, place: int) -> None:
        waiting = self.chosen(place, State.HELD, State.READY)
        if waiting is not None:
            decision = self.decision(Act.CANCEL)
            self.does(self.store.move(waiting.id, State.CANCELLED, self.time, decision=decision))
            self.expected[waiting.id] = frozenset({State.CANCELLED})

    @rule(seconds=st.sampled_from([1.0, 200.0, EASED_SECONDS, -300.0]))
    def time_passes(self, seconds: float) -> None:
        """And sometimes the clock is set back, which lifts and eases nothing."""
        self.time += seconds

    @rule()
    def the_daemon_dies_and_starts(self) -> None:
        self.does(self.store.close())
        self.starts()

    @rule()
    def a_checkpoint_is_kept(self) -> None:
        self.point = self.does(self.store.checkpoint(self.time)) or self.point

    @precondition(lambda self: self.count and self.copy is None)
    @rule()
    def it_is_backed_up(self) -> None:
        file = Path(self.folder.name) / "copy.db"
        back_up(self.backend.path, file, self.time)
        self.copy = (file, dict(self.expected))

    @precondition(lambda self: self.copy is not None)
    @rule()
    def it_is_restored(self) -> None:
        self.does(self.store.close())
        for file in Path(self.folder.name).glob("bridge.db-*"):
            file.unlink()
        file, expected = self.copy
        shutil.move(file, self.backend.path)
        self.copy, self.expected, self.point = None, expected, None
        self.stopped = True
        self.starts()

    # -- what must hold -------------------------------------------------------------------------------

    @invariant()
    def no_hold_drops_anything(self) -> None:
        rows = self.does(self.store.deliveries(DeliveryFilter(limit=10_000)))
        states = {row.id: row.state for row in rows}
        assert states.keys() >= self.expected.keys()
        for id_, allowed in self.expected.items():
            assert states[id_] in allowed, (id_, states[id_])

    @invariant()
    def a_few_at_a_time_go_out_after_a_stop(self) -> None:
        eased = [at for at in self.sent if self.lifted_at < at < self.lifted_at + EASED_SECONDS]
        assert len(eased) <= EASED_POSTS or self.time < self.lifted_at

    @invariant()
    def the_trail_verifies(self) -> None:
        points = (self.point,) if self.point else ()
        assert self.does(verified(self.store, points)).problems == []


def test_nothing_passes_a_stop_and_no_hold_drops_anything():
    run_state_machine_as_test(
        Stopping,
        settings=settings(
            drawn(60),
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
