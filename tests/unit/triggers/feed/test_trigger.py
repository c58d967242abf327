"""Which items a feed lists, what stays the same about each, and what makes it another."""

import random
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from appealbridge.plugin import Event, Secret, SourceDown, Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.server import ScriptedServer, this_machine
from appealbridge.triggers.feed.trigger import Feed, FeedOptions, FeedSource

FEEDS = Path(__file__).parents[3] / "data" / "feeds"
FEED = Feed()
NOW = 1_790_000_000.0


@pytest.fixture
async def server():
    async with ScriptedServer((200, (FEEDS / "appeals.rss").read_bytes())) as running:
        yield running


@pytest.fixture
async def tools():
    session = open_session(policy=this_machine)
    rng = random.Random(1)
    yield Tools(Http(session, str, now=lambda: NOW, timeout=5.0), NOW, rng)
    await session.close()


async def look(server, tools, body=None, cursor=None, **options):
    if body is not None:
        server.answers((200, body))
    return await FEED.poll(FeedSource(url=server.url, **options), cursor or {}, tools)


def item(title="Road closed", guid="1", text="Use the A38.", link="http://x/1", more=""):
    return (
        f"<item><title>{title}</title><guid>{guid}</guid><link>{link}</link>"
        f"<description>{text}</description>{more}</item>"
    )


def rss(*items):
    return f'<rss version="2.0"><channel>{"".join(items)}</channel></rss>'.encode()


async def test_every_item_listed_is_told_newest_first(server, tools):
    poll = await look(server, tools)
    assert [item.identity for item in poll.items] == [
        "WMP-2026-0412", "WMP-2026-0411", "WMP-2026-0401"
    ]  # fmt: skip
    first = poll.items[0]
    assert (first.on_new, first.on_changed) == ("feed.new", "feed.changed")
    assert (first.subject, first.time) == ("WMP-2026-0412", 1_790_004_800.0)
    assert first.data["title"] == "Missing: Aisha, 14"
    assert FEED.fields(FeedOptions(url=server.url), None) >= set(first.data)


async def test_a_feed_that_has_not_changed_lists_nothing(server, tools):
    server.answers(304)
    poll = await look(server, tools, cursor={"etag": '"x"'})
    assert (poll.items, poll.cursor) == (None, {"etag": '"x"'})


@pytest.mark.parametrize(
    "change",
    [{"title": "Road open"}, {"text": "Use the A45."}, {"link": "http://x/2"},
     {"more": '<enclosure url="http://x/i.jpg" type="image/jpeg"/>'}],
    ids=["title", "text", "link", "picture"],
)  # fmt: skip
async def test_what_a_reader_sees_makes_an_item_another(server, tools, change):
    [before] = (await look(server, tools, rss(item()))).items
    [after] = (await look(server, tools, rss(item(**change)))).items
    assert before.identity == after.identity
    assert before.digest != after.digest


@pytest.mark.parametrize(
    "more",
    ["<pubDate>Mon, 21 Sep 2026 15:33:20 GMT</pubDate>", "<category>road</category>",
     "<author>press@x</author>"],
)  # fmt: skip
async def test_dates_and_labels_do_not(server, tools, more):
    [before] = (await look(server, tools, rss(item()))).items
    [after] = (await look(server, tools, rss(item(more=more)))).items
    assert before.digest == after.digest


@pytest.mark.parametrize(
    ("identity", "change", "same"),
    [
        ("guid", {"link": "http://x/2"}, True),
        ("guid", {"guid": "2"}, False),
        ("link", {"guid": "2"}, True),
        ("link", {"link": "http://x/2"}, False),
        (["title"], {"guid": "2", "link": "http://x/2"}, True),
        (["title", "link"], {"link": "http://x/2"}, False),
        (["author"], {"guid": "2"}, False),
    ],
    ids=str,
)
async def test_what_stays_the_same_about_an_item_can_be_chosen(
    server, tools, identity, change, same
):
    [before] = (await look(server, tools, rss(item()), identity=identity)).items
    [after] = (await look(server, tools, rss(item(**change)), identity=identity)).items
    assert (before.identity == after.identity) is same


async def test_items_that_share_an_identity_are_one_with_a_note(server, tools):
    poll = await look(server, tools, rss(item(title="A"), item(title="B"), item(title="C")))
    assert [item.data["title"] for item in poll.items] == ["A"]
    assert poll.notes == ("2 items have the identity of another item; choose another `identity`",)


async def test_a_feed_that_cannot_be_read_is_down(server, tools):
    with pytest.raises(SourceDown, match="HTML page"):
        await look(server, tools, (FEEDS / "page.html").read_bytes())


def basis(**options):
    return FEED.basis(FeedSource(**{"url": "https://x.example/rss", **options}))


