import hashlib
import hmac
from base64 import b64encode
from dataclasses import replace
from urllib.parse import parse_qsl, quote, unquote

import pytest

from appealbridge.channels.x.channel import X
from appealbridge.plugin import AccountRefused, LoginExpired, Receipt, Rejected, TryAgain, Unsure
from appealbridge.plugin.timeline import TAKEN_FOR_A_REPEAT
from appealbridge.testing.channel_case import NOW, a_delivery
from appealbridge.testing.server import ScriptedServer

LOGIN = {
    "consumer_key": "ck",
    "consumer_secret": "c&s",
    "access_token": "2244994945-token",
    "access_token_secret": "t/s",
}
TEXT = "MISSING: Aisha & Ben https://example.police.uk/a/412"
CREATED = (201, {"data": {"id": "186", "text": "…"}})
TWEET = {
    "id": "186",
    "text": "MISSING: Aisha &amp; Ben https://t.co/abcdefghij",
    "created_at": "2026-11-18T11:06:41.000Z",
    "entities": {
        "urls": [
            {"url": "https://t.co/abcdefghij", "expanded_url": "https://example.police.uk/a/412"}
        ]
    },
}
x = X()
tweet = x.message(text=TEXT)


@pytest.fixture
async def server():
    async with ScriptedServer(CREATED) as server:
        yield server


def account(server, **more):
    return x.account.model_validate({"api": server.url, "credentials": LOGIN, **more})


def signed(request, url):
    """Return the header's parameters and the signature that RFC 5849 wants for them."""
    header = request.headers["Authorization"].removeprefix("OAuth ")
    values = {
        name: unquote(value.strip('"')) for name, value in parse_qsl(header.replace(", ", "&"))
    }
    values = dict(part.split("=", 1) for part in header.split(", "))
    values = {name: unquote(value.strip('"')) for name, value in values.items()}
    signature = values.pop("oauth_signature")
    pairs = sorted((quote(k, "~"), quote(v, "~")) for k, v in {**values, **request.query}.items())
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join(quote(part, "~") for part in (request.method, url, joined))
    digest = hmac.new(b"c%26s&t%2Fs", base.encode(), hashlib.sha1).digest()
    return values, signature, b64encode(digest).decode()


async def test_a_tweet_is_created_and_its_address_known(server, tools):
    receipt = await x.deliver(account(server), tweet, a_delivery(), tools)
    assert (receipt.id, receipt.url) == ("186", "https://x.com/i/status/186")
    assert server.requests[0].path == "/2/tweets"
    assert server.requests[0].json() == {"text": TEXT}


async def test_who_may_reply_is_said_where_it_is_known(server, tools):
    message = x.message(text="a", reply_settings="mentionedUsers")
    await x.deliver(account(server), message, a_delivery(), tools)
    assert server.requests[0].json() == {"text": "a", "reply_settings": "mentionedUsers"}


async def test_a_post_is_signed_as_the_standard_says(server, tools):
    await x.deliver(account(server), tweet, a_delivery(), tools)
    values, signature, expected = signed(server.requests[0], f"{server.url}/2/tweets")
    assert signature == expected
    assert values["oauth_timestamp"] == str(int(NOW))
    assert values["oauth_consumer_key"] == "ck"


async def test_a_query_is_signed_too(server, tools):
    server.answers((200, {"meta": {"result_count": 0}}))
    await x.find(account(server), tweet, a_delivery(), tools)
    request = server.requests[0]
    assert "tweet.fields" in request.query
    _, signature, expected = signed(request, f"{server.url}/2/users/2244994945/tweets")
    assert signature == expected


async def test_no_nonce_is_used_twice(server, tools):
    for _ in range(2):
        await x.deliver(account(server), tweet, a_delivery(), tools)
    first, second = (signed(request, "")[0]["oauth_nonce"] for request in server.requests)
    assert first != second


@pytest.mark.parametrize(
    ("answer", "failure", "after"),
    [
        ((429, {}, {"x-rate-limit-reset": "1000", "x-rate-limit-remaining": "0"}), TryAgain, 100),
        (
            (
                429,
                {},
                {
                    "x-rate-limit-reset": "1000",
                    "x-rate-limit-remaining": "5",
                    "x-user-limit-24hour-reset": "5000",
                    "x-user-limit-24hour-remaining": "0",
                },
            ),
            TryAgain,
            4100,
        ),
        ((429, {}), TryAgain, None),
        ((402, {"title": "CreditsDepleted"}), TryAgain, 3600),
        ((403, {"type": "https://api.x.com/2/problems/usage-capped"}), TryAgain, 3600),
        ((401, {"title": "Unauthorized"}), LoginExpired, None),
        (
            (403, {"detail": "You are not allowed to create a Tweet with duplicate content."}),
            Unsure,
            None,
        ),
        ((201, {"errors": [{"title": "odd"}]}), Unsure, None),
        ((200, {"data": {}}), Unsure, None),
    ],
)
async def test_an_answer_means(server, tools, answer, failure, after):
    status, body, headers = (*answer, {})[:3]
    server.answers((status, body, {"Date": "Thu, 01 Jan 1970 00:15:00 GMT", **headers}))
    with pytest.raises(failure) as caught:
        await x.deliver(account(server), tweet, a_delivery(), tools)
    assert type(caught.value) is failure
    assert getattr(caught.value, "after", None) == after


