"""An event run again: through the recipes in force, and never twice to a channel that had it."""

import asyncio

from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName

BROKEN = """
alias: Incident, everywhere
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, id: x, channel: force_x, text: "{{ event.data.text }}" }
  - { action: mastodon_post, channel: force_mastodon, text: "{{ event.data.text }}: {{ event.data.are }}" }
approval: none
"""
MENDED = BROKEN.replace("event.data.are", "event.data.area")
BOTH = BROKEN.replace(": {{ event.data.are }}", "")
ONCE = "retry: { attempts: 1 }\n"
LATE = BOTH + "publish_within: 10m\n"
LINKED = BOTH.replace(
    'force_mastodon, text: "{{ event.data.text }}', 'force_mastodon, text: "{{ results.x.url }}'
)
PRESS = """
alias: Press
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: email
    channel: press_office
    to: [a@example.org, b@example.org]
    subject: News
    text: "{{ event.data.text }}"
approval: none
"""


async def receives(story, text="M6 closed", **more):
    _, answer = await story.receives(text, area="Digbeth", **more)
    return answer["event"]


async def runs_again(story, event, query=""):
    status, answer = await story.asks("POST", f"/events/{event}/replay{query}")
    assert status == 200, answer
    return answer


async def changes(story, name, text):
    story.stage.recipe(name, text)
    status, _ = await story.asks("POST", "/reload")
    assert status == 200


async def says(story, *arguments):
    config = str(story.stage.config)
    done = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, "--config", config])
    return done.exit_code, done.output


async def test_what_a_mended_recipe_makes_of_an_event_goes_out(story):
    await story.begins({"everywhere": BROKEN})
    event = await receives(story)
    await story.until(lambda: story.logged("run_failed"))
    await changes(story, "everywhere", MENDED)
    (answer,) = await runs_again(story, event)
    assert [delivery["channel"] for delivery in answer["deliveries"]] == [
        "force_x",
        "force_mastodon",
    ]
    await story.state(2, "delivered")
    assert story.posts("mastodon") == ["M6 closed: Digbeth"]


async def test_run_again_twice_nothing_goes_out_twice(story):
    await story.begins({"both": BOTH})
    event = await receives(story)
    await story.state(2, "delivered")
    for _ in range(2):
        (answer,) = await runs_again(story, event)
        assert (answer["run"], answer["deliveries"]) == (None, [])
        assert [each["number"] for each in answer["left_out"]] == [1, 2]
    assert len(await story.deliveries()) == 2
    assert len(await story.runs()) == 1


async def test_two_who_ask_at_once_are_one_replay(story):
    await story.begins({"both": BROKEN})
    event = await receives(story)
    await story.until(lambda: story.logged("run_failed"))
    await changes(story, "both", MENDED)
    await asyncio.gather(*(runs_again(story, event) for _ in range(5)))
    await story.state(2, "delivered")
    await story.settles()
    assert story.posts("x") == ["M6 closed"]


async def test_only_the_channel_that_did_not_have_it_gets_it(story):
    await story.begins({"both": BOTH + ONCE})
    story.sandbox.faults.add("mastodon", FaultName.HTTP_503, 1, None)
    event = await receives(story)
    await story.state(2, "delivered", "failed")
    (answer,) = await runs_again(story, event)
    assert [delivery["channel"] for delivery in answer["deliveries"]] == ["force_mastodon"]
    assert [(each["number"], each["state"]) for each in answer["left_out"]] == [(1, "delivered")]
    await story.until(lambda: story.posts("mastodon"))
    assert story.posts("x") == ["M6 closed"]
    assert len(await story.deliveries()) == 3


async def test_a_step_that_uses_the_result_of_what_was_had_uses_that_result(story):
    await story.begins({"linked": LINKED + ONCE})
    story.sandbox.faults.add("mastodon", FaultName.HTTP_503, 1, None)
    event = await receives(story)
    first, _ = await story.state(2, "delivered", "failed")
    await runs_again(story, event)
    await story.until(lambda: story.posts("mastodon") == [first["receipt"]["url"]])


