import pytest

PAGE = "/facebook/v25.0/123456"
TOKEN = {"access_token": "practice-page"}


async def feed(call, **query):
    return await call.json("GET", f"{PAGE}/feed", params={**TOKEN, **query})


async def test_a_post_is_created_as_graph_does(call):
    reply = await call.page_post("Found", link="https://example.police.uk/a")
    post_id = (await reply.json())["id"]
    assert reply.status == 200
    assert post_id.startswith("123456_")
    (post,) = await call.posts("facebook")
    assert (post["account"], post["id"], post["text"]) == ("123456", post_id, "Found")
    assert post["media"] == [{"type": "link", "url": "https://example.police.uk/a"}]


WAYS = {
    "form": {"data": {"message": "a", "access_token": "T"}},
    "query": {"params": {"access_token": "T"}, "data": {"message": "a"}},
    "bearer": {"headers": {"Authorization": "Bearer T"}, "data": {"message": "a"}},
    "json": {"json": {"message": "a", "access_token": "T"}},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_the_token_may_come_in_every_way_that_graph_takes(call, way):
    assert (await call("POST", f"{PAGE}/feed", **way)).status == 200


REFUSED = {
    "no token": ({"message": "a"}, 104),
    "a malformed token": ({"message": "a", "access_token": "a b"}, 190),
    "an empty post": (TOKEN, 197),
    "too long": ({**TOKEN, "message": "x" * 63_207}, 100),
    "a link that is none": ({**TOKEN, "link": "javascript:alert(1)"}, 100),
}


@pytest.mark.parametrize(("form", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_an_error_has_graphs_shape_and_code(call, form, code):
    reply = await call("POST", f"{PAGE}/feed", data=form)
    error = (await reply.json())["error"]
    assert (reply.status, error["code"], error["type"]) == (400, code, "OAuthException")
    assert error["message"]
    assert error["fbtrace_id"]
    assert await call.posts() == []


async def test_the_feed_is_newest_first_with_the_wanted_fields_and_in_pages(call):
    for number in range(3):
        await call.page_post(f"n{number}")
    first = await feed(call, limit="2", fields="id,message")
    second = await feed(call, limit="2", after=first["paging"]["cursors"]["after"])
    assert [post["message"] for post in first["data"]] == ["n2", "n1"]
    assert set(first["data"][0]) == {"id", "message"}
    assert [post["message"] for post in second["data"]] == ["n0"]
    assert "next" in first["paging"]
    assert "next" not in second["paging"]


async def test_since_leaves_out_what_is_older(call, clock):
    await call.page_post("old")
    clock.passes(60)
    await call.page_post("new")
    page = await feed(call, since="1790000030")
    assert [post["message"] for post in page["data"]] == ["new"]
    assert page["data"][0]["created_time"] == "2026-09-21T14:14:20+0000"


async def test_an_edit_keeps_the_earlier_text(call):
    post_id = (await (await call.page_post("Missing")).json())["id"]
    form = {**TOKEN, "message": "Found"}
    reply = await call("POST", f"/facebook/v25.0/{post_id}", data=form)
    assert await reply.json() == {"success": True}
    (post,) = await call.posts()
    assert post["text"] == "Found"
    assert post["edits"] == [{"text": "Missing", "edited_at": "2026-09-21T14:13:20.000Z"}]


async def test_a_deleted_post_is_gone(call):
    path = "/facebook/v25.0/" + (await (await call.page_post("gone")).json())["id"]
    assert await call.json("DELETE", path, params=TOKEN) == {"success": True}
    assert (await feed(call))["data"] == []
    again = await call("DELETE", path, params=TOKEN)
    error = (await again.json())["error"]
    assert (again.status, error["code"], error["error_subcode"]) == (400, 100, 33)


async def test_an_unpublished_post_is_not_in_the_feed_until_it_is(call):
    post_id = (await (await call.page_post("draft", published="false")).json())["id"]
    assert (await feed(call))["data"] == []
    await call("POST", f"/facebook/v25.0/{post_id}", data={**TOKEN, "is_published": "true"})
    assert [post["id"] for post in (await feed(call))["data"]] == [post_id]


async def test_me_is_the_tokens_page(call):
    me = await call.json("GET", "/facebook/v25.0/me", params={"access_token": "practice-123456"})
    assert me["id"] == "123456"
    named = await call.json("GET", PAGE, params={**TOKEN, "fields": "id,name"})
    assert named["id"] == "123456"


async def test_an_unknown_path_is_graphs_2500(call):
    reply = await call("GET", "/facebook/v25.0/123456/insights", params=TOKEN)
    assert (await reply.json())["error"]["code"] == 2500
