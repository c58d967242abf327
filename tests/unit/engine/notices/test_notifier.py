"""When people are told, and what an alarm survives."""

import asyncio
import io
import json
from zoneinfo import ZoneInfo

import pytest

from appealbridge.channels.email.channel import Mail
from appealbridge.clock import SystemClock
from appealbridge.engine.active import ActiveConfiguration
from appealbridge.engine.approvals.questions import Questions
from appealbridge.engine.notices.notifier import COLLECT, Notices
from appealbridge.engine.report import Report
from appealbridge.logs import Log, Output
from appealbridge.metrics import Metrics
from appealbridge.model.delivery import State
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.model.retention import Retention
from appealbridge.plugin.channel import Person
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.recipes.model.book import Book
from appealbridge.store.records import DeliveryFilter
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.testing.clock import PATIENCE, FakeClock
from tests.store_contract.case import an_arrival
from tests.unit.engine.parts import context_of

OFFICE = (Mail(), Mail.account(smtp="smtp://127.0.0.1:25", sender="a@example.org"))
TELLING = NoticeRouting(
    {"dana": Person("dana", "dana@example.org")}, {}, ["dana"], {"office": OFFICE}
)


class Refusing:
    """A store that raises an error of a test's choice from one of its methods, so many times."""

    def __init__(self, store):
        self.store = store
        self.errors = {}

    def __getattr__(self, name):
        if self.errors.get(name):
            raise self.errors[name].pop()
        return getattr(self.store, name)


class Desk:
    """Notices at work on a store, and what they have told."""

    def __init__(self, store):
        self.clock = FakeClock()
        self.lines = io.BytesIO()
        self.store = Refusing(store)
        self.log = Log(Output(self.lines, self.clock.now))
        context = context_of(
            self.store,
            self.clock,
            report=Report(self.log, Metrics()),
            clean=lambda text: text.replace("hunter2", "***"),
        )
        self.alarms = context.alarms
        self.notices = Notices(context, Questions(context))
        zone = ZoneInfo("Europe/London")
        self.notices.reconfigure(
            ActiveConfiguration(Book({}), {}, {}, {}, zone, Retention(), TELLING)
        )

    async def notice_types(self, count, passing=0.0):
        """Wait for so many notices; return their events' types, the oldest first."""
        events = []

        async def look():
            events[:] = [e for e in await self.store.store.events() if e.source == "bridge:notices"]
            return len(events) >= count

        async with asyncio.timeout(PATIENCE):
            while not await look():
                await self.clock.passes(seconds=passing)
                await SystemClock().sleep(0.001)
        return [event.type for event in reversed(events)]

    def logged(self):
        self.log.output.flush()
        return [json.loads(line)["event"] for line in self.lines.getvalue().splitlines()]


@pytest.fixture
async def desk(tmp_path):
    store = await SqliteStore.open(tmp_path / "bridge.db")
    desk = Desk(store)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(desk.notices.run())
        yield desk
        task.cancel()
    await store.close()


async def test_an_alarm_is_in_the_store_when_it_returns(desk):
    await desk.alarms.raise_alarm(Alarm.DOWN, "force_x", "connection refused")
    stored = await desk.store.store.news()
    texts = [event.type for event in await desk.store.store.events()]
    # It may become an event between the two looks, and is seen by both then.
    assert {*[each.kind for each in stored], *texts} == {"channel.down"}


async def test_no_secret_is_in_an_alarm(desk):
    await desk.alarms.raise_alarm(Alarm.DOWN, "force_x", "hunter2 refused")
    await desk.notice_types(1, passing=0.5)
    (delivery,) = await desk.store.store.deliveries(DeliveryFilter())
    assert "*** refused" in delivery.content
    desk.log.output.flush()
    assert b"hunter2" not in desk.lines.getvalue()


async def test_an_alarm_that_the_store_cannot_take_now_is_kept_as_soon_as_it_can(desk):
    desk.store.errors["raise_alarm"] = [StoreError("the disk has no room") for _ in range(4)]
    await desk.alarms.raise_alarm(Alarm.NEARLY_FULL, message="0 MB are free")
    assert await desk.notice_types(1, passing=0.5) == ["store.nearly_full"]
    assert {"alarm", "store_trouble"} <= {*desk.logged()}


@pytest.mark.parametrize("error", [StoreError("locked"), ValueError("a fault of ours")], ids=str)
async def test_the_telling_goes_on_after_an_error(desk, error):
    desk.store.errors["news"] = [error]
    desk.alarms.news.set()
    await desk.clock.until(lambda: not desk.store.errors["news"], passing=0.5)
    await desk.store.store.accept([an_arrival(1, state=State.FAILED)])
    desk.alarms.news.set()
    assert await desk.notice_types(1, passing=1) == ["delivery.failed"]
    assert {"store_trouble", "plugin_bug"} & {*desk.logged()}


async def test_the_first_is_told_at_once_and_the_next_of_its_kind_are_collected(desk):
    accept = desk.store.store.accept
    await accept([an_arrival(0, state=State.FAILED)])
    desk.alarms.news.set()
    await desk.notice_types(1, passing=0.1)
    begun = desk.clock.monotonic()
    for number in range(1, 6):
        await accept([an_arrival(number, state=State.FAILED)])
        desk.alarms.news.set()
        await desk.clock.passes(seconds=5)
    await desk.notice_types(2, passing=5)
    assert desk.clock.monotonic() - begun >= COLLECT - 10
    events = await desk.store.store.events()
    assert [len(event.data["of"]) for event in events if event.source == "bridge:notices"] == [5, 1]


async def test_another_kind_is_told_at_once_all_the_same(desk):
    accept = desk.store.store.accept
    await accept([an_arrival(0, state=State.FAILED)])
    desk.alarms.news.set()
    await desk.notice_types(1, passing=0.1)
    begun = desk.clock.monotonic()
    await accept([an_arrival(1, state=State.EXPIRED)])
    desk.alarms.news.set()
    assert await desk.notice_types(2, passing=0.1) == ["delivery.failed", "delivery.expired"]
    assert desk.clock.monotonic() - begun < 60


async def test_what_a_recipe_did_that_nobody_knows_any_more_is_told_to_whom_the_settings_name(desk):
    await desk.store.store.accept([an_arrival(0, state=State.FAILED)])
    desk.alarms.news.set()
    await desk.notice_types(1, passing=0.1)
    (delivery,) = await desk.store.store.deliveries(DeliveryFilter(recipe="notice"))
    assert delivery.step == "dana"
