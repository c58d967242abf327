"""What people do with deliveries, and what waits for them."""

from __future__ import annotations

from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.scenarios.scenario import TWEETED, fails, has, scenario

HELD = staging.TWEET.replace("approval: none\n", "")
MAIL = """
alias: Mail, then X
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, id: mail, channel: press_office, to: a@example.org, subject: News,
      text: "{{ event.data.text }} by mail" }
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}, see {{ results.mail.url }}" }
approval: none
"""
POSTS = """
alias: Two posts
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
  - { action: facebook_post, channel: force_facebook, text: "{{ event.data.text }}" }
approval: none
"""
CLOSED_BY_A_RECIPE = POSTS.replace(
    "actions:",
    """actions:
  - if: "{{ event.type == 'incident.closed' }}"
    then:
      - { action: withdraw, reason: "{{ event.data.text }}" }
      - { action: tweet, channel: force_x, text: "Found: thank you" }
      - stop: closed""",
)
REPLACED_BY_A_RECIPE = staging.TWEET.replace(
    "actions:",
    """actions:
  - if: "{{ event.type == 'incident.updated' }}"
    then:
      - { action: amend, of: report, instead: replace, text: "{{ event.data.text }}" }
      - stop: corrected""",
).replace("{ action: tweet,", "{ action: tweet, id: report,")
CAPPED = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, daily_cap: 2 }")
TWICE = staging.CHANNELS.replace(
    "{ platform: x }", "{ platform: x, retry: { attempts: 2, within: 30s } }"
)


@scenario(
    recipes={"tweet": HELD},
    posts=TWEETED,
    states={"delivered": 1},
)
async def held_and_released(world: World) -> None:
    await world.receives("M6 closed")
    await has(world, 1, "held")
    await world.looks_into("approval")
    await has(world, 1, "delivered")


@scenario(
    recipes={"tweet": HELD},
    posts={},
    states={"cancelled": 1},
)
async def held_and_called_off(world: World) -> None:
    await world.receives("M6 closed")
    await has(world, 1, "held")
    (held,) = await world.deliveries()
    await world.does("cancel?reason=wrong", held)
    await has(world, 1, "cancelled")


@scenario(
    recipes={"mail": MAIL},
    posts={"email": ["M6 closed by mail"], "x": ["M6 closed, see *"]},
    states={"delivered": 2},
)
async def a_mail_is_confirmed(world: World) -> None:
    fails(world, "email", "post_then_reset", count=1)
    await world.receives("M6 closed")

    async def goes_on() -> bool:
        await world.looks_into("unknown")
        return len(await world.deliveries()) == 2

    await world.until(goes_on, passing=0.5)
    await has(world, 2, "delivered")


@scenario(
    recipes={"tweet": staging.TWEET},
    channels=TWICE,
    posts=TWEETED,
    states={"delivered": 1},
)
async def what_failed_is_tried_again(world: World) -> None:
    fails(world, "x", "http_503", seconds=3600)
    await world.receives("M6 closed")
    await has(world, 1, "failed", "held", passing=1)
    world.sandbox.faults.clear()
    (failed,) = await world.deliveries()
    # Died in the middle of the attempt, nobody knows, and the platform cannot be asked.
    await world.does("retry" if failed["state"] == "failed" else "release", failed)
    await has(world, 1, "delivered")


@scenario(
    recipes={"posts": POSTS},
    posts={"x": ["Missing"], "facebook": ["Missing"]},
    states={"withdrawn": 2, "delivered": 2, "cancelled": 2},
)
async def a_subject_is_withdrawn(world: World) -> None:
    await world.receives("Missing", subject="WMP-1")
    await has(world, 2, "delivered")
    fails(world, "x", "delete_lies", count=1)
    fails(world, "facebook", "post_then_reset", count=1)
    status, result = await world.asks("POST", "/subjects/WMP-1/withdraw?reason=found")
    assert status == 200, result
    await world.receives("Missing again", subject="WMP-1")
    await has(world, 2, "withdrawn", passing=20)


@scenario(
    recipes={"posts": CLOSED_BY_A_RECIPE},
    posts={"x": ["Missing", "Found: thank you"], "facebook": ["Missing"]},
    # Two removals, and the order of the recipe.
    states={"withdrawn": 2, "delivered": 4},
)
async def a_recipe_withdraws_and_announces_it(world: World) -> None:
    await world.receives("Missing", subject="WMP-1")
    await has(world, 2, "delivered")
    await world.receives("found", type="incident.closed", subject="WMP-1")
    await has(world, 2, "withdrawn")


@scenario(
    recipes={"tweet": REPLACED_BY_A_RECIPE},
    posts={"x": ["Aged 13", "Aged 14"]},
    # The new post, and the removal of the old one.
    states={"withdrawn": 1, "delivered": 2},
)
async def a_recipe_replaces_a_post(world: World) -> None:
    await world.receives("Aged 13", subject="WMP-1")
    await has(world, 1, "delivered")
    await world.receives("Aged 14", type="incident.updated", subject="WMP-1")
    await has(world, 1, "withdrawn")


@scenario(
    recipes={"tweet": staging.TWEET},
    channels=CAPPED,
    posts={"x": [f"Incident {number}" for number in range(3)]},
    states={"delivered": 3},
)
async def past_its_daily_cap(world: World) -> None:
    for number in range(3):
        await world.receives(f"Incident {number}")

    async def all_seen() -> bool:
        at_rest = [
            delivery["state"] in ("delivered", "held") for delivery in await world.deliveries()
        ]
        return len(at_rest) == 3 and all(at_rest)

    await world.until(all_seen, passing=0.5)
    assert len(world.posts("x")) <= 2, "more went out than the cap allows"
    while await world.looks_into("daily_cap"):
        pass
    await has(world, 3, "delivered")
