"""The channel for Bluesky on the practice Bluesky, which is as strict as the real one."""

import hashlib
import random
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import aiohttp
import pytest
from PIL import Image as Drawing

from appealbridge.channels.bluesky.account import BlueskyServer
from appealbridge.channels.bluesky.channel import Bluesky
from appealbridge.channels.bluesky.post import record_key
from appealbridge.channels.bluesky.rich_text import facets, length, mentions
from appealbridge.media.renderer import Renderer
from appealbridge.media.values import ImageRefused
from appealbridge.plugin import AccountRefused, LoginExpired, Rejected, Tools, TryAgain, Unsure
from appealbridge.plugin.http import Http, Logins
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.images import Image, StoredImage, Uploaded, UploadExpired
from appealbridge.practice.app import Sandbox
from appealbridge.practice.faults import FaultName
from appealbridge.testing.channel_case import NOW, a_delivery
from appealbridge.testing.clock import FakeClock
from appealbridge.testing.server import HANG_UP, ScriptedServer, this_machine
from tests.pictures import SECRET, drawn, exif, jpeg, png

bluesky = Bluesky()
FAMILY = "👨\u200d👩\u200d👧\u200d👦"


class World:
    """The practice Bluesky, an account on it, and its records."""

    def __init__(self, clock, sandbox, session):
        self.clock = clock
        self.sandbox = sandbox
        self.session = session
        options = bluesky.practice("force_b", {"handle": "force.police.uk"}, sandbox.url)
        self.account = bluesky.account(**options)
        self.restarts()

    def restarts(self, logins=None):
        """Continue without the logins of before, or with these."""
        self.http = Http(self.session, str, now=self.clock.now, logins=logins or Logins())

    @property
    def tools(self):
        return Tools(self.http, self.clock.now(), random.Random(7), render=rendered)

    async def posts(self, text="M6 closed", number=1, **options):
        message = bluesky.message(text=text, **options)
        return await bluesky.deliver(self.account, message, delivery(number), self.tools)

    async def finds(self, text="M6 closed", number=1):
        message = bluesky.message(text=text)
        return await bluesky.find(self.account, message, delivery(number), self.tools)

    @property
    def up(self):
        shelf = self.sandbox.shelf.everything()
        return [post for post in shelf if post.platform == "bluesky" and post.deleted_at is None]

    def fault(self, name, count=1, seconds=None):
        self.sandbox.faults.add("bluesky", FaultName(name), count, seconds)


def delivery(number=1):
    return a_delivery(id=f"delivery {number}", action="bluesky_post")


async def rendered(data, limits):
    renderer = Renderer()
    try:
        return await renderer.render(data, limits)
    except ImageRefused as refusal:
        raise Rejected(str(refusal)) from None
    finally:
        renderer.close()


@pytest.fixture
async def world():
    clock = FakeClock(NOW)
    async with Sandbox(clock=clock) as sandbox, open_session(policy=this_machine) as session:
        yield World(clock, sandbox, session)


# -- created once -------------------------------------------------------------------------------


async def test_however_often_a_delivery_is_attempted_there_is_one_post(world):
    first = await world.posts()
    for _ in range(3):
        world.clock._now += 1000
        assert await world.posts() == first
    assert [post.id for post in world.up] == [first.id]


async def test_an_attempt_that_reads_a_name_in_another_way_is_still_the_same_post(world):
    first = await world.posts("Ask @ward.police.uk")
    (post,) = world.up
    del post.more["record"]["facets"]
    post.more["cid"] = "another"
    assert await world.posts("Ask @ward.police.uk") == first
    assert len(world.up) == 1


async def test_a_record_that_somebody_else_put_there_is_never_replaced(world):
    await world.posts("M6 closed")
    (post,) = world.up
    post.more["record"]["createdAt"] = "2020-01-01T00:00:00Z"
    with pytest.raises(Rejected, match="another record has the key of this post"):
        await world.posts("A38 closed")
    assert [post.text for post in world.up] == ["M6 closed"]


@pytest.mark.parametrize("fault", ["post_then_reset", "post_then_500", "truncated"])
async def test_an_answer_that_is_lost_leaves_one_post_whether_it_is_sought_or_sent_again(
    world, fault
):
    await bluesky.check(world.account, world.tools)
    world.fault(fault)
    with pytest.raises(Unsure):
        await world.posts()
    result = await world.finds()
    assert (result.sure, result.receipt) == (True, await world.posts())
    assert len(world.up) == 1


