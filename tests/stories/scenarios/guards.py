"""What the daemon does by itself: waits, floods, repeated texts, and notices to people."""

from __future__ import annotations

from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.scenarios.scenario import TWEETED, has, scenario

WAITS = """
alias: Waits
triggers: [{ trigger: webhook, webhook_id: desk, types: [appeal.new] }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
  - delay: 3m
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}, still" }
  - wait_for: appeal.closed
    timeout: 3d
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}: {{ wait.event.data.text }}" }
approval: none
"""
PACED = staging.TWEET + "burst: { deliveries: 2, within: 10m }\n"
UNFILLABLE = staging.TWEET.replace("event.data.text", "event.data.area")
PEOPLE = """
people: { eve: { email: eve@example.police.uk } }
notices: { to: [eve] }
"""


@scenario(
    recipes={"waits": WAITS},
    posts={"x": ["Missing", "Missing, still", "Missing: found"]},
    states={"delivered": 3},
)
async def a_recipe_waits(world: World) -> None:
    await world.receives("Missing", type="appeal.new", subject="WMP-1")
    await has(world, 2, "delivered", passing=20)
    await world.receives("found", type="appeal.closed", subject="WMP-1")
    await has(world, 3, "delivered", passing=1)


@scenario(
    recipes={"waits": WAITS.replace("timeout: 3d", "timeout: 5m\n    on_timeout: stop")},
    posts={"x": ["Missing", "Missing, still"]},
    states={"delivered": 2},
)
async def what_is_waited_for_never_comes(world: World) -> None:
    await world.receives("Missing", type="appeal.new", subject="WMP-1")
    await has(world, 2, "delivered", passing=20)
    await world.passes(400, each=100)


@scenario(
    recipes={"tweet": PACED},
    posts={"x": [f"Incident {number}" for number in range(5)]},
    states={"delivered": 5},
)
async def a_recipe_floods(world: World) -> None:
    for number in range(5):
        await world.receives(f"Incident {number}")

    async def all_are_out() -> bool:
        await world.looks_into("burst")
        return len(await world.deliveries(state="delivered")) == 5

    await world.until(all_are_out, passing=0.5)


@scenario(recipes={"tweet": staging.TWEET}, posts=TWEETED, states={"delivered": 1, "held": 1})
async def the_same_is_said_twice(world: World) -> None:
    await world.receives("M6 closed")
    await world.receives("M6 closed")
    await has(world, 1, "delivered")


@scenario(
    recipes={"tweet": UNFILLABLE},
    posts={"email": ["*recipe tweet*"]},
    states={"delivered": 1},
    settings=PEOPLE,
)
async def people_are_told(world: World) -> None:
    await world.receives("M6 closed")
    await has(world, 1, "delivered")
