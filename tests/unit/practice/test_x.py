import pytest
from twitter_text import parse_tweet

from appealbridge.practice.links import weight

BEARER = {"Authorization": "Bearer practice-force"}


async def test_a_tweet_is_created_as_x_does(call):
    reply = await call(
        "POST", "/x/2/tweets", json={"text": "Found"}, headers=call.signed("POST", "/x/2/tweets")
    )
    data = (await reply.json())["data"]
    assert reply.status == 201
    assert (len(data["id"]), data["text"]) == (19, "Found")
    (post,) = await call.posts()
    assert post == {
        "platform": "x",
        "account": "user_123456",
        "id": data["id"],
        "text": "Found",
        "media": [],
        "created_at": "2026-09-21T14:13:20.000Z",
        "deleted_at": None,
        "edits": [],
        "client_key": None,
    }


async def test_ids_grow_even_if_the_clock_goes_back(call, clock):
    ids = []
    for _ in range(3):
        ids.append((await (await call.tweet("same")).json())["data"]["id"])
        clock.passes(-60)
    assert ids == sorted(set(ids))


MALFORMED = {
    "none": "",
    "not a scheme": "practice",
    "an empty bearer": "Bearer ",
    "a bearer with a space": "Bearer a b",
    "oauth without parameters": "OAuth ",
    "oauth without a signature": 'OAuth oauth_consumer_key="k", oauth_token="t", '
    'oauth_signature_method="HMAC-SHA1", oauth_timestamp="1", oauth_nonce="n"',
    "a signature that is none": 'OAuth oauth_consumer_key="k", oauth_token="t", oauth_nonce="n", '
    'oauth_signature_method="HMAC-SHA1", oauth_timestamp="1", oauth_signature="abc"',
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_login_gets_xs_401(call, header):
    reply = await call("POST", "/x/2/tweets", json={"text": "x"}, headers={"Authorization": header})
    assert (reply.status, reply.content_type) == (401, "application/problem+json")
    assert (await reply.json())["title"] == "Unauthorized"
    assert await call.posts() == []


REFUSED = {
    "not json": b"{",
    "not an object": b"[]",
    "no text": b"{}",
    "an empty text": b'{"text": " "}',
    "an unknown field": b'{"text": "a", "txt": "b"}',
    "a reply that is none": b'{"text": "a", "reply": "1"}',
    "a reply to a number": b'{"text": "a", "reply": {"in_reply_to_tweet_id": 1}}',
    "a lone surrogate": b'{"text": "\\ud800"}',
    "unknown media": b'{"text": "a", "media": {"media_ids": ["1"]}}',
    "too long": b'{"text": "%s"}' % (b"x" * 281),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
async def test_a_bad_tweet_gets_xs_400(call, body):
    reply = await call("POST", "/x/2/tweets", data=body, headers=BEARER)
    assert reply.status == 400
    assert (await reply.json())["type"].endswith("/invalid-request")
    assert await call.posts() == []


async def test_280_counted_characters_fit(call):
    link = "https://example.police.uk/" + "a" * 300
    assert (await call.tweet("x" * 256 + " " + link)).status == 201


COUNTED = ["plain", "née Ünlü", "日本語", "👩‍👩‍👧‍👦 🇬🇧", "see example.com/x, or https://a.uk/(b)."]


@pytest.mark.parametrize("text", COUNTED)
def test_the_count_is_that_of_twitters_own_rules(text):
    assert weight(text) == parse_tweet(text).weightedLength


async def test_links_come_back_shortened_and_marks_as_entities(call):
    await call.tweet("Seen <her> & him? https://example.police.uk/a?b=1&c=2.")
    path = "/x/2/users/me"
    me = (await call.json("GET", path, headers=BEARER))["data"]["id"]
    query = {"tweet.fields": "created_at,entities"}
    page = await call.json("GET", f"/x/2/users/{me}/tweets", headers=BEARER, params=query)
    (tweet,) = page["data"]
    (link,) = tweet["entities"]["urls"]
    assert tweet["text"] == f"Seen &lt;her&gt; &amp; him? {link['url']}."
    assert tweet["text"][link["start"] : link["end"]] == link["url"]
    assert link["url"].startswith("https://t.co/")
    assert len(link["url"]) == 23
    assert link["expanded_url"] == "https://example.police.uk/a?b=1&c=2"
    assert tweet["created_at"] == "2026-09-21T14:13:20.000Z"


async def test_a_reply_names_what_it_replies_to_where_that_is_asked(call):
    first = (await (await call.tweet("Road closed")).json())["data"]["id"]
    body = {"text": "Road open", "reply": {"in_reply_to_tweet_id": first}}
    assert (await call("POST", "/x/2/tweets", json=body, headers=BEARER)).status == 201
    me = (await call.json("GET", "/x/2/users/me", headers=BEARER))["data"]["id"]
    for fields, named in (("created_at", None), ("referenced_tweets", first)):
        query = {"tweet.fields": fields}
        page = await call.json("GET", f"/x/2/users/{me}/tweets", headers=BEARER, params=query)
        reply, post = page["data"]
        references = reply.get("referenced_tweets")
        assert references == (named and [{"type": "replied_to", "id": named}])
        assert "referenced_tweets" not in post


async def timeline(call, **query):
    me = (await call.json("GET", "/x/2/users/me", headers=BEARER))["data"]["id"]
    return await call.json("GET", f"/x/2/users/{me}/tweets", headers=BEARER, params=query)


async def test_an_empty_timeline_has_no_data(call):
    assert await timeline(call) == {"meta": {"result_count": 0}}


async def test_a_timeline_is_the_accounts_own_newest_first_and_in_pages(call):
    for number in range(7):
        await call.tweet(f"n{number}")
    await call.tweet("another's", account="other")
    first = await timeline(call, max_results="5")
    second = await timeline(call, max_results="5", pagination_token=first["meta"]["next_token"])
    assert [tweet["text"] for tweet in first["data"]] == ["n6", "n5", "n4", "n3", "n2"]
    assert [tweet["text"] for tweet in second["data"]] == ["n1", "n0"]
    assert "next_token" not in second["meta"]


async def test_start_time_leaves_out_what_is_older(call, clock):
    await call.tweet("old")
    clock.passes(60)
    await call.tweet("new")
    page = await timeline(call, start_time="2026-09-21T14:14:00Z")
    assert [tweet["text"] for tweet in page["data"]] == ["new"]


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": "4"},
        {"start_time": "yesterday"},
        {"start_time": "2999-01-01T00:00:00Z"},
        {"since_id": "a"},
    ],
)
async def test_a_bad_query_gets_xs_400(call, query):
    assert (await timeline(call, **query))["title"] == "Invalid Request"


