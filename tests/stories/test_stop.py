"""Everything is stopped: by a person, by a file, by a restored backup; and it goes on a few at a time."""

import asyncio
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName
from tests.stories import staging

HELD = staging.TWEET.replace("approval: none\n", "")
HURRIED = staging.TWEET + "publish_within: 30m\n"


@pytest.fixture
def types(story):
    """Run a command as a person does; return its exit status and what it prints."""

    async def run_command(*arguments, answer=None):
        line = [*arguments, "--config", str(story.stage.config)]
        result = await asyncio.to_thread(CliRunner().invoke, main, line, input=answer)
        return result.exit_code, result.output

    return run_command


async def stops(story, reason="wrong picture"):
    status, answer = await story.asks("POST", f"/stop?reason={quote(reason)}&by=alice")
    assert status == 200, answer
    return answer


async def lifts(story):
    _, would = await story.asks("GET", "/stop")
    return await story.asks("POST", f"/start?seen={would['seen']}&by=bob")


async def test_nothing_passes_a_stop_and_a_burst_goes_on_five_at_a_time(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("0")
    await story.state(1, "delivered")
    stop = await stops(story)
    assert (stop["by"], stop["reason"]) == ("alice", "wrong picture")
    for number in range(1, 9):
        assert (await story.receives(str(number)))[0] == 202
    await story.clock.passes(hours=1)
    waiting = await story.deliveries(state="ready")
    assert len(waiting) == 8
    assert {tuple(each["holds"]) for each in waiting} == {("stop",)}
    assert "wrong picture" in waiting[0]["reason"]
    assert story.posts("x") == ["0"]
    status, started = await lifts(story)
    assert (status, started["channels"][0]["held"]) == (200, 3)
    await story.state(9, "delivered", "held", passing=1)
    assert story.posts("x") == ["0", "1", "2", "3", "4", "5"]
    held = await story.deliveries(hold="stop")
    assert [each["content"]["text"] for each in held] == ["6", "7", "8"]
    await story.receives("9")  # the five are used up
    await story.state(10, "delivered", "held", passing=1)
    assert len(await story.deliveries(hold="stop")) == 4
    await story.clock.passes(minutes=11)
    for delivery in await story.deliveries(hold="stop"):
        await story.releases(delivery)
    await story.state(10, "delivered", passing=1)


async def test_a_stop_in_the_middle_of_a_burst_holds_through_a_kill_and_a_restart(story):
    await story.begins({"tweet": staging.TWEET})
    story.sandbox.faults.add("x", FaultName.HTTP_503, 1000, None)
    for number in range(4):
        await story.receives(str(number))
    await story.until(lambda: story.logged("deferred"))
    await story.settles()
    await stops(story)
    story.sandbox.faults.clear()
    await story.restarts()
    await story.clock.passes(hours=2)
    assert story.posts("x") == []
    assert len(await story.deliveries(state="ready")) == 4
    _, ready = await story.asks("GET", "/status")
    assert ready["stopped"]["reason"] == "wrong picture"
    assert (await lifts(story))[0] == 200
    await story.state(4, "delivered", passing=1)


async def test_a_file_beside_the_store_stops_what_is_about_to_be_sent(story):
    await story.begins({"tweet": staging.TWEET})
    file = story.stage.folder / "bridge.db.stop"
    file.write_text("the sergeant said so")
    await story.receives("M6 closed")
    (waiting,) = await story.until(
        lambda: story.deliveries(state="ready"),
    )
    assert waiting["attempts"] <= 1
    await story.until(lambda: story.logged("everything_stopped"))
    assert story.posts("x") == []
    _, status = await story.asks("GET", "/status")
    assert (status["stopped"]["how"], status["stopped"]["reason"]) == (
        "stop file",
        "the sergeant said so",
    )
    file.unlink()  # that lifts nothing
    await story.clock.passes(hours=1)
    assert story.posts("x") == []
    file.write_text("again")
    assert (await lifts(story))[0] == 200
    assert not file.exists()
    await story.state(1, "delivered", passing=1)


EDITED = """
alias: A post and its correction
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'correction' }}"
    then:
      - { action: amend, of: toot, text: "{{ event.data.text }}" }
    else:
      - { action: mastodon_post, id: toot, channel: force_mastodon, text: "{{ event.data.text }}" }
publish_within: WITHIN
approval: none
"""


async def is_corrected(story, within="30m"):
    """Publish a post, and correct it; return once the look at the post is under way, which takes 20 seconds."""
    await story.begins({"toot": EDITED.replace("WITHIN", within)})
    await story.receives("She is 14.", subject="APP-1", type="appeal")
    await story.state(1, "delivered")
    story.sandbox.faults.add("mastodon", FaultName.SLOW, 1, 20.0)
    await story.receives("She is 15.", subject="APP-1", type="correction")
    await story.until(lambda: story.deliveries(state="sending"))


async def test_a_stop_while_a_post_is_looked_at_keeps_its_correction_back(story):
    await is_corrected(story)
    await stops(story)
    await story.clock.passes(minutes=1)
    await story.until(lambda: story.deliveries(state="ready"))
    assert story.posts("mastodon") == ["She is 14."]
    assert (await lifts(story))[0] == 200
    await story.state(2, "delivered", passing=1)
    assert story.posts("mastodon") == ["She is 15."]


async def test_a_correction_that_is_too_late_by_the_end_of_its_look_is_not_made(story):
    await is_corrected(story, within="15s")
    await story.clock.passes(minutes=1)
    await story.until(lambda: story.deliveries(state="expired"))
    assert story.posts("mastodon") == ["She is 14."]


async def test_a_file_that_was_made_while_the_daemon_was_down_stops_it_from_the_start(story, types):
    await story.begins({"tweet": staging.TWEET})
    story.sandbox.faults.add("x", FaultName.HTTP_503, 1, None)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    await story.stops()
    status, shown = await types("stop", "--reason", "wrong picture")
    assert (status, "no daemon is running" in shown) == (0, True), shown
    await story.starts()
    await story.clock.passes(hours=1)
    assert story.posts("x") == []
    status, shown = await types("status")
    assert "wrong picture" in shown
    status, shown = await types("start", answer="n\n")
    assert "M6 closed" in shown
    assert "nothing was changed" in shown
    status, shown = await types("start", "--yes")
    assert (status, "the stop is lifted" in shown) == (0, True), shown
    await story.state(1, "delivered", passing=1)
    status, shown = await types("audit", "verify")
    assert (status, "2 decisions" in shown) == (0, True), shown


async def test_the_stop_command_tells_the_daemon_and_makes_the_file(story, types):
    await story.begins({"tweet": staging.TWEET})
    status, shown = await types("stop", "--reason", "wrong picture")
    assert (status, "stopped as no. 1" in shown) == (0, True), shown
    assert (story.stage.folder / "bridge.db.stop").exists()
    _, shown = await types("deliveries")
    assert "stopped: nothing is published" in shown
    assert (await types("stop", "--reason", " "))[0] == 2


async def test_what_is_taken_back_is_never_stopped(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    (post,) = await story.state(1, "delivered")
    await stops(story)
    await story.asks("POST", f"/deliveries/{post['number']}/withdraw?reason=wrong")
    await story.state(2, "withdrawn", "delivered", passing=1)
    assert {each["state"] for each in await story.deliveries()} == {"withdrawn", "delivered"}


async def test_people_are_told_of_a_stop_and_of_what_will_expire_and_that_goes_out(story):
    await story.begins({"tweet": HURRIED})
    settings = story.stage.config
    settings.write_text(
        settings.read_text()
        + "people:\n  dana: { email: dana@example.police.uk }\nnotices: { to: [dana] }\n"
    )
    await story.restarts()
    await stops(story)
    await story.until(lambda: story.posts("email"), passing=10)
    await story.receives("M6 closed")
    await story.until(lambda: len(story.posts("email")) > 1, passing=10)
    first, second = story.posts("email")[:2]
    assert "wrong picture" in first
    assert "tweet: tweet on force_x at 11:" in second
    assert "publish_within ends before it may go out" in second
    assert story.posts("x") == []


async def test_a_restored_backup_starts_stopped_and_the_trail_names_the_gap(story, types):
    from tests.stories.test_backup import is_backed_up, is_restored

    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    (held,) = await story.state(1, "held")
    copy = await is_backed_up(story)
    await story.releases(held)
    await story.state(1, "delivered")
    await is_restored(story, copy)
    (held,) = await story.deliveries()
    await story.releases(held)
    await story.clock.passes(hours=1)
    assert story.posts("x") == ["M6 closed"]
    (waiting,) = await story.deliveries()
    assert (waiting["state"], waiting["holds"]) == ("ready", ["stop"])
    status, shown = await types("audit", "verify")
    assert status == 0
    assert "gap: restored from a backup" in " ".join(shown.split())


async def test_only_what_was_shown_is_started(story):
    await story.begins({"tweet": staging.TWEET})
    assert (await lifts(story))[0] == 409
    await stops(story)
    _, would = await story.asks("GET", "/stop")
    await story.receives("M6 closed")
    status, answer = await story.asks("POST", f"/start?seen={would['seen']}")
    assert status == 409
    assert "look at it again" in answer["detail"]
    assert (await story.asks("POST", "/stop?reason="))[0] == 422
