"""WordPress as Debian packs it, and our practice WordPress: both are told the same stories."""

import asyncio
import base64
import json
import random
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio

from appealbridge.channels.wordpress.channel import WordPress
from appealbridge.channels.wordpress.post import WordPressPost
from appealbridge.plugin import Tools, Unsure
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.server import this_machine
from tests.drawn import png, stored
from tests.real.house import colour_of, command, house
from tests.real.losing import Losing
from tests.real.servers import HERE, free_port, install, output_of, running
from tests.stories.processes import platforms, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANNELS = """
newsroom:
  platform: wordpress
  api: {url}
  credentials: {{ username: editor, application_password: !secret newsroom_password }}
"""
POST = """
alias: Appeal
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: wordpress_post
    id: blog
    channel: newsroom
    title: "{{ event.data.title }}"
    body: "<p>{{ event.data.text }}</p><script>alert(1)</script>"
    excerpt: "{{ event.data.title }}"
    categories: ["{{ event.data.kind }}"]
    tags: [Digbeth]
approval: none
"""
CORRECTED = """
alias: Appeal, corrected when it changes
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'appeal.updated' }}"
    then:
      - { action: amend, of: blog, title: "{{ event.data.title }}", body: "<p>{{ event.data.text }}</p>" }
      - stop: corrected
  - action: wordpress_post
    id: blog
    channel: newsroom
    title: "{{ event.data.title }}"
    body: "<p>{{ event.data.text }}</p>"
approval: none
"""
EVENT = {
    "type": "appeal",
    "subject": "MP-1",
    "title": "Missing: Aisha & Ben <both>",
    "kind": "Missing & found",
    "text": 'Seen near "The Works" -- it\'s urgent... [gallery]',
}
TITLE = "Missing: Aisha &amp; Ben &lt;both&gt;"
CONTENT = '<p>Seen near "The Works" -- it\'s urgent... &#91;gallery]</p>'


class Site:
    """A WordPress: its address, a login, how it loses an answer, and what readers see of it."""

    def __init__(self, url, password, lose, read):
        self.url, self.password, self.lose, self.read = url, password, lose, read

    async def posts(self, title):
        """Return all posts with a title, also those in the trash, in the order in which they were created."""
        return [post for post in await self.read() if post.get("title") == title]

    async def status(self, address):
        """Return what a reader's browser would get at an address."""
        show = ["curl", "-s", "-L", "-o", "/dev/null", "-w", "%{http_code}", address]
        return int(await asyncio.to_thread(output_of, show))

    async def asks(self, method, path, body=None, user="editor", password=None):
        """Make one request of the API; return its status and its body."""
        login = f"{user}:{self.password if password is None else password}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(login).decode()}"} if user else {}
        where = f"{self.url}/wp-json/wp/v2/{path}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, where, json=body) as answer,
        ):
            return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def debians(folder):
    """The real one. Its address is one on the way to it, which may lose answers."""
    installed, port = install("wordpress"), free_port()
    async with Losing(f"http://127.0.0.1:{port}") as way:
        start = [HERE / "wordpress/start", installed, folder / "wp", str(port), way.url]
        with running(start, port, folder / "log"):
            password = json.loads((folder / "wp/logins.json").read_text())["editor"]
            show = ["php", HERE / "wordpress/read.php", folder / "wp/site"]

            async def read():
                return json.loads(await asyncio.to_thread(output_of, show))

            async def lose(what="posts"):
                way.lose(f"/wp/v2/{what}")

            yield Site(way.url, password, lose, read)


@asynccontextmanager
async def ours(folder):
    """The practice platform."""
    async with platforms(folder) as practice:

        async def read():
            posts = await practice.posts("")
            return [
                {
                    **post,
                    "status": "trash" if post["deleted_at"] else post["status"],
                    "link": f"{practice.url}/wordpress/?p={post['id']}",
                }
                for post in posts
            ]

        async def lose(_="posts"):
            await practice.fault("wordpress", "post_then_reset")

        yield Site(f"{practice.url}/wordpress", "practice-editor", lose, read)


