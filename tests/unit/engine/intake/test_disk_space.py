"""The last of the disk's room is kept for what was accepted."""

import asyncio

import pytest

from appealbridge.engine.intake.disk_space import (
    KEPT_BYTES,
    OFTEN,
    REOPEN,
    SELDOM,
    DiskSpace,
    has_space,
    kept_free,
)
from appealbridge.model.errors import StoreError
from appealbridge.model.notice import Alarm
from appealbridge.store.records import Space
from appealbridge.testing.clock import FakeClock
from tests.unit.engine.parts import context_of

GB = 10**9
KEEP = 1000


@pytest.mark.parametrize(
    ("call", "size", "stored"),
    [(None, 100 * GB, KEPT_BYTES), (None, GB, GB // 20), (5, GB, 5), (0, GB, 0), (None, 0, 0)],
)
def test_what_is_kept_suits_the_disk_unless_somebody_says(call, size, stored):
    assert kept_free(call, Space(0, size)) == stored


@pytest.mark.parametrize(
    ("free", "had", "has"),
    [
        (KEEP, True, True),
        (KEEP - 1, True, False),
        (KEEP, False, False),
        (KEEP * REOPEN - 1, False, False),
        (KEEP * REOPEN, False, True),
    ],
)
def test_the_door_opens_later_than_it_closed(free, had, has):
    assert has_space(Space(int(free), GB), KEEP, had=had) is has


class Disk:
    """Says what it is told to, and counts how often it was asked."""

    def __init__(self, free):
        self.free, self.queries = free, 0

    def __call__(self):
        self.queries += 1
        if self.free is None:
            raise StoreError("nowhere")
        return Space(self.free, GB)


class Told:
    """What the report and the alarms were told."""

    def __init__(self):
        self.figures, self.alarms, self.errors = [], [], []

    def disk_space(self, free, *, accepting):
        self.figures.append((free, accepting))

    def store_failed(self, error):
        self.errors.append(str(error))

    async def alarm(self, kind, about="", message=""):
        self.alarms.append((kind, message))


@pytest.fixture
def reports():
    return Told()


@pytest.fixture
def clock():
    return FakeClock()


def room_on(disk, reports, clock):
    context = context_of(None, clock, report=reports, free_space=disk, alarms=reports.alarm)
    room = DiskSpace(context)
    room.reconfigure(KEEP)
    return room


async def test_a_disk_that_fills_closes_the_door_once_and_opens_it_once(reports, clock):
    disk = Disk(5 * KEEP)
    room = room_on(disk, reports, clock)
    for disk.free in (5 * KEEP, KEEP - 1, 10, KEEP + 1, 2 * KEEP, 3 * KEEP):
        await room.check()
    assert [kind for kind, _ in reports.alarms] == [Alarm.NEARLY_FULL, Alarm.ROOM_AGAIN]
    assert [accepting for _, accepting in reports.figures] == [
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    assert "999 B left, and 1 KB are kept" in reports.alarms[0][1]
    assert room.why == ""


async def test_whoever_waits_for_room_goes_on_when_there_is(reports, clock):
    disk = Disk(0)
    room = room_on(disk, reports, clock)
    await room.check()
    waiting = asyncio.create_task(room.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    disk.free = GB
    await room.check()
    await waiting
    await room.wait()


async def test_a_disk_that_does_not_answer_changes_nothing(reports, clock):
    disk = Disk(0)
    room = room_on(disk, reports, clock)
    await room.check()
    disk.free = None
    await room.check()
    assert room.why
    assert reports.errors == ["nowhere"]


@pytest.mark.parametrize(("free", "every"), [(2 * KEEP, OFTEN), (9 * KEEP, SELDOM)])
async def test_a_disk_that_is_nearly_full_is_asked_often_and_any_other_seldom(
    reports, clock, free, every
):
    disk = Disk(free)
    room = room_on(disk, reports, clock)
    await room.check()
    task = asyncio.create_task(room.run())
    await clock.until(lambda: disk.queries == 2 and clock.sleepers)  # what was adopted is looked at
    await clock.passes(seconds=every - 1)
    assert disk.queries == 2
    await clock.passes(seconds=2)
    await clock.until(lambda: disk.queries == 3)
    task.cancel()


async def test_what_a_reload_says_is_in_force_at_once(reports, clock):
    disk = Disk(2 * KEEP)
    room = room_on(disk, reports, clock)
    await room.check()
    task = asyncio.create_task(room.run())
    room.reconfigure(3 * KEEP)
    await clock.until(lambda: room.why)
    room.reconfigure(0)
    await clock.until(lambda: not room.why)
    task.cancel()
