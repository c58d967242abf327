"""Whatever is sent or listed, the shipped recipes never keep the daemon from its other work."""

import asyncio
import io
import json
import os
import shutil
from pathlib import Path
from time import perf_counter, process_time

import pytest

from tests.properties.test_text_cost import HOSTILE, made_of
from tests.stories import staging

SHIPPED = Path(__file__).parents[2] / "recipes"
LONGEST = 0.25
"""How many seconds the event loop may be kept at once: far more than it is on a machine with nothing else to do."""

TIMES = 4
"""How often a request has to keep the loop for too long until that counts: the machine may have been busy."""

CASES = 30

SETTINGS = """
webhooks:
  roads: { secrets: [!secret hook_desk], mapping: { type: $.type } }
  incident-desk: { secrets: [!secret hook_desk], preset: alertmanager }
feeds:
  force_news: { url: FEED, every: 60s }
lists:
  regional_press: [newsdesk@example-mail.example]
"""
PIECES = (
    "words",
    "nearly links",
    "open brackets",
    "marks",
    "flags",
    "joined emoji",
    "mentions in addresses",
)


class Watch:
    """Knows the longest time for which the event loop had no turn while this process was at work."""

    def __init__(self):
        self.longest = 0.0
        self._task = asyncio.create_task(self._watch())

    async def _watch(self):
        while True:
            begun, worked = perf_counter(), process_time()
            await asyncio.sleep(0.001)
            # Time in which the machine gave us no processor is nobody's fault.
            self.longest = max(self.longest, min(perf_counter() - begun, process_time() - worked))

    def ends(self):
        self._task.cancel()


@pytest.fixture
async def shipped(story):
    await story.begins({})
    for recipe in SHIPPED.glob("*.yaml"):
        shutil.copy(recipe, story.stage.recipes)
    before, _, _ = story.stage.config.read_text().partition("webhooks:")
    settings = SETTINGS.replace("FEED", f"{story.sandbox.url}/website/news.rss")
    appeals = staging.APPEALS.format(folder=story.stage.folder)
    further = (
        '  newsroom: { platform: wordpress, api: "https://news.example.police.uk" }\n'
        "  force_bluesky: { platform: bluesky, handle: force.police.uk }\n"
    )
    channels = before.replace("channels:\n", f"channels:\n{further}")
    story.stage.config.write_text(channels + settings + appeals)
    await story.restarts()
    assert not story.logged("recipe_quarantined")
    return story


async def sent(story, hook, body, time):
    data = json.dumps(body, ensure_ascii=False).encode()
    headers = staging.signed(f"m-{hash(data)}-{time}", story.clock.now(), data)
    url = f"{story.bridge.url}/hooks/{hook}"
    async with story.session.post(url, data=io.BytesIO(data), headers=headers) as answer:
        assert answer.status in (202, 413)


def closure(text):
    return {"type": "road.closed", "road": text[: len(text) // 3], "between": text, "cause": text}


def alert(text, number):
    labels = {"severity": "major", "audience": "public", "place": text[:200]}
    annotations = {"summary": text, "description": text}
    return {
        "status": "firing",
        "fingerprint": f"f{number}",
        "labels": labels,
        "annotations": annotations,
    }


def hostile_bodies(piece, time):
    """Requests that are new each time."""
    bodies = []
    for length in (1_000, 10_000, 99_000, 300_000):
        text = made_of(piece, length)
        alerts = [alert(text, f"{time}-long-{length}")]
        bodies += [("roads", closure(text)), ("incident-desk", {"alerts": alerts})]
    many = [alert(made_of(piece, 300), f"{time}-{number}") for number in range(300)]
    return [*bodies, ("incident-desk", {"alerts": many})]


@pytest.mark.parametrize("piece", PIECES)
async def test_a_hostile_request_keeps_nobody_waiting(shipped, piece):
    longest = []
    for time in range(TIMES):
        bodies = hostile_bodies(HOSTILE[piece], time)
        watch = Watch()
        for hook, body in bodies:
            await sent(shipped, hook, body, time)
        watch.ends()
        longest.append(watch.longest)
        if watch.longest < LONGEST:
            return
    # What keeps the loop does so each time; a busy machine does not.
    raise AssertionError(f"the loop was kept each time: {longest}")


@pytest.mark.parametrize("piece", PIECES)
async def test_hostile_case_files_keep_nobody_waiting(shipped, piece):
    await shipped.until(lambda: shipped.logged("first_look"))
    text, longest = made_of(HOSTILE[piece], 20_000), []
    for time in range(TIMES):
        watch = Watch()
        for number in range(CASES):
            title = json.dumps(f"{number} {text}", ensure_ascii=False)
            head = f"---\nreference: A-{time}-{number}\ntitle: {title}\nkind: missing\n---\n"
            file = shipped.stage.appeals / f"A-{time}-{number}.md"
            file.write_text(head + text)
            os.utime(file, (shipped.clock.now() - 60,) * 2)
        await shipped.until(lambda many=CASES * (time + 1): all_are_planned(shipped, many))
        watch.ends()
        longest.append(watch.longest)
        if watch.longest < LONGEST:
            return
    raise AssertionError(f"the loop was kept each time: {longest}")


async def all_are_planned(shipped, many):
    # The watch always waits for a moment of real time, and so does the clock at each of its steps.
    await shipped.clock.passes(seconds=10, step=10)
    return len(await shipped.bridge.engine.store.events(limit=2 * CASES * TIMES)) == many
