"""When an event is new though its key is known."""

from types import SimpleNamespace

import pytest

from appealbridge.engine.intake import reception
from appealbridge.engine.intake.intake import Intake, Planning, Storing
from appealbridge.engine.intake.reception import Reception, is_new
from appealbridge.model.errors import StoreError
from appealbridge.model.event import ALWAYS, EventDraft, Repeats
from appealbridge.plugin.receiver import Received
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import KnownKey
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.testing.clock import FakeClock
from tests.unit.engine.parts import context_of

NOW = 1_795_000_000.0


def new(repeats, known, *together):
    draft = EventDraft("t", "s", "k", {}, repeats=repeats)
    return is_new(draft, known, {"k", *together}, NOW)


@pytest.mark.parametrize("repeats", [ALWAYS, Repeats(one_content=True), Repeats(ended_by="end")])
def test_a_known_key_is_a_repeat_however_old_it_is(repeats):
    assert not new(repeats, {"k": KnownKey("e", 0.0, 1)})


def test_what_nobody_knows_any_more_is_left_to_the_store():
    assert not new(Repeats(within=1.0), {})
    assert not new(Repeats(ended_by="end"), {"end": KnownKey("e", NOW, 1)})


def test_a_body_is_a_repeat_for_a_while():
    for event in (KnownKey("e", NOW - 599, 1), KnownKey("", NOW - 599), KnownKey("e", NOW + 5, 1)):
        assert not new(Repeats(within=600.0), {"k": event})
    for event in (KnownKey("e", NOW - 600, 1), KnownKey("", NOW - 600)):
        assert new(Repeats(within=600.0), {"k": event})


@pytest.mark.parametrize(
    ("first", "end", "is_news"),
    [
        (KnownKey("a", NOW, 1), KnownKey("b", NOW, 2), True),
        (KnownKey("b", NOW, 2), KnownKey("a", NOW, 1), False),
        # The clock was set back in between.
        (KnownKey("a", NOW, 1), KnownKey("b", NOW - 60, 2), True),
        # One of them, or both, are removed.
        (KnownKey("", NOW - 60), KnownKey("b", NOW, 2), True),
        (KnownKey("a", NOW - 60, 1), KnownKey("", NOW), True),
        (KnownKey("a", NOW, 1), KnownKey("", NOW - 60), False),
        (KnownKey("", NOW - 60), KnownKey("", NOW), True),
        (KnownKey("", NOW), KnownKey("", NOW - 60), False),
    ],
)
def test_what_ended_and_begins_again_is_new(first, end, is_news):
    assert new(Repeats(ended_by="end"), {"k": first, "end": end}) is is_news


def test_what_begins_and_ends_in_one_request_does_not_begin_again():
    known = {"k": KnownKey("a", NOW, 1), "end": KnownKey("b", NOW, 2)}
    assert not new(Repeats(ended_by="end"), known, "end")


class Counted(Planning):
    """Planning that counts the events it plans, and may fail."""

    def __init__(self, context):
        super().__init__(context)
        self.planned = 0
        self.fails = False

    async def run(self, batch):
        self.planned += len(batch.events)
        if self.fails:
            raise StoreError("no")
        await super().run(batch)


@pytest.fixture
async def desk(tmp_path):
    """A reception on a store, the planning behind it, and a function that sends keys."""
    store = await SqliteStore.open(tmp_path / "bridge.db")
    context = context_of(store, FakeClock(NOW))
    planning = Counted(context)
    intake = Intake(
        context,
        SimpleNamespace(why=""),
        until_stored=[planning, Storing(context)],
        once_stored=[],
    )
    taking = Reception(context, intake)
    active = SimpleNamespace(book=Book({}), joined={})

    async def send(*keys):
        drafts = [EventDraft("t", "s", key, {}) for key in keys]
        return await taking.take(active, "webhook:desk", Received(drafts), 10)

    yield SimpleNamespace(send=send, planning=planning)
    await store.close()


async def test_a_repeat_of_a_recent_request_is_not_planned_again(desk):
    first = await desk.send("a", "b")
    again = await desk.send("a", "b")
    assert (again.ids, again.repeat, first.repeat) == (first.ids, True, False)
    assert desk.planning.planned == 2


async def test_what_is_new_beside_a_repeat_is_planned(desk):
    first = await desk.send("a")
    both = await desk.send("a", "b")
    assert both.ids[0] == first.ids[0]
    assert not both.repeat
    assert desk.planning.planned == 3


async def test_what_was_not_stored_the_first_time_is_no_repeat(desk):
    desk.planning.fails = True
    with pytest.raises(StoreError):
        await desk.send("a")
    desk.planning.fails = False
    assert not (await desk.send("a")).repeat


async def test_only_the_latest_keys_are_remembered(desk, monkeypatch):
    monkeypatch.setattr(reception, "RECENT", 2)
    for key in "abc":
        await desk.send(key)
    assert (await desk.send("a")).repeat
    assert desk.planning.planned == 4