def problem(kind, detail="no", **more):
    return {
        "title": "Forbidden",
        "status": 403,
        "detail": detail,
        "type": f"https://api.twitter.com/2/problems/{kind}" if kind else "about:blank",
        **more,
    }


@pytest.mark.parametrize(
    ("body", "sure"),
    [
        (problem("oauth1-permissions"), True),
        (problem("user-suspended"), True),
        (problem("client-forbidden", reason="client-not-enrolled"), True),
        (problem("", "Your account is temporarily locked."), True),
        (problem("", "You currently have access to a subset of X API V2 endpoints"), True),
        (problem("", "Your client app is not configured with the appropriate oauth1 app permissions"), True),
        ({"errors": [{"code": 64, "message": "Your account is suspended and is not permitted."}]}, True),
        ({"errors": [{"code": 261, "message": "Application cannot perform write actions."}]}, False),
        (problem("", "You are not permitted to perform this action."), False),
        ("<html><h1>Attention required</h1></html>", False),
        ("", False),
    ],
)  # fmt: skip
async def test_a_403_is_the_accounts_unless_it_names_the_message(server, tools, body, sure):
    """A night's events must not be lost one by one since the account may not write."""
    server.answers((403, body))
    with pytest.raises(AccountRefused) as caught:
        await x.deliver(account(server), tweet, a_delivery(), tools)
    assert caught.value.sure is sure


@pytest.mark.parametrize(
    "detail",
    [
        "You attempted to reply to a Tweet that is deleted or not visible to you.",
        "Reply to this conversation is not allowed because you have not been mentioned or engaged by the author.",
        "Your Tweet text is too long.",
        "Tweet needs to be a bit shorter.",
        "You have been blocked from replying to this user.",
        "Quoting this post is not allowed.",
    ],
)
async def test_a_403_that_names_the_message_is_the_messages_own(server, tools, detail):
    server.answers((403, problem("", detail)))
    with pytest.raises(Rejected):
        await x.deliver(account(server), tweet, a_delivery(), tools)


@pytest.mark.parametrize("code", [88, 185, 344])
async def test_an_older_error_of_too_much_is_a_rate_limit(server, tools, code):
    server.answers((403, {"errors": [{"code": code, "message": "User is over daily limit"}]}))
    with pytest.raises(TryAgain) as caught:
        await x.deliver(account(server), tweet, a_delivery(), tools)
    assert caught.value.throttled


async def test_an_older_error_of_a_duplicate_is_looked_into(server, tools):
    server.answers((403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}))
    with pytest.raises(Unsure, match=TAKEN_FOR_A_REPEAT):
        await x.deliver(account(server), tweet, a_delivery(), tools)


async def test_the_platforms_own_words_are_told(server, tools):
    server.answers((403, {"detail": "You are not permitted to perform this action."}))
    with pytest.raises(AccountRefused, match="not permitted to perform"):
        await x.deliver(account(server), tweet, a_delivery(), tools)


ME = {"data": {"id": "2244994945", "username": "force"}}


@pytest.mark.parametrize("level", [None, "read-write", "read-write-directmessages"])
async def test_a_login_that_may_write_is_good(server, tools, level):
    server.answers((200, ME, {} if level is None else {"x-access-level": level}))
    assert await x.check(account(server), tools) == "@force"


async def test_a_check_tells_of_a_login_that_may_only_read(server, tools):
    server.answers((200, ME, {"x-access-level": "read"}))
    with pytest.raises(AccountRefused, match="may only read"):
        await x.check(account(server), tools)


async def test_a_request_that_cannot_be_signed_is_surely_not_sent(server, tools):
    strange = account(server).model_copy(update={"api": "http://[bad"})
    with pytest.raises((LoginExpired, Rejected)):
        await x.deliver(strange, tweet, a_delivery(), tools)


async def test_the_names_that_x_puts_before_an_answer_are_no_part_of_it(server, tools):
    answer = x.message(text="She has been found.", in_reply_to="17")
    shown = {**TWEET, "text": "@force @witness She has been found.", "entities": {}}
    shown["referenced_tweets"] = [{"type": "replied_to", "id": "17"}]
    server.answers((200, {"data": [shown], "meta": {}}))
    assert (await x.find(account(server), answer, a_delivery(), tools)).receipt.id == "186"
    server.answers((200, {"data": [shown], "meta": {}}))
    plain = x.message(text="She has been found.")
    assert (await x.find(account(server), plain, a_delivery(), tools)).receipt is None


