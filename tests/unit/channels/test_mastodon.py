import pytest

from appealbridge.channels.mastodon.channel import Mastodon
from appealbridge.plugin import AccountRefused, LoginExpired, Receipt, Rejected, TryAgain
from appealbridge.testing.channel_case import NOW, a_delivery
from appealbridge.testing.server import ScriptedServer

mastodon = Mastodon()
post = mastodon.message(text="MISSING: Aisha & Ben\n\nhttps://example.police.uk/a/412")
STATUS = {
    "id": "112",
    "url": "https://mastodon.example/@force/112",
    "created_at": "2026-11-18T11:06:41.500Z",
    "spoiler_text": "",
    "content": (
        "<p>MISSING: Aisha &amp; Ben</p><p><a href='https://example.police.uk/a/412'>"
        "<span class='invisible'>https://</span><span>example.police.uk/a/412</span></a></p>"
    ),
}
ME = (200, {"id": "42", "acct": "force"})


@pytest.fixture
async def server():
    async with ScriptedServer((200, STATUS)) as server:
        yield server


@pytest.fixture
def account(server):
    return mastodon.account.model_validate(
        {"api": server.url + "/", "credentials": {"access_token": "token"}}
    )


async def test_a_post_carries_its_key(server, account, tools):
    receipt = await mastodon.deliver(account, post, a_delivery(), tools)
    assert (receipt.id, receipt.url, receipt.time) == ("112", STATUS["url"], NOW + 1.5)
    request = server.requests[0]
    assert request.path == "/api/v1/statuses"
    assert request.headers["Idempotency-Key"] == a_delivery().id
    assert request.json() == {"status": post.text}


async def test_what_is_said_is_sent(server, account, tools):
    message = mastodon.message(text="a", spoiler_text="b", visibility="unlisted", language="cy")
    await mastodon.deliver(account, message, a_delivery(), tools)
    expected = {"status": "a", "spoiler_text": "b", "visibility": "unlisted", "language": "cy"}
    assert server.requests[0].json() == expected


async def test_a_rate_limit_ends_at_an_iso_time(server, account, tools):
    headers = {
        "X-RateLimit-Reset": "2026-11-18T11:10:00.000000Z",
        "Date": "Wed, 18 Nov 2026 11:09:00 GMT",
    }
    server.answers((429, {"error": "Too many requests"}, headers))
    with pytest.raises(TryAgain, match="Too many requests") as caught:
        await mastodon.deliver(account, post, a_delivery(), tools)
    assert (caught.value.after, caught.value.throttled) == (60.0, True)


@pytest.mark.parametrize(
    ("status", "message", "failure", "sure"),
    [
        (401, "The access token is invalid", LoginExpired, None),
        (403, "Your login is currently disabled", AccountRefused, True),
        (403, "Your login is missing a confirmed e-mail address", AccountRefused, True),
        (403, "This action is outside the authorized scopes", AccountRefused, True),
        (403, "This action is not allowed", AccountRefused, False),
        (404, "The page you are looking for isn't here.", AccountRefused, False),
        (422, "This method requires an authenticated user", LoginExpired, None),
        (422, "Validation failed: Text character limit of 500 exceeded", Rejected, None),
    ],
)
async def test_a_refusal_means(server, account, tools, status, message, failure, sure):
    server.answers((status, {"error": message}))
    with pytest.raises(failure, match=message) as caught:
        await mastodon.deliver(account, post, a_delivery(), tools)
    assert type(caught.value) is failure
    assert getattr(caught.value, "sure", None) is sure


async def test_an_answer_to_what_is_not_there_is_the_messages_own_fault(server, account, tools):
    server.answers((404, {"error": "Record not found"}))
    answer = post.model_copy(update={"in_reply_to": "99"})
    with pytest.raises(Rejected, match="does not exist"):
        await mastodon.deliver(account, answer, a_delivery(), tools)


async def test_a_post_is_found_under_its_markup(server, account, tools):
    server.answers(ME, (200, [{**STATUS, "id": "113", "content": "<p>other</p>"}, STATUS]))
    sought = await mastodon.find(account, post, a_delivery(), tools)
    assert sought.receipt.id == "112"
    assert server.requests[1].path == "/api/v1/accounts/42/statuses"


async def test_a_reply_is_told_from_one_with_the_same_words_to_another_post(server, account, tools):
    other = {**STATUS, "id": "113", "in_reply_to_id": "98"}
    answer = post.model_copy(update={"in_reply_to": "https://mastodon.example/@force/99"})
    server.answers(ME, (200, [other]))
    sought = await mastodon.find(account, answer, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)
    server.answers(ME, (200, [other, {**STATUS, "in_reply_to_id": "99"}]))
    assert (await mastodon.find(account, answer, a_delivery(), tools)).receipt.id == "112"
    server.answers(ME, (200, [other]))
    assert (await mastodon.find(account, post, a_delivery(), tools)).receipt is None


async def test_a_warning_is_part_of_what_is_sought(server, account, tools):
    server.answers(ME, (200, [{**STATUS, "spoiler_text": "upsetting"}]))
    message = post.model_copy(update={"spoiler_text": "upsetting"})
    assert (await mastodon.find(account, message, a_delivery(), tools)).receipt


async def test_where_our_clock_is_ahead_the_look_goes_by_the_servers(server, account, tools):
    earlier = {"Date": "Wed, 18 Nov 2026 10:06:40 GMT"}  # an hour before NOW
    here = {**STATUS, "created_at": "2026-11-18T10:06:41.000Z"}
    server.answers((*ME, earlier), (200, [here], earlier))
    assert (await mastodon.find(account, post, a_delivery(), tools)).receipt


async def test_a_short_page_without_it_is_absence(server, account, tools):
    server.answers(ME, (200, []))
    sought = await mastodon.find(account, post, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)


