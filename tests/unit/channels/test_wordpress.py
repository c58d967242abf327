"""WordPress: what a post may say, where its API is, and what its answers mean."""

import random

import pytest
from pydantic import ValidationError

from appealbridge.channels.wordpress.channel import WordPress
from appealbridge.channels.wordpress.post import WordPressPost, clean, linked, slug_of
from appealbridge.plugin import AccountRefused, LoginExpired, Receipt, Tools, TryAgain
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.images import Uploaded
from appealbridge.testing.channel_case import NOW, a_delivery
from appealbridge.testing.server import ScriptedServer, this_machine

POST = {"id": 17, "link": "https://news.example/ab-1/", "status": "publish"}
FORBIDDEN = {
    "code": "rest_invalid_param",
    "message": "Invalid parameter(s): status",
    "data": {
        "status": 400,
        "details": {
            "status": {
                "code": "rest_forbidden_status",
                "message": "Status is forbidden.",
                "data": {"status": 401},
            }
        },
    },
}


@pytest.fixture
async def tools():
    async with open_session(policy=this_machine) as session:
        yield Tools(Http(session, str, now=lambda: NOW, timeout=5.0), NOW, random.Random(1))


@pytest.fixture
async def site():
    async with ScriptedServer((404, "<html>Not here</html>")) as server:
        yield server


def account(site, path=""):
    login = {"username": "bridge", "application_password": "abcd efgh"}
    return WordPress().account.model_validate({"api": f"{site.url}{path}", "credentials": login})


async def deliver(site, tools, path="", **message):
    expected = WordPressPost(**(message or {"text": "MISSING: Aisha, 14"}))
    return await WordPress().deliver(account(site, path), expected, a_delivery(), tools)


# -- what a post says -------------------------------------------------------------------------------


def test_the_first_line_of_a_text_is_the_title_and_the_rest_the_post():
    post = WordPressPost(
        text="MISSING: Aisha & Ben\n\nSeen?\nhttps://example.org/?x=1&y=2.\n\nCall 101"
    )
    assert post.sent_title() == "MISSING: Aisha &amp; Ben"
    link = '<a href="https://example.org/?x=1&amp;y=2">https://example.org/?x=1&amp;y=2</a>'
    assert post.content() == f"<p>Seen?<br>\n{link}.</p>\n<p>Call 101</p>"


def test_a_text_of_one_line_is_both_and_is_read_once():
    post = WordPressPost(text="MISSING: Aisha, 14")
    assert (post.sent_title(), post.content()) == (
        "MISSING: Aisha, 14",
        "<p>MISSING: Aisha, 14</p>",
    )
    assert post.seen() == "MISSING: Aisha, 14"


def test_a_first_line_that_is_too_long_for_a_title_is_cut_there_and_whole_in_the_post():
    line = "word " * 60
    post = WordPressPost(text=f"{line}\nMore")
    assert len(post.heading()) <= 200
    assert post.heading().endswith("word…")
    assert line.strip() in post.content()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"title": "x"},
        {"body": "<p>x</p>"},
        {"text": " "},
        {"body": "<script>x</script>", "title": "x"},
    ],
)
def test_a_post_without_a_title_or_a_text_is_refused_with_what_to_give(wrong):
    with pytest.raises(ValidationError, match=r"give the post (body: or text:|a title:)"):
        WordPressPost(**wrong)


def test_no_title_and_no_excerpt_is_markup():
    post = WordPressPost(title="<b>A</b>\n&amp;", text="x", excerpt="<i>[b]")
    assert post.sent_title() == "&lt;b&gt;A&lt;/b&gt; &amp;amp;"
    assert post.summary() == "&lt;i&gt;&#91;b]"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p onclick=x>a<script>alert(1)</script></p>", "<p>a</p>"),
        ('<a href="javascript:alert(1)">a</a>', "<a>a</a>"),
        ('<iframe src="https://a.example"></iframe><form><input></form>a', "a"),
        ('<p class="lead" style="x">a<!-- b --></p>', '<p class="lead">a</p>'),
        ('<a href="tel:101">101</a> <img src="https://a.example/a.jpg" alt="x">', None),
        ("<svg><script>alert(1)</script></svg><p>a", "<p>a</p>"),
    ],
)
def test_html_can_do_nothing_but_be_read(markup, expected):
    assert clean(markup) == (markup if expected is None else expected)