async def test_what_is_held_may_still_go_out_and_is_not_planned_again(story):
    held = BOTH.replace("approval: none\n", "")
    await story.begins({"both": held})
    event = await receives(story)
    await story.state(2, "held")
    (answer,) = await runs_again(story, event)
    assert (answer["deliveries"], answer["run"]) == ([], None)
    for number in (1, 2):
        await story.asks("POST", f"/deliveries/{number}/cancel")
    (answer,) = await runs_again(story, event)
    assert len(answer["deliveries"]) == 2
    await story.state(4, "cancelled", "held")  # it waits for a person as any other


async def test_what_came_too_late_goes_out_when_a_person_asks_for_it(story):
    await story.begins({"late": LATE.replace("approval: none\n", "")})
    event = await receives(story)
    await story.state(2, "held")
    await story.clock.passes(minutes=11)
    await story.state(2, "expired", passing=1)
    await changes(story, "late", LATE)
    await runs_again(story, event)
    await story.state(4, "expired", "delivered")


async def test_of_a_press_list_only_those_get_a_mail_who_have_none(story):
    await story.begins({"press": PRESS + ONCE})
    story.sandbox.faults.add("email", FaultName.REFUSE, 1, None)
    event = await receives(story)
    listed = await story.state(2, "delivered", "failed", passing=0.5)
    (missed,) = [row["content"]["to"] for row in listed if row["state"] == "failed"]
    (answer,) = await runs_again(story, event)
    assert [delivery["content"]["to"] for delivery in answer["deliveries"]] == [missed]
    await story.state(3, "delivered", "failed", passing=0.5)
    assert len(story.posts("email")) == 2


async def test_a_run_that_is_still_under_way_is_not_begun_again(story):
    await story.begins({"later": BOTH.replace("actions:\n", "actions:\n  - delay: 1h\n")})
    event = await receives(story)
    (answer,) = await runs_again(story, event)
    assert answer["why_not"].endswith("is still open")
    await story.state(2, "delivered", passing=600)


async def test_a_wait_of_a_replay_hears_what_has_come_since(story):
    recipe = """
triggers: [{ trigger: webhook, webhook_id: desk, types: [opened] }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.are }}" }
  - wait_for: closed
    timeout: 3d
    on_timeout: [{ action: tweet, channel: force_x, text: "still" }, { stop: nothing came }]
  - { action: tweet, channel: force_x, text: "{{ wait.event.data.text }}" }
approval: none
"""
    await story.begins({"waits": recipe})
    event = await receives(story, type="opened", subject="RC-77")
    await story.until(lambda: story.logged("run_failed"))
    await receives(story, "closed at ten", type="closed", subject="RC-77")
    await changes(story, "waits", recipe.replace("event.data.are", "event.data.area"))
    await runs_again(story, event)
    await story.until(lambda: sorted(story.posts("x")) == ["Digbeth", "closed at ten"])


async def test_a_restart_in_the_middle_of_a_replay_changes_nothing(story):
    delayed = BOTH.replace(
        "  - { action: mastodon_post", "  - delay: 1h\n  - { action: mastodon_post"
    )
    await story.begins({"both": delayed.replace("event.data.text", "event.data.txt", 1)})
    event = await receives(story)
    await story.until(lambda: story.logged("run_failed"))
    await changes(story, "both", delayed)
    await runs_again(story, event)
    await story.until(lambda: story.posts("x"))
    await story.restarts()
    await story.until(lambda: story.posts("mastodon"), passing=600)
    assert story.posts("x") == story.posts("mastodon") == ["M6 closed"]


async def test_what_was_left_out_stays_so_though_what_had_it_is_called_off(story):
    held = BOTH.replace("approval: none\n", "")
    await story.begins({"first": held})
    event = await receives(story)
    first, second = await story.state(2, "held")
    await story.asks("POST", f"/deliveries/{second['number']}/cancel")
    await changes(story, "first", LINKED)
    (answer,) = await runs_again(story, event)
    assert answer["run"]
    await story.asks("POST", f"/deliveries/{first['number']}/cancel")
    await story.clock.passes(minutes=5)
    await story.settles()
    assert story.posts("x") == []