@pytest_asyncio.fixture(
    loop_scope="module", scope="module", params=[debians, ours], ids=["real", "practice"]
)
async def site(request, tmp_path_factory):
    async with request.param(tmp_path_factory.mktemp("site")) as site:
        yield site


async def test_a_post_whose_answer_is_lost_is_there_once_and_is_gone_when_it_is_withdrawn(
    site, tmp_path
):
    channels = CHANNELS.format(url=site.url)
    password = {"newsroom_password": site.password}
    async with house(tmp_path / "stage", channels, {"blog": POST}, **password) as force:
        await site.lose()
        await force.receives("msg_1", EVENT)
        (delivery,) = await force.has(1, "delivered")
        (post,) = await site.posts(TITLE)
        assert (post["content"], post["status"], post["tags"]) == (CONTENT, "publish", ["Digbeth"])
        assert [name.replace("&amp;", "&") for name in post["categories"]] == ["Missing & found"]
        url = delivery["receipt"]["url"]
        assert url.endswith(f"/{post['slug']}/")
        assert "aisha" not in url.lower()
        assert await site.status(url) == 200
        await command(force, "withdraw", "MP-1", "--reason", "Found safe")

        async def is_gone():
            return await site.status(url) == 404

        await until(is_gone, "the removal")
        assert [post["status"] for post in await site.posts(TITLE)] == ["trash"]
        shown = await command(force, "withdrawals")
        assert "Found safe" in shown


async def test_a_correction_whose_answer_is_lost_edits_the_same_post_once(site, tmp_path):
    channels = CHANNELS.format(url=site.url)
    password = {"newsroom_password": site.password}
    async with house(tmp_path / "stage", channels, {"blog": CORRECTED}, **password) as force:
        event = {"type": "appeal", "subject": "MP-2", "title": "Ben is 13", "text": "Red coat"}
        await force.receives("msg_1", event)
        (delivery,) = await force.has(1, "delivered")
        url = delivery["receipt"]["url"]
        await site.lose()
        corrected = {**event, "type": "appeal.updated", "title": "Ben is 14", "text": "Blue coat"}
        await force.receives("msg_2", corrected)
        await force.has(2, "delivered")
        (post,) = await site.posts("Ben is 14")
        assert await site.posts("Ben is 13") == []
        assert (post["content"], post["status"]) == ("<p>Blue coat</p>", "publish")
        assert url.endswith(f"/{post['slug']}/")
        await command(force, "withdraw", "MP-2", "--reason", "Found safe")

        async def is_gone():
            return await site.status(url) == 404

        await until(is_gone, "the removal")
        assert [post["status"] for post in await site.posts("Ben is 14")] == ["trash"]


def status_and_code(answer):
    status, body = answer
    return (status, body.get("code")) if isinstance(body, dict) else status


async def test_a_stranger_is_refused_in_these_words(site):
    _, post = await site.asks("POST", "posts", {"title": "x", "status": "publish", "slug": "ab-s"})
    for method, path, body, expected in [
        ("POST", "posts", {"title": "x"}, (401, "rest_cannot_create")),
        ("GET", "posts?slug=ab-s&status=any,trash", None, (400, "rest_invalid_param")),
        ("GET", f"posts/{post['id']}?context=edit", None, (401, "rest_forbidden_context")),
        ("POST", f"posts/{post['id']}", {"title": "y"}, (401, "rest_cannot_edit")),
        ("DELETE", f"posts/{post['id']}", None, (401, "rest_cannot_delete")),
        ("POST", "categories", {"name": "y"}, (401, "rest_cannot_create")),
        ("GET", "users/me", None, (401, "rest_not_logged_in")),
    ]:
        assert status_and_code(await site.asks(method, path, body, user="")) == expected, (
            method,
            path,
        )
    _, body = await site.asks("GET", "posts?slug=ab-s&status=any,trash", user="")
    inner = body["data"]["details"]["status"]
    assert (inner["code"], inner["data"]["status"]) == ("rest_forbidden_status", 401)