def test_no_shortcode_is_run():
    assert "[" not in WordPressPost(title="x", body="<p>[gallery]</p>").content()
    assert "[" not in WordPressPost(text="[contact-form to=x@a.example]").content()


def test_a_text_cannot_smuggle_a_link_in():
    assert linked("\ue0000\ue001 <b> https://example.org/") == (
        '<p>0 &lt;b&gt; <a href="https://example.org/">https://example.org/</a></p>'
    )


def test_names_are_given_as_a_list_or_with_commas_and_there_are_not_too_many():
    post = WordPressPost(text="x", categories="Missing people, Appeals ,", tags=(" a  b ", "a b"))
    assert (post.categories, post.tags) == (("Missing people", "Appeals"), ("a b",))
    with pytest.raises(ValidationError, match="at most 20 names"):
        WordPressPost(text="x", tags=tuple(map(str, range(21))))


def test_an_address_is_the_deliverys_own():
    slugs = {slug_of(a_delivery(id=f"aisha-{number}")) for number in range(100)}
    assert len(slugs) == 100
    assert all(len(slug) == 23 and "aisha" not in slug for slug in slugs)


# -- where the API is -------------------------------------------------------------------------------


async def test_the_api_is_where_the_site_says(site, tools):
    link = {"Link": '<https://a.example/>; rel="shortlink", </json/>; rel="https://api.w.org/"'}
    site.answers((200, "<html>", link), (200, []), (201, POST))
    await deliver(site, tools)
    assert [(request.method, request.path) for request in site.requests] == [
        ("HEAD", "/"), ("GET", "/json/wp/v2/posts"), ("POST", "/json/wp/v2/posts"),
    ]  # fmt: skip
    assert site.requests[1].query["status"] == "any,trash"
    assert "Authorization" not in site.requests[0].headers
    assert site.requests[2].headers["Authorization"] == "Basic YnJpZGdlOmFiY2QgZWZnaA=="


@pytest.mark.parametrize("front", [(200, "<html>"), (405, ""), (403, "<html>No")])
async def test_a_site_that_does_not_say_is_asked_in_the_query(site, tools, front):
    site.answers(front, (200, []), (201, POST))
    await deliver(site, tools, "/blog")
    assert [(request.method, request.path) for request in site.requests] == [
        ("HEAD", "/blog/"), ("GET", "/blog/"), ("POST", "/blog/"),
    ]  # fmt: skip
    assert [request.query.get("rest_route") for request in site.requests[1:]] == [
        "/wp/v2/posts"
    ] * 2


async def test_an_address_of_the_api_itself_is_taken(site, tools):
    site.answers((200, []), (201, POST))
    await deliver(site, tools, "/wp-json")
    assert [request.path for request in site.requests] == ["/wp-json/wp/v2/posts"] * 2


async def test_no_other_host_gets_the_login(site, tools):
    link = {"Link": '<https://other.example/wp-json/>; rel="https://api.w.org/"'}
    site.answers((200, "<html>", link))
    with pytest.raises(AccountRefused, match="which may not get this login"):
        await deliver(site, tools)
    assert len(site.requests) == 1


async def test_a_site_that_names_itself_without_tls_keeps_the_scheme_of_the_settings(site, tools):
    named = site.url.replace("http://", "https://")
    link = {"Link": f'<{named}/wp-json/>; rel="https://api.w.org/"'}
    site.answers((200, "<html>", link), (200, []), (201, POST))
    await deliver(site, tools)
    assert site.requests[1].path == "/wp-json/wp/v2/posts"