async def test_a_reply_is_told_from_one_with_the_same_words_to_another_post(server, tools):
    """A correction replies to each post that it corrects, in the same words."""
    answer = x.message(text="She has been found.", in_reply_to="https://x.com/i/status/17")
    quoted = {"type": "quoted", "id": "17"}
    replies = [
        {**TWEET, "id": number, "text": "She has been found.", "entities": {},
         "referenced_tweets": [quoted, {"type": "replied_to", "id": post}]}
        for number, post in (("188", "19"), ("187", "18"))
    ]  # fmt: skip
    server.answers((200, {"data": replies, "meta": {}}))
    sought = await x.find(account(server), answer, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)
    assert "referenced_tweets" in server.requests[0].query["tweet.fields"].split(",")
    own = {**replies[0], "id": "186", "referenced_tweets": [{"type": "replied_to", "id": "17"}]}
    server.answers((200, {"data": [*replies, own], "meta": {}}))
    assert (await x.find(account(server), answer, a_delivery(), tools)).receipt.id == "186"


async def test_the_address_of_its_own_picture_is_no_part_of_a_tweet(server, tools):
    picture = {"url": "https://t.co/pic", "expanded_url": "https://x.com/force/status/186/photo/1"}
    links = [*TWEET["entities"]["urls"], picture]
    shown = {**TWEET, "text": TWEET["text"] + " https://t.co/pic", "entities": {"urls": links}}
    server.answers((200, {"data": [shown], "meta": {}}))
    assert (await x.find(account(server), tweet, a_delivery(), tools)).receipt.id == "186"


async def test_a_long_tweet_is_known_by_its_whole_text(server, tools):
    cut = {**TWEET, "text": "MISSING: Aisha &amp; … https://t.co/more"}
    cut["note_tweet"] = {"text": TWEET["text"], "entities": cut.pop("entities")}
    server.answers((200, {"data": [cut], "meta": {}}))
    assert (await x.find(account(server), tweet, a_delivery(), tools)).receipt.id == "186"


async def test_a_tweet_of_a_link_alone_that_was_not_put_back_is_for_a_person(server, tools):
    link = x.message(text="https://example.police.uk/a/412")
    shown = {**TWEET, "text": "https://t.co/abcdefghij", "entities": {}}
    server.answers((200, {"data": [shown], "meta": {}}))
    sought = await x.find(account(server), link, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, False)


async def test_a_tweet_is_found_with_its_links_in_full(server, tools):
    server.answers((200, {"data": [{"id": "1", "text": "other"}, TWEET], "meta": {}}))
    sought = await x.find(account(server), tweet, a_delivery(), tools)
    assert (sought.receipt.id, sought.receipt.time) == ("186", NOW + 1)
    assert server.requests[0].query["start_time"] == "2026-11-18T11:00:40Z"


async def test_an_empty_timeline_is_absence(server, tools):
    server.answers((200, {"meta": {"result_count": 0}}))
    sought = await x.find(account(server), tweet, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)


async def test_an_answer_of_errors_is_no_absence(server, tools):
    server.answers((200, {"errors": [{"title": "Not Found Error"}]}))
    with pytest.raises(TryAgain):
        await x.find(account(server), tweet, a_delivery(), tools)


async def test_every_page_of_the_timeline_is_looked_at(server, tools):
    page = {"data": [{"id": "1", "text": "other"}], "meta": {"next_token": "further"}}
    server.answers((200, page), (200, {"data": [TWEET], "meta": {}}))
    sought = await x.find(account(server), tweet, a_delivery(), tools)
    assert sought.receipt.id == "186"
    assert server.requests[1].query["pagination_token"] == "further"


async def test_an_endless_timeline_is_not_read_for_ever(server, tools):
    server.otherwise = (200, {"data": [], "meta": {"next_token": "further"}})
    sought = await x.find(account(server), tweet, a_delivery(), tools)
    assert (sought.receipt, sought.sure, len(server.requests)) == (None, False, 32)


async def test_a_repeat_is_sought_a_day_further_back(server, tools):
    server.answers((200, {"meta": {}}))
    delivery = a_delivery(reason=f"403 {TAKEN_FOR_A_REPEAT}: …")
    sought = await x.find(account(server), tweet, delivery, tools)
    assert (sought.receipt, sought.sure) == (None, False)
    assert server.requests[0].query["start_time"] == "2026-11-17T11:00:40Z"


EARLIER = {"Date": "Wed, 18 Nov 2026 10:06:40 GMT"}  # an hour before NOW


