"""A long poll is stored in parts: nothing is lost, doubled or published without review, wherever the daemon dies."""

import pytest

from appealbridge.engine.intake import polling
from tests.stories.dying_store import Death
from tests.stories.scenarios.scenario import Scenario, has
from tests.stories.scenarios.undisturbed import was_polled
from tests.stories.test_dying import faults_of, faults_of_deaths
from tests.stories.test_sources import APPEAL, follows, lists

FEW = [f"Missing: number {number}" for number in range(5)]
BURST = [f"Missing: number {number}" for number in range(22)]


async def _lists(world, titles, state):
    await was_polled(world, "appeal:desk")
    for number, title in enumerate(titles):
        world.stage.appeal(f"A-{number}", world.clock.now() - 60 + number, title=title)
    await has(world, len(titles), state, passing=60)


async def _are_published(world):
    await _lists(world, FEW, "delivered")


async def _are_held(world):
    await _lists(world, BURST, "held")


PUBLISHED = Scenario(
    play=_are_published,
    recipes={"appeal": APPEAL},
    posts={"x": FEW},
    states={"delivered": len(FEW)},
)
HELD = Scenario(
    play=_are_held,
    recipes={"appeal": APPEAL},
    posts={},
    states={"held": len(BURST)},
)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("scenario", "batch"), [(PUBLISHED, 2), (HELD, 7)], ids=["published", "held"]
)
async def test_a_long_poll_ends_in_the_same_way_wherever_the_daemon_dies(
    scenario, batch, tmp_path, monkeypatch
):
    monkeypatch.setattr(polling, "BATCH", batch)
    assert await faults_of(scenario, tmp_path / "never", Death()) == []
    wrong = await faults_of_deaths(scenario, tmp_path, 14)
    assert not wrong, "\n".join(wrong)


async def test_a_long_poll_is_stored_in_several_transactions(story, monkeypatch):
    monkeypatch.setattr(polling, "BATCH", 2)
    await follows(story)
    stored: list[tuple[int, bool, int]] = []
    accept = story.bridge.engine.store.accept

    async def noted(arrivals, memory=None):
        stored.append((len(arrivals), memory.complete, len(memory.seen)))
        return await accept(arrivals, memory)

    monkeypatch.setattr(story.bridge.engine.store, "accept", noted)
    for number in range(5):
        await lists(story, f"N-{number}", f"Item {number}")
    await story.state(5, "delivered", passing=5)
    listed = max(result for _, _, result in stored)
    assert [each for each in stored if each[0]] == [
        (2, False, 2),
        (2, False, 2),
        (1, True, listed),
    ]
    marks = await story.bridge.engine.store.planning_marks()
    assert marks == []
