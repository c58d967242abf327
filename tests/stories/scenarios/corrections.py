"""What was published is edited, or taken back while something about it waits or is under way."""

from __future__ import annotations

from typing import Any

from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.scenarios.scenario import fails, has, scenario

EDITED = """
alias: A post that is edited
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.updated' }}"
    then:
      - { action: amend, of: report, text: "{{ event.data.text }}" }
      - stop: corrected
  - { action: facebook_post, id: report, channel: force_facebook, text: "{{ event.data.text }}" }
approval: none
"""
APPROVED = EDITED.replace("approval: none\n", "")
THREAD = """
alias: A thread
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}", thread: ["And more."] }
approval: none
"""
MAIL = """
alias: A mail that is taken back
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.closed' }}"
    then:
      - action: withdraw
        reason: closed
        correction: { subject: Closed, text: Please remove it. }
      - stop: closed
  - action: email
    channel: press_office
    to: a@example.org
    subject: News
    text: "{{ event.data.text }}"
approval: none
"""


@scenario(
    recipes={"post": EDITED},
    posts={"facebook": ["Aged 14"]},
    states={"delivered": 2},
)
async def a_post_is_edited(world: World) -> None:
    await world.receives("Aged 13", subject="WMP-1")
    await has(world, 1, "delivered")
    fails(world, "facebook", "post_then_reset", count=1)
    await world.receives("Aged 14", type="incident.updated", subject="WMP-1")
    await has(world, 2, "delivered", passing=5)


@scenario(
    recipes={"post": APPROVED},
    posts={"facebook": ["Aged 13"]},
    # The post; the amendment, which waited; and the removal.
    states={"withdrawn": 1, "cancelled": 1, "delivered": 1},
)
async def a_subject_is_withdrawn_while_its_amendment_waits(world: World) -> None:
    await world.receives("Aged 13", subject="WMP-1")
    await has(world, 1, "held")
    await world.looks_into("approval")
    await has(world, 1, "delivered")
    await world.receives("Aged 14", type="incident.updated", subject="WMP-1")
    await has(world, 1, "held")
    await world.asks("POST", "/subjects/WMP-1/withdraw?reason=found")
    await has(world, 1, "withdrawn", passing=5)


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["Missing", "Missing again"]},
    # Two posts, and the removal of the first.
    states={"withdrawn": 1, "delivered": 2},
)
async def a_withdrawal_is_lifted(world: World) -> None:
    await world.receives("Missing", subject="WMP-1")
    await has(world, 1, "delivered")
    status, _ = await world.asks("POST", "/subjects/WMP-1/withdraw?reason=found")
    assert status == 200
    await has(world, 1, "withdrawn", passing=5)
    # If the daemon died before it answered, there may be two.
    _, withdrawals = await world.asks("GET", "/withdrawals")
    for withdrawal in withdrawals:
        await world.asks("POST", f"/withdrawals/{withdrawal['number']}/lift")
    await world.receives("Missing again", subject="WMP-1")
    await has(world, 2, "delivered", passing=5)


@scenario(
    recipes={"thread": THREAD},
    posts={"x": ["Missing", "And more."]},
    states={"withdrawn": 2, "delivered": 2},
)
async def a_thread_is_withdrawn(world: World) -> None:
    await world.receives("Missing", subject="WMP-1")
    await has(world, 2, "delivered")
    fails(world, "x", "delete_lies", count=1)
    await world.asks("POST", "/subjects/WMP-1/withdraw?reason=found")
    await has(world, 2, "withdrawn", passing=20)


@scenario(
    recipes={"mail": MAIL},
    posts={"email": ["Missing", "Please remove it."]},
    # The mail; the order of the recipe, the mail that corrects, and the removal that a person confirms.
    states={"withdrawn": 1, "delivered": 3},
)
async def a_withdrawn_mail_is_corrected(world: World) -> None:
    async def is_out(count: int) -> bool:
        """Return whether so many mails are out; whoever looks confirms those that are there."""
        await world.looks_into("unknown")
        listed = await world.deliveries()
        mails = [row for row in listed if row["content"].get("subject") in ("News", "Closed")]
        return sum(mail["state"] in ("delivered", "withdrawing") for mail in mails) == count

    await world.receives("Missing", subject="WMP-1")
    await world.until(lambda: is_out(1), passing=0.5)
    await world.receives("closed", type="incident.closed", subject="WMP-1")
    await world.until(lambda: is_out(2), passing=0.5)

    async def task() -> list[dict[str, Any]]:
        held = await world.deliveries(state="held")
        return [each for each in held if each["hold"] == "cannot_remove"]

    (removal,) = await world.until(task, passing=0.5)
    await world.does("confirm", removal)
    await has(world, 1, "withdrawn")


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["Missing", "Missing again"]},
    # A removal that has begun goes on: two posts, and the removal of the first.
    states={"withdrawn": 1, "delivered": 2},
)
async def a_withdrawal_is_lifted_while_it_is_under_way(world: World) -> None:
    await world.receives("Missing", subject="WMP-1")
    await has(world, 1, "delivered")
    fails(world, "x", "http_503", seconds=3600)
    status, _ = await world.asks("POST", "/subjects/WMP-1/withdraw?reason=found")
    assert status == 200

    async def has_begun() -> bool:
        listed = await world.deliveries()
        return any(row["kind"] == "withdraw" and row["attempts"] for row in listed)

    await world.until(has_begun, passing=0.5)
    _, withdrawals = await world.asks("GET", "/withdrawals")
    for withdrawal in withdrawals:
        await world.asks("POST", f"/withdrawals/{withdrawal['number']}/lift")
    world.sandbox.faults.clear()
    await has(world, 1, "withdrawn", passing=5)
    await world.receives("Missing again", subject="WMP-1")
    await has(world, 2, "delivered", passing=5)