async def test_what_is_wrong_is_refused_in_these_words(site):
    for body, expected in [
        ({"status": "publish"}, "empty_content"),
        ({"title": "x", "status": "nope"}, "rest_invalid_param"),
        ({"title": 7}, "empty_content"),
        ({"title": "x", "slug": 7}, "rest_invalid_param"),
        ({"title": "x", "categories": ["Missing"]}, "rest_invalid_param"),
    ]:
        assert status_and_code(await site.asks("POST", "posts", body)) == (400, expected), body
    assert status_and_code(await site.asks("GET", "posts/99999?context=edit")) == (
        404,
        "rest_post_invalid_id",
    )
    assert status_and_code(await site.asks("GET", "nothing")) == (404, "rest_no_route")


async def test_a_post_lives_like_this(site):
    new = {"title": 'A -- "b"', "content": "It's...\n\nso", "status": "publish", "slug": "ab-1"}
    status, first = await site.asks("POST", "posts", new)
    assert (status, first["slug"], first["status"]) == (201, "ab-1", "publish")
    assert first["title"] == {"raw": 'A -- "b"', "rendered": "A &#8212; &#8220;b&#8221;"}
    assert first["content"]["raw"] == "It's...\n\nso"
    assert first["content"]["rendered"] == "<p>It&#8217;s&#8230;</p>\n<p>so</p>\n"
    _, second = await site.asks("POST", "posts", new)
    assert second["slug"] == "ab-1-2"
    where = f"posts/{first['id']}"
    status, edited = await site.asks("POST", where, {"content": "<p>no</p>"})
    assert (status, edited["content"]["raw"], edited["title"]) == (200, "<p>no</p>", first["title"])
    status, trashed = await site.asks("DELETE", where)
    assert (status, trashed["status"], trashed["slug"]) == (200, "trash", "ab-1__trashed")
    assert status_and_code(await site.asks("DELETE", where)) == (410, "rest_already_trashed")
    assert status_and_code(await site.asks("GET", where, user="")) == (401, "rest_forbidden")
    both = "posts?slug=ab-1,ab-1__trashed&context=edit&status"
    assert (await site.asks("GET", f"{both}=any"))[1] == []
    _, (result,) = await site.asks("GET", f"{both}=any,trash")
    assert (result["id"], result["status"]) == (first["id"], "trash")
    status, gone = await site.asks("DELETE", f"{where}?force=true")
    assert (status, gone["deleted"]) == (200, True)
    assert status_and_code(await site.asks("DELETE", f"{where}?force=true")) == (
        404,
        "rest_post_invalid_id",
    )


async def test_terms_are_kept_like_this(site):
    status, term = await site.asks("POST", "categories", {"name": "Lost & found"})
    assert (status, term["name"]) == (201, "Lost &amp; found")
    status, again = await site.asks("POST", "categories", {"name": "lost & FOUND"})
    assert (status, again["code"]) == (400, "term_exists")
    assert again["data"]["term_id"] == term["id"]
    assert (await site.asks("GET", "categories?search=Lost%20%26%20found"))[1] == []
    _, (result,) = await site.asks("GET", "categories?search=lost%20%26amp%3B%20found")
    assert result["id"] == term["id"]
    _, post = await site.asks("POST", "posts", {"title": "x", "categories": [term["id"], 9999]})
    assert post["categories"] == [term["id"]]
    _, post = await site.asks("POST", "posts", {"title": "x"})
    assert (post["status"], post["categories"], post["slug"]) == ("draft", [1], "")


PICTURE = png()
ALT = 'A girl, 14, in a "red" coat & hat'


@pytest_asyncio.fixture(loop_scope="module")
async def channel(site):
    """The channel at the site: calls one of its methods, for the account of an editor."""
    login = {"username": "editor", "application_password": site.password}
    account = WordPress().account.model_validate({"api": site.url, "credentials": login})
    delivery = a_delivery(id=f"delivery {time.time()}")

    async def data(_):
        return PICTURE

    async with open_session(policy=this_machine) as session:
        http = Http(session, str, now=time.time, timeout=10.0)

        async def does(what, *arguments):
            tools = Tools(http, time.time(), random.Random(1), data)
            return await getattr(WordPress(), what)(account, *arguments, delivery, tools)

        yield does


