"""
Bluesky's own server (a PDS), read by Bluesky's own client library.

Each test also runs on the practice Bluesky, which therefore does as the real one does.
"""

import asyncio
import hashlib
import io
import json
import random
import re
import time
from contextlib import AsyncExitStack

import aiohttp
import PIL.Image
import pytest

from appealbridge.channels.bluesky.channel import Bluesky
from appealbridge.channels.bluesky.rich_text import length
from appealbridge.plugin import Tools, Unsure
from appealbridge.plugin.http import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.images import Image, StoredImage
from appealbridge.practice.app import Sandbox
from appealbridge.testing.channel_case import a_delivery
from appealbridge.testing.server import this_machine
from tests.real.house import command, house
from tests.real.losing import Losing
from tests.real.servers import free_port, install, output_of, running
from tests.stories.processes import until

HANDLE, OTHER, PASSWORD = "force.test", "ward7.test", "practice-password"
CHANNELS = """
force_bluesky:
  platform: bluesky
  handle: force.test
  api: {url}
  credentials: {{ app_password: !secret bluesky_app_password }}
"""
POST = """
alias: Incident
triggers: [{ trigger: webhook, webhook_id: desk, types: [incident] }]
actions:
  - action: bluesky_post
    channel: force_bluesky
    text: "{{ event.data.text }}. Ask @ward7.test or see https://www.gov.uk/roads #M6"
    language: en
    link: https://www.gov.uk/roads
    link_title: Roads
approval: none
"""
THREAD = """
alias: Thread
triggers: [{ trigger: webhook, webhook_id: desk, types: [thread] }]
actions:
  - { action: bluesky_post, channel: force_bluesky, text: "{{ event.data.text }}", overflow: thread }
approval: none
"""
CORRECTED = """
alias: Corrected
triggers: [{{ trigger: webhook, webhook_id: desk, types: [report, report.updated] }}]
actions:
  - if: "{{{{ event.type == 'report.updated' }}}}"
    then:
      - {{ action: amend, of: report, instead: {instead}, text: "{{{{ event.data.text }}}}" }}
      - stop: corrected
  - {{ action: bluesky_post, id: report, channel: force_bluesky, text: "{{{{ event.data.text }}}}" }}
approval: none
"""
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
EVENT = {"type": "incident", "subject": "M6", "text": f"M6 closed {FAMILY} <both> ways"}


