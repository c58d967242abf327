import asyncio

import pytest

API = "/mastodon/api/v1"
BEARER = {"Authorization": "Bearer practice-force"}


async def own(call, **query):
    me = await call.json("GET", f"{API}/accounts/verify_credentials", headers=BEARER)
    path = f"{API}/accounts/{me['id']}/statuses"
    return await call.json("GET", path, headers=BEARER, params=query)


async def test_a_status_is_created_as_mastodon_does(call):
    reply = await call.toot("Seen <her>?\nhttps://example.police.uk/a", key="delivery-1")
    status = await reply.json()
    assert (reply.status, len(status["id"])) == (200, 18)
    assert status["content"].startswith("<p>Seen &lt;her&gt;?<br /><a href=")
    assert status["account"]["acct"] == "force"
    (post,) = await call.posts("mastodon")
    assert (post["account"], post["id"]) == ("force", status["id"])
    assert post["client_key"] == "delivery-1"


async def test_a_form_is_taken_as_well(call):
    await call("POST", f"{API}/statuses", data={"status": "a"}, headers=BEARER)
    assert [post["text"] for post in await call.posts()] == ["a"]


async def test_a_key_makes_one_status_for_an_hour(call, clock):
    first = await (await call.toot("once", key="k")).json()
    clock.passes(3599)
    assert (await (await call.toot("once", key="k")).json())["id"] == first["id"]
    clock.passes(1)
    assert (await (await call.toot("once", key="k")).json())["id"] != first["id"]


async def test_a_key_is_the_accounts_own(call):
    await call.toot("a", key="k")
    await call.toot("a", key="k", account="other")
    await call.toot("a")
    assert len(await call.posts()) == 3


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer a b", "Basic YTpi"])
async def test_a_malformed_login_gets_mastodons_401(call, header):
    headers = {"Authorization": header}
    reply = await call("POST", f"{API}/statuses", json={"status": "a"}, headers=headers)
    assert reply.status == 401
    assert await reply.json() == {"error": "The access token is invalid"}


REFUSED = {
    "empty": {"status": " "},
    "missing": {},
    "too long": {"status": "x" * 501},
    "unknown media": {"status": "a", "media_ids": ["1"]},
    "unknown visibility": {"status": "a", "visibility": "friends"},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
async def test_an_invalid_status_is_422(call, body):
    reply = await call("POST", f"{API}/statuses", json=body, headers=BEARER)
    assert reply.status == 422
    assert (await reply.json())["error"].startswith("Validation failed")
    assert await call.posts() == []


async def test_a_link_counts_23_and_a_family_one(call):
    assert (await call.toot("x" * 476 + "https://example.org/" + "a" * 500 + " ")).status == 200
    assert (await call.toot("👩‍👩‍👧‍👦" * 500)).status == 200


async def test_an_edit_and_its_source(call):
    post_id = (await (await call.toot("Missing & sought")).json())["id"]
    path = f"{API}/statuses/{post_id}"
    edited = await call.json("PUT", path, json={"status": "Found & safe"}, headers=BEARER)
    source = await call.json("GET", f"{path}/source", headers=BEARER)
    assert edited["content"] == "<p>Found &amp; safe</p>"
    assert edited["edited_at"] is not None
    assert source["text"] == "Found & safe"
    assert (await call.posts())[0]["edits"][0]["text"] == "Missing & sought"


async def test_a_second_delete_finds_nothing(call):
    path = f"{API}/statuses/" + (await (await call.toot("gone")).json())["id"]
    first = await call("DELETE", path, headers=BEARER)
    assert (first.status, (await first.json())["text"]) == (200, "gone")
    assert (await call("DELETE", path, headers=BEARER)).status == 404
    assert (await call("GET", path, headers=BEARER)).status == 404
    assert await own(call) == []


async def test_own_statuses_are_newest_first_and_in_pages(call):
    for number in range(3):
        await call.toot(f"n{number}")
    first = await own(call, limit="2")
    second = await own(call, limit="2", max_id=first[-1]["id"])
    assert [status["content"] for status in first + second] == [
        "<p>n2</p>",
        "<p>n1</p>",
        "<p>n0</p>",
    ]


async def test_the_rate_limits_reset_is_an_iso_time(call):
    reply = await call.toot("a")
    assert reply.headers["X-RateLimit-Reset"] == "2026-09-21T14:15:00.000000Z"


async def test_the_instance_tells_its_limits_without_a_login(call):
    result = await call.json("GET", "/mastodon/api/v2/instance")
    assert result["configuration"]["statuses"]["max_characters"] == 500


async def test_a_statuss_address_leads_to_the_wall(call):
    status = await (await call.toot("a")).json()
    path = status["url"].removeprefix(call.sandbox.url)
    reply = await call("GET", path, allow_redirects=False)
    assert reply.headers["Location"] == f"/#mastodon-{status['id']}"


async def test_a_key_of_any_bytes_is_taken(call):
    host, port = call.sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /mastodon/api/v1/statuses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer practice-force\r\n"
        b"Idempotency-Key: \xff\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b'Content-Length: 14\r\n\r\n{"status":"a"}'
    )
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert [post["text"] for post in await call.posts()] == ["a"]
