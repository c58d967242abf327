"""What each fault does to a request: refused and not applied, or applied and the answer spoiled."""

import aiohttp
import orjson
import pytest

PLATFORMS = ["x", "facebook", "mastodon"]


async def create(call, platform, text="Found"):
    way = {"x": call.tweet, "facebook": call.page_post, "mastodon": call.toot}
    return await way[platform](text)


@pytest.fixture(params=PLATFORMS)
def platform(request):
    return request.param


@pytest.mark.parametrize("fault", ["post_then_reset", "post_then_hang", "truncated"])
async def test_the_post_is_there_and_the_answer_is_not(call, platform, fault):
    await call.fault(platform, fault)
    with pytest.raises(aiohttp.ClientError):
        await create(call, platform)
    assert len(await call.posts(platform)) == 1
    assert (await create(call, platform)).ok


async def test_a_truncated_answer_promises_more_than_it_gives(call, platform):
    await call.fault(platform, "truncated")
    with pytest.raises(aiohttp.ClientPayloadError):
        await create(call, platform)


async def test_a_500_may_hide_a_post(call, platform):
    await call.fault(platform, "post_then_500")
    assert (await create(call, platform)).status == 500
    assert len(await call.posts(platform)) == 1


async def test_a_slow_answer_comes_whole(call, platform, clock):
    await call.fault(platform, "slow", seconds=7)
    assert (await create(call, platform)).ok
    assert clock.slept == [7]


async def test_refused_is_a_broken_connection_and_nothing_applied(call, platform):
    await call.fault(platform, "refuse")
    with pytest.raises(aiohttp.ClientError):
        await create(call, platform)
    assert await call.posts() == []


REFUSED = {
    "http_429": {"x": 429, "facebook": 429, "mastodon": 429},
    "http_503": {"x": 503, "facebook": 503, "mastodon": 503},
    "html": {"x": 502, "facebook": 502, "mastodon": 502},
    "token_expired": {"x": 401, "facebook": 400, "mastodon": 401},
    "out_of_credits": {"x": 402, "facebook": 400, "mastodon": 403},
}


@pytest.mark.parametrize("fault", REFUSED)
async def test_nothing_is_applied_and_the_platform_says_so_in_its_own_way(call, platform, fault):
    await call.fault(platform, fault, count=2)
    for _ in range(2):
        assert (await create(call, platform)).status == REFUSED[fault][platform]
    assert await call.posts() == []
    assert (await create(call, platform)).ok


async def test_each_platform_tells_the_reset_in_its_own_headers(call):
    for platform in PLATFORMS:
        await call.fault(platform, "http_429", count=1, seconds=90)
    x, facebook, mastodon = [await create(call, platform) for platform in PLATFORMS]
    assert x.headers["x-rate-limit-reset"] == "1790000090"
    assert x.headers["x-rate-limit-remaining"] == "0"
    assert mastodon.headers["X-RateLimit-Reset"] == "2026-09-21T14:14:50.000000Z"
    usage = orjson.loads(facebook.headers["X-Business-Use-Case-Usage"])
    assert usage["1"][0]["estimated_time_to_regain_access"] == 2
    assert facebook.headers["Retry-After"] == "90"


async def test_facebooks_errors_tell_by_their_codes(call):
    codes = []
    for fault in ("token_expired", "out_of_credits", "http_429", "post_then_500"):
        await call.fault("facebook", fault)
        codes.append((await (await call.page_post("a")).json())["error"]["code"])
    assert codes == [190, 368, 32, 1]


async def test_the_duplicate_filter_bites_only_what_is_there_already(call, platform):
    await call.fault(platform, "duplicate_filter", count=5)
    assert (await create(call, platform, "one")).ok
    assert (await create(call, platform, "two")).ok
    again = await create(call, platform, "one")
    assert again.status in (400, 403, 422)
    assert len(await call.posts()) == 2


async def test_without_the_filter_a_double_is_visible(call, platform):
    for _ in range(2):
        await create(call, platform, "one")
    assert len(await call.posts()) == 2


ADDRESSES = {
    "x": "/x/2/tweets/{}",
    "facebook": "/facebook/v25.0/{}",
    "mastodon": "/mastodon/api/v1/statuses/{}",
}


async def test_a_delete_that_lies_leaves_the_post_up(call, platform):
    await create(call, platform)
    await call.fault(platform, "delete_lies")
    path = ADDRESSES[platform].format((await call.posts())[0]["id"])
    headers = {"Authorization": "Bearer practice-force"}
    assert (await call("DELETE", path, headers=headers)).status == 200
    assert (await call.posts())[0]["deleted_at"] is None
    assert (await call("DELETE", path, headers=headers)).status == 200
    assert (await call.posts())[0]["deleted_at"] is not None


async def test_a_read_is_never_spoiled_by_a_fault_for_posts(call):
    await call.fault("x", "post_then_500")
    headers = {"Authorization": "Bearer practice-force"}
    assert (await call("GET", "/x/2/users/me", headers=headers)).status == 200
    assert (await call.tweet("a")).status == 500


async def test_a_request_that_was_declined_uses_up_no_fault(call):
    await call.fault("x", "post_then_500")
    assert (await call.tweet("")).status == 400
    assert (await call.tweet("a")).status == 500


async def test_a_lost_first_answer_does_not_lose_mastodons_key(call):
    await call.fault("mastodon", "post_then_reset")
    with pytest.raises(aiohttp.ClientError):
        await call.toot("once", key="k")
    assert (await call.toot("once", key="k")).status == 200
    assert len(await call.posts()) == 1


BODIES = {
    "an unknown encoding": (
        b"message=a&status=a",
        "application/x-www-form-urlencoded; charset=klingon",
    ),
    "not in its encoding": (b"message=\xff&status=\xff", "application/x-www-form-urlencoded"),
    "no parts": (b"nothing", "multipart/form-data; boundary=b"),
    "no boundary": (b"nothing", "multipart/form-data"),
    "no json": (b"\xff{", "application/json"),
}


@pytest.mark.parametrize(("body", "kind"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("path", ["/facebook/v25.0/1/feed", "/mastodon/api/v1/statuses"])
async def test_a_body_that_cannot_be_read_is_declined(call, path, body, kind):
    headers = {"Authorization": "Bearer practice-force", "Content-Type": kind}
    reply = await call("POST", path, data=body, headers=headers)
    assert reply.status in (400, 422)
    assert await call.posts() == []
