"""The practice WordPress answers as the real one does; tests/real holds both to the same stories."""

import base64
import random

import pytest

from appealbridge.channels.wordpress.channel import WordPress
from appealbridge.channels.wordpress.post import WordPressPost, slug_of
from appealbridge.plugin import AccountRefused, Rejected, Tools, TryAgain, Unsure
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.published import AlreadyGone
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.server import this_machine
from tests.drawn import png, stored

API = "/wordpress/wp-json/wp/v2"


def login(user="force"):
    return {
        "Authorization": "Basic " + base64.b64encode(f"{user}:practice-{user}".encode()).decode()
    }


async def create(call, user="force", **post):
    text = {"title": "Missing", "content": "<p>Aisha</p>", "status": "publish", **post}
    return await call("POST", f"{API}/posts", json=text, headers=login(user))


async def search(call, slug, status="any", user="force"):
    query = {"slug": slug, "status": status, "context": "edit"}
    return await call.json("GET", f"{API}/posts", params=query, headers=login(user))


async def code(reply, status):
    body = await reply.json()
    assert (reply.status, body["data"]["status"]) == (status, status)
    assert body["message"]
    return body["code"]


async def test_a_second_post_of_the_same_address_gets_another_one(call):
    first = await (await create(call, slug="ab-1")).json()
    second = await (await create(call, slug="ab-1")).json()
    assert (first["slug"], second["slug"]) == ("ab-1", "ab-1-2")
    assert first["link"].endswith("/ab-1/")


async def test_what_is_in_the_trash_has_another_address_and_is_not_any(call):
    post = await (await create(call, slug="ab-1")).json()
    reply = await call("DELETE", f"{API}/posts/{post['id']}", headers=login())
    trashed = await reply.json()
    assert (trashed["status"], trashed["slug"]) == ("trash", "ab-1__trashed")
    assert await search(call, "ab-1,ab-1__trashed") == []
    (item,) = await search(call, "ab-1,ab-1__trashed", "any,trash")
    assert (item["id"], item["status"]) == (post["id"], "trash")
    again = await call("DELETE", f"{API}/posts/{post['id']}", headers=login())
    assert await code(again, 410) == "rest_already_trashed"


async def test_a_post_that_is_deleted_for_good_is_an_invalid_id(call):
    post = await (await create(call)).json()
    where = f"{API}/posts/{post['id']}"
    reply = await call("DELETE", where, params={"force": "true"}, headers=login())
    assert (await reply.json())["deleted"] is True
    for method in ("GET", "POST", "DELETE"):
        reply = await call(method, where, json={"title": "x"}, headers=login())
        assert await code(reply, 404) == "rest_post_invalid_id"


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!", "Bearer x", "Basic Zm9yY2U6"])
async def test_a_login_that_does_not_count_is_a_stranger(call, header):
    headers = {"Authorization": header}
    post = await (await create(call, slug="ab-1")).json()
    reply = await call("POST", f"{API}/posts", json={"title": "x"}, headers=headers)
    assert await code(reply, 401) == "rest_cannot_create"
    reply = await call("GET", f"{API}/users/me", headers=headers)
    assert await code(reply, 401) == "rest_not_logged_in"
    reply = await call("GET", f"{API}/posts/{post['id']}?context=edit", headers=headers)
    assert await code(reply, 401) == "rest_forbidden_context"
    reply = await call("DELETE", f"{API}/posts/{post['id']}", headers=headers)
    assert await code(reply, 401) == "rest_cannot_delete"
    reply = await call("GET", f"{API}/posts?slug=ab-1&status=any", headers=headers)
    assert await code(reply, 400) == "rest_invalid_param"
    details = (await reply.json())["data"]["details"]["status"]
    assert (details["code"], details["data"]["status"]) == ("rest_forbidden_status", 401)


async def test_only_the_own_posts_may_be_changed(call):
    post = await (await create(call)).json()
    other = login("other")
    reply = await call("DELETE", f"{API}/posts/{post['id']}", headers=other)
    assert await code(reply, 403) == "rest_cannot_delete"
    reply = await call("POST", f"{API}/posts/{post['id']}", json={"title": "x"}, headers=other)
    assert await code(reply, 403) == "rest_cannot_edit"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"title": "", "content": ""}, "empty_content"),
        ({"status": "nope"}, "rest_invalid_param"),
        ({"title": 7, "content": ""}, "empty_content"),
        ({"slug": 7}, "rest_invalid_param"),
        ({"categories": ["Missing"]}, "rest_invalid_param"),
    ],
)
async def test_what_is_wrong_is_said_in_its_words(call, arguments, expected):
    assert await code(await create(call, **arguments), 400) == expected


