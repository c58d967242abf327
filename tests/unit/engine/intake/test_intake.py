"""What the intake takes, and what it sends away."""

import asyncio
from types import SimpleNamespace

import pytest

from appealbridge.engine.intake import intake
from appealbridge.engine.intake.intake import Intake, Planning, Storing
from appealbridge.model.errors import StoreBusy
from appealbridge.model.event import EventDraft
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import Accepted
from appealbridge.testing.clock import FakeClock
from tests.unit.engine.parts import context_of

DRAFT = EventDraft("incident", "RC-1", "k", {})


class SlowStore:
    """Commits when it is told to."""

    def __init__(self):
        self.commit = asyncio.Event()

    async def accept(self, arrivals, poll_state):
        await self.commit.wait()
        return [Accepted(arrival.event.id, repeat=False) for arrival in arrivals]


async def test_more_than_can_wait_is_sent_away_and_the_rest_is_stored(monkeypatch):
    monkeypatch.setattr(intake, "MOST_WAITING", 3)
    store = SlowStore()
    context = context_of(store, FakeClock())
    stages = [Planning(context), Storing(context)]
    disk_space = SimpleNamespace(why="")
    taking = Intake(context, disk_space, until_stored=stages, once_stored=[])
    active = SimpleNamespace(book=Book({}), joined={})
    waiting = [asyncio.create_task(taking.accept(active, "webhook:x", [DRAFT])) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusy, match="3 requests wait"):
        await taking.accept(active, "webhook:x", [DRAFT])
    store.commit.set()
    assert len([await each for each in waiting]) == 3
    assert await taking.accept(active, "webhook:x", [DRAFT])


class Counting:
    """A stage that notes when it is run and undone, and may fail."""

    def __init__(self, name, notes, error=None):
        self.name, self.notes, self.error = name, notes, error

    async def run(self, batch):
        self.notes.append(self.name)
        if self.error:
            raise self.error

    def undo(self, batch):
        self.notes.append(f"undo {self.name}")


async def test_if_a_stage_fails_it_and_those_before_it_are_undone_and_nothing_follows():
    notes = []
    stages = [Counting("a", notes), Counting("b", notes, StoreBusy("no")), Counting("c", notes)]

    async def follow(batch):
        notes.append("follow")

    space = SimpleNamespace(why="")
    taking = Intake(context_of(None, FakeClock()), space, until_stored=stages, once_stored=[follow])
    active = SimpleNamespace(book=Book({}), joined={})
    with pytest.raises(StoreBusy):
        await taking.accept(active, "webhook:x", [DRAFT])
    assert notes == ["a", "b", "undo b", "undo a"]
    stages[1].error = None
    notes.clear()
    await taking.accept(active, "webhook:x", [DRAFT])
    assert notes == ["a", "b", "c", "follow"]