async def test_what_is_not_there_is_certainly_absent(world):
    result = await world.finds()
    assert (result.receipt, result.sure) == (None, True)


async def test_a_record_whose_text_somebody_changed_is_left_to_a_person(world):
    await world.posts()
    world.fault("edited_by_hand")
    result = await world.finds()
    assert (result.receipt, result.sure) == (None, False)


def test_every_delivery_has_a_key_of_its_own_that_stays():
    keys = {record_key(a_delivery(id=f"{n}")) for n in range(5000)}
    assert len(keys) == 5000
    assert record_key(a_delivery(attempts=3, first_begun_at=1.0)) == record_key(a_delivery())
    later = record_key(a_delivery(planned_at=NOW + 60))
    assert max(keys) < later


# -- logins -------------------------------------------------------------------------------------


@pytest.fixture
async def server():
    async with ScriptedServer((200, {})) as server:
        yield server


SESSION = {"did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "handle": "force.police.uk"}


def a_session(number):
    return (
        200,
        {**SESSION, "accessJwt": f"access-token-{number}", "refreshJwt": f"refresh-{number}"},
    )


EXPIRED = (400, {"error": "ExpiredToken", "message": "Token has expired"})
GOOD = (200, {**SESSION, "active": True})


def scripted(server, session, now=NOW, logins=None):
    account = bluesky.account(
        handle="force.police.uk", api=server.url, credentials={"app_password": "secret-word"}
    )
    http = Http(session, str, now=lambda: now, logins=logins or Logins())
    return account, Tools(http, now, random.Random(7))


@pytest.fixture
async def session():
    async with open_session(policy=this_machine) as session:
        yield session


def methods_called(server):
    return [request.path.rpartition(".")[2] for request in server.requests]


async def test_a_login_is_used_again_and_renewed_without_the_password_when_it_has_expired(
    server, session
):
    account, tools = scripted(server, session)
    server.answers(a_session(1), GOOD, GOOD, EXPIRED, a_session(2), GOOD)
    for _ in range(3):
        assert await bluesky.check(account, tools) == "@force.police.uk"
    assert methods_called(server) == [
        "createSession", "getSession", "getSession", "getSession", "refreshSession", "getSession",
    ]  # fmt: skip
    assert server.requests[0].json() == {"identifier": "force.police.uk", "password": "secret-word"}
    assert server.requests[4].headers["Authorization"] == "Bearer refresh-1"
    assert server.requests[5].headers["Authorization"] == "Bearer access-token-2"


@pytest.mark.parametrize("refused", [EXPIRED, (401, {"error": "AuthenticationRequired"})])
async def test_where_a_login_cannot_be_renewed_the_password_gives_a_new_one(
    server, session, refused
):
    account, tools = scripted(server, session)
    server.answers(a_session(1), EXPIRED, refused, a_session(2), GOOD)
    assert await bluesky.check(account, tools) == "@force.police.uk"
    assert methods_called(server)[2:4] == ["refreshSession", "createSession"]


async def test_a_lost_answer_to_a_login_published_nothing(server, session):
    account, tools = scripted(server, session)
    server.answers(HANG_UP, HANG_UP)
    with pytest.raises(TryAgain):
        await bluesky.deliver(account, bluesky.message(text="a"), delivery(), tools)


async def test_another_password_or_name_does_not_use_the_old_login(server, session):
    logins = Logins()
    account, tools = scripted(server, session, logins=logins)
    server.answers(a_session(1), GOOD, a_session(2), GOOD)
    await bluesky.check(account, tools)
    changed = bluesky.account(
        handle="force.police.uk", api=server.url, credentials={"app_password": "another-word"}
    )
    await bluesky.check(changed, tools)
    assert methods_called(server).count("createSession") == 2


async def test_never_more_logins_are_asked_for_than_bluesky_allows_even_if_all_are_refused(
    server, session, tmp_path
):
    begun = []
    server.otherwise = (401, {"error": "AuthenticationRequired", "message": "Invalid password"})
    for minute in range(3000):  # a daemon that starts anew every minute for two days
        account, tools = scripted(
            server, session, NOW + 60 * minute, Logins(tmp_path / "bridge.db.logins")
        )
        before = len(server.requests)
        with pytest.raises(LoginExpired if minute < 15 else (LoginExpired, TryAgain)):
            await bluesky.check(account, tools)
        begun += [NOW + 60 * minute] * (len(server.requests) - before)
    for most, seconds in ((30, 300), (300, 86_400)):
        assert max(sum(at <= other < at + seconds for other in begun) for at in begun) <= most / 2
    assert len(begun) > 200


async def test_what_never_reached_the_server_is_no_login(server, session):
    account, tools = scripted(server, session, logins=Logins())
    nobody = account.model_copy(update={"api": "http://127.0.0.1:9"})
    for _ in range(40):
        with pytest.raises(TryAgain, match="cannot connect"):
            await bluesky.check(nobody, tools)
    assert [login.begun for login in tools.http.logins._logins.values()] == [[]]


async def test_after_an_outage_the_next_login_is_less_than_a_minute_away(server, session):
    logins = Logins()
    server.otherwise = 503
    waited = []
    for second in range(140):
        account, tools = scripted(server, session, NOW + second, logins)
        with pytest.raises(TryAgain) as caught:
            await bluesky.check(account, tools)
        waited.append(caught.value.after or 0.0)
    assert max(waited) <= 40


async def test_days_of_posts_need_one_login(world):
    for hour in range(0, 24 * 8, 3):
        world.clock._now = NOW + 3600 * hour
        await world.posts(number=hour)
    assert len(world.up) == 64
    logins = [*world.http.logins._logins.values()]
    assert [len(login.begun) for login in logins] == [1]


async def test_a_restart_needs_no_new_login_and_a_hundred_of_them_neither(world, tmp_path):
    for number in range(100):
        world.restarts(Logins(tmp_path / "bridge.db.logins"))
        await world.posts(number=number)
    assert len(world.up) == 100


async def test_an_account_that_was_taken_down_may_not_publish(world):
    world.fault("suspended", 2)
    with pytest.raises(AccountRefused) as caught:
        await bluesky.check(world.account, world.tools)
    assert caught.value.sure


async def test_an_account_that_is_deactivated_may_not_publish(server, session):
    account, tools = scripted(server, session)
    server.answers(a_session(1), (200, {**SESSION, "active": False, "status": "deactivated"}))
    with pytest.raises(AccountRefused, match="the account is deactivated"):
        await bluesky.check(account, tools)


async def test_a_rate_limit_ends_when_the_server_says(world):
    await bluesky.check(world.account, world.tools)
    world.fault("http_429", 1, 90)
    with pytest.raises(TryAgain) as caught:
        await world.posts()
    assert (round(caught.value.after), caught.value.throttled) == (90, True)


# -- what is published --------------------------------------------------------------------------


async def test_the_record_is_what_bluesky_shows(world):
    await world.posts(
        "Help @ward.police.uk: https://www.gov.uk/a #Missing",
        language="cy",
        link="https://www.gov.uk/a",
        link_title="Have you seen Aïsha?",
    )
    record = world.up[0].more["record"]
    assert record["createdAt"] == "2026-11-18T11:06:40.000Z"
    assert record["langs"] == ["cy"]
    assert record["embed"]["external"] == {
        "uri": "https://www.gov.uk/a",
        "title": "Have you seen Aïsha?",
        "description": "",
    }
    kinds = [facet["features"][0]["$type"].rpartition("#")[2] for facet in record["facets"]]
    assert kinds == ["mention", "link", "tag"]


async def test_a_link_that_a_template_leaves_empty_is_none(world):
    await world.posts("Help", link="", link_image="")
    assert "embed" not in world.up[0].more["record"]


async def test_a_thread_names_its_beginning_and_the_post_before(world):
    first = await world.posts("1", 1)
    second = await world.posts("2", 2, in_reply_to=first.id)
    await world.posts("3", 3, in_reply_to=second.url)
    reply = world.up[2].more["record"]["reply"]
    assert (reply["root"]["uri"], reply["parent"]["uri"]) == (first.id, second.id)


async def test_a_reply_to_a_post_that_is_gone_is_rejected(world):
    with pytest.raises(Rejected, match="does not exist"):
        await world.posts(in_reply_to="https://bsky.app/profile/force.police.uk/post/3n2cahbj2sw4t")


async def test_a_name_that_nobody_has_is_plain_text(world):
    await world.posts("Ask @nobody.invalid")
    assert "facets" not in world.up[0].more["record"]


PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ((200, png()), True),
        ((200, b"<svg/>"), False),
        ((404, b""), False),
        ((200, b"0" * 5_000_001), False),
    ],
    ids=["a picture", "something else", "nothing", "too long"],
)
async def test_a_card_has_a_picture_if_there_is_one(world, monkeypatch, answer, shown):
    async with ScriptedServer(answer) as site:
        # The picture is fetched from public addresses only; here is none.
        monkeypatch.setattr(Http, "get_outside", Http.get)
        await world.posts(link="https://a.example", link_image=f"{site.url}/a.png")
    card = world.up[0].more["record"]["embed"]["external"]
    assert ("thumb" in card) is shown