class Pds:
    """One server, by a way on which answers can be lost."""

    def __init__(self, way, folder, session):
        self.way = way
        self._folder = folder
        self._session = session
        self.password = PASSWORD

    async def read(self, handle=HANDLE):
        """Return the account's posts, newest first, as Bluesky's own client reads them."""
        text = ["node", self._folder / "read.mjs", self.way.url, handle]
        return json.loads(await asyncio.to_thread(output_of, text))

    async def ask(self, method, body=None, token="", **options):
        """Make one request; return the status and the body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.way.url}/xrpc/com.atproto.{method}"
        verb = "GET" if body is None and not options else "POST"
        async with self._session.request(
            verb, url, json=body, headers=headers, **options
        ) as answer:
            return answer.status, await answer.json()

    async def makes_account(self, handle):
        account = {"email": f"{handle}@example.org", "handle": handle, "password": PASSWORD}
        _, result = await self.ask("server.createAccount", account)
        name = {"name": "AppealBridge"}
        return (await self.ask("server.createAppPassword", name, result["accessJwt"]))[1][
            "password"
        ]


@pytest.fixture(scope="module")
def installed():
    return install("bluesky")


@pytest.fixture(scope="module")
def real(installed, tmp_path_factory):
    """The address of a PDS with two accounts."""
    port = free_port()
    text = ["node", installed / "serve.mjs", str(port), str(free_port())]
    with running(text, port, tmp_path_factory.mktemp("bluesky") / "log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["real", "practice"])
async def pds(request, installed):
    async with AsyncExitStack() as stack:
        if request.param == "real":
            target = request.getfixturevalue("real")
        else:
            target = f"{(await stack.enter_async_context(Sandbox())).url}/bluesky"
        way = await stack.enter_async_context(Losing(target))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        pds = Pds(way, installed, session)
        if request.param == "real":
            pds.password = await app_password(pds, request.session.stash)
        yield pds


KEY = pytest.StashKey()


async def app_password(pds, stash):
    """Return the app password of the account on the real server; it is made once."""
    if KEY not in stash:
        await pds.makes_account(OTHER)
        stash[KEY] = await pds.makes_account(HANDLE)
    return stash[KEY]


@pytest.fixture
async def force(pds, tmp_path):
    """The daemon, publishing there."""
    recipes = {"post": POST, "thread": THREAD}
    channels = CHANNELS.format(url=pds.way.url)
    async with house(
        tmp_path / "stage", channels, recipes, bluesky_app_password=pds.password
    ) as force:
        yield force
    for post in await pds.read():  # the next test begins without posts
        await removes(pds, post["uri"])


async def removes(pds, uri):
    login = {"identifier": HANDLE, "password": pds.password}
    _, session = await pds.ask("server.createSession", login)
    repo, collection, key = uri.removeprefix("at://").split("/")
    body = {"repo": repo, "collection": collection, "rkey": key}
    await pds.ask("repo.deleteRecord", body, session["accessJwt"])


async def test_a_post_whose_answer_is_lost_is_published_once_as_written_and_removed_for_good(
    pds, force
):
    pds.way.lose("putRecord")
    await force.receives("msg_1", EVENT)
    (delivery,) = await force.has(1, "delivered")
    assert len(pds.way.lost) == 1
    (post,) = await pds.read()
    assert delivery["receipt"]["id"] == post["uri"]
    assert post["text"] == f"{EVENT['text']}. Ask @ward7.test or see https://www.gov.uk/roads #M6"
    parts = {part["text"]: {*part} - {"text"} for part in post["segments"] if len(part) > 1}
    assert parts == {
        "@ward7.test": {"mention"},
        "https://www.gov.uk/roads": {"link"},
        "#M6": {"tag"},
    }
    assert post["langs"] == ["en"]
    assert post["card"] == {"uri": "https://www.gov.uk/roads", "title": "Roads", "description": ""}

    await command(force, "withdraw", "M6", "--reason", "The road is open")

    async def is_gone():
        return await pds.read() == []

    await until(is_gone, "the removal")
    _, withdrawals = await force.ask("GET", "/api/v1/withdrawals")
    assert withdrawals


async def test_a_thread_hangs_together_and_no_part_is_published_twice(pds, force):
    pds.way.lose("putRecord", 2)
    text = "The M6 is closed between junctions 5 and 6 in both directions. " * 12
    await force.receives("msg_1", {"type": "thread", "subject": "M6", "text": text.strip()})
    await force.has(3, "delivered")
    first, middle, last = sorted(await pds.read(), key=lambda post: post["text"][-5:])
    assert [post["text"][-5:] for post in (first, middle, last)] == ["(1/3)", "(2/3)", "(3/3)"]
    assert "reply" not in first
    links = [
        (post["reply"]["root"]["uri"], post["reply"]["parent"]["uri"]) for post in (middle, last)
    ]
    assert links == [(first["uri"], first["uri"]), (first["uri"], middle["uri"])]


@pytest.mark.parametrize("instead", ["follow_up", "replace"])
async def test_a_correction_whose_answer_is_lost_is_there_once_and_all_is_withdrawn(
    pds, tmp_path, instead
):
    channels = CHANNELS.format(url=pds.way.url)
    recipes = {"corrected": CORRECTED.format(instead=instead)}
    async with house(
        tmp_path / "stage", channels, recipes, bluesky_app_password=pds.password
    ) as force:
        report = {"type": "report", "subject": "MP-1", "text": "Aged 13"}
        await force.receives("msg_1", report)
        await force.has(1, "delivered")
        pds.way.lose("putRecord")
        await force.receives("msg_2", {**report, "type": "report.updated", "text": "Aged 14"})

        async def is_corrected():
            posts = {post["text"]: post for post in await pds.read()}
            if instead == "replace":
                return [*posts] == ["Aged 14"]
            first, second = posts.get("Aged 13"), posts.get("Aged 14")
            return second and second["reply"]["parent"]["uri"] == first["uri"]

        await until(is_corrected, "the correction")
        assert len(pds.way.lost) == 1
        assert len(await pds.read()) == (1 if instead == "replace" else 2)
        await command(force, "withdraw", "MP-1", "--reason", "Found safe")

        async def is_gone():
            return await pds.read() == []

        await until(is_gone, "the removal")


PICTURED = """
alias: Appeal with pictures
triggers: [{ trigger: webhook, webhook_id: desk, types: [appeal] }]
actions:
  - action: bluesky_post
    channel: force_bluesky
    text: "{{ event.data.text }}"
    images: [{ file: red.png, alt: A red coat }, { file: blue.jpg, alt: The station }]
