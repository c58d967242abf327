import hashlib
import hmac
import json
from urllib.parse import parse_qs

import pytest

from appealbridge.channels.facebook.channel import Facebook
from appealbridge.plugin import AccountRefused, LoginExpired, Receipt, Rejected, TryAgain, Unsure
from appealbridge.plugin.timeline import TAKEN_FOR_A_REPEAT
from appealbridge.testing.channel_case import NOW, a_delivery
from appealbridge.testing.server import ScriptedServer

facebook = Facebook()
post = facebook.message(text="MISSING: Aisha & Ben", link="https://example.police.uk/a/412")
POST = {
    "id": "123456_789",
    "message": "MISSING: Aisha & Ben",
    "created_time": "2026-11-18T11:06:41+0000",
    "permalink_url": "https://www.facebook.com/123456/posts/789",
}


@pytest.fixture
async def server():
    async with ScriptedServer((200, {"id": "123456_789"})) as server:
        yield server


def account(server, **credentials):
    return facebook.account.model_validate(
        {
            "api": server.url,
            "page_id": "123456",
            "credentials": {"page_token": "token", **credentials},
        }
    )


def error(code, subcode=None, status=400, headers=None, **more):
    values = {"message": "no", "type": "OAuthException", "code": code, **more}
    if subcode is not None:
        values["error_subcode"] = subcode
    return status, {"error": values}, headers or {}


async def test_a_post_is_a_form_to_the_pages_feed(server, tools):
    receipt = await facebook.deliver(account(server), post, a_delivery(), tools)
    assert (receipt.id, receipt.url) == ("123456_789", "https://www.facebook.com/123456_789")
    request = server.requests[0]
    assert request.path == "/v25.0/123456/feed"
    assert parse_qs(request.body.decode()) == {"message": [post.text], "link": [post.link]}
    assert request.headers["Authorization"] == "Bearer token"


async def test_an_app_secret_is_proven_and_not_sent(server, tools):
    await facebook.deliver(account(server, app_secret="hidden"), post, a_delivery(), tools)
    form = parse_qs(server.requests[0].body.decode())
    expected = hmac.new(b"hidden", b"token", hashlib.sha256).hexdigest()
    assert form["appsecret_proof"] == [expected]
    assert b"hidden" not in server.requests[0].body


WAITS_19_MINUTES = {
    "X-Business-Use-Case-Usage": json.dumps({"1": [{"estimated_time_to_regain_access": 19}]})
}


@pytest.mark.parametrize(
    ("answer", "failure", "after"),
    [
        (error(1, status=500), Unsure, None),
        (error(2), Unsure, None),
        (error(2, status=503, is_transient=True), Unsure, None),
        (error(99, is_transient=True), Unsure, None),
        (error(4), TryAgain, 900),
        (error(32, headers=WAITS_19_MINUTES), TryAgain, 19 * 60),
        (error(32, status=429, headers={"Retry-After": "5"}), TryAgain, 5),
        (error(32, headers={"X-Business-Use-Case-Usage": "[oh]"}), TryAgain, 900),
        (error(80001, headers={"X-Business-Use-Case-Usage": "{}"}), TryAgain, 900),
        (error(190, 463), LoginExpired, None),
        (error(102), LoginExpired, None),
        (error(104), LoginExpired, None),
        (error(368, 1390008), TryAgain, 6 * 3600),
        (error(368, 1404102), Rejected, None),
        (error(506), Unsure, None),
        (error(100, 33), AccountRefused, None),
        (error(100), Rejected, None),
        (error(3), AccountRefused, None),
        (error(5), AccountRefused, None),
        (error(10, status=403), AccountRefused, None),
        (error(200, status=403), AccountRefused, None),
        (error(283, status=403), AccountRefused, None),
        (error(299), AccountRefused, None),
        (error(803), AccountRefused, None),
        (error(2635), AccountRefused, None),
        (error(1, 2853006, status=500), AccountRefused, None),
        (error(190, 459), LoginExpired, None),
        (error(190, 492), LoginExpired, None),
        (error(2500), LoginExpired, None),
        (error(341), TryAgain, 900),
        (error(613), TryAgain, 900),
        (error(17), TryAgain, 900),
        ((403, "<html>"), AccountRefused, None),
        (error(1609005), Rejected, None),
        ((500, "<html>"), Unsure, None),
        ((503, "<html>"), TryAgain, None),
        ((400, "<html>"), Rejected, None),
        ((400, [1]), Rejected, None),
        ((400, {"error": "odd"}), Rejected, None),
        ((200, {"success": True}), Unsure, None),
    ],
)
async def test_the_code_tells_before_the_status(server, tools, answer, failure, after):
    server.answers(answer)
    with pytest.raises(failure) as caught:
        await facebook.deliver(account(server), post, a_delivery(), tools)
    assert type(caught.value) is failure
    assert getattr(caught.value, "after", None) == after


async def test_the_platforms_own_words_are_told(server, tools):
    server.answers(error(100, 33, error_user_msg="The page is gone"))
    with pytest.raises(AccountRefused, match=r"The page is gone: no \(code 100/33\)"):
        await facebook.deliver(account(server), post, a_delivery(), tools)


async def test_a_duplicate_is_sought(server, tools):
    server.answers(error(506))
    with pytest.raises(Unsure, match=TAKEN_FOR_A_REPEAT):
        await facebook.deliver(account(server), post, a_delivery(), tools)