async def test_the_picture_of_a_card_has_no_metadata_and_is_small_enough(world, monkeypatch):
    result = jpeg(drawn(3000, 2000), exif=exif())
    assert SECRET in result
    async with ScriptedServer((200, result)) as site:
        monkeypatch.setattr(Http, "get_outside", Http.get)
        await world.posts(link="https://a.example", link_image=f"{site.url}/a.jpg")
    thumb = world.up[0].more["record"]["embed"]["external"]["thumb"]
    async with (
        aiohttp.ClientSession() as reader,
        reader.get(
            f"{world.account.api}/xrpc/com.atproto.sync.getBlob",
            params={
                "did": (await BlueskyServer(world.account, world.tools).login()).about["did"],
                "cid": thumb["ref"]["$link"],
            },
        ) as answer,
    ):
        uploaded = await answer.read()
    assert SECRET not in uploaded
    assert b"Exif" not in uploaded
    assert Drawing.open(BytesIO(uploaded)).size == (2000, 1333)


async def test_the_picture_of_a_card_is_never_fetched_from_inside_the_network(world):
    async with ScriptedServer((200, PNG)) as site:
        await world.posts(link="https://a.example", link_image=f"{site.url}/a.png")
        assert site.requests == []
    assert "thumb" not in world.up[0].more["record"]["embed"]["external"]


