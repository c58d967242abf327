"""The address of a feed may hold a key: it stands in no figure, no log line, no notice and no listing."""

import asyncio
import json

from click.testing import CliRunner

from appealbridge.cli.main import main
from tests.stories.test_sources import FEED, lists

KEY = "PRIVATE-FEED-KEY-123"


def hidden(*texts):
    for text in texts:
        assert KEY not in text


async def everything(story):
    """Return all that the daemon tells: figures, listings, log."""
    response = []
    async with story.session.get(f"{story.bridge.url}/metrics") as answer:
        response.append(await answer.text())
    listings = ("/events", "/runs", "/deliveries", "/recipes", "/channels")
    response += [json.dumps(await story.asks("GET", path)) for path in listings]
    _, events = await story.asks("GET", "/events")
    response += [json.dumps(await story.asks("GET", f"/traces/{event['id']}")) for event in events]
    story.bridge.log.output.flush()
    return [*response, story.lines.getvalue().decode()]


async def test_a_key_in_an_address_is_told_nowhere(story):
    await story.begins({})
    address = f"{story.sandbox.url}/website/appeals.rss?key={KEY}&format=rss"
    story.stage.recipe(
        "news", FEED.format(url=address).replace("every: 60s", "every: 60s, burst: 1")
    )
    story.stage.recipe("gone", FEED.format(url=f"{story.sandbox.url}/nothing-here?key={KEY}2"))
    await story.restarts()
    await story.until(lambda: story.logged("first_look") and story.logged("source_down"))
    await lists(story, "N-1", "One")
    await story.until(lambda: story.posts("x"), passing=5)
    await lists(story, "N-2", "Two")
    await lists(story, "N-3", "Three")
    await story.until(lambda: story.logged("burst_held"), passing=5)
    result = await everything(story)
    hidden(*result)
    assert f'source="feed:{story.sandbox.url}/website/appeals.rss#' in result[0]
    _, events = await story.asks("GET", "/events")
    await story.stops()
    for command in ("runs", "deliveries", "trace 1", f"trace {events[0]['id']}"):
        arguments = [*command.split(), "--config", str(story.stage.config)]
        done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert done.exit_code == 0, done.output
        hidden(done.output, done.stderr)


async def test_a_broken_recipe_tells_no_key_in_the_log(story):
    await story.begins({})
    broken = FEED.format(url=f"{story.sandbox.url}/rss?key={KEY}").replace(
        "every: 60s", "evry: 60s"
    )
    story.stage.recipe("news", broken)
    await story.asks("POST", "/reload")
    assert story.logged("recipe_quarantined")
    hidden(story.lines.getvalue().decode())


async def test_settings_that_are_refused_tell_no_key_in_the_log(story):
    await story.begins({})
    feeds = f'feeds: {{ news: {{ url: "{story.sandbox.url}/rss?key={KEY}", evry: 1m }} }}\n'
    story.stage.config.write_text(story.stage.config.read_text() + feeds)
    await story.asks("POST", "/reload")
    assert "evry" in json.dumps(story.logged("reload_refused"))
    hidden(story.lines.getvalue().decode())


async def test_two_feeds_that_differ_in_their_query_are_told_apart(story):
    await story.begins({})
    for name in ("a", "b"):
        story.stage.recipe(
            name, FEED.format(url=f"{story.sandbox.url}/website/appeals.rss?key={KEY}{name}")
        )
    await story.restarts()
    await story.until(
        lambda: len({each["source"] for each in story.logged("first_look")} - {"appeal:desk"}) == 2
    )
