"""What happens while nothing else goes wrong, or hardly anything."""

from __future__ import annotations

from tests.stories import staging
from tests.stories.tales.tale import ALL_FOUR, TWEETED, fails, has, tale
from tests.stories.world import World

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


async def looked(world: World, source: str) -> None:
    """Wait until a source was looked at for the first time."""

    async def remembered() -> bool:
        record = await world.knows_of(source)
        return record is not None and record.looked_at is not None

    await world.until(remembered, passing=1)


@tale(
    recipes={"all": SIDE_BY_SIDE},
    posts=ALL_FOUR | {"email": ["M6 closed by mail"]},
    states={"delivered": 4},
)
async def one_event_on_four_channels(world: World) -> None:
    await world.receives("M6 closed")
    await has(world, 4, "delivered", "held")


@tale(
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


@tale(
    recipes={"tweet": staging.TWEET},
    posts=TWEETED,
    states={"delivered": 1},
)
async def a_repeat_is_known(world: World) -> None:
    _, first = await world.receives("M6 closed", message="msg_1")
    _, again = await world.receives("M6 closed", message="msg_1")
    assert again["event"] == first["event"]


@tale(
    recipes={"all": staging.EVERYWHERE},
    posts=ALL_FOUR,
    states={"delivered": 4},
)
async def a_later_step_quotes_an_earlier_one(world: World) -> None:
    fails(world, "x", "http_503", count=1)
    await world.receives("M6 closed")
    await has(world, 4, "delivered", "held")


@tale(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["M6 closed", "M6 still closed", "M6 open"]},
    states={"delivered": 3},
)
async def messages_of_one_subject(world: World) -> None:
    fails(world, "x", "http_503", count=1)
    for text in ("M6 closed", "M6 still closed", "M6 open"):
        await world.receives(text, subject="M6")
    await has(world, 3, "delivered")


@tale(
    recipes={},
    posts={"x": ["feed.new Award for officers", "feed.changed Award for two officers"]},
    states={"delivered": 2},
)
async def a_feed_is_followed(world: World) -> None:
    url = f"{world.sandbox.url}/website/appeals.rss"
    world.stage.recipe("news", FEED.format(url=url))
    await world.asks("POST", "/reload")
    await looked(world, f"feed:{url}")
    await lists(world, "N-1", "Award for officers")
    await has(world, 1, "delivered", passing=5)
    await lists(world, "N-1", "Award for two officers")
    await has(world, 2, "delivered", passing=5)


@tale(
    recipes={},
    posts={"x": [f"feed.new Item {number}" for number in range(4)]},
    states={"delivered": 4},
)
async def a_feed_floods(world: World) -> None:
    url = f"{world.sandbox.url}/website/appeals.rss"
    world.stage.recipe("news", FEED.format(url=url))
    await world.asks("POST", "/reload")
    await looked(world, f"feed:{url}")
    for number in range(4):
        await lists(world, f"N-{number}", f"Item {number}")
    await has(world, 4, "held", passing=5)
    assert world.posts("x") == []
    while await world.looks_into("burst"):
        pass
    await has(world, 4, "delivered")


@tale(
    recipes={"appeal": APPEAL},
    posts={"x": ["appeal.new: Missing: Aisha, 14", "appeal.updated: Still missing: Aisha, 14"]},
    states={"delivered": 2},
    looks_every="10s",
)
async def an_appeal_is_new_and_updated(world: World) -> None:
    await looked(world, "appeal:desk")
    world.stage.appeal("A-1", world.clock.now(), title="Missing: Aisha, 14")
    await has(world, 1, "delivered", passing=2)
    world.stage.appeal("A-1", world.clock.now(), title="Still missing: Aisha, 14")
    await has(world, 2, "delivered", passing=2)
