"""A backup of a daemon at work, put in the place of a store that was lost."""

import asyncio
import shutil

from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName
from tests.stories import staging


async def is_backed_up(story):
    copy = story.stage.folder / "monday.db"
    arguments = ["db", "backup", str(copy), "--config", str(story.stage.config)]
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert done.exit_code == 0, done.output
    return copy


async def is_restored(story, copy):
    await story.stops()
    for file in story.stage.folder.glob("bridge.db*"):
        file.unlink()
    shutil.copy(copy, story.stage.store)
    await story.starts()


async def is_started(story):
    """Lift the stop with which a restored store begins."""
    _, would = await story.asks("GET", "/stop")
    status, answer = await story.asks("POST", f"/start?seen={would['seen']}")
    assert status == 200, answer


async def test_a_restored_store_goes_on(story):
    await story.begins({"tweet": staging.TWEET.replace("approval: none\n", "")})
    await story.receives("M6 closed", message="m1")
    (held,) = await story.state(1, "held")
    copy = await is_backed_up(story)
    await is_restored(story, copy)
    assert (await story.receives("M6 closed", message="m1"))[0] == 200
    await is_started(story)
    await story.releases(held)
    await story.state(1, "delivered")
    await story.receives("A38 closed")
    await story.state(2, "held", "delivered")
    assert story.posts("x") == ["M6 closed"]


async def test_what_went_out_after_the_backup_does_not_go_out_again(story):
    await story.begins({"tweet": staging.TWEET})
    story.sandbox.faults.add("x", FaultName.HTTP_503, 2, None)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    await story.receives("A38 closed")
    await story.until(lambda: len(story.logged("deferred")) == 2)
    copy = await is_backed_up(story)
    await story.state(2, "delivered", passing=1)
    await is_restored(story, copy)
    assert story.logged("recovered")[-1]["deliveries"] == 2
    await story.state(2, "delivered", passing=1)
    assert sorted(story.posts("x")) == ["A38 closed", "M6 closed"]


async def test_whoever_approves_again_after_a_restore_is_told_that_it_may_be_out_already(story):
    """It went out after the backup: the store cannot know, so whoever decides must look."""
    await story.begins({"tweet": staging.TWEET.replace("approval: none\n", "")})
    await story.receives("M6 closed")
    (held,) = await story.state(1, "held")
    copy = await is_backed_up(story)
    await story.releases(held)
    await story.state(1, "delivered", passing=1)
    await is_restored(story, copy)
    (held,) = await story.state(1, "held")
    assert "may have been published since: look on the account" in held["reason"]
    _, (question,) = await story.asks("GET", "/questions")
    assert "look on the account" in question["deliveries"][0]["reason"]


async def test_what_is_surely_absent_waits_for_a_person_because_it_may_have_been_withdrawn(story):
    await story.begins({"tweet": staging.TWEET})
    story.sandbox.faults.add("x", FaultName.HTTP_503, 1, None)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    copy = await is_backed_up(story)
    await is_restored(story, copy)
    (held,) = await story.state(1, "held", passing=1)
    assert "may have been withdrawn since" in held["reason"]
    assert story.posts("x") == []
    await is_started(story)
    await story.releases(held)
    await story.state(1, "delivered", passing=1)
    assert story.posts("x") == ["M6 closed"]