def test_the_memory_of_a_feed_rests_on_what_is_read_and_not_on_how_often():
    same = basis(every="1m", max_age="2d", burst=3, backfill=1)
    assert basis() == same
    others = [
        basis(url="https://x.example/other"),
        basis(identity="link"),
        basis(identity=["title"]),
    ]
    assert len({basis().identity, *(each.identity for each in others)}) == 4


@pytest.mark.parametrize(
    ("identity", "listed", "by_reading"),
    [
        ("guid", item(), False),
        ("guid", item().replace("<guid>1</guid>", ""), True),
        ("guid", "<item><title>Bare</title></item>", True),
        ("link", item(), True),
        (["title", "published"], item(), True),
    ],
)
async def test_a_name_that_is_made_of_what_was_read_says_so(
    server, tools, identity, listed, by_reading
):
    [single] = (await look(server, tools, rss(listed), identity=identity)).items
    assert single.named_by_reading is by_reading


async def test_the_time_that_an_id_is_written_in_another_way_makes_no_new_item(server, tools):
    """Comments, attributes, sections and white space around an id come and go with a feed's software."""
    ways = ["1", " 1\n", "<![CDATA[1]]>", "<!-- x -->1"]
    bodies = [rss(item().replace("<guid>1</guid>", f"<guid>{way}</guid>")) for way in ways]
    bodies.append(rss(item().replace("<guid>", '<guid isPermaLink="false" xml:lang="en">')))
    identities = [(await look(server, tools, body)).items[0].identity for body in bodies]
    assert set(identities) == {"1"}


async def test_an_item_says_how_long_it_is(server, tools):
    for each in (await look(server, tools)).items:
        assert each.size == len(orjson.dumps(each.data))


def event(kind):
    return Event("e", "feed:x", kind, "s", "k", NOW, {}, NOW)


def test_a_recipe_wants_new_items_unless_it_says_more():
    url = "https://example.police.uk/rss"
    assert FEED.source(FeedOptions(url=url)) == url
    assert FEED.accepts(FeedOptions(url=url), event("feed.new")) == ""
    assert FEED.accepts(FeedOptions(url=url), event("feed.changed")) == (
        "item is changed, wanted new"
    )
    both = FeedOptions(url=url, on=("new", "changed"))
    assert FEED.accepts(both, event("feed.changed")) == ""


def test_a_recipe_names_a_feed_of_the_settings_or_describes_one_itself():
    assert FEED.source(FeedOptions(feed="force_news")) == "force_news"
    assert FEED.described(FeedOptions(feed="force_news")) is None
    described = FEED.described(FeedOptions(url="https://x.example/rss", every="1m", on=["changed"]))
    assert described == FeedSource(url="https://x.example/rss", every=60.0)


URL = {"url": "http://x"}


@pytest.mark.parametrize(
    "options",
    [{}, {"url": "ftp://x"}, {"url": "x"}, {**URL, "on": []}, {**URL, "on": ["gone"]},
     {**URL, "identity": "title"}, {**URL, "identity": ["colour"]}, {**URL, "every": "0s"},
     {**URL, "burst": 0}],
    ids=str,
)  # fmt: skip
def test_options_that_cannot_work_are_refused(options):
    with pytest.raises(ValidationError):
        FeedOptions(**options)


async def test_an_item_tells_where_it_stands(server, tools):
    (entry,) = (await look(server, tools, rss(item(guid="urn:1", link="http://x/1")))).items
    assert entry.addresses == ("http://x/1", "urn:1")


@pytest.mark.parametrize("url", ["https://force:pw@a.example/rss", "http://token@a.example"])
def test_no_login_stands_in_an_address(url):
    for model in (FeedOptions, FeedSource):
        with pytest.raises(ValidationError, match=r"login.*credentials: in appealbridge\.yaml"):
            model(url=url)


def test_on_this_machine_a_login_may_stand_in_an_address_but_not_in_a_recipe():
    url = "http://force:pw@127.0.0.1:8080/rss"
    assert FeedSource(url=url).url == url
    with pytest.raises(ValidationError, match="login must not be in a recipe"):
        FeedOptions(url=url)


LOGIN = {"username": "press", "password": Secret("pw")}


@pytest.mark.parametrize("url", ["https://a.example/rss", "http://localhost:8080/rss"])
def test_a_feed_may_want_a_login_which_its_memory_does_not_rest_on(url):
    source = FeedSource(url=url, credentials=LOGIN)
    assert FEED.basis(source) == FEED.basis(FeedSource(url=url))
    assert source != FeedSource(url=url)


def test_a_login_is_not_sent_so_that_others_can_read_it():
    with pytest.raises(ValidationError, match="write https:// instead"):
        FeedSource(url="http://a.example/rss", credentials=LOGIN)


def test_an_at_sign_further_on_is_no_login():
    assert FeedOptions(url="https://a.example/@force/rss?by=a@b.example")
