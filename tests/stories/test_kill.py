"""
The daemon killed by SIGKILL before and after each of its commits, and started again.

Two recipes want one signed event: one posts on X, Facebook and Mastodon side by side and mails the
tweet's address; the other's tweet is held until somebody releases it. The sender repeats its
request until it is answered, the operator the release, as they do in real life. Whenever the
daemon dies, each of the five messages is published once in the end. The one exception is the mail,
of which nobody can tell whether it went out: it may be held as unknown instead.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.stories import staging
from tests.stories.processes import DYING, Daemon, Platforms, daemon, platforms, until

pytestmark = pytest.mark.timeout(240)

AT_ONCE = 3
"""How many daemons are killed at a time."""

RECIPES = {
    "everywhere": staging.EVERYWHERE,
    "released": """
        alias: Incident, when somebody agrees
        triggers: [{ trigger: webhook, webhook_id: desk }]
        actions:
          - { action: tweet, channel: force_x_two, text: "{{ event.data.text }} once more on X" }
        """,
}
MESSAGES = 5


@pytest.mark.every_commit
@pytest.mark.timeout(600)
def test_no_commit_is_the_wrong_one_to_be_killed_at(tmp_path):
    asyncio.run(_all(tmp_path))


TOOT = """
alias: Incident, Mastodon
triggers: [{ trigger: webhook, webhook_id: desk }]
actions: [{ action: mastodon_post, channel: force_mastodon, text: "{{ event.data.text }}" }]
approval: none
"""
AT_WORK = 40
"""How many posts are under way when the daemon is killed."""


def test_killed_under_load_in_front_of_a_server_that_knows_no_keys_nothing_goes_out_twice(tmp_path):
    """Such servers speak Mastodon's API and put a repeat up as a second post, key or no key."""
    asyncio.run(_killed_under_load(tmp_path))


async def _killed_under_load(folder: Path) -> None:
    account = (
        'force_mastodon: { platform: mastodon, api: "https://mastodon.example", repeat_after: 2s,'
        f" concurrency: {AT_WORK} }}\n"
    )
    async with platforms(folder) as there:
        stage = staging.build(folder / "stage", there.url, there.smtp, {"toot": TOOT})
        stage.configure(account)
        await there.fault("mastodon", "keys_ignored", seconds=600)
        await there.fault("mastodon", "slow", count=AT_WORK, seconds=20)
        async with daemon(stage) as killed:
            assert await killed.ready()
            for number in range(AT_WORK):
                event = {"type": "incident", "subject": f"T{number}", "text": f"T{number} closed"}
                status, answer = await killed.receives(f"msg_{number}", event)
                assert status == 202, answer

            async def up() -> bool:
                return len(await there.posts("closed")) == AT_WORK

            await until(up, "every post to be up, and none of them answered")
        async with daemon(stage) as alive:
            assert await alive.ready()
            await alive.has(AT_WORK, "delivered")
        assert len(await there.posts("closed")) == AT_WORK


async def _all(folder: Path) -> None:
    async with platforms(folder) as there:
        commits = await _count(folder, there)
        assert commits > MESSAGES
        gate = asyncio.Semaphore(AT_ONCE)

        async def case(number: int, side: str) -> str:
            async with gate:
                return await _killed(folder, there, number, side)

        sides = ("before", "after")
        cases = [(number, side) for number in range(1, commits + 1) for side in sides]
        faults = await asyncio.gather(*(case(number, side) for number, side in cases))
    assert not any(faults), "\n".join(filter(None, faults))


def _stage(folder: Path, there: Platforms, name: str) -> staging.Stage:
    """Return a stage with accounts of its own, so that no case sees another's posts."""
    stage = staging.build(folder / name, there.url, there.smtp, {})
    own = f"{name}_"
    stage.configure(
        staging.CHANNELS.replace("force_", f"{own}force_")
        .replace("100064500000001", _page(name))
        .replace("{ platform:", "{ repeat_after: 1s, platform:")
        + f"{own}force_x_two: {{ repeat_after: 1s, platform: x }}\n"
    )
    for recipe, text in RECIPES.items():
        stage.recipe(recipe, text.replace("force_", f"{own}force_"))
    return stage


def _page(name: str) -> str:
    return "1000" + "".join(f"{ord(letter):03d}" for letter in name)[-12:]


async def _count(folder: Path, there: Platforms) -> int:
    """Return how many commits the story takes where nobody dies."""
    stage = _stage(folder, there, "alive")
    count = stage.folder / "commits"
    async with daemon(stage, *DYING, str(count), "0", "before") as alive:
        assert await alive.ready()
        await _story(alive, "alive")
        assert await _fault(alive, there, "alive", None) == ""
    return len(count.read_bytes())


async def _killed(folder: Path, there: Platforms, number: int, side: str) -> str:
    """Tell the story with a daemon that dies, end it with one that lives, and say what is wrong."""
    name = f"c{number}{side}"
    stage = _stage(folder, there, name)
    count = str(stage.folder / "commits")
    answered = None
    async with daemon(stage, *DYING, count, str(number), side) as dying:
        if await dying.ready():
            answered = await _story(dying, name)
    async with daemon(stage) as alive:
        if not await alive.ready():
            return f"{name}: does not start again\n{''.join(alive.lines)}"
        try:
            await _story(alive, name)
            return await _fault(alive, there, name, answered)
        except AssertionError as error:
            return f"{name}: {error}"


async def _story(running: Daemon, name: str) -> str | None:
    """
    Send the event, release what is held, and wait until all is quiet or the daemon is dead.

    Return the event's id if it was answered with 2xx.
    """
    status, answer = await running.receives(f"msg_{name}", _event(name))
    if status not in (200, 202):
        assert status == 0, answer
        return None

    async def over() -> bool:
        listed = await running.deliveries()
        held = [row for row in listed if row["hold"] == "approval"]
        if held:
            await running.ask("POST", f"/api/v1/deliveries/{held[0]['id']}/release")
        quiet = len(listed) == MESSAGES and all(map(_is_over, listed))
        return quiet or running.ending.done()

    await until(over, "every delivery to be over")
    event: str = answer["event"]
    return event


def _event(name: str) -> dict[str, str]:
    return {"type": "incident", "subject": name, "text": name}


def _is_over(delivery: dict[str, Any]) -> bool:
    return delivery["state"] == "delivered" or delivery["hold"] == "unknown"


async def _fault(running: Daemon, there: Platforms, name: str, answered: str | None) -> str:
    """Say what of the promise is broken; nothing if it is kept."""
    status, answer = await running.receives(f"msg_{name}", _event(name))
    if status != 200:
        return f"{name}: a repeat is answered with {status}"
    if answered not in (None, answer["event"]):
        return f"{name}: the event was {answered} and is now {answer['event']}"
    listed = await running.deliveries()
    posts = await there.posts(name)
    wrong = []
    for delivery in listed:
        content = delivery["content"]
        copies = sum(post["text"].strip() == content["text"].strip() for post in posts)
        mail_in_doubt = delivery["action"] == "email" and delivery["hold"] == "unknown"
        if not (copies == 1 and delivery["state"] == "delivered") and not (
            mail_in_doubt and copies <= 1
        ):
            wrong.append(f"{name}: {copies} copies of {delivery}")
    if len(listed) != MESSAGES:
        wrong.append(f"{name}: {len(listed)} deliveries")
    return "\n".join(wrong)
