"""From a feed or a folder to appeals, and which of them a recipe wants."""

import os
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from appealbridge.plugin import Event, SourceDown, Tools
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.testing.server import ScriptedServer, this_machine
from appealbridge.triggers.appeal.trigger import AppealOptions, AppealSource, AppealTrigger

FEEDS = Path(__file__).parents[3] / "data" / "feeds"
APPEAL = AppealTrigger()
NOW = 1_790_000_000.0


@pytest.fixture
async def tools():
    session = open_session(policy=this_machine)
    rng = random.Random(1)
    yield Tools(Http(session, str, now=lambda: NOW, timeout=5.0), NOW, rng)
    await session.close()


@pytest.fixture
async def from_feed(tools):
    async with ScriptedServer((200, (FEEDS / "appeals.rss").read_bytes())) as server:

        async def look(body=None, cursor=None):
            if body is not None:
                server.answers(body if isinstance(body, int) else (200, body))
            source = AppealSource(feed=server.url)
            return await APPEAL.poll(source, cursor or {}, tools)

        yield look


def put(folder, text, name="a.yaml", changed=NOW - 60):
    path = folder / name
    path.write_text(text)
    os.utime(path, (changed, changed))


def event(happened, **data):
    return Event("e", "appeal:desk", happened, "s", "k", NOW, data, NOW)


# -- from a feed ----------------------------------------------------------------------------------


async def test_a_feeds_item_becomes_an_appeal(from_feed):
    aisha, witness, _ = (await from_feed()).items
    assert (aisha.identity, aisha.subject) == ("WMP-2026-0412", "WMP-2026-0412")
    assert (aisha.on_new, aisha.on_changed) == ("appeal.new", "appeal.updated")
    assert aisha.addresses == ("https://www.example.police.uk/appeals/aisha",)
    assert aisha.data == {
        "reference": "WMP-2026-0412",
        "title": "Missing: Aisha, 14",
        "kind": "missing",
        "status": "open",
        "text": "Last seen in Digbeth.",
        "body_html": "<p>Last seen in <b>Digbeth</b> on Monday.</p>",
        "url": "https://www.example.police.uk/appeals/aisha",
        "area": "Digbeth, Birmingham",
        "images": [
            {"url": "https://www.example.police.uk/i/aisha.jpg", "alt": "A girl in a red coat"},
            {"url": "https://www.example.police.uk/i/aisha-2.jpg", "alt": ""},
        ],
        "links": [],
        "tags": [
            {"term": "Missing person", "scheme": ""},
            {"term": "Digbeth, Birmingham", "scheme": "place"},
        ],
    }
    assert witness.data["kind"] == "witness"


async def test_the_fields_of_an_appeal_are_known(from_feed):
    source = AppealSource(feed="https://example.org/rss")
    known = APPEAL.fields(AppealOptions(), source)
    for item in (await from_feed()).items:
        assert known >= item.data.keys()
        assert known >= {f"images.{name}" for image in item.data["images"] for name in image}
        assert known >= {f"tags.{name}" for tag in item.data["tags"] for name in tag}
    assert "*" not in known


def test_an_appeal_in_a_file_may_have_fields_of_its_own():
    assert "*" in APPEAL.fields(AppealOptions(), AppealSource(folder=Path()))
    assert "*" in APPEAL.fields(AppealOptions(), None)


async def test_categories_may_say_the_reference_and_that_a_case_is_closed(from_feed):
    closed = (await from_feed()).items[2]
    assert (closed.identity, closed.data["status"]) == ("WMP-2026-0399", "closed")
    assert closed.data["kind"] == "other"


async def test_a_case_never_seen_open_is_no_news_when_closed(from_feed):
    closed = (await from_feed()).items[2]
    assert (closed.on_new, closed.on_changed) == ("", "appeal.closed")


async def test_what_an_item_does_not_say_is_missing_and_not_empty(from_feed):
    body = (
        b'<rss version="2.0"><channel><item><title>A</title><guid>1</guid></item></channel></rss>'
    )
    [appeal] = (await from_feed(body)).items
    assert set(appeal.data) == {"reference", "title", "kind", "status", "images", "links"}


async def test_an_item_without_a_title_is_left_out_with_a_note(from_feed):
    body = b'<rss version="2.0"><channel><item><guid>1</guid></item></channel></rss>'
    poll = await from_feed(body)
    assert (list(poll.items), poll.notes) == ([], ("1 items without a title were left out",))


async def test_a_feed_that_has_not_changed_lists_nothing(from_feed):
    assert (await from_feed(304, {"etag": '"x"'})).items is None


async def test_only_what_a_reader_sees_makes_an_appeal_another(from_feed):
    body = (
        b"<rss version='2.0'><channel><item><guid>1</guid><title>A</title>%s</item></channel></rss>"
    )
    result = b"<description>&lt;p%s&gt;Red coat&lt;/p&gt;</description>"
    [before] = (await from_feed(body % result % b"")).items
    [markup] = (await from_feed(body % result % b" data-nonce='7'")).items
    [closed] = (await from_feed(body % (result % b"" + b"<category>closed</category>"))).items
    [longer] = (await from_feed(body % result.replace(b"Red", b"Long red") % b"")).items
    assert before.digest == markup.digest
    assert len({before.digest, closed.digest, longer.digest}) == 3


