"""Feeds that are followed: nothing old, nothing twice, what changed told apart, a flood held."""

from tests.stories import staging

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
