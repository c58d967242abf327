"""What waits in vain is said: for a channel that is gone, or on a lane that has stopped working."""

import re

from appealbridge.engine.upkeep.stalled import EVERY
from appealbridge.store.sqlite.store import SqliteStore
from tests.stories import staging

HELD = staging.TWEET.replace("approval: none\n", "")
WITHOUT_X = re.sub("(?m)^force_x.*\n", "", staging.CHANNELS)


async def health(story):
    async with story.session.get(f"{story.bridge.url}/readyz") as answer:
        return await answer.json()


async def figures(story):
    async with story.session.get(f"{story.bridge.url}/metrics") as answer:
        return await answer.text()


async def alarms(story, kind):
    return await story.until(lambda: [a for a in story.logged("alarm") if a["kind"] == kind])


async def test_who_asks_how_it_goes_makes_it_write_nothing(story):
    """Anybody may ask, and each write takes a sync of the disk."""
    await story.begins({"held": HELD})

    async def commits():
        (line,) = re.findall(
            r"(?m)^appealbridge_store_commit_seconds_count (\S+)", await figures(story)
        )
        return float(line)

    await story.clock.passes(seconds=1)
    before = await commits()
    for _ in range(20):
        await health(story)
    assert await commits() == before


async def test_what_waits_for_a_channel_that_a_reload_took_away_is_said_at_once(story):
    await story.begins({"held": HELD})
    await story.receives("M6 closed")
    (held,) = await story.state(1, "held")

    async def asked():
        return (await story.asks("GET", "/questions"))[1]

    await story.until(asked)  # the approval is bound to the account that people are asked about
    story.stage.configure(WITHOUT_X)
    assert (await story.asks("POST", "/reload"))[0] == 200
    (alarm,) = await alarms(story, "channel.gone")
    assert alarm["channel"] == "force_x"
    assert alarm["reason"].startswith("1 delivery waits for force_x")
    assert (await health(story))["notes"] == [alarm["reason"]]
    await story.releases(held)
    (shown,) = await story.deliveries()
    assert shown["reason"].startswith("no longer in appealbridge.yaml")
    _, channels = await story.asks("GET", "/channels")
    gone = [(each["name"], each["waiting"]) for each in channels if each["condition"] == "gone"]
    assert gone == [("force_x", 1)]

    story.stage.configure()
    assert (await story.asks("POST", "/reload"))[0] == 200
    await story.state(1, "delivered")
    assert "notes" not in await health(story)


async def test_what_waits_for_a_channel_that_is_gone_is_said_at_the_start(story):
    await story.begins({"held": HELD})
    await story.receives("M6 closed")
    await story.state(1, "held")
    story.stage.configure(WITHOUT_X)
    await story.restarts()
    (alarm,) = await alarms(story, "channel.gone")
    assert alarm["channel"] == "force_x"


async def test_a_lane_that_leaves_lying_what_is_due_is_told(story, monkeypatch):
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    (held,) = await story.state(1, "held")
    whole = SqliteStore.claim

    async def claims_nothing(*_):
        return []

    monkeypatch.setattr(SqliteStore, "claim", claims_nothing)
    await story.releases(held)

    async def stalled():
        return [a for a in story.logged("alarm") if a["kind"] == "channel.stalled"]

    (alarm,) = await story.until(stalled, passing=EVERY / 4)
    assert alarm["channel"] == "force_x"
    assert "delivery 1 is due and does not go out" in alarm["reason"]
    (late,) = re.findall(r'overdue_seconds{channel="force_x"} (\S+)', await figures(story))
    assert float(late) > 300
    monkeypatch.setattr(SqliteStore, "claim", whole)
    await story.state(1, "delivered", passing=10)
    await story.until(lambda: not story.bridge.engine.monitor.notes, passing=EVERY)
