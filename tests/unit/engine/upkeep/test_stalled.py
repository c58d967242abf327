"""What is due and does not go out is told, and what is only slow, or known to be ill, is not."""

import asyncio
from types import SimpleNamespace

import pytest

from appealbridge.engine.delivery.lane import Lanes
from appealbridge.engine.upkeep.stalled import (
    BEAT_AGAIN,
    BEAT_EVERY,
    EVERY,
    LATE,
    STUCK,
    Heartbeat,
    Monitor,
)
from appealbridge.model.attempt import Outcome
from appealbridge.model.delivery import State
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.store.records import Queue, Writing
from appealbridge.testing.clock import FakeClock
from tests.store_contract.case import a_delivery, an_event
from tests.unit.engine.parts import context_of

CHANNEL = "force_x"


class World:
    """A store that says what it is told to, one lane, and everything that is told of them."""

    def __init__(self):
        self.clock = FakeClock()
        self.opens_at = 0.0
        self.lane = SimpleNamespace(
            name=CHANNEL,
            in_flight=2,
            health=SimpleNamespace(works=True),
            stopped=False,
            pace=SimpleNamespace(opens_at=lambda now: max(now, self.opens_at)),
            queued=lambda: self.woken.append(CHANNEL),
        )
        self.waiting = []
        self.alarms, self.figures, self.woken = [], [], []
        self.lanes = Lanes({CHANNEL: self.lane})
        self.begun, self.settled, self.sending, self.refusals = self.clock.now(), [], set(), {}
        self.under_way = []
        context = context_of(self, self.clock, lanes=self.lanes, report=self, alarms=self.tell)
        self.monitor = Monitor(context, self.sending)

    async def queues(self):
        return self.waiting

    async def begun_before(self, at, limit):
        return [each for each in self.under_way if each.begun_at <= at][:limit]

    async def settle(self, settlement):
        self.settled.append(settlement)
        self.under_way = [each for each in self.under_way if each.id != settlement.delivery_id]

    def overdue(self, seconds):
        self.figures.append(seconds)

    async def tell(self, kind, channel, message):
        self.alarms.append((kind, channel, message))

    def waits(self, number=1, *, due=0.0, count=3, channel=CHANNEL):
        """Have a delivery go first that has been due since so many seconds after the beginning."""
        self.waiting = [Queue(channel, count, (self.begun + due, number))]

    async def minutes(self, count):
        for _ in range(count):
            await self.clock.passes(seconds=EVERY)
            await self.monitor.check()


@pytest.fixture
def world():
    return World()


