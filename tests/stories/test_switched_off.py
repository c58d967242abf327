"""A recipe with `enabled: false` publishes nothing, also nothing later of what came meanwhile."""

from tests.stories import staging
from tests.stories.test_sources import FEED, lists

OFF = "enabled: false\n" + staging.TWEET


async def reloads(story):
    status, answer = await story.asks("POST", "/reload")
    assert (status, answer["problems"]) == (200, [])
    return answer


async def test_what_comes_while_it_is_off_is_not_for_it(story):
    await story.begins({"tweet": staging.TWEET})
    story.stage.recipe("tweet", OFF)
    result = await reloads(story)
    assert (result["off"], result["loaded"], result["gone"]) == (["tweet"], [], [])
    assert result["summary"].endswith("1 off")
    assert (await story.receives("M6 closed"))[0] == 202
    await story.clock.passes(seconds=1)
    await story.restarts()
    story.stage.recipe("tweet", staging.TWEET)
    await reloads(story)
    await story.receives("M6 open")
    await story.state(1, "delivered")
    await story.clock.passes(hours=1)
    await story.settles()
    assert story.posts("x") == ["M6 open"]


async def test_it_is_listed_as_off(story):
    await story.begins({"tweet": OFF, "other": staging.TWEET})
    _, recipes = await story.asks("GET", "/recipes")
    assert {each["name"]: each["state"] for each in recipes} == {"tweet": "off", "other": "loaded"}
    async with story.session.get(f"{story.bridge.url}/metrics") as answer:
        assert 'appealbridge_recipes{state="off"} 1.0' in await answer.text()
    assert not story.logged("recipe_quarantined")


async def test_a_feed_that_only_it_names_has_nothing_new_when_it_is_switched_on(story):
    await story.begins({})
    text = FEED.format(url=f"{story.sandbox.url}/website/appeals.rss")
    story.stage.recipe("news", text)
    await story.restarts()
    await story.until(lambda: story.logged("first_look"))
    await lists(story, "N-1", "Before")
    await story.until(lambda: story.posts("x"), passing=5)
    story.stage.recipe("news", "enabled: false\n" + text)
    await reloads(story)
    await lists(story, "N-2", "Meanwhile")
    await story.until(lambda: _seen(story, 2), passing=5)
    story.stage.recipe("news", text)
    await reloads(story)
    await lists(story, "N-3", "After")
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    assert [post.split()[-1] for post in story.posts("x")] == ["Before", "After"]


async def _seen(story, count):
    _, events = await story.asks("GET", "/events")
    return len(events) == count


async def test_a_reload_keeps_it_off(story):
    await story.begins({"tweet": OFF})
    await reloads(story)
    await story.receives("M6 closed")
    await story.settles()
    assert await story.runs() == []
