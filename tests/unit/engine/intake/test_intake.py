"""What the intake takes, and what it sends away."""

import asyncio
import random
from types import SimpleNamespace

import pytest

from appealbridge.engine.guards.guard import Guard
from appealbridge.engine.intake import intake
from appealbridge.engine.intake.intake import Intake
from appealbridge.engine.intake.planning import Planner
from appealbridge.model.errors import StoreBusy
from appealbridge.model.event import EventDraft
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import Accepted
from appealbridge.testing.clock import FakeClock

DRAFT = EventDraft("incident", "RC-1", "k", {})


class SlowStore:
    """Commits when it is told to."""

    def __init__(self):
        self.commit = asyncio.Event()

    async def accept(self, arrivals, memory):
        await self.commit.wait()
        return [Accepted(arrival.event.id, repeat=False) for arrival in arrivals]


async def test_more_than_can_wait_is_sent_away_and_the_rest_is_stored(monkeypatch):
    monkeypatch.setattr(intake, "MOST_WAITING", 3)
    store = SlowStore()
    said = []
    told = SimpleNamespace(accepted=lambda *_: None, overloaded=said.append)
    room = SimpleNamespace(why="")
    clock = FakeClock()
    guard = Guard(store, clock, told, None)
    planner = Planner(clock)
    taking = Intake(
        store, clock, random.Random(1), {}, None, None, None, told, room, guard, planner
    )
    active = SimpleNamespace(book=Book({}), joined={})
    waiting = [asyncio.create_task(taking.accept(active, "webhook:x", [DRAFT])) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusy, match="3 requests wait"):
        await taking.accept(active, "webhook:x", [DRAFT])
    store.commit.set()
    assert len([await one for one in waiting]) == 3
    assert await taking.accept(active, "webhook:x", [DRAFT])
