import pytest

from appealbridge.channels.mastodon import Mastodon
from appealbridge.plugin import LoginExpired, Rejected, TryAgain
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
    heard = server.heard[0]
    assert heard.path == "/api/v1/statuses"
    assert heard.headers["Idempotency-Key"] == a_delivery().id
    assert heard.json() == {"status": post.text}


async def test_what_is_said_is_sent(server, account, tools):
    message = mastodon.message(text="a", spoiler_text="b", visibility="unlisted", language="cy")
    await mastodon.deliver(account, message, a_delivery(), tools)
    expected = {"status": "a", "spoiler_text": "b", "visibility": "unlisted", "language": "cy"}
    assert server.heard[0].json() == expected


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
    ("status", "failure"), [(401, LoginExpired), (403, LoginExpired), (422, Rejected)]
)
async def test_a_refusal_means(server, account, tools, status, failure):
    server.answers((status, {"error": "no"}))
    with pytest.raises(failure):
        await mastodon.deliver(account, post, a_delivery(), tools)


async def test_a_post_is_found_under_its_markup(server, account, tools):
    server.answers(ME, (200, [{**STATUS, "id": "113", "content": "<p>other</p>"}, STATUS]))
    sought = await mastodon.seek(account, post, a_delivery(), tools)
    assert sought.receipt.id == "112"
    assert server.heard[1].path == "/api/v1/accounts/42/statuses"


async def test_a_warning_is_part_of_what_is_sought(server, account, tools):
    server.answers(ME, (200, [{**STATUS, "spoiler_text": "upsetting"}]))
    message = post.model_copy(update={"spoiler_text": "upsetting"})
    assert (await mastodon.seek(account, message, a_delivery(), tools)).receipt


async def test_where_our_clock_is_ahead_the_look_goes_by_the_servers(server, account, tools):
    earlier = {"Date": "Wed, 18 Nov 2026 10:06:40 GMT"}  # an hour before NOW
    here = {**STATUS, "created_at": "2026-11-18T10:06:41.000Z"}
    server.answers((*ME, earlier), (200, [here], earlier))
    assert (await mastodon.seek(account, post, a_delivery(), tools)).receipt


async def test_a_short_page_without_it_is_absence(server, account, tools):
    server.answers(ME, (200, []))
    sought = await mastodon.seek(account, post, a_delivery(), tools)
    assert (sought.receipt, sought.sure) == (None, True)


async def test_a_full_page_leads_to_the_next(server, account, tools):
    others = [{**STATUS, "id": str(n), "content": "other"} for n in range(40)]
    server.answers(ME, (200, others), (200, [STATUS]))
    assert (await mastodon.seek(account, post, a_delivery(), tools)).receipt.id == "112"
    assert server.heard[2].query["max_id"] == "39"


async def test_a_page_that_reaches_back_far_enough_is_the_last(server, account, tools):
    old = {**STATUS, "content": "other", "created_at": "2026-11-18T10:00:00Z"}
    server.answers(ME, (200, [old] * 40))
    assert (await mastodon.seek(account, post, a_delivery(), tools)).sure
    assert len(server.heard) == 2


async def test_a_check_tells_whose_login_it_is(server, account, tools):
    server.answers(ME)
    assert await mastodon.check(account, tools) == "@force"


def test_a_warning_counts_too(account):
    message = mastodon.message(text="https://example.police.uk/a/412", spoiler_text="12345")
    measure = mastodon.measure(account, message)
    assert (measure.count, measure.limit) == (28, 500)