async def test_a_full_page_leads_to_the_next(server, account, tools):
    others = [{**STATUS, "id": str(n), "content": "other"} for n in range(40)]
    server.answers(ME, (200, others), (200, [STATUS]))
    assert (await mastodon.find(account, post, a_delivery(), tools)).receipt.id == "112"
    assert server.requests[2].query["max_id"] == "39"


async def test_a_page_that_reaches_back_far_enough_is_the_last(server, account, tools):
    old = {**STATUS, "content": "other", "created_at": "2026-11-18T10:00:00Z"}
    server.answers(ME, (200, [old] * 40))
    assert (await mastodon.find(account, post, a_delivery(), tools)).sure
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "values",
    [(404, {"error": "Record not found"}), (200, {"name": "Bridge"}), (200, {"scopes": ["read", "write"]}),
     (200, {"scopes": ["read", "write:statuses"]}), (200, {"scopes": 7}), (200, "<html>")],
)  # fmt: skip
async def test_a_check_tells_whose_login_it_is(server, account, tools, values):
    server.answers(ME, values)
    assert await mastodon.check(account, tools) == "@force"


async def test_a_check_tells_of_a_token_that_may_not_write(server, account, tools):
    server.answers(ME, (200, {"name": "Bridge", "scopes": ["read", "write:media"]}))
    with pytest.raises(AccountRefused, match="read, write:media, but needs write:statuses"):
        await mastodon.check(account, tools)


SOURCE = {"id": "112", "text": post.text, "spoiler_text": ""}


async def test_the_source_tells_whether_a_post_that_looks_otherwise_is_ours(server, account, tools):
    shown = {**STATUS, "content": "<p>MISSING: Aisha &amp; Ben <em>!</em></p>"}
    server.answers(ME, (200, [shown]), (200, SOURCE))
    assert (await mastodon.find(account, post, a_delivery(), tools)).receipt.id == "112"
    assert server.requests[2].path == "/api/v1/statuses/112/source"


async def test_a_post_that_looks_like_ours_and_is_another_is_for_a_person(server, account, tools):
    message = mastodon.message(text="Ask @desk@police.example now")
    other = {**STATUS, "content": "<p>Ask @desk now</p>"}
    source = {**SOURCE, "text": "Ask someone, @desk, now"}
    server.answers(ME, (200, [other]), (200, source))
    sought = await mastodon.find(account, message, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, False)


@pytest.mark.parametrize("answer", [404, 403, (200, "<html>"), (200, {}), (200, [1])])
async def test_a_server_without_sources_is_believed_by_what_it_shows(
    server, account, tools, answer
):
    server.answers(ME, (200, [STATUS]), answer)
    assert (await mastodon.find(account, post, a_delivery(), tools)).receipt.id == "112"


async def test_a_server_that_tells_the_source_at_once_is_not_asked_for_it(server, account, tools):
    values = {**STATUS, "content": "<p>something of its own</p>", "text": post.text}
    server.answers(ME, (200, [values]))
    assert (await mastodon.find(account, post, a_delivery(), tools)).receipt.id == "112"
    assert len(server.requests) == 2


async def test_no_more_than_a_few_sources_are_asked_for(server, account, tools):
    many = [{**STATUS, "id": str(number)} for number in range(30)]
    server.answers(ME, (200, many))
    server.otherwise = (404, {})
    await mastodon.find(account, post, a_delivery(), tools)
    assert len(server.requests) <= 7


def test_a_warning_counts_too(account):
    message = mastodon.message(text="https://example.police.uk/a/412", spoiler_text="12345")
    measure = mastodon.measure(account, message)
    assert (measure.count, measure.limit) == (28, 500)


RECEIPT = Receipt("112", STATUS["url"])


async def test_an_account_is_named_with_its_server(server, account, tools):
    me = {"id": "42", "acct": "force", "url": "https://mastodon.example/@force"}
    server.answers((200, {**STATUS, "account": me}), (200, me), (404, {"error": "Not found"}))
    receipt = await mastodon.deliver(account, post, a_delivery(), tools)
    assert receipt.account == "@force@mastodon.example"
    assert await mastodon.check(account, tools) == receipt.account


@pytest.mark.parametrize("owner", [None, 7, {}, {"acct": ""}, {"acct": "a b"}])
async def test_an_author_who_cannot_be_read_makes_no_post_unclear(server, account, tools, owner):
    server.answers((200, {**STATUS, "account": owner}))
    assert (await mastodon.deliver(account, post, a_delivery(), tools)).account == ""


async def test_an_edit_says_the_warning_again_because_mastodon_drops_it(server, account, tools):
    warned = post.model_copy(update={"spoiler_text": "Upsetting", "language": "en"})
    await mastodon.edit(account, warned, RECEIPT, a_delivery(), tools)
    await mastodon.edit(account, post, RECEIPT, a_delivery(), tools)
    first, second = server.requests
    assert (first.method, first.path) == ("PUT", "/api/v1/statuses/112")
    assert first.json() == {"status": post.text, "spoiler_text": "Upsetting", "language": "en"}
    assert second.json() == {"status": post.text, "spoiler_text": ""}
    assert "Idempotency-Key" not in first.headers


async def test_a_look_compares_the_text_that_mastodon_was_given(server, account, tools):
    server.answers((200, STATUS), (200, {"id": "112", "text": post.text, "spoiler_text": ""}))
    standing = await mastodon.look(account, RECEIPT, a_delivery(), tools)
    assert standing.text == post.text
    server.answers((200, STATUS), (404, {"error": "no such address"}))  # an older server
    standing = await mastodon.look(account, RECEIPT, a_delivery(), tools)
    assert mastodon.shows(post, standing)