async def test_a_redirect_is_told_with_the_address_to_write(site, tools):
    site.answers((301, "", {"Location": "https://www.a.example/"}))
    with pytest.raises(AccountRefused, match="give the final address"):
        await deliver(site, tools)


# -- what answers mean ------------------------------------------------------------------------------


async def test_a_login_that_is_ignored_has_expired(site, tools):
    for answer in [(400, FORBIDDEN), (401, {"code": "rest_not_logged_in", "message": "No."})]:
        site.answers(answer)
        with pytest.raises(LoginExpired, match="application passwords need https://"):
            await deliver(site, tools, "/wp-json")


@pytest.mark.parametrize("status", [400, 403, 404, 410, 500, 503])
async def test_a_search_that_fails_never_costs_the_message(site, tools, status):
    site.answers((status, {"code": "x", "message": "No."}))
    with pytest.raises(TryAgain):
        await deliver(site, tools, "/wp-json")
    assert len(site.requests) == 1


async def test_what_is_found_is_not_created_again(site, tools):
    site.answers((200, [POST]))
    assert (await deliver(site, tools, "/wp-json")).id == "17"


async def test_a_category_with_another_name_around_it_is_not_taken(site, tools):
    terms = [{"id": 3, "name": "Missing people"}, {"id": 4, "name": "Missing"}]
    site.answers((200, []), (200, terms), (201, POST))
    await deliver(site, tools, "/wp-json", text="x", categories="missing")
    assert site.requests[-1].json()["categories"] == [4]


async def remove(site, tools):
    receipt = Receipt("17", f"{site.url}/ab-1/")
    return await WordPress().remove(account(site, "/wp-json"), receipt, a_delivery(), tools)


async def look(site, tools):
    receipt = Receipt("17", f"{site.url}/ab-1/")
    return await WordPress().look(account(site, "/wp-json"), receipt, a_delivery(), tools)


async def test_a_site_without_a_trash_deletes_for_good(site, tools):
    site.answers(
        (501, {"code": "rest_trash_not_supported", "message": "…"}), (200, {"deleted": True})
    )
    assert "no trash" in await remove(site, tools)
    assert [request.query.get("force") for request in site.requests] == [None, "true"]


@pytest.mark.parametrize(("page", "there"), [(200, True), (404, False), (410, False), (301, False)])
async def test_a_removed_post_is_gone_when_its_page_is_gone_too(site, tools, page, there):
    trashed = {**POST, "status": "trash", "title": {"raw": "A"}, "content": {"raw": "B"}}
    site.answers((200, trashed), (page, "<html>"))
    standing = await look(site, tools)
    assert standing.there is there
    assert ("a cache may have to be cleared" in standing.seen) is there
    assert (site.requests[1].method, site.requests[1].path) == ("HEAD", "/ab-1/")
    assert "Authorization" not in site.requests[1].headers


@pytest.mark.parametrize("page", [500, 503, 429])
async def test_a_page_that_cannot_be_seen_leaves_it_open(site, tools, page):
    site.answers((404, {"code": "rest_post_invalid_id", "message": "…"}), (page, "<html>"))
    with pytest.raises(TryAgain):
        await look(site, tools)


async def test_a_page_or_picture_on_another_host_is_asked_for_there_without_the_login(site, tools):
    async with ScriptedServer((200, "picture")) as store:
        site.answers((404, {"code": "rest_post_invalid_id", "message": "…"}))
        upload = Uploaded("18", f"{store.url}/abc.png")
        where = account(site, "/wp-json")
        standing = await WordPress().look_upload(where, upload, a_delivery(), tools)
        assert standing.there
        assert f"a cache may have to be cleared: {store.url}/abc.png" in standing.seen
        assert "Authorization" not in store.requests[0].headers
