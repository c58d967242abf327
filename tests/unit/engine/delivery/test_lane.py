"""What a lane learns from its own platform's answers."""

from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from appealbridge.engine.delivery.lane import FIRST_PAUSE, LONG_PAUSE, LONGEST_PAUSE, Lane
from appealbridge.model.errors import AccountRefused, LoginExpired, Rejected, TryAgain
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.channel import Account, SearchResult
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.registry import load
from appealbridge.testing.channel_case import NOW
from appealbridge.testing.server import ScriptedServer, this_machine

SILENCE = TryAgain("no connection")
RECEIPT = Receipt("17", "", None)
TOO_MANY = TryAgain("429", throttled=True, status=429)
REFUSED = AccountRefused("403", sure=False, status=403)


@pytest.fixture
async def lane():
    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=lambda: NOW)
        platform = load().channels["x"]
        single = Lane("force_x", platform, Account(concurrency=4), http, ZoneInfo("Europe/London"))
        single.backlog = False
        yield single


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
    assert lane.free(NOW + 899) == 0
    assert lane.free(NOW + 900) == 4


async def test_what_reading_is_told_does_not_count_for_publishing(lane):
    async with ScriptedServer((200, {}, limits(0, 900))) as server:
        await lane.http.get(server.url)
    assert lane.free(NOW) == 4


async def test_what_finds_no_room_queues_and_so_do_those_after_it(lane):
    lane.pace.pause(NOW + 10)
    assert not lane.reserve(NOW)
    assert not lane.reserve(NOW + 11), "whoever came before goes first"


async def test_a_silent_platform_is_tried_by_one_at_a_time(lane):
    for _ in range(3):
        lane.on_result(SILENCE, NOW)
    assert (lane.free(NOW), lane.reserve(NOW)) == (1, False)


async def test_when_it_answers_again_what_waits_is_called_up(lane):
    for _ in range(3):
        lane.on_result(SILENCE, NOW)
    lane.on_result(RECEIPT, NOW + 9)
    assert lane.retry_now
    assert lane.free(NOW + 9) == 4


async def test_what_a_look_finds_was_published_and_shows_that_the_platform_works(lane):
    for _ in range(3):
        lane.on_result(SILENCE, NOW)
    lane.on_search(SearchResult(None, sure=True, seen="nothing"), NOW + 5)
    assert not lane.health.works, "it can be read; whether it publishes is not known"
    assert lane.health.probe_at == NOW + 5
    lane.on_search(SearchResult(RECEIPT, sure=True, seen="there"), NOW + 6)
    assert lane.health.works


async def test_nothing_goes_out_while_the_login_does_not_work(lane):
    lane.on_search(LoginExpired("401"), NOW)
    assert lane.free(NOW) == 0
    lane.checked(SILENCE, NOW + 60)
    assert lane.free(NOW + 60) == 0
    lane.checked(None, NOW + 90)
    assert lane.free(NOW + 90) == 4


async def test_a_pause_worth_keeping_is_kept(lane):
    lane.on_result(TryAgain("429", after=3600, throttled=True), NOW)
    assert lane.changed
    assert lane.record(NOW + 5).paused_until == NOW + 3600
    assert lane.record(NOW + 3600).paused_until == 0.0


def throttle(lane, count, at=NOW):
    """Meet a rate limit that says nothing of its end, again and again; return the pauses."""
    pauses = []
    for _ in range(count):
        lane.on_result(TOO_MANY, at)
        pauses.append(lane.pace.until - at)
        at = lane.pace.until
    return pauses


async def test_a_rate_limit_that_does_not_say_its_end_is_left_alone_for_ever_longer(lane):
    pauses = throttle(lane, 12)
    assert pauses[0] == FIRST_PAUSE
    assert all(later == min(2 * each, LONGEST_PAUSE) for each, later in pairwise(pauses))
    assert pauses[-1] == LONGEST_PAUSE


async def test_after_a_rate_limit_one_at_a_time_finds_out_whether_it_is_over(lane):
    throttle(lane, 1)
    assert lane.free(lane.pace.until) == 1
    lane.on_result(RECEIPT, lane.pace.until)
    assert lane.free(lane.pace.until) == 4
    assert throttle(lane, 1, NOW + 60) == [FIRST_PAUSE]


async def test_what_was_under_way_when_the_limit_was_met_makes_the_pause_no_longer(lane):
    for _ in range(4):
        lane.on_result(TOO_MANY, NOW)
    assert lane.pace.until == NOW + FIRST_PAUSE


async def test_the_platforms_own_wish_counts_until_it_proves_too_short(lane):
    wish = TryAgain("429", throttled=True, after=2)
    lane.on_result(wish, NOW)
    assert lane.pace.until == NOW + 2
    lane.on_result(wish, NOW + 2)
    assert lane.pace.until == NOW + 2 + 2 * FIRST_PAUSE


async def test_a_look_that_meets_a_rate_limit_pauses_the_account_too(lane):
    lane.on_search(TOO_MANY, NOW)
    assert lane.free(NOW + 1) == 0


async def test_a_rate_limit_without_end_is_told_to_people_after_a_while(lane):
    throttle(lane, 3)
    assert not lane.pauses_long(NOW + 20)
    at = NOW + LONG_PAUSE
    lane.on_result(TOO_MANY, at)
    assert lane.pauses_long(at)


async def test_a_refusal_is_the_accounts_until_others_go_out(lane):
    """One message that the platform does not want must not hold up all the others for ever."""
    assert lane.on_result(REFUSED, NOW, "a") is REFUSED
    assert lane.free(NOW) == 1
    assert lane.on_result(REFUSED, NOW + 1, "a") is REFUSED, "nothing has gone out meanwhile"
    lane.on_result(RECEIPT, NOW + 2, "b")
    assert lane.free(NOW + 2) == 4
    again = lane.on_result(REFUSED, NOW + 3, "a")
    assert (type(again), str(again), again.status) == (Rejected, "403", 403)
    assert lane.health.works


async def test_a_message_that_went_out_after_all_is_no_longer_suspected(lane):
    lane.on_result(REFUSED, NOW, "a")
    lane.on_result(RECEIPT, NOW + 1, "a")
    assert lane.suspects == {}


async def test_an_owner_may_have_such_refusals_taken_for_the_messages(lane):
    lane.policy = replace(lane.policy, stop_at=frozenset({403}))
    refused = lane.on_result(REFUSED, NOW, "a")
    assert type(refused) is Rejected
    assert str(refused) == "403; not tried again, because `stop_at` contains 403"
    assert lane.health.works


async def test_however_many_are_refused_a_bounded_number_is_remembered(lane):
    for number in range(3000):
        lane.on_result(REFUSED, NOW, f"d{number}")
    assert len(lane.suspects) <= 1000
