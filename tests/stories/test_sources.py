"""Feeds that are followed: nothing old, nothing twice, what changed told apart, a flood held."""

import asyncio
import sqlite3
from contextlib import closing

from appealbridge.testing.server import ScriptedServer
from tests.stories import staging

APPEAL = """
alias: New appeal
triggers: [{ trigger: appeal, source: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ appeal.title }}" }
approval: none
"""

FEED = """
alias: News
triggers: [{{ trigger: feed, url: "{url}", every: 60s, on: [new, changed] }}]
actions:
  - {{ action: tweet, channel: force_x, text: "{{{{ event.type }}}} {{{{ event.data.title }}}}" }}
approval: none
"""


async def follows(story):
    """Begin with a recipe that follows the practice news site, and wait for the first look."""
    await story.begins({})
    story.stage.recipe("news", FEED.format(url=f"{story.sandbox.url}/website/appeals.rss"))
    await story.restarts()
    await story.until(
        lambda: any(line["source"].startswith("feed:") for line in story.logged("first_look"))
    )


async def lists(story, reference, title):
    """Put an item on the site, or change it."""
    item = {"reference": reference, "title": title, "kind": "missing"}
    async with story.session.post(f"{story.sandbox.url}/website/appeals", json=item) as answer:
        assert answer.status in (200, 201)


async def test_the_first_look_at_a_feed_publishes_nothing(story):
    await follows(story)
    await story.clock.passes(hours=1)
    await story.settles()
    assert story.posts("x") == []


async def test_a_new_item_is_posted_once_and_a_changed_one_is_told_apart(story):
    await follows(story)
    await lists(story, "N-1", "Award for officers")
    await story.until(lambda: story.posts("x"), passing=5)
    await story.clock.passes(minutes=10)
    await lists(story, "N-1", "Award for two officers")
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    await story.restarts()
    await story.clock.passes(minutes=10)
    await story.settles()
    assert story.posts("x") == [
        "feed.new Award for officers",
        "feed.changed Award for two officers",
    ]


async def test_a_flood_of_items_is_held_for_a_look(story):
    await follows(story)
    for number in range(30):
        await lists(story, f"N-{number}", f"Item {number}")
    held = await story.state(30, "held", passing=5)
    assert {each["hold"] for each in held} == {"burst"}
    assert story.posts("x") == []


async def test_a_source_that_cannot_be_read_is_noted_asked_less_often_and_harms_nobody(story):
    await story.begins({"tweet": staging.TWEET})
    story.stage.recipe("news", FEED.format(url="http://127.0.0.1:1/feed"))
    await story.restarts()
    await story.until(lambda: story.logged("source_down"))
    source = "feed:http://127.0.0.1:1/feed"
    for _ in range(60):
        await story.clock.passes(minutes=1)
        await story.settles()
    record = await story.bridge.engine.store.source(source)
    assert 5 <= record.failures <= 8  # after 1, 2, 4, 8, 16, 32 minutes, and not after each
    assert record.note
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"))