async def test_a_term_is_there_once_under_its_escaped_name(call):
    first = await call("POST", f"{API}/categories", json={"name": "Lost & found"}, headers=login())
    term = await first.json()
    assert (first.status, term["name"]) == (201, "Lost &amp; found")
    again = await call("POST", f"{API}/categories", json={"name": "lost & found"}, headers=login())
    assert await code(again, 400) == "term_exists"
    assert (await again.json())["data"]["term_id"] == term["id"]
    assert await call.json("GET", f"{API}/categories?search=Lost %26 found") == []
    (item,) = await call.json("GET", f"{API}/categories?search=Lost %26amp; found")
    assert item["id"] == term["id"]


async def test_readers_see_other_quotes_no_scripts_and_no_shortcodes(call):
    content = '<p>"It\'s" -- so... <script>alert(1)</script>[gallery ids="1"]</p>'
    post = await (await create(call, content=content)).json()
    assert post["content"]["raw"] == '<p>"It\'s" -- so... alert(1)[gallery ids="1"]</p>'
    text = "<p>&#8220;It&#8217;s&#8221; &#8212; so&#8230; alert(1)</p>\n"
    assert post["content"]["rendered"] == text
    page = await call(
        "GET", post["link"].partition("/wordpress")[1] + post["link"].partition("/wordpress")[2]
    )
    assert text in page.text_read


async def test_readers_see_a_post_until_it_is_in_the_trash_and_no_draft(call):
    post = await (await create(call, slug="ab-1")).json()
    draft = await (await create(call, status="draft", slug="ab-2")).json()
    path = "/wordpress" + post["link"].partition("/wordpress")[2]
    assert (await call("GET", path)).status == 200
    assert (await call("GET", f"/wordpress/?p={draft['id']}")).status == 404
    await call("DELETE", f"{API}/posts/{post['id']}", headers=login())
    assert (await call("GET", path)).status == 404
    assert (await call("GET", f"/wordpress/?p={post['id']}")).status == 404


async def test_paths_may_be_in_the_query_as_on_sites_without_their_own_addresses(call):
    query = {"rest_route": "/wp/v2/posts"}
    text = {"title": "x", "status": "publish"}
    reply = await call("POST", "/wordpress/", params=query, json=text, headers=login())
    assert reply.status == 201


# -- the channel on it ------------------------------------------------------------------------------


@pytest.fixture
async def publish(sandbox, call):
    channel = WordPress()
    account = channel.account(
        **channel.practice("force", {"api": "https://a.example"}, sandbox.url)
    )
    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=lambda: 1_790_000_000.0, timeout=1.0)
        tools = Tools(http, 1_790_000_000.0, random.Random(1))

        async def attempt(name="1", **message):
            expected = channel.message(**{"text": "MISSING: Aisha, 14", **message})
            delivery = a_delivery(id=name)
            try:
                return await channel.deliver(account, expected, delivery, tools)
            except TryAgain:
                search = await channel.find(account, expected, delivery, tools)
                assert (search.receipt, search.sure) == (None, True)
                raise

        yield attempt


@pytest.mark.parametrize("fault", ["truncated", "html"])
async def test_a_search_before_a_post_that_fails_publishes_nothing_and_may_be_repeated(
    publish, call, fault
):
    await call.fault("wordpress", fault)
    with pytest.raises(TryAgain):
        await publish()
    await publish()
    assert len(await call.posts()) == 1


async def test_however_often_a_delivery_is_attempted_there_is_one_post(publish, call):
    first = await publish()
    assert await publish() == first
    await publish("2")
    assert len(await call.posts()) == 2


async def test_an_address_never_has_the_title_in_it(publish, call):
    receipt = await publish(title="Missing: Aisha Khan", text="Seen?")
    (post,) = await call.posts()
    assert receipt.url.endswith(f"/{post['slug']}/")
    assert post["slug"] == slug_of(a_delivery(id="1"))
    assert "aisha" not in receipt.url.lower()
    assert "missing" not in receipt.url.lower()


async def test_terms_are_found_by_name_or_created(publish, call):
    await publish(categories="Missing & found", tags=["Digbeth", "Tom's"])
    await publish("2", categories=["missing & FOUND", "Uncategorized"], tags="Digbeth")
    first, second = await call.posts()
    assert (first["categories"], first["tags"]) == (["Missing & found"], ["Digbeth", "Tom's"])
    assert second["categories"] == ["Missing & found", "Uncategorized"]
    assert second["tags"] == ["Digbeth"]


