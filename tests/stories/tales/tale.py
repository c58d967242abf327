"""What a tale is, and the words in which all of them are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appealbridge.practice.faults import FaultName
from tests.stories import staging
from tests.stories.world import World

Tell = Callable[[World], Awaitable[None]]

TWEETED = {"x": ["M6 closed"]}
ALL_FOUR = {
    "x": ["M6 closed on X"],
    "facebook": ["M6 closed on Facebook"],
    "mastodon": ["M6 closed on Mastodon"],
    "email": ["It is on X at *"],
}


@dataclass(frozen=True, kw_only=True)
class Tale:
    """
    What happens, by `tell`, and how it ends: posts by platform as patterns, deliveries by state.

    `settings` is put at the end of appealbridge.yaml, `channels` in the place of the usual ones;
    `restores` says that a backup is put in the place of the store.
    """

    tell: Tell
    recipes: Mapping[str, str]
    posts: Mapping[str, Sequence[str]]
    states: Mapping[str, int]
    channels: str = staging.CHANNELS
    settings: str = ""
    looks_every: str = "1h"
    restores: bool = False


TALES: dict[str, Tale] = {}
"""All tales by name, once the files of this folder are imported."""


def tale(**ends: Any) -> Callable[[Tell], Tell]:
    """Make a tale of what happens, by how it ends."""

    def tells(tell: Tell) -> Tell:
        TALES[tell.__name__] = Tale(tell=tell, **ends)
        return tell

    return tells


def fails(
    world: World,
    platform: str,
    fault: str,
    *,
    count: int | None = None,
    seconds: float | None = None,
) -> None:
    world.sandbox.faults.add(platform, FaultName(fault), count, seconds)


async def has(world: World, count: int, *states: str, passing: float = 0.5) -> None:
    """Wait until there are so many deliveries in one of these states."""

    async def there() -> bool:
        return sum(one["state"] in states for one in await world.deliveries()) == count

    await world.until(there, passing=passing)


async def is_put_off(world: World) -> None:
    """Wait until an attempt has come to nothing."""

    async def tried() -> bool:
        listed = await world.deliveries()
        return any(one["attempts"] and one["state"] != "sending" for one in listed)

    await world.until(tried, passing=0.01)