LONG = int(LATE // EVERY) + 2


async def test_what_is_due_and_lies_is_told_once(world):
    world.waits(7)
    await world.minutes(3)
    assert world.alarms == []
    await world.minutes(LONG)
    ((kind, channel, text),) = world.alarms
    assert (kind, channel) == (Alarm.STALLED, CHANNEL)
    assert text.startswith("delivery 7 is due and does not go out")
    assert world.monitor.notes == {CHANNEL: text}
    assert world.figures[-1][CHANNEL] > LATE


async def test_what_went_out_after_all_is_told_again_when_it_happens_again(world):
    world.waits()
    await world.minutes(LONG)
    world.waiting = []
    await world.minutes(1)
    assert world.monitor.notes == {}
    world.waits(due=world.clock.now() - world.begun)
    await world.minutes(LONG)
    assert len(world.alarms) == 2


async def test_a_long_queue_that_moves_is_only_slow(world):
    for number in range(20):
        world.waits(number, due=-3600)
        await world.minutes(1)
    assert world.alarms == []
    assert world.figures[-1][CHANNEL] > 3600


async def test_a_lane_that_is_known_to_be_ill_or_has_to_wait_is_not_stalled(world):
    world.waits()
    world.lane.health.works = False
    await world.minutes(2 * LONG)
    world.lane.health.works = True
    world.opens_at = world.clock.now() + 3600
    await world.minutes(2 * LONG)
    assert world.alarms == []
    world.opens_at = 0.0
    await world.minutes(LONG)
    assert [kind for kind, _, _ in world.alarms] == [Alarm.STALLED]


async def test_a_clock_that_jumps_makes_nothing_stalled(world):
    world.waits(due=7200)
    await world.minutes(1)
    world.clock.jumps(3 * 3600)
    await world.minutes(1)
    assert world.alarms == []


async def test_what_is_not_due_or_waits_for_a_person_is_not_stalled(world):
    world.waits(due=86400)
    await world.minutes(LONG)
    world.waiting = [Queue(CHANNEL, 5, None)]
    await world.minutes(LONG)
    assert world.alarms == []


async def test_what_waits_for_a_channel_that_is_gone_is_told_until_it_is_back(world):
    world.waits(channel="old_x", count=1)
    await world.monitor.check()
    await world.minutes(5)
    ((kind, channel, text),) = world.alarms
    assert (kind, channel) == (Alarm.GONE, "old_x")
    assert text.startswith("1 delivery waits for old_x, which is no longer in appealbridge.yaml")
    world.lanes["old_x"] = world.lane
    await world.monitor.check()
    assert world.monitor.notes == {}


def sending(world, number=7):
    """Have an attempt begin now."""
    at = world.clock.now()
    event = an_event(number)
    delivery = a_delivery(event, number=number, state=State.SENDING, begun_at=at, attempts=1)
    world.under_way.append(delivery)
    return delivery


async def test_what_was_begun_and_nobody_carries_on_is_looked_for(world):
    lost = sending(world)
    await world.minutes(LONG)
    (settlement,) = world.settled
    assert (settlement.delivery_id, settlement.target) == (lost.id, State.UNKNOWN)
    assert settlement.attempt.outcome is Outcome.UNSURE
    assert world.woken == [CHANNEL]
    ((kind, channel, text),) = world.alarms
    assert (kind, channel) == (Alarm.ATTEMPT_LOST, CHANNEL)
    assert text.startswith("delivery 7: the program did not continue this attempt")
    assert world.monitor.notes == {}


async def test_what_is_under_way_is_left_alone_and_told_of_when_it_takes_very_long(world):
    slow = sending(world)
    world.sending.add(slow.id)
    await world.minutes(29)
    assert world.alarms == []
    await world.minutes(10)
    ((kind, _, text),) = world.alarms
    assert (kind, text) == (
        Alarm.ATTEMPT_LOST, "the attempt at delivery 7 has not ended for 31 minutes"
    )  # fmt: skip
    assert world.settled == []
    assert [*world.monitor.notes] == [slow.id]
    world.under_way = []
    await world.minutes(1)
    assert world.monitor.notes == {}


async def test_what_the_store_goes_on_refusing_is_told_once_until_it_takes_it(world):
    async def looks():
        await world.monitor.check()
        await world.monitor._check_refusals()

    world.refusals["runs"] = "the disk refuses"
    await looks()
    assert world.alarms == []
    for _ in range(3):
        await looks()
    assert world.alarms == [(Alarm.STORE, "", "runs: the disk refuses")]
    assert [*world.monitor.notes.values()] == ["runs: the disk refuses"]
    del world.refusals["runs"]
    await looks()
    assert world.monitor.notes == {}


class Disk:
    """A store that takes what it is told to, and counts how often it is tried."""

    def __init__(self):
        self.failure = ""
        self.waits_for = self.idle_for = 0.0
        self.beats, self.failures = 0, []

    def writing(self):
        return Writing(failure=self.failure, waits_for=self.waits_for, idle_for=self.idle_for)

    async def check(self):
        self.beats += 1
        if self.failure:
            raise StoreError(self.failure)

    def store_failed(self, error):
        self.failures.append(str(error))


@pytest.fixture
async def beating():
    disk, clock = Disk(), FakeClock()
    heartbeat = Heartbeat(context_of(disk, clock, report=disk))
    task = asyncio.create_task(heartbeat.run())
    yield disk, clock, heartbeat
    task.cancel()


async def test_where_much_is_stored_the_store_is_not_tried(beating):
    disk, clock, heartbeat = beating
    await clock.passes(minutes=10)
    assert disk.beats == 0
    assert heartbeat.failure == ""


async def test_where_nothing_is_stored_it_is_tried_once_in_a_while(beating):
    disk, clock, _ = beating
    disk.idle_for = BEAT_EVERY
    await clock.passes(minutes=10)
    assert 9 <= disk.beats <= 11


async def test_what_could_not_be_stored_is_told_until_it_can(beating):
    disk, clock, heartbeat = beating
    disk.failure = "the disk has gone"
    await clock.passes(seconds=BEAT_EVERY)
    assert heartbeat.failure == "the disk has gone"
    await clock.passes(seconds=3 * BEAT_AGAIN)
    assert disk.beats >= 3
    assert set(disk.failures) == {"the disk has gone"}
    disk.failure = ""
    assert heartbeat.failure == ""


async def test_a_store_that_hangs_is_in_trouble(beating):
    disk, _, heartbeat = beating
    disk.waits_for = STUCK - 1
    assert heartbeat.failure == ""
    disk.waits_for = STUCK
    assert "nothing has been stored for 15 seconds" in heartbeat.failure
