"""A recipe that takes too long for one event fails as any other does; people hear of it, and nobody waits for it."""

from tests.stories import staging

SLOW = staging.TWEET.replace(
    "{{ event.data.text }}", "{% for i in range(1900) %}{{ event.data.text }}{% endfor %}"
).replace("Incident, X", "Slow")
WAITING = SLOW.replace("actions:\n", "actions:\n  - delay: 1m\n")


def works(clock, seconds):
    """Let every look at the clock find that so much more time has passed, and that the processor was at work."""
    used = 0.0
    monotonic = clock.monotonic

    def passed():
        nonlocal used
        used += seconds
        return monotonic() + used

    clock.monotonic = passed
    clock.work = lambda: used


async def test_a_slow_recipe_fails_and_the_others_publish(story):
    await story.begins({"slow": SLOW, "tweet": staging.TWEET})
    works(story.clock, 0.001)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"))
    (failed,) = story.logged("run_failed")
    assert failed["run_id"].endswith(".slow")
    assert "more than 0.25 seconds of processor time for one event" in failed["reason"]
    assert story.posts("x") == ["M6 closed"]


async def test_a_slow_recipe_that_waits_fails_when_it_goes_on(story):
    await story.begins({"slow": WAITING})
    works(story.clock, 0.001)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("run_failed"), passing=5)
    (run,) = await story.runs()
    assert run["state"] == "failed"
    assert "processor time" in run["reason"]


async def test_a_large_event_of_a_recipe_that_waits_is_planned_as_a_small_one_is(story):
    recipe = staging.TWEET.replace("actions:\n", "actions:\n  - delay: 1m\n")
    await story.begins({"tweet": recipe})
    await story.receives("M6 closed", more="x" * 50_000)
    await story.until(lambda: story.posts("x"), passing=5)
    assert story.posts("x") == ["M6 closed"]
