"""Faults of our own: each costs what it touches, is said, and ends nothing else."""

import pytest

from appealbridge.engine.delivery.dispatch import Dispatcher
from appealbridge.engine.intake.polling import Polling
from appealbridge.engine.report import Report
from appealbridge.engine.runs import runs
from appealbridge.logs import Log, Output
from appealbridge.metrics import Metrics
from appealbridge.model.errors import StoreError, Unkeepable
from appealbridge.model.run import RunState
from appealbridge.store.sqlite.store import SqliteStore
from appealbridge.testing.server import ScriptedServer
from tests.stories import staging

LATE = staging.TWEET + "publish_within: 10m\n"
NOTED = """
alias: Appeal, X
triggers: [{ trigger: appeal, status: open }]
actions: [{ action: tweet, channel: force_x, text: "{{ appeal.title }}" }]
approval: none
"""


def breaks(monkeypatch, owner, name, *, when=lambda *_: True, times=1):
    """Have a method raise what nobody expects, so many times."""
    whole = getattr(owner, name)
    left = [times]

    def broken(*arguments, **more):
        if left[0] and when(*arguments):
            left[0] -= 1
            raise ZeroDivisionError("a fault of ours")
        return whole(*arguments, **more)

    monkeypatch.setattr(owner, name, broken)


async def test_a_loop_that_broke_goes_on_and_people_are_told(story, monkeypatch):
    await story.begins({"late": LATE.replace("approval: none\n", "")})
    breaks(monkeypatch, SqliteStore, "expire")
    await story.receives("M6 closed")
    await story.clock.passes(minutes=11)
    await story.state(1, "expired", passing=1)
    (entry,) = story.logged("plugin_bug")
    assert entry["where"] == "upkeep"
    assert "ZeroDivisionError" in entry["error"]
    (alarm,) = [line for line in story.logged("alarm") if line["kind"] == "bridge.part_broke"]
    assert "upkeep" in alarm["reason"]


async def test_a_source_whose_looking_broke_is_looked_at_again(story, monkeypatch):
    breaks(monkeypatch, Polling, "_pause", times=2)
    await story.begins({"noted": NOTED})
    await story.until(lambda: story.logged("first_look"), passing=1)
    assert [line["where"] for line in story.logged("plugin_bug")] == ["source appeal:desk"] * 2


async def test_a_fault_about_one_run_fails_that_run_and_no_other(story, monkeypatch):
    await story.begins({"everywhere": staging.EVERYWHERE})
    whole = runs.Runs._planned

    async def broken(self, open_run, now):
        if open_run.event.subject == "bad":
            raise ZeroDivisionError("a fault of ours")
        return await whole(self, open_run, now)

    monkeypatch.setattr(runs.Runs, "_planned", broken)
    await story.receives("One", message="bad")
    await story.receives("Two", message="good")
    await story.until(lambda: story.posts("email"), passing=0.1)

    async def both():
        return {row["event"]: row for row in await story.runs() if row["state"] != "open"}

    ended = await story.until(lambda: _full(both))
    assert sorted(each["state"] for each in ended) == ["failed", "planned"]
    (failed,) = [each for each in ended if each["state"] == "failed"]
    assert failed["reason"] == "a fault of this program: ZeroDivisionError: a fault of ours"
    assert len(story.posts("x")) == 2


async def _full(both):
    ended = await both()
    return list(ended.values()) if len(ended) == 2 else None


@pytest.mark.parametrize("part", ["on_result", "accepted"])
async def test_a_fault_in_what_is_said_costs_no_delivery(story, monkeypatch, part):
    breaks(monkeypatch, Report, part)
    await story.begins({"tweet": staging.TWEET})
    await story.receives("One", message="msg_a")
    await story.receives("One", message="msg_a")
    await story.state(1, "delivered", passing=0.5)
    assert story.posts("x") == ["One"]


class Feed:
    """A feed to which a story adds items, several at once."""

    def __init__(self):
        self.titles = []

    def answer(self, request):
        del request
        items = "".join(f"<item><title>{t}</title><guid>{t}</guid></item>" for t in self.titles)
        rss = f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>"
        return 200, rss, {"Content-Type": "application/rss+xml"}


FOLLOWER = """
triggers: [{{ trigger: feed, url: "{url}", every: 60s }}]
actions: [{{ action: tweet, channel: force_x, text: "{{{{ event.data.title }}}}" }}]
approval: none
"""


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Report, "accepted"), (Report, "on_result"), (Metrics, "accepted"), (Log, "debug"), (Output, "say")],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)  # fmt: skip
async def test_a_fault_in_what_is_said_costs_no_other_event_that_came_with_it(
    story, monkeypatch, owner, name
):
    feed = Feed()
    async with ScriptedServer(feed.answer) as server:
        await story.begins({"follower": FOLLOWER.format(url=f"{server.url}/news")})
        await story.until(lambda: story.logged("first_look"))
        feed.titles = ["One", "Two", "Three"]
        breaks(monkeypatch, owner, name, times=5)
        await story.state(3, "delivered", passing=5)
        assert sorted(story.posts("x")) == ["One", "Three", "Two"]