approval: none
"""


async def test_pictures_of_a_recipe_are_there_once_and_gone_with_their_post(pds, tmp_path):
    channels = CHANNELS.format(url=pds.way.url)
    async with house(
        tmp_path / "stage", channels, {"appeal": PICTURED}, bluesky_app_password=pds.password
    ) as force:
        for request in ("uploadBlob", "putRecord"):
            pds.way.lose(request)
        await force.receives("msg_1", {"type": "appeal", "subject": "MP-9", "text": "Two coats"})
        await force.has(1, "delivered")
        assert len(pds.way.lost) == 2
        (post,) = await pds.read()
        shown = [(each["alt"], each["aspectRatio"]) for each in post["pictures"]]
        ratio = {"width": 640, "height": 480}
        assert shown == [("A red coat", ratio), ("The station", ratio)]
        await command(force, "withdraw", "MP-9", "--reason", "Found safe")

        async def is_gone():
            return await pds.read() == []

        await until(is_gone, "the removal")


async def test_a_daemon_that_starts_again_needs_no_new_login(pds, tmp_path):
    recipes, channels = {"post": POST}, CHANNELS.format(url=pds.way.url)
    before = len(pds.way.requests_for("createSession"))
    for number in (1, 2, 3):
        async with house(
            tmp_path / "stage", channels, recipes, bluesky_app_password=pds.password
        ) as force:
            await force.receives(f"msg_{number}", {**EVENT, "text": f"Closed {number}"})
            await force.has(number, "delivered")
    assert len(pds.way.requests_for("createSession")) - before == 1
    posts = await pds.read()
    assert len(posts) == 3
    for post in posts:
        await removes(pds, post["uri"])


def a_picture(colour, alt):
    """Return a picture as it is stored, and its bytes."""
    file = io.BytesIO()
    PIL.Image.new("RGB", (120, 80), colour).save(file, "PNG")
    data = file.getvalue()
    stored = StoredImage(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="image/png",
        width=120,
        height=80,
        size=len(data),
    )
    return Image(url="https://a.example/a.png", alt=alt, stored=stored), data


async def test_two_pictures_are_shown_with_their_descriptions(pds):
    pictures = [a_picture("red", "A red coat"), a_picture("blue", "A blue bag with a white strap")]
    stored = {image.rendition.sha256: data for image, data in pictures}

    async def data_of(sha256):
        return stored[sha256]

    channel = Bluesky()
    account = channel.account(
        handle=HANDLE, api=pds.way.url, credentials={"app_password": pds.password}
    )
    now = time.time()
    delivery = a_delivery(id="pictures", planned_at=now, first_begun_at=now)
    async with open_session(policy=this_machine) as session:
        tools = Tools(Http(session, str, now=time.time), now, random.Random(), data_of)
        images = []
        for image, _ in pictures:
            upload = await channel.upload(account, image, "a", delivery, tools)
            images.append(image.model_copy(update={"upload": upload}))
        message = channel.message(text="Have you seen her?", images=tuple(images))
        pds.way.lose("putRecord")
        with pytest.raises(Unsure):
            await channel.deliver(account, message, delivery, tools)
        receipt = await channel.deliver(account, message, delivery, tools)
        assert (await channel.find(account, message, delivery, tools)).receipt.id == receipt.id
        (post,) = await pds.read()
        assert [
            (each["alt"], each["aspectRatio"], each["type"], each["size"])
            for each in post["pictures"]
        ] == [
            (image.alt, {"width": 120, "height": 80}, "image/png", len(data))
            for image, data in pictures
        ]
        await channel.remove(account, receipt, delivery, tools)
    assert await pds.read() == []


# -- the same answers ---------------------------------------------------------------------------

POSTS = "app.bsky.feed.post"
TIME = "2026-11-27T01:00:00.000Z"


def facet(begin, end, **feature):
    kind = {"uri": "link", "did": "mention", "tag": "tag"}[next(iter(feature))]
    feature["$type"] = f"app.bsky.richtext.facet#{kind}"
    return {"index": {"byteStart": begin, "byteEnd": end}, "features": [feature]}


def picture(**changes):
    cid = "bafkreifr76oi5i5hqc5nbgzunrbd2lioi2avsjuhtmmoqqozfa3wvfdgia"
    blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": "image/png", "size": 69}
    image = {"alt": "", "image": {**blob, **changes.pop("blob", {})}, **changes}
    return {"$type": "app.bsky.embed.images", "images": [image]}


STRONG = {"uri": f"at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/{POSTS}/3lbbbbbbbbbbz", "cid": "bad"}
RECORDS = [
    {"text": "a" * 300},
    {"text": "a" * 301},
    {"text": FAMILY * 120},
    {"text": FAMILY * 121},
    {"text": "e\u0301" * 301},
    {"text": ""},
    {"text": 7},
    {"text": None},
    {"createdAt": "yesterday"},
    {"$type": "app.bsky.feed.like"},
    {"langs": ["en", "de", "fr", "cy"]},
    {"langs": ["no language"]},
    {"facets": {}},
    {"facets": [{}]},
    {"facets": [facet(0, 99, uri="https://a.example")]},
    {"facets": [facet(-1, 1, uri="https://a.example")]},
    {"facets": [facet("0", 1, uri="https://a.example")]},
    {"facets": [facet(0, 1.5, uri="https://a.example")]},
    {"facets": [facet(0, 1, uri="a example")]},
    {"facets": [facet(0, 1, did="ward7.test")]},
    {"facets": [facet(0, 1, tag="a" * 65)]},
    {"facets": [{"index": {"byteStart": 0, "byteEnd": 1}, "features": [{"uri": "https://a"}]}]},
    {"facets": [{"index": {"byteStart": 0, "byteEnd": 1}, "features": [{"$type": "x.y.z"}]}]},
    {"embed": {}},
    {"embed": "x"},
    {"embed": {"$type": "app.bsky.embed.images"}},
    {"embed": picture()},
    {"embed": picture(alt=7)},
    {"embed": picture(aspectRatio={"width": 0, "height": 1})},
    {"embed": picture(blob={"mimeType": "text/plain"})},
    {"embed": picture(blob={"size": 1_500_000})},
    {"embed": picture(blob={"$type": "x"})},
    {"embed": {"$type": "app.bsky.embed.external", "external": {"uri": "https://a", "title": "t"}}},
    {"reply": {"root": {}}},
    {"reply": {"root": STRONG, "parent": STRONG}},
]


async def answers_of(pds):
    """Return what a server answers to many requests, without what has to differ."""
    login = {"identifier": HANDLE, "password": pds.password}
    _, session = await pds.ask("server.createSession", login)
    token, did = session["accessJwt"], session["did"]
    place = {"repo": did, "collection": POSTS}
    record = {"$type": POSTS, "text": "hi", "createdAt": TIME}
    result = {}

    def note(name, answer):
        status, body = answer
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        text = re.sub(r"baf[a-z2-7]{50,}", "CID", text.replace(did, "DID"))
        result[name] = status, re.sub(r'"rev": "\w+"', "REV", text)

    async def put(name, key, record, token=token, **more):
        body = {**place, "rkey": key, "record": record, "swapRecord": None, **more}
        note(name, await pds.ask("repo.putRecord", body, token))

    await put("new", "3lbbbbbbbbbb2", record)
    await put("again", "3lbbbbbbbbbb2", record)
    await put("another", "3lbbbbbbbbbb2", {**record, "text": "other"})
    await put("no TID", "appeal-1", record)
    await put("without a type", "3lbbbbbbbbbb3", {"text": "x", "createdAt": TIME})
    await put("without a time", "3lbbbbbbbbbb4", {"$type": POSTS, "text": "x"})
    await put("no record", "3lbbbbbbbbbb4", "x")
    await put("swapped for another", "3lbbbbbbbbbb4", record, swapRecord=STRONG["cid"])
    await put("no login", "3lbbbbbbbbbb4", record, token="")
    await put("a wrong token", "3lbbbbbbbbbb4", record, token="abc")
    await put("the other token", "3lbbbbbbbbbb4", record, token=session["refreshJwt"])
    used = {**place, "rkey": "3lbbbbbbbbbb2", "record": record}
    note("create a used key", await pds.ask("repo.createRecord", used, token))
    for number, changes in enumerate(RECORDS):
        key = f"3lccccccccc{'abcdefgh'[number // 8]}{'abcdefgh'[number % 8]}"
        await put(f"record {number}: {str(changes)[:60]}", key, {**record, **changes})
    where = f"repo={did}&collection={POSTS}&rkey"
    note("get", await pds.ask(f"repo.getRecord?{where}=3lbbbbbbbbbb2"))
    note("get nothing", await pds.ask(f"repo.getRecord?{where}=3lbbbbbbbbbbz"))
    gone = {**place, "rkey": "3lbbbbbbbbbb2"}
    note("delete", await pds.ask("repo.deleteRecord", gone, token))
    note("delete again", await pds.ask("repo.deleteRecord", gone, token))
    note("get what is gone", await pds.ask(f"repo.getRecord?{where}=3lbbbbbbbbbb2"))
    note("no password", await pds.ask("server.createSession", {"identifier": HANDLE}))
    note("nobody", await pds.ask("identity.resolveHandle?handle=nobody.invalid"))
    note("no name", await pds.ask("identity.resolveHandle?handle=_bad"))
    note("not JSON", await pds.ask("repo.putRecord", token=token, data=b"a=b"))
    _, renewed = await pds.ask("server.refreshSession", None, session["refreshJwt"], data=b"")
    assert renewed["did"] == did
    note("renew by the wrong token", await pds.ask("server.refreshSession", None, token, data=b""))
    return result


async def test_the_practice_bluesky_answers_as_the_real_one_does(installed, real, request):
    answers = []
    async with aiohttp.ClientSession() as session, Sandbox() as sandbox:
        for target in (real, f"{sandbox.url}/bluesky"):
            async with Losing(target) as way:
                pds = Pds(way, installed, session)
                if target == real:
                    pds.password = await app_password(pds, request.session.stash)
                answers.append(await answers_of(pds))
                for post in await pds.read():
                    await removes(pds, post["uri"])
    assert answers[1] == answers[0]


async def test_texts_are_counted_as_bluesky_s_own_library_counts_them(installed):
    draw = random.Random(5)
    parts = [
        "a", " ", "é", "e\u0301", "日", "ก็", "क्षि", "ස්\u200dරී", "🇬🇧", "🇬", FAMILY, "👩🏽\u200d🚒", "❤️", "1️⃣", "\r\n",
        "한", "ᄒ",
        "ᅡ", "\u200d", "\ufe0f", "#", "https://www.gov.uk/a", "a\u0301\u0302\u0303", "😀",
    ]  # fmt: skip
    texts = ["".join(draw.choices(parts, k=draw.randint(1, 40))) for _ in range(2000)]
    arguments = ["node", str(installed / "count.mjs")]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate(json.dumps(texts).encode())
    counts = {
        text: max(n, -(-size // 10))
        for text, (n, size) in zip(texts, json.loads(output), strict=True)
    }
    assert {text: length(text) for text in counts if length(text) != counts[text]} == {}