async def test_plain_text_is_html_in_an_appeals_body(from_feed):
    body = (
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><title>A</title>"
        b"<content type='text'>5 &lt; 6</content></entry></feed>"
    )
    [appeal] = (await from_feed(body)).items
    assert (appeal.data["text"], appeal.data["body_html"]) == ("5 < 6", "<p>5 &lt; 6</p>")


async def test_items_that_share_a_reference_are_noted(from_feed):
    item = b"<item><guid>%d</guid><title>A</title><category domain='reference'>R1</category></item>"
    poll = await from_feed(b"<rss><channel>" + item % 1 + item % 2 + b"</channel></rss>")
    assert poll.notes == ("1 items have the reference of another item; only the newest is used",)


# -- from a folder --------------------------------------------------------------------------------


async def test_a_file_becomes_an_appeal(tmp_path, tools):
    put(tmp_path, "reference: WMP-1\ntitle: Missing\nkind: missing\ndeadline: 2026-12-01\n")
    poll = await APPEAL.poll(AppealSource(folder=tmp_path), {}, tools)
    [item] = poll.items
    assert (item.identity, item.time, item.on_new) == ("WMP-1", NOW - 60, "appeal.new")
    assert item.data["deadline"] == "2026-12-01"
    assert poll.cursor == {"looked": "yes"}


async def test_any_change_of_an_appeal_is_an_update_and_its_closing_is_told(tmp_path, tools):
    text = "reference: WMP-1\ntitle: Missing\n"
    digests = set()
    for more in ("", "area: Aston\n", "place_name: Aston Hall\n", "status: closed\n"):
        put(tmp_path, text + more)
        [item] = (await APPEAL.poll(AppealSource(folder=tmp_path), {}, tools)).items
        digests.add(item.digest)
    assert len(digests) == 4
    assert item.on_changed == "appeal.closed"


async def test_a_bad_file_is_told_and_stops_no_other(tmp_path, tools):
    put(tmp_path, "reference: WMP-1\ntitle: Missing\n", "good.yaml")
    put(tmp_path, "reference: WMP-2\ntitel: Missing\n", "bad.yaml")
    poll = await APPEAL.poll(AppealSource(folder=tmp_path), {}, tools)
    assert [item.identity for item in poll.items] == ["WMP-1"]
    [text] = poll.problems.values()
    assert text.startswith('bad.yaml:1:1: "title" is missing')


async def test_a_folder_that_is_not_there_is_down(tmp_path, tools):
    with pytest.raises(SourceDown, match="create it, or fix its path"):
        await APPEAL.poll(AppealSource(folder=tmp_path / "none"), {}, tools)


def test_the_memory_of_a_source_rests_on_which_feed_or_folder_it_is():
    here, there = (APPEAL.basis(AppealSource(folder=Path(name))) for name in ("a", "b"))
    feed = APPEAL.basis(AppealSource(feed="https://x.example/rss"))
    assert len({here.identity, there.identity, feed.identity}) == 3
    assert APPEAL.basis(AppealSource(folder=Path("a"), every="1h", max_age="1d")) == here


@pytest.mark.parametrize("options", [{}, {"feed": "http://x", "folder": "x"}])
def test_a_source_is_a_feed_or_a_folder(options):
    with pytest.raises(
        ValidationError, match="either feed: with an address, or folder: with a path"
    ):
        AppealSource(**options)


# -- what a recipe wants --------------------------------------------------------------------------

MISSING = {"kind": "Missing", "area": "Digbeth, Birmingham"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, ""),
        ({"on": ["new"]}, ""),
        ({"on": ["updated", "closed"]}, "appeal is new, wanted updated or closed"),
        ({"kinds": ["witness", "missing"]}, ""),
        ({"kinds": ["witness"]}, "kind is Missing, wanted witness"),
        ({"areas": ["birmingham"]}, ""),
        ({"areas": ["DIGBETH"], "kinds": ["MISSING"]}, ""),
        ({"areas": ["Walsall"]}, "area is Digbeth, Birmingham, wanted Walsall"),
    ],
    ids=str,
)
def test_a_recipe_may_want_only_some_appeals(options, why):
    assert APPEAL.accepts(AppealOptions(**options), event("appeal.new", **MISSING)) == why


def test_what_an_appeal_does_not_say_is_not_wanted_by_it():
    assert APPEAL.accepts(AppealOptions(areas=["Aston"]), event("appeal.new")) == (
        "area is missing, wanted Aston"
    )


def test_a_recipe_may_name_its_source():
    assert APPEAL.source(AppealOptions(source="website")) == "website"
    assert APPEAL.source(AppealOptions()) == ""
