"""What `trace` tells of an event: who wanted it, what was sent and what came back, in whatever state it is."""

import asyncio

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName
from tests.stories import staging

HELD = staging.TWEET.replace("approval: none\n", "")
PICKY = staging.TWEET.replace("actions:", "conditions: [{ field: $.lanes, above: 1 }]\nactions:")
UNWRITABLE = staging.TWEET.replace("event.data.text", "road").replace(
    "actions:", "variables: { road: $.road }\nactions:"
)
WAITS = staging.TWEET.replace("actions:", "actions:\n  - { delay: 30m }")
SECOND = staging.TWEET.replace("force_x", "force_mastodon").replace("tweet", "mastodon_post")


@pytest.fixture
def trace(story):
    """Run the command against the story's daemon and return what it prints."""

    async def printed(id_, *options):
        arguments = ["trace", str(id_), "--config", str(story.stage.config), *options]
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        return result.output

    return printed


async def test_an_event_is_told_with_every_recipe_that_was_asked(story, trace):
    await story.begins({"all": staging.EVERYWHERE, "picky": PICKY})
    _, answer = await story.receives("M6 closed", lanes=1)
    await story.state(4, "delivered", passing=1)
    shown = await trace(answer["event"])
    assert "all: planned" in shown
    assert "triggers[0]: wants incident from webhook:desk" in shown
    for channel in ("force_x", "force_facebook", "force_mastodon", "press_office"):
        assert f"on {channel}: attempt 1 delivered" in shown
    assert "picky: skipped" in shown
    assert "skipped: $.lanes is 1, wanted above 1" in shown


async def test_a_delivery_s_number_tells_the_run_that_made_it(story, trace):
    await story.begins({"tweet": HELD, "second": SECOND})
    await story.receives("M6 closed")
    (held,) = await story.deliveries(state="held")
    shown = await trace(held["number"])
    assert "tweet: planned" in shown
    assert "second" not in shown
    assert f"to answer it: appealbridge approve {held['number']}" in shown
    assert shown == await trace(held["run"]) == await trace(held["id"])


async def test_a_subject_is_told_event_by_event_the_oldest_first(story, trace):
    await story.begins({"tweet": HELD})
    for text in ("M6 closed", "M6 partly open", "M6 open"):
        await story.receives(text, subject="M6/J5")
        await story.clock.passes(seconds=10)
    await story.receives("A38 closed", subject="A38")
    shown = await trace("M6/J5")
    places = [shown.index(text) for text in ("M6 closed", "M6 partly open", "M6 open")]
    assert places == sorted(places)
    assert shown.count("incident about M6/J5") == 3
    assert "A38" not in shown
    assert "nothing in the store has this id" in await trace("M6/J6")


async def test_events_are_listed_by_what_they_are_about(story):
    await story.begins({"tweet": HELD})
    for subject in ("M6", "A38"):
        await story.receives("Closed", subject=subject)

    async def listed(*options):
        arguments = ["events", "--config", str(story.stage.config), *options]
        return (await asyncio.to_thread(CliRunner().invoke, main, arguments)).output

    assert "M6" in await listed("--subject", "M6")
    assert "A38" not in await listed("--subject", "M6", "--source", "webhook:desk")
    assert "no events" in await listed("--type", "feed.new")


async def test_a_run_that_could_not_be_written_shows_its_variables(story, trace):
    await story.begins({"broken": UNWRITABLE})
    _, answer = await story.receives("M6 closed")
    shown = await trace(answer["event"])
    assert "broken: failed" in shown
    assert "tweet: could not be written" in shown
    assert "    road: missing" in shown


async def test_a_run_that_waits_says_until_when(story, trace):
    await story.begins({"later": WAITS})
    _, answer = await story.receives("M6 closed")

    async def waits():
        shown = await trace(answer["event"])
        return shown if "actions[0]: waits until" in shown else ""

    assert "waits until then" in await story.until(waits)


async def test_a_look_that_found_the_post_is_part_of_the_story(story, trace):
    await story.begins({"tweet": staging.TWEET})
    story.sandbox.faults.add("x", FaultName.POST_THEN_RESET, 1, None)
    await story.receives("M6 closed")
    (item,) = await story.state(1, "delivered", passing=1)
    shown = await trace(item["number"])
    assert shown.index("attempt 1 unsure") < shown.index("search 1 found")
    assert item["receipt"]["url"] in shown


async def test_what_nobody_has_is_said(story, trace):
    await story.begins({"tweet": staging.TWEET})
    assert "delivery 99" in await trace(99)
    assert "nothing in the store has this id" in await trace("0123456789abcdef")
