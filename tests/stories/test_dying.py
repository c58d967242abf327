"""
A tale told with a daemon that dies before or after one of its transactions ends in the same way.

Some of the transactions are tried in every run, all of them by `pytest -m every_commit`, which is
part of `make torture`. Here a daemon is ended in this process, on a clock that stands still;
`test_kill.py` does the same to a real process by SIGKILL, for one story.
"""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from tests.stories.mortal import Death
from tests.stories.tales import TALES, Tale
from tests.stories.verdict import RESTORED, Ended, unlike
from tests.stories.world import World

# Ended in the middle of connecting, a library leaves its socket open, and ended in the middle of
# beginning, we leave it unbegun. For the dead, the system clears that away.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]

FEW = 8
"""At how many of its transactions a tale's daemon is killed in every run."""


async def told(tale: Tale, folder: Path, death: Death) -> list[str]:
    """Tell a tale with a daemon that dies so, and return what is wrong with its end."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(folder, patch, death)
        try:
            await world.begins(tale)
            await tale.tell(world)
            await world.comes_to_rest()
        finally:
            async with asyncio.timeout(30):
                await world.ends()
        ended = Ended(
            world.stage.store, [post.shown() for post in world.sandbox.shelf.everything()]
        )
    moves = RESTORED if tale.restores else frozenset()
    wrong = ended.faults(moves)
    return [*wrong, *unlike(ended, tale.posts, tale.states, died=death.came.is_set())]


async def fails(tale: Tale, folder: Path, most: int | None) -> list[str]:
    """Tell a tale with each of its deaths, or with so many of them, evenly spread; return what is wrong."""
    alive = Death()
    assert await told(tale, folder / "alive", alive) == []
    numbers = range(1, alive.heard + 1)
    deaths = [(number, side) for number in numbers for side in ("before", "after")]
    if most is not None and len(deaths) > most:
        deaths = [deaths[place * len(deaths) // most] for place in range(most)]
    died = 0
    wrong = []
    for number, side in deaths:
        death = Death(number, side)
        try:
            faults = await told(tale, folder / f"{number}-{side}", death)
        except AssertionError as error:
            faults = [str(error)]
        died += death.came.is_set()
        wrong += [f"killed {side} transaction {number}: {fault}" for fault in faults]
    # Sockets and threads take their turns as they like, so a tale may do with fewer transactions.
    assert died > len(deaths) / 2
    gc.collect()
    return wrong


@pytest.mark.parametrize("tale", TALES.values(), ids=TALES)
async def test_a_tale_ends_as_it_should(tale, tmp_path):
    assert await told(tale, tmp_path, Death()) == []


@pytest.mark.parametrize("tale", TALES.values(), ids=TALES)
async def test_a_tale_ends_in_the_same_way_where_the_daemon_dies(tale, tmp_path):
    wrong = await fails(tale, tmp_path, FEW)
    assert not wrong, "\n".join(wrong)


@pytest.mark.every_commit
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tale", TALES.values(), ids=TALES)
async def test_a_tale_ends_in_the_same_way_wherever_the_daemon_dies(tale, tmp_path):
    wrong = await fails(tale, tmp_path, None)
    assert not wrong, "\n".join(wrong)
