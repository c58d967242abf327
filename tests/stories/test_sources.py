"""Feeds that are followed: nothing old, nothing twice, what changed told apart, a flood held."""

import asyncio
import sqlite3
from contextlib import closing

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
        lambda: any(line["source"].startswith("feed:") for line in story.said("first_look"))
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
    assert {one["hold"] for one in held} == {"burst"}
    assert story.posts("x") == []


async def test_a_source_that_cannot_be_read_is_noted_asked_less_often_and_harms_nobody(story):
    await story.begins({"tweet": staging.TWEET})
    story.stage.recipe("news", FEED.format(url="http://127.0.0.1:1/feed"))
    await story.restarts()
    await story.until(lambda: story.said("source_down"))
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
    await story.until(lambda: story.said("first_look"))
    with closing(sqlite3.connect(story.stage.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that what is handed over has to wait
        story.stage.appeal("A-1", story.clock.now(), title="Missing: Aisha, 14")
        await story.until(lambda: story.bridge.engine.intake._waiting, passing=1)
        stopping = asyncio.create_task(story.stops())
        await story.until(lambda: not story.bridge.engine.lanes)
        other.execute("ROLLBACK")
    await stopping
    assert story.posts("x") == ["Missing: Aisha, 14"]
    await story.starts()
    await story.state(1, "delivered")
    assert story.said("recovered") == []