async def test_what_a_look_hands_over_while_the_daemon_stops_is_sent_before_it_ends(story):
    """Stored as begun and never sent, it would be in doubt at the next start."""
    await story.begins({"appeal": APPEAL})
    # Sooner than a lane asks for what is due, which has to wait for the store as well.
    settings = story.stage.config.read_text()
    story.stage.config.write_text(settings.replace("every: 60s", "every: 10s"))
    await story.restarts()
    await story.bridge.engine.pipeline.polling.crash_guard.begin(
        "appeal:desk", ""
    )  # which has to wait no more
    with closing(sqlite3.connect(story.stage.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that what is handed over has to wait
        story.clock.regardless = True
        story.stage.appeal("A-1", story.clock.now(), title="Missing: Aisha, 14")
        await story.clock.passes(seconds=11)
        await story.until(lambda: story.bridge.engine.pipeline.intake._waiting)
        stopping = asyncio.create_task(story.stops())
        await story.until(lambda: not story.bridge.engine.lanes)
        other.execute("ROLLBACK")
    await stopping
    story.clock.regardless = False
    assert story.posts("x") == ["Missing: Aisha, 14"]
    await story.starts()
    await story.state(1, "delivered")
    assert story.logged("recovered") == []


# -- memory belongs to what is read --------------------------------------------------------------

FEEDS = """
feeds:
  news: {{ url: "{url}", every: 60s{more} }}
"""

NEWS = """
alias: News
triggers: [{ trigger: feed, feed: news, on: [new, changed] }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.type }} {{ event.data.title }}" }
approval: none
"""


def rss(*items, tail=""):
    """A feed of items by their guid and title."""
    inside = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title><link>https://x.example/{guid}</link>"
        f"{more}</item>"
        for guid, title, more in items
    )
    body = f"<rss version='2.0'><channel><title>News</title>{inside}</channel></rss>{tail}"
    return (200, body.encode(), {"Content-Type": "application/rss+xml", "ETag": f'"{len(body)}"'})


def items(*numbers, more=""):
    return [(f"g{number}", f"Story {number}", more) for number in numbers]


async def follows_named(story, server, more="", path="/one"):
    """Follow a feed of the settings, and wait for the first look."""
    await story.begins({})
    await set_to(story, server, more, path)
    story.stage.recipe("news", NEWS)
    await story.restarts()
    await story.until(lambda: logged_times(story, "first_look") == 1)


async def set_to(story, server, more="", path="/one"):
    """Write the feed's settings anew."""
    story.stage.configure()
    config = story.stage.config
    config.write_text(config.read_text() + FEEDS.format(url=f"{server.url}{path}", more=more))


def logged_times(story, word):
    return sum(line["source"] == "feed:news" for line in story.logged(word))


async def looks(story, server, count=2):
    """Let so many more looks begin, and what they bring be published."""
    number_before = len(server.requests)
    await story.until(lambda: len(server.requests) >= number_before + count, passing=10)
    await story.settles()


async def test_choosing_another_identity_publishes_nothing_that_is_listed(story):
    async with ScriptedServer(rss(*items(1, 2, 3))) as server:
        await follows_named(story, server)
        await set_to(story, server, more=", identity: link")
        _, answer = await story.asks("POST", "/reload")
        assert answer["renewed"] == ["feed:news"]
        assert "feed:news: its address, folder or identity has changed" in answer["summary"]
        await looks(story, server)
        assert story.posts("x") == []
        server.otherwise = rss(*items(4, 1, 2, 3))
        await looks(story, server)
        assert story.posts("x") == ["feed.new Story 4"]


async def test_another_address_under_the_same_name_begins_with_a_silent_look_each_time(story):
    async with ScriptedServer(rss(*items(1, 2))) as server:
        await follows_named(story, server)
        server.otherwise = rss(*items(7, 1), tail=" ")
        for path in ("/two", "/one", "/two"):
            await set_to(story, server, path=path)
            count = len(server.requests)
            await story.asks("POST", "/reload")
            # Looked at at once: what comes before that is only learned.
            await story.until(lambda call=count: len(server.requests) > call)
            assert server.requests[-1].path == path
            assert "If-None-Match" not in server.requests[-1].headers
            await looks(story, server)
        assert story.posts("x") == []
        assert any("identity has changed" in line["reason"] for line in story.logged("source_note"))
        server.otherwise = rss(*items(8, 7, 1))
        await looks(story, server)
        assert story.posts("x") == ["feed.new Story 8"]


async def test_what_says_how_often_a_source_is_looked_at_changes_no_memory(story):
    async with ScriptedServer(rss(*items(1, 2))) as server:
        await follows_named(story, server)
        server.otherwise = rss(*items(3, 1, 2))
        await set_to(story, server, more=", burst: 5, max_age: 30d, backfill: 2")
        _, answer = await story.asks("POST", "/reload")
        assert answer["renewed"] == []
        await looks(story, server)
        held = await story.state(1, "held")
        assert held[0]["hold"] == "undated"


async def test_a_folder_that_becomes_a_feed_under_the_same_name_publishes_nothing_old(story):
    async with ScriptedServer(rss(*items(1, 2))) as server:
        await story.begins({"appeal": APPEAL})
        await story.until(lambda: story.logged("first_look"))
        config = story.stage.config
        config.write_text(
            config.read_text().replace(f"folder: {story.stage.appeals}", f'feed: "{server.url}"')
        )
        _, answer = await story.asks("POST", "/reload")
        assert answer["renewed"] == ["appeal:desk"]
        await looks(story, server)
        assert story.posts("x") == []


async def test_what_stands_behind_a_feeds_end_now_and_then_publishes_nothing(story):
    """A cache's comment, a warning, the rest of a longer version: none of it is a change."""
    tails = [
        "",
        "<!-- cached -->" + " " * 300,
        "<br />\n<b>Warning</b>: x",
        "",
        "</item></channel></rss>",
    ]
    more = "<description>Fish &amp;amp; chips &lt;p&gt;x&lt;/p&gt;</description>"
    async with ScriptedServer(rss(*items(1, 2, more=more))) as server:
        await follows_named(story, server)
        for tail in tails:
            server.otherwise = rss(*items(1, 2, more=more), tail=tail)
            await looks(story, server)
        assert story.posts("x") == []


async def test_an_entry_that_is_cut_off_today_and_whole_tomorrow_is_published_once_and_whole(story):
    async with ScriptedServer(rss(*items(1))) as server:
        await follows_named(story, server)
        status, body, headers = rss(
            *items(1, 2), *items(3, more="<description>Words</description>")
        )
        server.otherwise = (status, body[: body.index(b"Words") + 2], headers)
        await looks(story, server)
        assert story.posts("x") == ["feed.new Story 2"]
        server.otherwise = (status, body, headers)
        await looks(story, server)
        assert "If-None-Match" not in server.requests[-2].headers
        assert story.posts("x") == ["feed.new Story 2", "feed.new Story 3"]


async def test_max_age_lets_nothing_out_whose_age_nobody_can_tell(story):
    """Seven-year-old stories, listed anew with dates that cannot be read."""
    async with ScriptedServer(rss(*items(1))) as server:
        await follows_named(story, server, more=", max_age: 2d")
        server.otherwise = rss(
            *items(1),
            *items(2, more="<pubDate>Tue, 05 Mar 2019 09:00:00</pubDate>"),
            *items(3, more="<pubDate>05/03/2019 09:00</pubDate>"),
            *items(4, more="<pubDate>Tue, 05 Mar 2019 09:00:00 GMT</pubDate>"),
            *items(5, more="<pubDate>Tue, 05 Mar 2069 09:00:00 GMT</pubDate>"),
        )
        await looks(story, server)
        held = await story.state(2, "held")
        assert {each["hold"] for each in held} == {"undated"}
        assert {each["reason"].partition(",")[0] for each in held} == {
            "it has no date that can be read",
            "its date is in the future",
        }
        assert story.posts("x") == []
        notes = [line["reason"] for line in story.logged("source_note")]
        assert "the date of 1 item cannot be read" in notes
        assert "`max_age` cannot be checked for 2 items, which are held" in notes
        await looks(story, server, 5)
        assert len([n for n in story.logged("source_note") if "date of 1" in n["reason"]]) == 1
        for each in held:
            await story.releases(each)
        await story.until(lambda: len(story.posts("x")) == 2)


# -- a case file that is wrong -------------------------------------------------------------------

PEOPLE = "people: { dana: { email: dana@example.police.uk } }\nnotices: { to: [dana] }\n"


def source_mails(story):
    """The texts of the mails that tell someone of a source."""
    mails = [each.shown() for each in story.sandbox.shelf.everything() if each.platform == "email"]
    return [mail["text"] for mail in mails if "a source needs attention" in mail["subject"]]


async def test_a_wrong_case_file_is_told_to_people_once_and_is_new_once_it_is_mended(story):
    await story.begins({"appeal": APPEAL})
    story.stage.config.write_text(story.stage.config.read_text() + PEOPLE)
    await story.restarts()
    await story.until(lambda: story.logged("first_look"))
    wrong = story.stage.appeals / "tom.md"
    wrong.write_text("---\nreference: A-1\ntitle: Missing: Tom, 7\n---\nBlue coat.\n")
    story.stage.appeal("A-2", story.clock.now(), title="Missing: Aisha, 14")
    await story.until(lambda: story.posts("x") and source_mails(story), passing=5)
    assert story.posts("x") == ["Missing: Aisha, 14"]
    [text] = source_mails(story)
    assert "appeal:desk" in text
    assert "tom.md:3:" in text
    await story.restarts()
    await story.clock.passes(minutes=20)
    await story.settles()
    assert len(source_mails(story)) == 1
    wrong.write_text('---\nreference: A-1\ntitle: "Missing: Tom, 7"\n---\nBlue coat.\n')
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    assert story.posts("x")[1] == "Missing: Tom, 7"
    wrong.write_text("---\nreference: A-1\ntitle: Missing: Tom, 7\n---\nBlue coat.\n")
    await story.until(lambda: len(source_mails(story)) == 2, passing=30)


async def test_one_file_that_breaks_the_reader_hides_no_other(story):
    await story.begins({"appeal": APPEAL})
    await story.until(lambda: story.logged("first_look"))
    (story.stage.appeals / "0.yaml").write_text("%YAML 1.3\n---\nreference: A-0\n")
    story.stage.appeal("A-1", story.clock.now(), title="Missing: Aisha, 14")
    await story.until(lambda: story.posts("x"), passing=5)
    assert any("0.yaml" in line["reason"] for line in story.logged("alarm"))


async def test_two_files_that_name_one_appeal_publish_nothing_until_one_is_taken_away(story):
    await story.begins({"appeal": APPEAL})
    await story.until(lambda: story.logged("first_look"))
    story.stage.appeal("A-1", story.clock.now(), title="Missing: Aisha, 14")
    await story.until(lambda: story.posts("x"), passing=5)
    other = story.stage.appeals / "0-copied.yaml"
    other.write_text('reference: A-1\ntitle: "Burglary"\n')
    await story.until(lambda: story.logged("alarm"), passing=5)
    await story.settles()
    assert story.posts("x") == ["Missing: Aisha, 14"]
    [alarm] = story.logged("alarm")
    assert "0-copied.yaml, A-1.yaml" in alarm["reason"]
    other.unlink()
    await story.clock.passes(minutes=1)
    await story.settles()
    assert story.posts("x") == ["Missing: Aisha, 14"]