def a_picture(alt, number):
    data = PNG + bytes([number])
    digest = hashlib.sha256(data).hexdigest()
    stored = StoredImage(
        sha256=digest, media_type="image/png", width=1200, height=800, size=len(data)
    )
    return Image(url=f"https://a.example/{number}.png", alt=alt, stored=stored), data


async def test_pictures_are_shown_with_their_descriptions_and_take_the_place_of_a_card(world):
    (first, single), (second, two) = a_picture("A red coat", 1), a_picture("", 2)
    data = {first.rendition.sha256: single, second.rendition.sha256: two}

    async def stored(sha256):
        return data[sha256]

    tools = replace(world.tools, stored=stored)
    images = []
    for number, image in enumerate((first, second)):
        upload = await bluesky.upload(world.account, image, f"{number}", delivery(), tools)
        again = await bluesky.upload(world.account, image, f"{number}", delivery(), tools)
        assert upload == again
        assert upload.expires > NOW
        images.append(image.model_copy(update={"upload": upload}))
    await world.posts(images=tuple(images), link="https://a.example")
    embed = world.up[0].more["record"]["embed"]
    assert embed["$type"] == "app.bsky.embed.images"
    assert [image["alt"] for image in embed["images"]] == ["A red coat", ""]
    assert embed["images"][0]["aspectRatio"] == {"width": 1200, "height": 800}


async def test_a_picture_that_bluesky_no_longer_has_is_uploaded_again(world):
    image, _ = a_picture("A red coat", 1)
    lost = image.model_copy(update={"upload": Uploaded("bafkrei" + "a" * 52)})
    with pytest.raises(UploadExpired):
        await world.posts(images=(lost,))
    assert world.up == []


# -- removed ------------------------------------------------------------------------------------


async def test_another_account_s_login_removes_nothing(world):
    receipt = await world.posts()
    other = bluesky.account(
        **bluesky.practice("other_b", {"handle": "other.police.uk"}, world.sandbox.url)
    )
    with pytest.raises(
        AccountRefused, match="published this post, but the login is that of"
    ) as caught:
        await bluesky.remove(other, receipt, delivery(), world.tools)
    assert not caught.value.sure
    assert len(world.up) == 1


