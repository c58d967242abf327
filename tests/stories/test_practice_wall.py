"""The page of the practice platforms says what the daemon holds."""

import json

import aiohttp

from tests.stories import staging
from tests.stories.processes import daemon, platforms, until


async def test_the_wall_says_what_is_held_until_it_is_released(tmp_path):
    recipe = staging.TWEET.replace("approval: none\n", "")
    async with platforms(tmp_path) as there, aiohttp.ClientSession() as session:

        async def held():
            async with session.get(f"{there.url}/wall.json") as answer:
                return json.loads(await answer.read())["held"]

        stage = staging.build(tmp_path / "s", there.url, there.smtp, {"roads": recipe})
        async with daemon(stage) as running:
            assert await running.ready()
            await running.receives("1", {"type": "incident", "subject": "M6", "text": "M6 closed"})

            async def is_shown():
                report = await held()
                return report and report["held"]

            (row,) = await until(is_shown, "the wall shows what is held")
            assert row == {"number": 1, "channel": "force_x", "about": "M6", "why": "approval"}
            (delivery,) = await running.deliveries()
            await running.ask("POST", f"/api/v1/deliveries/{delivery['id']}/release")

            async def is_gone():
                return await held() == {"held": [], "more": False}

            await until(is_gone, "the wall shows nothing as held")
            assert await there.posts("M6 closed")
