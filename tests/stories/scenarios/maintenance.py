"""Maintenance: reload, retention, backup, restart."""

from __future__ import annotations

import asyncio
import shutil

from appealbridge.store.sqlite.maintenance import back_up
from tests.stories import staging
from tests.stories.dying_world import World
from tests.stories.scenarios.scenario import ALL_FOUR, fails, has, scenario, was_deferred

BEFORE = staging.EVERYWHERE.replace("It is on X", "Before: it is on X")


@scenario(
    recipes={"everywhere": BEFORE},
    posts={
        "x": ["M6 closed on X", "M6 open on X"],
        "facebook": ["M6 closed on Facebook", "M6 open on Facebook"],
        "mastodon": ["M6 closed on Mastodon", "M6 open on Mastodon"],
        "email": ["Before: it is on X at *", "After: it is on X at *"],
    },
    states={"delivered": 8},
)
async def a_reload_in_the_middle(world: World) -> None:
    fails(world, "x", "http_503", seconds=60)
    await world.receives("M6 closed")
    await was_deferred(world)
    text = world.recipes["everywhere"]
    world.stage.recipe("everywhere", text.replace("Before: it", "After: it"))
    await world.asks("POST", "/reload")
    await has(world, 4, "delivered", "held", passing=2)
    await world.receives("M6 open")
    await has(world, 8, "delivered", "held", passing=2)


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["Aisha is missing"]},
    states={"delivered": 1},
    settings="retention: { personal: 1d, decisions: 7y }\n",
)
async def content_is_removed(world: World) -> None:
    await world.receives("Aisha is missing", message="m1")
    await has(world, 1, "delivered")
    world.clock.jumps(2 * 86_400)

    async def removed() -> bool:
        return all(delivery["removed"] for delivery in await world.deliveries())

    await world.until(removed, passing=30)
    await world.receives("Aisha is missing", message="m1")  # still known as a repeat


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": [f"Incident {number}" for number in range(3)]},
    states={},
    settings="retention: { personal: 1d, decisions: 1d }\n",
)
async def rows_are_removed(world: World) -> None:
    for number in range(3):
        await world.receives(f"Incident {number}")
    await has(world, 3, "delivered")
    world.clock.jumps(2 * 86_400)

    async def gone() -> bool:
        return await world.deliveries() == []

    await world.until(gone, passing=30)


@scenario(
    recipes={"tweet": staging.TWEET},
    posts={"x": ["M6 closed", "A38 closed"]},
    states={"delivered": 2},
    restores=True,
)
async def a_backup_is_restored(world: World) -> None:
    fails(world, "x", "http_503", seconds=60)
    await world.receives("M6 closed")
    await was_deferred(world)
    copy = world.stage.folder / "monday.db"
    await asyncio.to_thread(back_up, world.stage.store, copy, world.clock.now())
    await has(world, 1, "delivered", passing=2)
    await world.stops()
    for file in world.stage.folder.glob("bridge.db*"):
        file.unlink()
    shutil.copy(copy, world.stage.store)
    await world.starts()
    _, would = await world.asks("GET", "/stop")
    await world.asks("POST", f"/start?seen={would['seen']}&by=bob")
    await world.receives("A38 closed")
    await has(world, 2, "delivered", passing=0.5)


@scenario(
    recipes={"all": staging.EVERYWHERE},
    posts=ALL_FOUR,
    states={"delivered": 4},
)
async def stopped_and_started(world: World) -> None:
    fails(world, "x", "http_503", seconds=30)
    await world.receives("M6 closed")
    await was_deferred(world)
    await world.restarts()
    await has(world, 4, "delivered", "held", passing=1)
