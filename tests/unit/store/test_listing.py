"""What is asked for by several things at once, and how much is looked at for it."""

from contextlib import closing

import pytest

from appealbridge.model.delivery import State
from appealbridge.model.errors import TooMuch
from appealbridge.model.run import RunState
from appealbridge.store.records import Arrival, DeliveryFilter
from appealbridge.store.sqlite import queries, schema
from appealbridge.store.sqlite.connections import open_writer
from appealbridge.store.sqlite.store import SqliteStore
from tests.sqlite_direct import On
from tests.store_contract.case import NOW, a_delivery, a_run, an_event

RECIPES = ("road", "road-works", "appeal")


@pytest.fixture
async def store(tmp_path):
    """Twelve events, each with a run and a delivery of one of three recipes in turn; every fifth run failed."""
    store = await SqliteStore.open(tmp_path / "bridge.db")
    for number in range(12):
        event, recipe = an_event(number), RECIPES[number % 3]
        state = RunState.PLANNED if number % 5 else RunState.FAILED
        failed = a_delivery(event, recipe=recipe, state=State.FAILED if number < 2 else State.READY)
        await store.accept([Arrival(event, [a_run(event, recipe, state=state)], [failed])])
    yield store
    await store.close()


def events(listed):
    return [row.event_id for row in listed]


def of(*numbers):
    return [an_event(number).id for number in numbers]


async def test_a_recipe_s_own_are_listed(store):
    assert events(await store.runs(recipe="road")) == of(9, 6, 3, 0)
    assert events(await store.runs(recipe="road", limit=2)) == of(9, 6)
    listed = await store.deliveries(DeliveryFilter(recipe="road"))
    assert events(listed) == of(9, 6, 3, 0)


async def test_runs_are_listed_by_their_state(store):
    assert events(await store.runs(state=RunState.FAILED)) == of(10, 5, 0)
    assert events(await store.runs(state=RunState.FAILED, recipe="appeal")) == of(5)
    assert events(await store.runs(state=RunState.PLANNED, limit=2)) == of(11, 9)
    assert await store.runs(state=RunState.OPEN) == []
    event = an_event(5).id
    assert events(await store.runs(state=RunState.FAILED, event_id=event)) == [event]


async def test_what_is_rare_is_listed_together_with_all_else_that_is_asked(store):
    failed = [State.FAILED]
    assert events(await store.deliveries(DeliveryFilter(states=failed))) == of(1, 0)
    listed = await store.deliveries(DeliveryFilter(states=failed, recipe="road-works"))
    assert events(listed) == of(1)
    mixed = [State.FAILED, State.DELIVERED]
    assert events(await store.deliveries(DeliveryFilter(states=mixed))) == of(1, 0)


async def test_events_are_listed_by_subject_source_type_and_time(store):
    other = an_event(20, source="feed:news", type="feed.new", received_at=NOW + 7200)
    await store.accept([Arrival(other)])
    assert [e.id for e in await store.events(subject="INC-3")] == of(3)
    assert await store.events(source="feed:news") == [other]
    assert await store.events(type_="feed.new", source="feed:news") == [other]
    assert await store.events(type_="feed.new", source="webhook:incident-desk") == []
    assert await store.events(since=NOW + 7200) == [other]
    assert await store.events(subject="INC-3", since=NOW + 1) == []
    assert await store.events(subject="INC-none") == []


async def test_deliveries_are_listed_by_their_time_though_they_were_stored_out_of_it(store):
    """A clock that was set back, or a run that waited, stores what is older after what is younger."""
    for number, at in ((31, NOW + 900), (32, NOW + 800), (33, NOW + 999)):
        event = an_event(number, received_at=at)
        await store.accept([Arrival(event, [], [a_delivery(event, planned_at=at)])])
    listed = await store.deliveries(DeliveryFilter(since=NOW + 850))
    assert [row.planned_at for row in listed] == [NOW + 999, NOW + 900]
    assert await store.deliveries(DeliveryFilter(since=NOW + 99_999)) == []


async def test_more_than_an_answer_may_have_is_refused_with_a_cure(store, monkeypatch):
    monkeypatch.setattr(queries, "LONGEST", 5_000)
    event = an_event(40, data={"text": "x" * 3_000})
    again = an_event(41, data={"text": "x" * 3_000})
    await store.accept([Arrival(event), Arrival(again)])
    with pytest.raises(TooMuch, match="use a smaller limit"):
        await store.events(limit=2)
    assert await store.events(limit=1) == [again]


# -- however much is stored, a list looks at little of it --------------------------------------------