async def test_another_account_sees_that_the_post_is_there(world):
    receipt = await world.posts()
    other = bluesky.account(
        **bluesky.practice("other_b", {"handle": "other.police.uk"}, world.sandbox.url)
    )
    assert (await bluesky.look(other, receipt, delivery(), world.tools)).there


async def test_a_post_that_was_removed_is_gone(world):
    receipt = await world.posts()
    assert "deleted" in await bluesky.remove(world.account, receipt, delivery(), world.tools)
    assert not (await bluesky.look(world.account, receipt, delivery(), world.tools)).there
    with pytest.raises(Unsure):
        await bluesky.remove(world.account, receipt, delivery(), world.tools)


# -- texts --------------------------------------------------------------------------------------


def shown(text, accounts=()):
    """Return the parts that can be tapped, each with what it leads to."""
    raw = text.encode()
    parts = []
    for facet in facets(text, dict.fromkeys(accounts, "did:plc:a")):
        (feature,) = facet["features"]
        part = raw[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        parts.append((part, feature.get("uri") or feature.get("tag") or feature["did"]))
    return parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("See https://www.gov.uk/a.", [("https://www.gov.uk/a", "https://www.gov.uk/a")]),
        ("(gov.uk/a)", [("gov.uk/a", "https://gov.uk/a")]),
        ("👩\u200d🚒 é https://gov.uk", [("https://gov.uk", "https://gov.uk")]),
        ("HTTP://gov.uk", [("HTTP://gov.uk", "HTTP://gov.uk")]),
        ("desk@example.org", []),
        ("#Missing!", [("#Missing", "Missing")]),
        ("#Größe und #Ελλάδα", [("#Größe", "Größe"), ("#Ελλάδα", "Ελλάδα")]),
        ("＃日本", [("＃日本", "日本")]),
        ("a#b ## #1 #2026 #️⃣ #", []),
        ("#1a", [("#1a", "1a")]),
        (f"#{'a' * 64}", [(f"#{'a' * 64}", "a" * 64)]),
        (f"#{'a' * 65}", []),
        ("https://gov.uk/#Missing", [("https://gov.uk/#Missing", "https://gov.uk/#Missing")]),
        ("@a.police.uk", [("@a.police.uk", "did:plc:a")]),
        ("(@A.Police.UK)", [("@A.Police.UK", "did:plc:a")]),
        ("@a.police.uk.", [("@a.police.uk", "did:plc:a")]),
        ("@a.police.uk's", [("@a.police.uk", "did:plc:a")]),
        ("x@a.police.uk @a.police.ukx @a @a.police.uk@b /@a.police.uk", []),
        ("@\u200aa.police.uk", [("a.police.uk", "https://a.police.uk")]),
    ],
)
def test_links_mentions_and_hashtags_are_found_by_bytes(text, parts):
    assert shown(text, ["a.police.uk"]) == parts


def test_a_name_is_looked_up_once_and_ten_at_the_most():
    text = "@A.police.uk @a.police.uk " + " ".join(f"@a{n}.police.uk" for n in range(20))
    assert mentions(text) == ["a.police.uk", *(f"a{n}.police.uk" for n in range(9))]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 300, 300),
        (FAMILY, 3),  # 25 bytes
        (FAMILY * 120, 300),
        (f"{FAMILY}{'a' * 99}", 100),
        ("e\u0301" * 300, 300),
        ("a\r\nb", 3),
        ("https://www.gov.uk/a", 20),
        ("a" + "\u0301" * 3000, 601),
    ],
)
def test_characters_count_and_bytes_where_there_are_very_many(text, count):
    assert length(text) == count


@pytest.mark.parametrize("text", [FAMILY * 120, "e\u0301" * 300, "🇬🇧" * 300, "a" * 300])
async def test_a_text_that_just_fits_is_taken(world, text):
    assert bluesky.measure(world.account, SimpleNamespace(text=text)).fits
    await world.posts(text)
    assert world.up[0].text == text


@pytest.mark.parametrize("text", [FAMILY * 121, "e\u0301" * 301, "🇬🇧" * 301, "a" * 301])
async def test_a_text_that_is_just_too_long_is_refused_by_bluesky_and_known_before(world, text):
    assert not bluesky.measure(world.account, SimpleNamespace(text=text)).fits
    with pytest.raises(Rejected, match="too big"):
        await world.posts(text)