async def test_a_fault_in_what_is_said_of_a_run_that_waits_costs_none_of_its_steps(
    story, monkeypatch
):
    step = '  - { action: tweet, channel: force_x, text: "{{ event.data.text }}, TIME" }\n'
    steps = "".join(f"  - delay: 1h\n{step.replace('TIME', time)}" for time in ("one", "two"))
    recipe = staging.TWEET.partition("actions:")[0] + f"actions:\n{steps}approval: none\n"
    await story.begins({"later": recipe})
    breaks(monkeypatch, Report, "on_held", times=3)
    await story.receives("M6")
    await story.until(lambda: story.posts("x") == ["M6, one", "M6, two"], passing=60)


async def test_an_attempt_that_nobody_makes_is_looked_for_and_made(story, monkeypatch):
    await story.begins({"tweet": staging.TWEET})
    breaks(monkeypatch, Dispatcher, "begin")
    status, _ = await story.receives("M6 closed")
    assert status == 202
    (lost,) = await story.deliveries()
    assert lost["state"] == "sending"
    await story.state(1, "delivered", passing=20)
    assert story.posts("x") == ["M6 closed"]
    (alarm,) = [line for line in story.logged("alarm") if line["kind"] == "channel.attempt_lost"]
    assert "delivery 1" in alarm["reason"]


def refuses(monkeypatch, error, subject="bad"):
    """Have the store refuse what runs of a subject plan."""
    whole = SqliteStore.advance

    async def advance(self, run, result, deliveries, unneeded=()):
        if run.state is not RunState.FAILED and any(
            delivery.subject == subject for delivery in deliveries
        ):
            raise error
        return await whole(self, run, result, deliveries, unneeded)

    monkeypatch.setattr(SqliteStore, "advance", advance)


LATER = staging.TWEET.replace("actions:\n", "actions:\n  - delay: 1m\n")


async def test_a_run_that_cannot_be_kept_fails_and_stops_none_behind_it(story, monkeypatch):
    await story.begins({"later": LATER})
    refuses(monkeypatch, Unkeepable("a lone surrogate"))
    await story.receives("One", message="bad")
    await story.receives("Two", message="good")
    await story.until(lambda: story.posts("x") == ["Two"], passing=5)
    failed, planned = await story.runs()
    assert (failed["state"], planned["state"]) == ("failed", "planned")
    assert failed["reason"] == "what it planned cannot be stored: a lone surrogate"


async def test_what_the_store_goes_on_refusing_is_told_to_people(story, monkeypatch):
    await story.begins({"later": LATER})
    refuses(monkeypatch, StoreError("not this one"))
    await story.receives("One", message="bad")
    await story.receives("Two", message="good")
    await story.until(lambda: story.posts("x") == ["Two"], passing=5)

    def alarms():
        return [line for line in story.logged("alarm") if line["kind"] == "store.refuses"]

    (alarm,) = await story.until(alarms, passing=20)
    assert alarm["reason"] == "runs: not this one"
    async with story.session.get(f"{story.bridge.url}/readyz") as answer:
        assert (await answer.json())["notes"] == ["runs: not this one"]
    monkeypatch.undo()
    await story.until(lambda: len(story.posts("x")) == 2, passing=5)
    await story.until(lambda: not story.bridge.engine.monitor.notes, passing=20)


async def test_a_channel_that_pauses_after_a_fault_keeps_no_stop_waiting(story, monkeypatch):
    await story.begins({"tweet": staging.TWEET})
    breaks(monkeypatch, Dispatcher, "_round", times=1)
    story.bridge.engine.lanes["force_x"].wake.set()
    await story.until(lambda: story.logged("plugin_bug"))
    await story.restarts()  # no time passes, so the pause would never end
    assert story.logged("stop_overdue") == []


async def test_a_channel_that_pauses_for_the_store_keeps_no_stop_waiting(story, monkeypatch):
    await story.begins({"tweet": staging.TWEET})

    async def refused(*_):
        raise StoreError("not this one")

    monkeypatch.setattr(SqliteStore, "queue_status", refused)
    story.bridge.engine.lanes["force_x"].wake.set()
    await story.until(lambda: story.logged("store_trouble"))
    await story.stops()
    monkeypatch.undo()
    await story.starts()
    assert story.logged("stop_overdue") == []
