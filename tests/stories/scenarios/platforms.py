"""Faults of platforms: down, slow, silent, or full."""

from __future__ import annotations

from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.invariants import DOUBT
from tests.stories.scenarios.scenario import ALL_FOUR, TWEETED, fails, has, scenario

LATE = staging.TWEET + "publish_within: 10m\n"
MAIL = """
alias: Mail, then X
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, id: mail, channel: press_office, to: a@example.org, subject: News,
      text: "{{ event.data.text }} by mail" }
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}, see {{ results.mail.url }}" }
approval: none
"""


@scenario(
    recipes={"tweet": LATE},
    posts={},
    states={"expired": 1},
)
async def down_until_it_is_too_late(world: World) -> None:
    fails(world, "x", "http_503", seconds=900)
    await world.receives("M6 closed")
    await world.passes(1000, each=50)
    await has(world, 1, "expired")


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["M6 closed", "A38 closed"]},
    states={"delivered": 2},
)
async def down_for_a_while(world: World) -> None:
    fails(world, "x", "http_503", seconds=120)
    await world.receives("M6 closed")
    await world.receives("A38 closed")
    await has(world, 2, "delivered", passing=5)


@scenario(
    recipes={"all": staging.EVERYWHERE},
    posts=ALL_FOUR,
    states={"delivered": 4},
)
async def an_answer_is_lost(world: World) -> None:
    for platform in ("x", "facebook", "mastodon"):
        fails(world, platform, "post_then_reset", count=1)
    await world.receives("M6 closed")
    await has(world, 4, "delivered", "held")


@scenario(
    recipes={"all": staging.EVERYWHERE},
    posts=ALL_FOUR,
    states={"delivered": 4},
)
async def an_answer_breaks_off(world: World) -> None:
    fails(world, "x", "truncated", count=2)
    fails(world, "facebook", "post_then_500", count=2)
    await world.receives("M6 closed")
    await has(world, 4, "delivered", "held")


@scenario(
    recipes={"tweet": staging.TWEET},
    posts=TWEETED,
    states={"delivered": 1},
)
async def nothing_was_posted_and_nobody_said_so(world: World) -> None:
    fails(world, "x", "refuse", count=1)
    await world.receives("M6 closed")
    await has(world, 1, "delivered")


@scenario(
    recipes={"mail": MAIL},
    posts={"email": ["M6 closed by mail"]},
    states={DOUBT: 1},
)
async def a_mail_is_in_doubt(world: World) -> None:
    fails(world, "email", "post_then_reset", count=1)
    await world.receives("M6 closed")
    await has(world, 1, "held")


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["M6 closed", "A38 closed"]},
    states={"delivered": 2},
)
async def a_rate_limit(world: World) -> None:
    fails(world, "x", "http_429", count=1, seconds=90)
    await world.receives("M6 closed")
    await world.receives("A38 closed")
    await has(world, 2, "delivered", passing=5)