async def test_a_deleted_tweet_is_gone_from_the_timeline_and_kept_on_the_shelf(call, clock):
    post_id = (await (await call.tweet("gone")).json())["data"]["id"]
    clock.passes(5)
    reply = await call("DELETE", f"/x/2/tweets/{post_id}", headers=BEARER)
    assert await reply.json() == {"data": {"deleted": True}}
    assert await timeline(call) == {"meta": {"result_count": 0}}
    shown = await call.json("GET", f"/x/2/tweets/{post_id}", headers=BEARER)
    assert "data" not in shown
    assert (await call.posts())[0]["deleted_at"] == "2026-09-21T14:13:25.000Z"


async def test_nobody_deletes_anothers_tweet(call):
    post_id = (await (await call.tweet("mine")).json())["data"]["id"]
    other = {"Authorization": "Bearer practice-other"}
    assert (await call("DELETE", f"/x/2/tweets/{post_id}", headers=other)).status == 403
    assert (await call.posts())[0]["deleted_at"] is None


async def test_every_answer_tells_the_rate_limit_with_an_epoch(call):
    good, bad = await call.tweet("a"), await call.tweet("")
    for reply in (good, bad):
        assert int(reply.headers["x-rate-limit-reset"]) > 1_790_000_000
        assert int(reply.headers["x-rate-limit-remaining"]) > 0


async def test_a_reply_needs_what_it_replies_to(call):
    body = {"text": "and", "reply": {"in_reply_to_tweet_id": "1"}}
    assert (await call("POST", "/x/2/tweets", json=body, headers=BEARER)).status == 403
    first = (await (await call.tweet("one")).json())["data"]["id"]
    body["reply"]["in_reply_to_tweet_id"] = first
    assert (await call("POST", "/x/2/tweets", json=body, headers=BEARER)).status == 201


async def test_an_unknown_path_is_404(call):
    assert (await call("GET", "/x/2/nothing", headers=BEARER)).status == 404