async def test_two_pictures_are_uploaded_once_shown_and_gone_for_good_with_their_post(
    site, channel
):
    image = stored(PICTURE, ALT)
    names = ["0aa1bb2cc3dd4ee5ff60718", "1aa1bb2cc3dd4ee5ff60718"]
    await site.lose("media")
    with pytest.raises(Unsure):
        await channel("upload", image, names[0])
    first = await channel("find_upload", image, names[0])
    assert await channel("find_upload", image, names[1]) is None
    second = await channel("upload", image, names[1])
    images = tuple(image.model_copy(update={"upload": upload}) for upload in (first, second))
    message = WordPressPost(title="Two pictures", body="<p>Seen?</p>", images=images)
    receipt = await channel("deliver", message)
    (post,) = await site.posts("Two pictures")
    assert (
        f'<img src="{second.url}" alt="A girl, 14, in a &quot;red&quot; coat &amp; hat">'
        in post["content"]
    )
    assert [await site.status(upload.url) for upload in (first, second)] == [200, 200]
    _, shown = await site.asks("GET", f"media/{first.id}?context=edit")
    assert (shown["alt_text"], shown["slug"]) == (ALT, names[0])
    _, shown = await site.asks("GET", f"posts/{receipt.id}?context=edit")
    assert shown["featured_media"] == int(first.id)
    assert WordPress().shows(message, await channel("look", receipt))
    corrected = message.model_copy(update={"body": "<p>Found.</p>"})
    await channel("edit", corrected, receipt)
    assert WordPress().shows(corrected, await channel("look", receipt))
    await channel("remove", receipt)
    assert not (await channel("look", receipt)).there
    for upload in (first, second):
        assert (await channel("look_upload", upload)).there
        await channel("remove_upload", upload)
        assert not (await channel("look_upload", upload)).there
        assert await site.status(upload.url) == 404
    assert await site.status(receipt.url) == 404


PICTURED = """
alias: Appeal with pictures, corrected when it changes
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'appeal.updated' }}"
    then:
      - action: amend
        of: blog
        title: "{{ event.data.title }}"
        body: "<p>{{ event.data.text }}</p>"
        images: [{ file: blue.jpg, alt: A blue coat }]
      - stop: corrected
  - action: wordpress_post
    id: blog
    channel: newsroom
    title: "{{ event.data.title }}"
    body: "<p>{{ event.data.text }}</p>"
    images: [{ file: red.png, alt: A red coat }, { file: blue.jpg, alt: The station }]
approval: none
"""


async def test_pictures_of_a_recipe_are_there_once_corrected_and_gone_with_their_post(
    site, tmp_path
):
    channels, password = CHANNELS.format(url=site.url), {"newsroom_password": site.password}
    event = {**EVENT, "subject": "MP-9", "title": "Two coats", "text": "Seen?"}

    async def library():
        _, pictures = await site.asks("GET", "media?per_page=100&context=edit")
        return {picture["alt_text"]: picture for picture in pictures}

    async with house(tmp_path / "stage", channels, {"blog": PICTURED}, **password) as force:
        await site.lose("media")
        await site.lose("posts")
        await force.receives("msg_9", event)
        await force.has(1, "delivered")
        assert len(await site.posts("Two coats")) == 1
        before = await library()
        assert {"A red coat", "The station"} <= before.keys()
        async with (
            aiohttp.ClientSession() as session,
            session.get(before["A red coat"]["source_url"]) as answer,
        ):
            assert colour_of(await answer.read()) == "red"
        await force.receives("msg_10", {**event, "type": "appeal.updated"})
        await force.has(2, "delivered")
        assert len(await site.posts("Two coats")) == 1
        blue = (await library())["A blue coat"]["source_url"]
        await command(force, "withdraw", "MP-9", "--reason", "Found safe")

        async def is_gone():
            return await site.status(blue) == 404

        await until(is_gone, "the removal of the picture")
