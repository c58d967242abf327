"""However long the daemon runs, it does not keep more and more: what it keeps has an end."""

import asyncio
import gc
import types
import weakref

from appealbridge.practice.posts import PracticePost, Shelf
from tests.stories import staging

LATER = """
alias: Later, on Mastodon
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - delay: 60s
  - { action: mastodon_post, channel: force_mastodon, text: "Later: {{ event.data.text }}" }
approval: none
"""

FAILS = """
alias: Fails
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.what_nobody_said }}" }
approval: none
"""

SKIPS = """
alias: Skips
triggers: [{ trigger: webhook, webhook_id: desk }]
conditions: [{ field: $.text, equals: Something else }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
approval: none
"""

HELD = staging.TWEET.replace("approval: none\n", "").replace("}}", "}}, for a person")

RECIPES = {"now": staging.TWEET, "later": LATER, "fails": FAILS, "skips": SKIPS, "held": HELD}

BATCH = 60
TEXTS = 20
"""How many texts and keys are remembered here; fewer than a batch has, so that all there is room for are."""


async def test_three_times_as_many_events_leave_no_more_behind(story, monkeypatch):
    monkeypatch.setattr("appealbridge.engine.intake.reception.RECENT", TEXTS)
    await story.begins(RECIPES)
    story.bridge.engine.pipeline.guard._texts._most = TEXTS
    await a_batch(story)
    await a_batch(story)
    before = reachable_objects(story.bridge.engine)
    for _ in range(3):
        await a_batch(story)
    assert reachable_objects(story.bridge.engine) < before * 1.02 + BATCH / 2


async def a_batch(story):
    """Have events come, about something else each, and all that they cause end in one way or another."""
    for _ in range(BATCH):
        number = story.sent
        status, _ = await story.receives(f"Road {number} closed", area=f"Area {number}")
        assert status == 202
    await story.asks("POST", "/cancel?hold=approval")
    await story.until(lambda: nothing_waits(story), passing=30)
    await story.clock.passes(minutes=10)


async def nothing_waits(story):
    _, waiting = await story.asks("GET", "/deliveries?state=planned,held,ready,unknown,sending")
    _, runs = await story.asks("GET", "/runs?state=open")
    return not waiting and not runs


def reachable_objects(root):
    """Return how many objects can be reached, but for programs, practice platforms, and the loop that all hangs on."""
    gc.collect()
    result, results = set(), [root]
    while results:
        item = results.pop()
        if id(item) in result or isinstance(item, (*PROGRAM, asyncio.AbstractEventLoop)):
            continue
        result.add(id(item))
        if isinstance(item, types.FunctionType):
            results += [item.__closure__, item.__defaults__]
        else:
            results += gc.get_referents(item)
    return len(result)


# sqlite3 keeps weak references to a connection's last two hundred cursors.
PROGRAM = (
    type, types.ModuleType, types.CodeType, types.BuiltinFunctionType, weakref.ReferenceType,
    Shelf, PracticePost,
)  # fmt: skip
