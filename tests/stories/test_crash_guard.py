"""A source whose new items the daemon may have died of is paused, and nothing of it is lost."""

import pytest

from appealbridge.engine.intake.crash_guard import FIRST_PAUSE, GROWTH, LONGEST_PAUSE
from appealbridge.store.records import PlanningMark
from tests.stories import staging
from tests.stories.test_sources import APPEAL, FEED, lists

DESK = "appeal:desk"
OTHER = APPEAL.replace("New appeal", "Other").replace("{{ appeal.title }}", "{{ appeal.title }}!")


async def dies(story, crashes=0, hold_reason=""):
    """End the daemon as if it had been killed while it planned new items of the appeals."""
    store = story.bridge.engine.store
    await store.keep_planning_mark(PlanningMark(DESK, True, crashes, 0.0, hold_reason))
    await story.restarts()


async def begins(story):
    await story.begins({"appeal": APPEAL, "tweet": staging.TWEET})
    await story.until(lambda: story.logged("first_look"))


async def test_after_a_crash_the_source_is_paused_and_people_are_told(story):
    await begins(story)
    await dies(story)
    (alarm,) = story.logged("alarm")
    assert (alarm["kind"], alarm["channel"]) == ("source.paused", DESK)
    assert alarm["reason"] == "paused for 3m"
    story.stage.appeal("A-1", story.clock.now() - 5, title="Missing: Aisha, 14")
    await story.clock.passes(seconds=FIRST_PAUSE - 5)
    await story.settles()
    assert story.posts("x") == []
    await story.until(lambda: story.posts("x"), passing=5)
    assert story.posts("x") == ["Missing: Aisha, 14"]


async def test_other_sources_go_on_at_once(story):
    await begins(story)
    story.stage.recipe("news", FEED.format(url=f"{story.sandbox.url}/website/appeals.rss"))
    await dies(story)
    await story.until(lambda: len(story.logged("first_look")) == 2)
    await lists(story, "N-1", "Award")
    await story.until(lambda: story.posts("x"), passing=5)
    assert story.posts("x") == ["feed.new Award"]
    await story.receives("M6 closed")
    await story.until(lambda: len(story.posts("x")) == 2)


@pytest.mark.parametrize(
    ("crashes", "pause"),
    [(0, FIRST_PAUSE), (1, FIRST_PAUSE * GROWTH), (2, FIRST_PAUSE * GROWTH**2), (9, LONGEST_PAUSE)],
)
async def test_each_pause_is_longer_than_the_one_before(story, crashes, pause):
    await begins(story)
    await dies(story, crashes)
    (mark,) = await story.bridge.engine.store.planning_marks()
    assert (mark.crashes, mark.in_progress) == (crashes + 1, False)
    assert mark.paused_until == story.clock.now() + pause


async def test_a_look_that_is_stored_ends_it(story):
    await begins(story)
    await dies(story, crashes=3)
    story.stage.appeal("A-1", story.clock.now() - 5, title="Missing: Aisha, 14")
    await story.until(lambda: story.posts("x"), passing=600, step=300)
    assert await story.bridge.engine.store.planning_marks() == []
    await story.restarts()
    assert len(story.logged("alarm")) == 1


async def test_a_start_without_a_new_crash_does_not_make_the_pause_longer(story):
    await begins(story)
    await dies(story)
    before = await story.bridge.engine.store.planning_marks()
    await story.clock.passes(seconds=60)
    await story.restarts()
    assert await story.bridge.engine.store.planning_marks() == before
    assert len(story.logged("alarm")) == 1


async def test_a_reload_after_a_change_ends_the_pause(story):
    await begins(story)
    await dies(story, crashes=9)
    story.stage.appeal("A-1", story.clock.now() - 5, title="Missing: Aisha, 14")
    await story.asks("POST", "/reload")
    await story.clock.passes(minutes=10)
    await story.settles()
    assert story.posts("x") == []
    story.stage.recipe("appeal", OTHER)
    await story.asks("POST", "/reload")
    await story.until(lambda: story.posts("x"), passing=5)
    assert story.posts("x") == ["Missing: Aisha, 14!"]


async def test_the_rest_of_a_look_that_was_held_is_held(story):
    await begins(story)
    await dies(story, hold_reason="30 new or changed items at one look, more than 20")
    story.stage.appeal("A-1", story.clock.now() - 5, title="Missing: Aisha, 14")
    (held,) = await story.state(1, "held", passing=30)
    assert (held["hold"], held["reason"][:2]) == ("burst", "30")


async def test_a_quiet_look_sets_no_mark(story, monkeypatch):
    await begins(story)
    stored = []
    monkeypatch.setattr(story.bridge.engine.store, "keep_planning_mark", stored.append)
    await story.clock.passes(minutes=5)
    await story.settles()
    assert stored == []


async def test_an_orderly_stop_is_no_crash(story):
    await begins(story)
    await story.bridge.engine.pipeline.polling.crash_guard.begin(DESK, "")
    await story.restarts()
    assert story.logged("alarm") == []
    story.stage.appeal("A-1", story.clock.now() - 5, title="Missing: Aisha, 14")
    await story.until(lambda: story.posts("x"), passing=5)