async def test_what_was_removed_after_its_retention_cannot_be_run_again(story):
    await story.begins({"both": BROKEN})
    event = await receives(story)
    await story.until(lambda: story.logged("run_failed"))
    config = story.stage.config
    config.write_text(config.read_text() + "retention: { personal: 1d }\n")
    await story.asks("POST", "/reload")
    await story.clock.passes(days=3, step=1800)
    await story.until(lambda: story.logged("pruned"), passing=600)
    status, answer = await story.asks("POST", f"/events/{event}/replay")
    assert status == 409
    assert "its content was removed when its retention was over" in answer["detail"]


async def test_an_operator_sees_what_would_go_out_and_has_it_run(story):
    await story.begins(
        {"everywhere": BROKEN, "press": PRESS.replace("desk }", "desk, types: [x] }")}
    )
    event = await receives(story)
    await story.until(lambda: story.logged("run_failed"))
    await changes(story, "everywhere", MENDED)
    status, output = await says(story, "replay", event, "--dry-run")
    assert status == 0
    assert "tweet on force_x: would go out" in output
    assert "text: M6 closed: Digbeth" in output
    assert "type is incident, wanted x" in output
    assert await story.deliveries() == []
    status, output = await says(story, "replay", event, "--recipe", "everywhere")
    assert status == 0
    assert "mastodon_post on force_mastodon: goes out" in output
    await story.state(2, "delivered")
    status, output = await says(story, "replay", event, "--recipe", "everywhere")
    assert "left out: force_x has it as no. 1, delivered" in output
    _, output = await says(story, "trace", event)
    assert "run again, as " in output
    status, output = await says(story, "replay", event, "--recipe", "nothing")
    assert (status, "no recipe of this name" in output) == (1, True)
    status, output = await says(story, "replay", "nothing")
    assert status == 1


async def test_a_recipe_that_still_stops_says_so_and_begins_nothing(story):
    await story.begins({"everywhere": BROKEN})
    event = await receives(story)
    await story.until(lambda: story.logged("run_failed"))
    (answer,) = await runs_again(story, event)
    assert "event.data.are is missing" in answer["why_not"]
    assert len(await story.runs()) == 1


async def test_under_a_withdrawal_a_replay_says_that_nothing_goes_out(story):
    """Whoever asked for it believed that it went out, and others were told that a later event came in."""
    await story.begins({"everywhere": BROKEN})
    event = await receives(story, subject="A38")
    await story.until(lambda: story.logged("run_failed"))
    await changes(story, "everywhere", MENDED)
    assert (await story.asks("POST", "/subjects/A38/withdraw?reason=found"))[0] == 200
    for options in ([], ["--dry-run"]):
        _, output = await says(story, "replay", event, *options)
        assert "its subject is withdrawn (found); `appealbridge lift 1` lifts" in output
        assert "out" not in output.replace("about", "")
    assert len(await story.runs()) == 1
    assert await story.deliveries() == []
    assert (await story.asks("POST", "/withdrawals/1/lift"))[0] == 200
    _, output = await says(story, "replay", event)
    assert "mastodon_post on force_mastodon: goes out" in output
    await story.state(2, "delivered")


async def test_a_replay_that_withdraws_everything_may_announce_it(story):
    closing = BOTH.replace("actions:", "actions:\n  - { action: withdraw, reason: closed }")
    await story.begins({"everywhere": BROKEN})
    event = await receives(story, subject="A38")
    await story.until(lambda: story.logged("run_failed"))
    await changes(story, "everywhere", closing)
    assert (await story.asks("POST", "/subjects/A38/withdraw?reason=found"))[0] == 200
    _, output = await says(story, "replay", event)
    assert "tweet on force_x: goes out" in output
    assert "withdraw: is carried out" in output
    await story.state(3, "delivered")
