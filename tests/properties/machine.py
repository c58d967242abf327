"""A store with deliveries in it, a record of what happened to them, and what must always hold."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from appealbridge.model.attempt import Attempt, AttemptKind, Outcome
from appealbridge.model.delivery import MOVES, OPEN, Hold, State
from appealbridge.model.errors import IllegalMove
from appealbridge.model.event import Event
from appealbridge.model.run import RunState
from appealbridge.store.records import Arrival, OpenRun, Settlement
from appealbridge.store.sqlite.store import SqliteStore
from tests.properties.folders import new_folder
from tests.properties.ordering import (
    Row,
    delivery_rows,
    have_to_wait,
    in_state,
    marked_as_waiting,
)
from tests.store_contract.case import NOW, RECEIPT, a_delivery, a_run, an_event

CHANNELS = ("force_x", "force_facebook")
NEVER = math.inf
PUBLISHED = (State.DELIVERED, State.WITHDRAWING, State.WITHDRAWN)

Ends = dict[str, tuple[State, int]]
"""Which deliveries had ended, how, and after how many attempts."""


class Machine(RuleBasedStateMachine):
    """The real SQLite store in a file; subclasses say what may happen to it."""

    @initialize()
    def opens(self) -> None:
        self.folder = new_folder()
        self.path = Path(self.folder.name) / "bridge.db"
        self.loop = asyncio.Runner()
        self.now = NOW
        self.count = 0
        self.events: dict[str, Event] = {}
        self.begun: dict[str, int] = defaultdict(int)
        self.let_again: set[str] = set()
        self.known_ends: dict[str, Ends] = defaultdict(dict)
        self.looked_at: list[OpenRun] = []
        self.starts()

    def starts(self) -> None:
        self.store = self.does(SqliteStore.open(self.path))
        self.reader = sqlite3.connect(self.path)
        self.rows = delivery_rows(self.reader)

    def stops(self) -> None:
        self.reader.close()
        self.does(self.store.close())

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.stops()
            self.loop.close()
            self.folder.cleanup()

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def whoever_waits_is_marked_and_nobody_else(self) -> None:
        assert marked_as_waiting(self.rows) == have_to_wait(self.rows)

    @invariant()
    def times_holds_counts_and_receipts_are_those_of_the_state(self) -> None:
        for row in self.rows:
            state = row["state"]
            assert (row["settled_at"] < NEVER) == (state not in OPEN), row
            assert (row["begun_at"] < NEVER) == (state is State.SENDING), row
            assert row["attempts"] == self.begun[row["id"]], row
            assert (row["receipt_id"] is not None) == (state in PUBLISHED), row
            assert bool(row["hold"]) or state is not State.HELD, row

    @invariant()
    def all_that_waits_is_seen_by_those_who_ask(self) -> None:
        """A lane that sleeps as long as it is told, and upkeep likewise, miss nothing."""
        for channel in CHANNELS:
            queue_status = self.does(self.store.queue_status(channel, self.now))
            for row in self.rows:
                if row["channel"] == channel and row["state"] in (State.READY, State.UNKNOWN):
                    later, ready = row["due_at"] > self.now, row["state"] is State.READY
                    if later and not row["blocked"]:
                        assert queue_status.next_due is not None
                        assert queue_status.next_due <= row["due_at"]
                    elif ready and not later and row["blocked"]:
                        assert queue_status.blocked
                    elif not ready and not later:
                        assert queue_status.looks
        ends = [row["publish_by"] for row in self.rows if may_expire(row)]
        assert (self.does(self.store.next_expiry()) or NEVER) == min(ends, default=NEVER)

    @invariant()
    def a_run_sleeps_only_while_nothing_new_has_ended(self) -> None:
        for id_, wake_at in self.reader.execute(
            "SELECT id, wake_at FROM runs WHERE state = 'open'"
        ):
            rows = [row for row in self.rows if row["run_id"] == id_]
            ended = {
                row["id"]: (row["state"], row["attempts"])
                for row in rows
                if row["state"] not in OPEN
            }
            assert wake_at <= self.now or ended.items() <= self.known_ends[id_].items(), id_

    @invariant()
    def one_subject_goes_out_event_by_event(self) -> None:
        """Except what a person lets out or try again, which is older than what may be under way."""
        under_way = defaultdict(set)
        for row in in_state(self.rows, State.SENDING):
            if row["subject"] and row["id"] not in self.let_again:
                under_way[row["channel"], row["subject"]].add(row["event_id"])
        assert all(len(events) == 1 for events in under_way.values())

    @invariant()
    def every_attempt_kept_is_one_that_was_begun(self) -> None:
        stored = (
            "SELECT delivery_id, count(*) FROM attempts WHERE kind = 'send' GROUP BY delivery_id"
        )
        for id_, count in self.reader.execute(stored):
            assert count <= self.begun[id_]

    @invariant()
    def the_counts_are_those_of_the_rows(self) -> None:
        """Whatever moved or went, nobody has to count."""
        states = [row["state"] for row in self.rows]
        counted = self.does(self.store.backlog()).counts
        for state in State:
            count = 0 if state is State.DELIVERED else states.count(state)
            assert sum(n for (each, _), n in counted.items() if each is state) == count

    # -- how ------------------------------------------------------------------------------------

    def does(self, call: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await call

        return self.loop.get_loop().run_until_complete(done())

    def changes(self, *call: Awaitable[Any]) -> list[Any]:
        """Do several things at once; check that no delivery made a move that is not allowed."""
        self.before = self.rows

        async def done() -> list[Any]:
            return await asyncio.gather(*call)

        answers = self.loop.get_loop().run_until_complete(done())
        self.rows = delivery_rows(self.reader)
        old = {row["id"]: row["state"] for row in self.before}
        for row in self.rows:
            was = old.get(row["id"], row["state"])
            assert row["state"] is was or row["state"] in MOVES[was], (was, row)
        return answers

    def refuses(self, call: Callable[[], Awaitable[Any]]) -> None:
        with pytest.raises(IllegalMove):
            self.does(call())
        assert delivery_rows(self.reader) == self.rows

    def has(self, *states: State) -> bool:
        return bool(in_state(self.rows, *states))

    def moved(self) -> set[str]:
        """Return the ids of those whose state is not what it was."""
        old = {row["id"]: row["state"] for row in self.before}
        return {row["id"] for row in self.rows if row["state"] is not old.get(row["id"])}

    def an_arrival(self, subject: str, steps: list[Any], state: RunState) -> Arrival:
        self.count += 1
        event = an_event(self.count, subject=subject, received_at=self.now)
        deliveries = [self.planned(event, f"step{n}", *step) for n, step in enumerate(steps)]
        return Arrival(event, [a_run(event, state=state)], deliveries)

    def planned(
        self, event: Event, step: str, channel: str, state: State, within: float | None
    ) -> Any:
        begins = {"attempts": 1, "begun_at": self.now, "first_begun_at": self.now}
        return a_delivery(
            event,
            step,
            channel=channel,
            state=state,
            hold=Hold.APPROVAL.value if state is State.HELD else "",
            planned_at=self.now,
            due_at=self.now,
            publish_by=None if within is None else self.now + within,
            **(begins if state is State.SENDING else {}),
        )

    def ending(self, row: Row, target: State, due: float, cap: bool) -> Settlement:
        """Return how an attempt or a search ends, as the engine says it."""
        kind = AttemptKind.SEND if row["state"] is State.SENDING else AttemptKind.FIND
        attempt = Attempt(
            row["id"], row["attempts"], kind, self.now, self.now, Outcome.UNSURE, "as told"
        )
        hold = Hold.DAILY_CAP if cap else Hold.UNKNOWN
        return Settlement(
            delivery_id=row["id"],
            source=row["state"],
            target=target,
            at=self.now,
            attempt=None if cap and target is State.HELD else attempt,
            due_at=self.now + due if target in (State.READY, State.UNKNOWN) else None,
            hold=hold.value if target is State.HELD else "",
            receipt=RECEIPT if target is State.DELIVERED else None,
        )


def one_of(things: list[Any], place: int) -> Any:
    return things[place % len(things)]


def may_expire(row: Row) -> bool:
    """Whether a delivery may expire: one that may have been published does not."""
    waiting = row["state"] in (State.PLANNED, State.HELD, State.READY)
    return waiting and row["hold"] != Hold.UNKNOWN and row["publish_by"] < NEVER