async def test_a_term_that_may_not_be_created_is_named_and_nothing_is_published(
    publish, call, sandbox
):
    await call.fault("wordpress", "read_only")
    with pytest.raises(AccountRefused, match='there is no "Missing" under categories'):
        await publish(categories="Missing")
    assert await call.posts() == []


async def test_a_draft_is_seen_by_no_reader(publish, call):
    receipt = await publish(status="draft")
    assert receipt.url.endswith(f"/?p={receipt.id}")
    assert (await call("GET", f"/wordpress/?p={receipt.id}")).status == 404


# -- pictures ---------------------------------------------------------------------------------------

PICTURE = png()
IMAGE = stored(PICTURE, 'A girl, 14, in a "red" coat & hat')


@pytest.fixture
async def library(sandbox):
    """The channel's way to the library: each of its methods, for the account."""
    channel = WordPress()
    account = channel.account(
        **channel.practice("force", {"api": "https://a.example"}, sandbox.url)
    )

    async def data(sha256):
        assert sha256 == IMAGE.rendition.sha256
        return PICTURE

    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=lambda: 1_790_000_000.0, timeout=1.0)
        tools = Tools(http, 1_790_000_000.0, random.Random(1), data)

        async def does(what, *arguments):
            return await getattr(channel, what)(account, *arguments, a_delivery(), tools)

        yield does


def page_of(upload):
    return "/wordpress" + upload.url.partition("/wordpress")[2]


async def test_a_picture_is_there_for_readers_once_it_is_uploaded_until_it_is_removed(
    library, call
):
    upload = await library("upload", IMAGE, "abc123")
    assert upload.url.endswith("/wp-content/uploads/abc123.png")
    reply = await call("GET", page_of(upload))
    assert (reply.status, reply.content_type) == (200, "image/png")
    assert (await library("look_upload", upload)).there
    assert "deleted" in await library("remove_upload", upload)
    assert not (await library("look_upload", upload)).there
    assert (await call("GET", page_of(upload))).status == 404
    with pytest.raises(AlreadyGone):
        await library("remove_upload", upload)


async def test_an_upload_whose_answer_is_lost_is_found_by_its_name(library, call):
    assert await library("find_upload", IMAGE, "abc123") is None
    await call.fault("wordpress", "post_then_reset")
    with pytest.raises(Unsure):
        await library("upload", IMAGE, "abc123")
    result = await library("find_upload", IMAGE, "abc123")
    assert (await call("GET", page_of(result))).status == 200


async def test_a_removal_of_a_picture_that_lies_is_seen_through(library, call):
    upload = await library("upload", IMAGE, "abc123")
    await call.fault("wordpress", "delete_lies")
    await library("remove_upload", upload)
    assert (await library("look_upload", upload)).there


async def test_the_first_picture_is_the_featured_one_and_the_others_follow_the_text(library, call):
    first, second = [await library("upload", IMAGE, name) for name in ("abc1", "abc2")]
    images = tuple(IMAGE.model_copy(update={"upload": upload}) for upload in (first, second))
    message = WordPressPost(text="MISSING: Aisha, 14", images=images)
    receipt = await library("deliver", message)
    (post,) = await call.posts()
    assert [picture["url"] for picture in post["media"]] == [first.url, second.url]
    assert {picture["alt"] for picture in post["media"]} == {IMAGE.alt}
    assert post["featured_media"] == int(first.id)
    # What is stored of a message has no addresses, and is recognised all the same.
    stored = WordPressPost.model_validate_json(message.model_dump_json())
    assert WordPress().shows(stored, await library("look", receipt))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<svg/>", "rest_upload_unknown_error"),
        (PICTURE + bytes(3_000_000), "rest_upload_unknown_error"),
    ],
    ids=["another type", "too large"],
)
async def test_a_file_that_is_refused_is_a_500_and_refused_for_good(sandbox, data, code):
    channel = WordPress()
    account = channel.account(
        **channel.practice("force", {"api": "https://a.example"}, sandbox.url)
    )

    async def given(_):
        return data

    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=lambda: 1_790_000_000.0, timeout=5.0)
        tools = Tools(http, 1_790_000_000.0, random.Random(1), given)
        with pytest.raises(Rejected, match=code):
            await channel.upload(account, IMAGE, "abc123", a_delivery(), tools)