async def test_a_post_is_found_in_the_feed(server, tools):
    server.answers((200, {"data": [{"id": "1"}, POST]}))
    sought = await facebook.find(account(server), post, a_delivery(), tools)
    assert (sought.receipt.id, sought.receipt.url) == (POST["id"], POST["permalink_url"])
    assert sought.receipt.time == NOW + 1
    assert server.requests[0].query["since"] == str(int(NOW) - 360)
    assert "access_token" not in server.requests[0].query


async def test_where_our_clock_is_ahead_the_look_goes_by_the_platforms(server, tools):
    earlier = {"Date": "Wed, 18 Nov 2026 10:06:40 GMT"}  # an hour before NOW
    here = {**POST, "created_time": "2026-11-18T10:06:41+0000"}
    server.answers((200, {"data": []}, earlier), (200, {"data": [here]}, earlier))
    assert (await facebook.find(account(server), post, a_delivery(), tools)).receipt
    assert server.requests[1].query["since"] == str(int(NOW) - 3600 - 360)


async def test_a_feed_without_it_is_absence(server, tools):
    server.answers((200, {"data": []}))
    sought = await facebook.find(account(server), post, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)


async def test_every_page_of_the_feed_is_looked_at(server, tools):
    paging = {"next": "https://graph.example/…", "cursors": {"after": "further"}}
    server.answers((200, {"data": [{"id": "1"}], "paging": paging}), (200, {"data": [POST]}))
    assert (await facebook.find(account(server), post, a_delivery(), tools)).receipt
    assert server.requests[1].query["after"] == "further"


async def test_an_endless_feed_is_not_read_for_ever(server, tools):
    paging = {"next": "https://graph.example/…", "cursors": {"after": "further"}}
    server.otherwise = (200, {"data": [], "paging": paging})
    sought = await facebook.find(account(server), post, a_delivery(), tools)
    assert (sought.sure, len(server.requests)) == (False, 20)


async def test_an_error_while_looking_is_try_again(server, tools):
    server.answers(error(1, status=500))
    with pytest.raises(TryAgain):
        await facebook.find(account(server), post, a_delivery(), tools)


PAGE = (200, {"id": "123456", "name": "West Midlands Police"})


@pytest.mark.parametrize(
    "values",
    [(200, {"id": "123456", "can_post": True}), (200, {"id": "123456"}), (200, [1]), error(100)],
)
async def test_a_check_tells_the_pages_name(server, tools, values):
    server.answers(PAGE, values)
    assert await facebook.check(account(server), tools) == "West Midlands Police"


async def test_a_check_tells_of_a_token_that_may_not_post(server, tools):
    server.answers(PAGE, (200, {"id": "123456", "can_post": False}))
    with pytest.raises(AccountRefused, match="may not post on West Midlands Police"):
        await facebook.check(account(server), tools)


@pytest.mark.parametrize(
    "shown",
    [
        "MISSING: Aisha & Ben\nhttps://example.police.uk/a/412",
        "MISSING: Aisha & Ben https://www.example.police.uk/a/412/",
        "MISSING: Aisha & Ben  \r\n",
        "MISSING: Aisha &amp; Ben",
    ],
)
async def test_a_post_is_found_however_facebook_gives_it_back(server, tools, shown):
    server.answers((200, {"data": [{**POST, "message": shown}]}))
    assert (await facebook.find(account(server), post, a_delivery(), tools)).receipt.id == POST[
        "id"
    ]


RECEIPT = Receipt("123456_789", "https://www.facebook.com/123456_789")
GONE = (100, 33)


async def test_a_post_of_another_page_is_left_alone_and_says_which_page(server, tools):
    other = facebook.account.model_validate(
        {"api": server.url, "page_id": "654321", "credentials": {"page_token": "token"}}
    )
    for attempt in (
        facebook.remove(other, RECEIPT, a_delivery(), tools),
        facebook.edit(other, post, RECEIPT, a_delivery(), tools),
        facebook.look(other, RECEIPT, a_delivery(), tools),
    ):
        with pytest.raises(AccountRefused, match="page 123456, but the account is now page 654321"):
            await attempt
    assert server.requests == []


async def test_a_removal_proves_the_app_in_its_address(server, tools):
    server.answers((200, {"success": True}))
    await facebook.remove(account(server, app_secret="s"), RECEIPT, a_delivery(), tools)
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("DELETE", "/v25.0/123456_789", b"")
    assert set(request.query) == {"appsecret_proof"}


async def test_a_change_that_facebook_denies_is_unsure(server, tools):
    server.answers((200, {"success": False}))
    with pytest.raises(Unsure):
        await facebook.remove(account(server), RECEIPT, a_delivery(), tools)


@pytest.mark.parametrize("code", [10, 200])
async def test_a_refused_change_may_be_about_this_post_alone(server, tools, code):
    server.answers(error(code, status=403))
    with pytest.raises(AccountRefused) as caught:
        await facebook.edit(account(server), post, RECEIPT, a_delivery(), tools)
    assert not caught.value.sure


async def test_a_post_is_gone_only_while_the_token_may_still_post_on_the_page(server, tools):
    page = (200, {"id": "123456", "name": "Force"})
    server.answers(error(*GONE), page, (200, {"can_post": True}))
    assert not (await facebook.look(account(server), RECEIPT, a_delivery(), tools)).there
    server.answers(error(*GONE), page, (200, {"can_post": False}))
    with pytest.raises(AccountRefused):
        await facebook.look(account(server), RECEIPT, a_delivery(), tools)
    server.answers(error(*GONE), error(*GONE))
    with pytest.raises(AccountRefused):
        await facebook.look(account(server), RECEIPT, a_delivery(), tools)
