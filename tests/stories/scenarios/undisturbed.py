"""Ordinary work, with few faults beside it."""

from __future__ import annotations

from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.scenarios.scenario import ALL_FOUR, TWEETED, fails, has, scenario

APPEAL = """
alias: New appeal
triggers: [{ trigger: appeal, on: [new, updated] }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.type }}: {{ appeal.title }}" }
approval: none
"""
FEED = """
alias: News
triggers: [{{ trigger: feed, url: "{url}", every: 60s, on: [new, changed], burst: 2 }}]
actions:
  - {{ action: tweet, channel: force_x, text: "{{{{ event.type }}}} {{{{ event.data.title }}}}" }}
approval: none
"""
SIDE_BY_SIDE = staging.EVERYWHERE.replace(
    "It is on X at {{ results.x.url }}", "{{ event.data.text }} by mail"
)


async def lists(world: World, reference: str, title: str) -> None:
    """Put an item on the practice news site, or change it."""
    item = {"reference": reference, "title": title, "kind": "missing"}
    async with world.session.post(f"{world.sandbox.url}/website/appeals", json=item) as answer:
        assert answer.status in (200, 201)


async def was_polled(world: World, source: str) -> None:
    """Wait until a source was polled for the first time."""

    async def remembered() -> bool:
        record = await world.knows_of(source)
        return record is not None and record.looked_at is not None

    await world.until(remembered, passing=1)


@scenario(
    recipes={"all": SIDE_BY_SIDE},
    posts=ALL_FOUR | {"email": ["M6 closed by mail"]},
    states={"delivered": 4},
)
async def one_event_on_four_channels(world: World) -> None:
    await world.receives("M6 closed")
    await has(world, 4, "delivered", "held")


@scenario(
    recipes={
        "one": staging.TWEET,
        "two": staging.TWEET.replace('.text }}"', '.text }} again"'),
    },
    posts={"x": ["M6 closed", "M6 closed again"]},
    states={"delivered": 2},
)
async def two_recipes_want_one_event(world: World) -> None:
    await world.receives("M6 closed")
    await has(world, 2, "delivered")


@scenario(
    recipes={"tweet": staging.TWEET},
    posts=TWEETED,
    states={"delivered": 1},
)
async def a_repeat_is_known(world: World) -> None:
    _, first = await world.receives("M6 closed", message="msg_1")
    _, again = await world.receives("M6 closed", message="msg_1")
    assert again["event"] == first["event"]


@scenario(
    recipes={"all": staging.EVERYWHERE},
    posts=ALL_FOUR,
    states={"delivered": 4},
)
async def a_later_step_quotes_an_earlier_one(world: World) -> None:
    fails(world, "x", "http_503", count=1)
    await world.receives("M6 closed")
    await has(world, 4, "delivered", "held")


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["M6 closed", "M6 still closed", "M6 open"]},
    states={"delivered": 3},
)
async def messages_of_one_subject(world: World) -> None:
    fails(world, "x", "http_503", count=1)
    for text in ("M6 closed", "M6 still closed", "M6 open"):
        await world.receives(text, subject="M6")
    await has(world, 3, "delivered")


@scenario(
    recipes={},
    posts={"x": ["feed.new Award for officers", "feed.changed Award for two officers"]},
    states={"delivered": 2},
)
async def a_feed_is_followed(world: World) -> None:
    url = f"{world.sandbox.url}/website/appeals.rss"
    world.stage.recipe("news", FEED.format(url=url))
    await world.asks("POST", "/reload")
    await was_polled(world, f"feed:{url}")
    await lists(world, "N-1", "Award for officers")
    await has(world, 1, "delivered", passing=5)
    await lists(world, "N-1", "Award for two officers")
    await has(world, 2, "delivered", passing=5)


@scenario(
    recipes={},
    posts={"x": [f"feed.new Item {number}" for number in range(4)]},
    states={"delivered": 4},
)
async def a_feed_floods(world: World) -> None:
    url = f"{world.sandbox.url}/website/appeals.rss"
    world.stage.recipe("news", FEED.format(url=url))
    await world.asks("POST", "/reload")
    await was_polled(world, f"feed:{url}")
    for number in range(4):
        await lists(world, f"N-{number}", f"Item {number}")
    await has(world, 4, "held", passing=5)
    assert world.posts("x") == []
    while await world.looks_into("burst"):
        pass
    await has(world, 4, "delivered")


@scenario(
    recipes={"appeal": APPEAL},
    posts={"x": ["appeal.new: Missing: Aisha, 14", "appeal.updated: Still missing: Aisha, 14"]},
    states={"delivered": 2},
    polls_every="10s",
)
async def an_appeal_is_new_and_updated(world: World) -> None:
    await was_polled(world, "appeal:desk")
    world.stage.appeal("A-1", world.clock.now(), title="Missing: Aisha, 14")
    await has(world, 1, "delivered", passing=2)
    world.stage.appeal("A-1", world.clock.now(), title="Still missing: Aisha, 14")
    await has(world, 2, "delivered", passing=2)