async def test_where_our_clock_is_ahead_the_look_goes_by_the_platforms(server, tools):
    empty = (200, {"meta": {}}, EARLIER)
    here = {**TWEET, "created_at": "2026-11-18T10:06:41.000Z"}
    server.answers(empty, (200, {"data": [here], "meta": {}}, EARLIER))
    sought = await x.find(account(server), tweet, a_delivery(), tools)
    assert sought.receipt.id == "186"
    assert server.requests[1].query["start_time"] == "2026-11-18T10:00:40Z"


async def test_a_start_that_is_still_to_come_on_their_clock_is_asked_for_again(server, tools):
    server.answers((400, {"title": "Invalid Request"}, EARLIER), (200, {"meta": {}}, EARLIER))
    sought = await x.find(account(server), tweet, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)


async def test_a_look_that_is_refused_tells_nothing(server, tools):
    server.answers((400, {"title": "Invalid Request"}))
    with pytest.raises(Rejected):
        await x.find(account(server), tweet, a_delivery(), tools)


async def test_whoever_the_token_does_not_tell_is_asked_for(server, tools):
    server.answers((200, {"data": {"id": "99", "username": "force"}}), (200, {"meta": {}}))
    login = {**LOGIN, "access_token": "practice-force"}
    await x.find(account(server, credentials=login), tweet, a_delivery(), tools)
    assert server.requests[1].path == "/2/users/99/tweets"


async def test_a_check_tells_whose_login_it_is(server, tools):
    server.answers((200, {"data": {"id": "2244994945", "username": "force"}}))
    assert await x.check(account(server), tools) == "@force"


async def test_a_user_id_of_somebody_else_is_noticed(server, tools):
    server.answers((200, {"data": {"id": "2244994945", "username": "force"}}))
    with pytest.raises(LoginExpired, match="fix user_id"):
        await x.check(account(server, user_id="7"), tools)


def test_a_tweet_is_measured_as_x_counts():
    measure = x.measure(None, tweet)
    assert (measure.count, measure.limit, measure.fits) == (21 + 23, 280, True)


RECEIPT = Receipt("186", "https://x.com/i/status/186")
NOT_FOUND = {
    "resource_id": "186",
    "detail": "Could not find tweet with id: [186].",
    "title": "Not Found Error",
    "type": "https://api.x.com/2/problems/resource-not-found",
}


async def test_a_removal_is_signed_and_is_no_creation(server, tools):
    created = []
    http = tools.http.reporting_to(created.append)
    server.answers((200, {"data": {"deleted": True}}, {"x-rate-limit-remaining": "0"}))
    text = await x.remove(account(server), RECEIPT, a_delivery(), replace(tools, http=http))
    assert "deleted" in text
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("DELETE", "/2/tweets/186", b"")
    assert request.headers["Authorization"].startswith("OAuth ")
    assert created == []  # its rate limit is another one than that of posts


async def test_a_removal_that_x_denies_is_unsure(server, tools):
    server.answers((200, {"data": {"deleted": False}}))
    with pytest.raises(Unsure):
        await x.remove(account(server), RECEIPT, a_delivery(), tools)


async def test_a_refusal_to_delete_that_speaks_of_replies_is_about_the_account(server, tools):
    server.answers((403, {"detail": "You may not delete this reply."}))
    with pytest.raises(AccountRefused):
        await x.remove(account(server), RECEIPT, a_delivery(), tools)


async def test_a_look_shows_the_text_with_its_links_in_full(server, tools):
    server.answers((200, {"data": TWEET}))
    standing = await x.look(account(server), RECEIPT, a_delivery(), tools)
    assert (standing.there, standing.text) == (
        True,
        TEXT,
    )


@pytest.mark.parametrize(
    "answer",
    [(200, {"errors": [NOT_FOUND]}), (404, {"errors": [NOT_FOUND]}), (404, NOT_FOUND)],
    ids=["200", "404", "404 as a problem"],
)
async def test_x_says_that_a_post_is_gone_by_the_type_of_its_problem(server, tools, answer):
    server.answers(answer)
    standing = await x.look(account(server), RECEIPT, a_delivery(), tools)
    assert not standing.there
    assert "Could not find tweet" in standing.seen


@pytest.mark.parametrize(
    "values",
    [
        {**NOT_FOUND, "resource_id": "187"},
        {**NOT_FOUND, "type": "https://api.x.com/2/problems/not-authorized-for-resource"},
    ],
    ids=["another post", "not authorized"],
)
async def test_nothing_else_says_that_a_post_is_gone(server, tools, values):
    server.answers((200, {"errors": [values]}))
    with pytest.raises(TryAgain):
        await x.look(account(server), RECEIPT, a_delivery(), tools)
