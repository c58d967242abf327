"""A scenario, and the helpers that all of them share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appealbridge.practice.faults import FaultName
from tests.stories import staging
from tests.stories.dying_world import World

Play = Callable[[World], Awaitable[None]]

TWEETED = {"x": ["M6 closed"]}
ALL_FOUR = {
    "x": ["M6 closed on X"],
    "facebook": ["M6 closed on Facebook"],
    "mastodon": ["M6 closed on Mastodon"],
    "email": ["It is on X at *"],
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """
    What happens (`play`), and how it ends: posts by platform as patterns, deliveries by state.

    `settings` is added at the end of appealbridge.yaml, and `channels` replaces the usual ones.
    `restores`: a backup replaces the store.
    """

    play: Play
    recipes: Mapping[str, str]
    posts: Mapping[str, Sequence[str]]
    states: Mapping[str, int]
    channels: str = staging.CHANNELS
    settings: str = ""
    polls_every: str = "1h"
    restores: bool = False


SCENARIOS: dict[str, Scenario] = {}
"""All scenarios by name, once the modules of this folder are imported."""


def scenario(**ends: Any) -> Callable[[Play], Play]:
    """Register a function as a scenario that has to end so."""

    def register(play: Play) -> Play:
        SCENARIOS[play.__name__] = Scenario(play=play, **ends)
        return play

    return register


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
    """Wait until this many deliveries are in one of these states."""

    def there() -> bool:
        counts = world.counts()
        return sum(counts[state] for state in states) == count

    await world.until(there, passing=passing)


async def was_deferred(world: World) -> None:
    """Wait until an attempt has failed."""

    async def tried() -> bool:
        listed = await world.deliveries()
        return any(row["attempts"] and row["state"] != "sending" for row in listed)

    await world.until(tried, passing=0.01)