FEW, MANY = 200, 2_000
ODD = 5
"""So many of all are of the odd words that are asked for, and stand at the far end."""

ASKED = {
    "subject": lambda db: On(db).deliveries(DeliveryFilter(subject="odd")),
    "no subject": lambda db: On(db).deliveries(DeliveryFilter(subject="none")),
    "recipe": lambda db: On(db).deliveries(DeliveryFilter(recipe="odd")),
    "channel": lambda db: On(db).deliveries(DeliveryFilter(channel="odd")),
    "channel and state": lambda db: On(db).deliveries(
        DeliveryFilter(channel="odd", states=[State.FAILED])
    ),
    "channel and delivered": lambda db: On(db).deliveries(
        DeliveryFilter(channel="odd", states=[State.DELIVERED])
    ),
    "recipe and state": lambda db: On(db).deliveries(
        DeliveryFilter(recipe="odd", states=[State.FAILED])
    ),
    "state": lambda db: On(db).deliveries(DeliveryFilter(states=[State.FAILED], limit=3)),
    "under way": lambda db: On(db).deliveries(DeliveryFilter(states=[State.SENDING])),
    "what waits": lambda db: On(db).deliveries(DeliveryFilter(states=[State.READY, State.UNKNOWN])),
    "held": lambda db: On(db).deliveries(DeliveryFilter(states=[State.HELD])),
    "hold": lambda db: On(db).deliveries(DeliveryFilter(states=[State.HELD], hold="same_text")),
    "event": lambda db: On(db).deliveries(DeliveryFilter(event_id=an_event(0).id)),
    "since": lambda db: On(db).deliveries(DeliveryFilter(since=NOW + 99_999)),
    "all": lambda db: On(db).deliveries(DeliveryFilter(limit=3)),
    "runs of a recipe": lambda db: On(db).runs(recipe="odd", limit=9),
    "runs of no recipe": lambda db: On(db).runs(recipe="none", limit=9),
    **{
        f"runs {state}": lambda db, state=state: On(db).runs(state=state, limit=3)
        for state in RunState
    },
    **{
        f"runs {state} of a recipe": lambda db, state=state: On(db).runs(
            recipe="odd", state=state, limit=3
        )
        for state in (RunState.FAILED, RunState.OPEN)
    },
    "events of a subject": lambda db: On(db).events(subject="odd"),
    "events of a source": lambda db: On(db).events(source="odd"),
    "events of a type": lambda db: On(db).events(type_="odd"),
    "events of no type": lambda db: On(db).events(type_="none"),
    "events since": lambda db: On(db).events(since=NOW + 99_999),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store with few rows and one with many; both have as many odd ones."""
    with (
        closing(filled(tmp_path_factory.mktemp("few") / "bridge.db", FEW)) as few,
        closing(filled(tmp_path_factory.mktemp("many") / "bridge.db", MANY)) as many,
    ):
        yield few, many


def filled(path, count):
    db = open_writer(path)
    schema.migrate(db, path)
    db.execute("BEGIN")
    On(db).accept([arrival(number, count) for number in range(count)])
    db.execute("COMMIT")
    return db


def arrival(number, count):
    """All but the odd ones are delivered or failed, and of runs that are over or were skipped."""
    odd = number < ODD
    word = "odd" if odd else f"common-{number % 7}"
    event = an_event(number, subject=word if odd else f"INC-{number}", source=word, type=word)
    state = State.FAILED if number % 2 else State.DELIVERED
    hold = ""
    if odd:
        state = [State.FAILED, State.HELD, State.READY, State.SENDING, State.DELIVERED][number]
        hold = "same_text" if state is State.HELD else ""
    # What is far from the end of the list is found only by an index: the odd, and each kind of run.
    end = [RunState.PLANNED, RunState.SKIPPED, RunState.OPEN, RunState.FAILED, RunState.SKIPPED]
    run = a_run(event, word, state=end[number] if odd else RunState.PLANNED)
    delivery = a_delivery(event, recipe=word, channel=word, state=state, hold=hold)
    return Arrival(event, [run], [delivery])


@pytest.mark.parametrize("call", ASKED)
def test_a_list_looks_at_no_more_where_more_is_stored(stores, call):
    few, many = (steps(db, ASKED[call]) for db in stores)
    assert many < 1.5 * few + 300  # halving takes a few steps more


def steps(db, ask):
    """Return how many steps SQLite takes for a question."""
    count = 0

    def count_step():
        nonlocal count
        count += 1

    db.set_progress_handler(count_step, 1)
    try:
        ask(db)
    finally:
        db.set_progress_handler(None, 0)
    return count
