"""
A scenario ends in the same way if the daemon dies before or after one of its transactions.

Every run tries some of the transactions, and `pytest -m every_commit`, a part of `make torture`, all of them.
The daemon runs in this process, on a fake clock; `test_kill.py` kills a real process, in one story.
"""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from tests.stories.dying_store import Death
from tests.stories.dying_world import World
from tests.stories.invariants import RESTORED, Ended, unlike
from tests.stories.scenarios import SCENARIOS, Scenario

# A library that is stopped while it connects leaves its socket open, and a coroutine of ours that is stopped before it
# begins is never awaited. When a real process dies, the system clears that away.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]

FEW = 2
"""At how many of a scenario's transactions the daemon is killed in every run; they differ from scenario to scenario."""

PRIME = 7
"""How many deaths further on each scenario begins than the one before it."""


async def faults_of(scenario: Scenario, folder: Path, death: Death) -> list[str]:
    """Play a scenario in which the daemon dies so, and return what is wrong with its end."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(folder, patch, death)
        try:
            await world.begins(scenario)
            await scenario.play(world)
            await world.comes_to_rest()
        finally:
            async with asyncio.timeout(30):
                await world.ends()
        ended = Ended(
            world.stage.store, [post.shown() for post in world.sandbox.shelf.everything()]
        )
    moves = RESTORED if scenario.restores else frozenset()
    wrong = ended.faults(moves)
    return [*wrong, *unlike(ended, scenario.posts, scenario.states, died=death.came.is_set())]


async def faults_of_deaths(scenario: Scenario, folder: Path, most: int | None) -> list[str]:
    """Play a scenario with each possible death, or `most` of them, evenly spread; return what is wrong."""
    alive = Death()
    assert await faults_of(scenario, folder / "alive", alive) == []
    numbers = range(1, alive.completed + 1)
    deaths = [(number, side) for number in numbers for side in ("before", "after")]
    if most is not None and len(deaths) > most:
        # Each scenario begins elsewhere, so that together they die at all stages of a delivery.
        scenarios = [*SCENARIOS.values()]
        place = scenarios.index(scenario) if scenario in scenarios else 0
        shift = PRIME * place % len(deaths)
        deaths = [deaths[(place * len(deaths) + shift) // most] for place in range(most)]
    died = 0
    wrong = []
    for number, side in deaths:
        death = Death(number, side)
        try:
            faults = await faults_of(scenario, folder / f"{number}-{side}", death)
        except AssertionError as error:
            faults = [str(error)]
        died += death.came.is_set()
        wrong += [f"killed {side} transaction {number}: {fault}" for fault in faults]
    # The order of sockets and threads varies, so a run may need fewer transactions.
    assert died >= len(deaths) / 2
    gc.collect()
    return wrong


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_a_scenario_ends_in_the_same_way_where_the_daemon_dies(scenario, tmp_path):
    wrong = await faults_of_deaths(scenario, tmp_path, FEW)
    assert not wrong, "\n".join(wrong)


@pytest.mark.every_commit
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_a_scenario_ends_in_the_same_way_wherever_the_daemon_dies(scenario, tmp_path):
    wrong = await faults_of_deaths(scenario, tmp_path, None)
    assert not wrong, "\n".join(wrong)
