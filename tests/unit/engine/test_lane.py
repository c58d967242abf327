"""What a lane learns from its own platform's answers."""

from zoneinfo import ZoneInfo

import aiohttp
import pytest

from appealbridge.engine.lane import Lane
from appealbridge.model.errors import LoginExpired, TryAgain
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, Sought
from appealbridge.plugin.http import Http
from appealbridge.plugin.registry import load
from appealbridge.testing.channel_case import NOW
from appealbridge.testing.server import ScriptedServer

SILENCE = TryAgain("no connection")
RECEIPT = Receipt("17", "", None)


@pytest.fixture
async def lane():
    async with aiohttp.ClientSession() as session:
        http = Http(session, str, now=lambda: NOW)
        platform = load().channels["x"]
        one = Lane("force_x", platform, Account(concurrency=4), http, ZoneInfo("Europe/London"))
        one.backlog = False
        yield one


def limits(left, seconds):
    return {"x-rate-limit-remaining": str(left), "x-rate-limit-reset": str(int(NOW) + seconds)}


async def test_it_begins_no_more_than_the_platform_has_left_until_the_reset(lane):
    async with ScriptedServer((201, {}, limits(2, 900))) as server:
        assert lane.reserve(NOW)
        await lane.http.post(server.url, json={})
        lane.leave()
    assert [lane.reserve(NOW + 1) for _ in range(3)] == [True, True, False]
    for _ in range(2):
        lane.leave()
    assert lane.room(NOW + 899) == 0
    assert lane.room(NOW + 900) == 4


async def test_what_reading_is_told_does_not_count_for_publishing(lane):
    async with ScriptedServer((200, {}, limits(0, 900))) as server:
        await lane.http.get(server.url)
    assert lane.room(NOW) == 4


async def test_what_finds_no_room_queues_and_so_do_those_after_it(lane):
    lane.pace.pause(NOW + 10)
    assert not lane.reserve(NOW)
    assert not lane.reserve(NOW + 11), "whoever came before goes first"


async def test_a_silent_platform_is_tried_by_one_at_a_time(lane):
    for _ in range(3):
        lane.heard(SILENCE, NOW)
    assert (lane.room(NOW), lane.reserve(NOW)) == (1, False)


async def test_when_it_answers_again_what_waits_is_called_up(lane):
    for _ in range(3):
        lane.heard(SILENCE, NOW)
    lane.heard(RECEIPT, NOW + 9)
    assert lane.hurry
    assert lane.room(NOW + 9) == 4


async def test_what_a_look_finds_was_published_and_shows_that_the_platform_works(lane):
    for _ in range(3):
        lane.heard(SILENCE, NOW)
    lane.looked(Sought(None, sure=True, seen="nothing"), NOW + 5)
    assert not lane.health.works, "it can be read; whether it publishes is not known"
    assert lane.health.probe_at == NOW + 5
    lane.looked(Sought(RECEIPT, sure=True, seen="there"), NOW + 6)
    assert lane.health.works


async def test_nothing_goes_out_while_the_login_does_not_work(lane):
    lane.looked(LoginExpired("401"), NOW)
    assert lane.room(NOW) == 0
    lane.checked(SILENCE, NOW + 60)
    assert lane.room(NOW + 60) == 0
    lane.checked(None, NOW + 90)
    assert lane.room(NOW + 90) == 4


async def test_a_pause_worth_keeping_is_kept(lane):
    lane.heard(TryAgain("429", after=3600, throttled=True), NOW)
    assert lane.changed
    assert lane.record(NOW + 5).paused_until == NOW + 3600
    assert lane.record(NOW + 3600).paused_until == 0.0
