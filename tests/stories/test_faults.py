"""Faults of our own: each costs what it touches, is said, and ends nothing else."""

import pytest

from appealbridge.engine import runs
from appealbridge.engine.polling import Polling
from appealbridge.engine.report import Report
from appealbridge.engine.upkeep import Upkeep
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
    breaks(monkeypatch, Upkeep, "_expire")
    await story.receives("M6 closed")
    await story.clock.passes(minutes=11)
    await story.state(1, "expired", passing=1)
    (said,) = story.said("plugin_bug")
    assert said["where"] == "upkeep"
    assert "ZeroDivisionError" in said["error"]
    (alarm,) = [line for line in story.said("alarm") if line["kind"] == "bridge.part_broke"]
    assert "upkeep" in alarm["reason"]


async def test_a_source_whose_looking_broke_is_looked_at_again(story, monkeypatch):
    breaks(monkeypatch, Polling, "_pause", times=2)
    await story.begins({"noted": NOTED})
    await story.until(lambda: story.said("first_look"), passing=1)
    assert [line["where"] for line in story.said("plugin_bug")] == ["source appeal:desk"] * 2


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
        return {one["event"]: one for one in await story.runs() if one["state"] != "open"}

    ended = await story.until(lambda: _full(both))
    assert sorted(one["state"] for one in ended) == ["failed", "planned"]
    (failed,) = [one for one in ended if one["state"] == "failed"]
    assert failed["reason"] == "a fault of this program: ZeroDivisionError: a fault of ours"
    assert len(story.posts("x")) == 2


async def _full(both):
    ended = await both()
    return list(ended.values()) if len(ended) == 2 else None


@pytest.mark.parametrize("part", ["settled", "accepted"])
async def test_a_fault_in_what_is_said_costs_no_delivery(story, monkeypatch, part):
    breaks(monkeypatch, Report, part)
    await story.begins({"tweet": staging.TWEET})
    await story.receives("One", message="msg_a")
    await story.receives("One", message="msg_a")
    await story.state(1, "delivered", passing=0.5)
    assert story.posts("x") == ["One"]
