"""What was published is taken back everywhere, and what remains is shown until a person confirms it."""

import asyncio
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName
from tests.stories import staging


def standing(story, platform=""):
    """Return the posts that readers can still see, mails left out."""
    shown = [post.shown() for post in story.sandbox.shelf.everything()]
    return [
        post["text"].strip()
        for post in shown
        if post["platform"] in ([platform] if platform else ["x", "facebook", "mastodon"])
        and not post.get("deleted_at")
    ]


async def withdraws(story, subject, **more):
    """Withdraw a subject as the command line does; return status and answer."""
    query = "&".join(f"{name}={quote(str(value))}" for name, value in more.items())
    reason = "&reason=found" if "reason" not in more else ""
    return await story.asks(
        "POST", f"/subjects/{quote(subject, safe='')}/withdraw?by=alice&{query}{reason}"
    )


async def listed(story, subject=""):
    """Return the state of each post of the newest withdrawal by its channel."""
    _, rows = await story.asks("GET", f"/withdrawals?subject={subject}")
    return {post["channel"]: post["state"] for post in rows[0]["posts"]} if rows else {}


async def test_one_command_takes_everything_back_and_shows_what_it_could_not(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", message="APP-1", subject="APP-1")
    await story.state(4, "delivered")
    assert len(standing(story)) == 3
    status, answer = await withdraws(story, "APP-1")
    assert (status, len(answer["posts"])) == (200, 4)
    await story.until(lambda: not standing(story))

    async def verified():
        states = await listed(story, "APP-1")
        removed = {"force_x", "force_facebook", "force_mastodon"}
        return all(states[channel] == "removed" for channel in removed) and states

    states = await story.until(verified, passing=1)
    assert states["press_office"] == "cannot be removed"
    (task,) = await story.deliveries(state="held")
    assert task["hold"] == "cannot_remove"
    status, _ = await story.asks("POST", f"/deliveries/{task['number']}/confirm?by=bob")
    assert status == 200
    assert (await listed(story))["press_office"] == "confirmed"
    confirmed = next(row for row in await story.deliveries() if row["number"] == task["number"])
    assert "confirmed by bob" in confirmed["reason"]
    posts = [each for each in await story.deliveries() if each["kind"] == "post"]
    assert {each["state"] for each in posts} == {"withdrawn"}


async def test_a_removal_that_the_platform_only_claims_is_made_again(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    story.sandbox.faults.add("x", FaultName.DELETE_LIES, 1, None)
    await withdraws(story, "APP-1")

    async def is_unknown():
        return [row for row in await story.deliveries() if row["state"] == "unknown"]

    await story.until(is_unknown)
    assert standing(story) == ["Missing: Aisha"]
    await story.until(lambda: not standing(story), passing=10)

    async def removed():
        return (await listed(story)) == {"force_x": "removed"}

    await story.until(removed, passing=10)


async def test_a_lie_that_lasts_becomes_a_task(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    story.sandbox.faults.add("x", FaultName.DELETE_LIES, 99, None)
    await withdraws(story, "APP-1")

    async def task():
        return (await listed(story)) == {"force_x": "cannot be removed"}

    await story.until(task, passing=600, step=300)
    (held,) = await story.deliveries(state="held")
    assert "it still stands" in held["reason"]
    assert "remove it by hand" in held["reason"]


async def test_nothing_more_about_the_subject_is_published_until_it_is_lifted(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    _, answer = await withdraws(story, "APP-1")
    await story.until(lambda: not standing(story))
    await story.receives("Missing again: Aisha", subject="APP-1")

    async def cancelled():
        return [row for row in await story.deliveries() if row["state"] == "cancelled"]

    (stored,) = await story.until(cancelled)
    assert "appealbridge lift" in stored["reason"]
    # Nobody is named in the settings, so that is what is logged.
    await story.until(lambda: "withdrawal.blocks" in str(story.logged("nobody_told")), passing=30)
    status, _ = await story.asks("POST", f"/withdrawals/{answer['number']}/lift?by=bob")
    assert status == 200
    await story.receives("Missing once more: Aisha", subject="APP-1")
    await story.until(lambda: standing(story) == ["Missing once more: Aisha"])


async def test_one_post_is_taken_back_by_its_number(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", subject="APP-1")
    posts = await story.state(4, "delivered")
    tweet = next(post for post in posts if post["channel"] == "force_x")
    status, _ = await story.asks("POST", f"/deliveries/{tweet['number']}/withdraw?reason=typo")
    assert status == 200
    await story.until(lambda: not standing(story, "x"))
    assert len(standing(story)) == 2
    status, _ = await story.asks("POST", f"/deliveries/{tweet['number']}/withdraw?reason=typo")
    assert status == 409


async def test_a_withdrawal_needs_a_reason_and_a_subject_that_is_known(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    assert (await withdraws(story, "APP-1", reason=""))[0] == 422
    assert (await withdraws(story, "APP-2"))[0] == 404
    status, answer = await withdraws(story, "APP-1", dry_run="1")
    assert (status, answer["number"]) == (200, None)
    assert (await story.asks("GET", "/withdrawals")) == (200, [])


async def test_a_post_whose_account_is_gone_becomes_a_task(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    await story.stops()
    staged = staging.TWEET.replace("channel: force_x", "channel: force_y")
    (story.stage.folder / "recipes" / "tweet.yaml").write_text(staged, "utf-8")
    story.stage.configure(staging.CHANNELS.replace("force_x:", "force_y:"))
    await story.starts()
    await withdraws(story, "APP-1")

    async def task():
        return (await listed(story)) == {"force_x": "cannot be removed"}

    await story.until(task, passing=10)


async def test_the_metrics_say_how_much_is_outstanding(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    story.sandbox.faults.add("x", FaultName.DELETE_LIES, 1, None)
    await withdraws(story, "APP-1")
    await story.clock.passes(seconds=30)

    async def figures():
        async with story.session.get(f"{story.bridge.url}/metrics") as answer:
            return await answer.text()

    text = await figures()
    assert "appealbridge_withdrawals_outstanding 1.0" in text
    assert "appealbridge_withdrawal_age_seconds 3" in text


CLOSING = """
alias: Incident, X
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.closed' }}"
    then:
      - { action: withdraw, reason: "{{ event.data.text }}" }
      - { action: mastodon_post, channel: force_mastodon, text: "Found: thank you" }
      - stop: closed
  - { action: tweet, id: tweet, channel: force_x, text: "{{ event.data.text }} on X" }
  - { action: facebook_post, channel: force_facebook, text: "{{ event.data.text }} on Facebook" }
approval: none
"""


async def test_a_recipe_takes_everything_back_and_announces_it(story):
    await story.begins({"closing": CLOSING})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(2, "delivered")
    await story.receives("found", subject="APP-1", type="incident.closed")
    await story.until(lambda: standing(story) == ["Found: thank you"])

    async def removed():
        states = await listed(story, "APP-1")
        return states == {"force_x": "removed", "force_facebook": "removed"}

    await story.until(removed, passing=1)
    _, (row,) = await story.asks("GET", "/withdrawals")
    assert (row["by"], row["reason"]) == ("recipe closing", "found")
    runs = await story.until(story.runs)
    assert {run["state"] for run in runs} == {"planned"}


async def test_a_recipe_takes_back_only_what_it_names(story):
    of_one = CLOSING.replace("reason:", "of: tweet, reason:")
    await story.begins({"closing": of_one})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(2, "delivered")
    await story.receives("found", subject="APP-1", type="incident.closed")
    await story.until(lambda: not standing(story, "x"))
    assert standing(story, "facebook") == ["Missing: Aisha on Facebook"]
    await story.receives("Missing again: Aisha", subject="APP-1")
    await story.until(lambda: standing(story, "x") == ["Missing again: Aisha on X"])


async def test_a_withdrawal_that_must_be_approved_is_carried_out_when_a_person_releases_it(story):
    await story.begins({"closing": CLOSING.replace("reason:", "approval: true, reason:")})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(2, "delivered")
    await story.receives("found", subject="APP-1", type="incident.closed")

    async def held():
        return await story.deliveries(state="held")

    (order,) = await story.until(held)
    assert len(standing(story)) >= 2
    await story.releases(order)
    await story.until(lambda: standing(story) == ["Found: thank you"])
    output = await typed(story, "trace", "APP-1")
    assert f"no. {order['number']}  withdraw: delivered" in output


async def test_a_source_that_closes_everything_at_once_is_held(story):
    await story.begins({"closing": CLOSING})
    settings = story.stage.config.read_text("utf-8")
    burst = settings.replace(
        "    secrets:", "    burst: { events: 3, within: 1m }\n    secrets:", 1
    )
    story.stage.config.write_text(burst, "utf-8")
    await story.restarts()
    for number in range(3):
        await story.receives(f"Missing {number}", subject=f"APP-{number}")
        await story.clock.passes(minutes=2)
    await story.until(lambda: len(standing(story)) == 6)
    for number in range(6):
        await story.receives("found", subject=f"APP-{number % 3}", type="incident.closed")

    async def held():
        orders = await story.deliveries(state="held", hold="burst")
        return [each for each in orders if each["kind"] == "withdraw"]

    assert await story.until(held)


async def typed(story, *arguments):
    """Type a command, and return what it prints."""
    everything = [*arguments, "--config", str(story.stage.config)]
    done = await asyncio.to_thread(CliRunner().invoke, main, everything)
    assert done.exit_code == 0, done.output
    return done.output


async def test_the_command_line_withdraws_lists_and_lifts(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", subject="APP/1")
    await story.state(4, "delivered")
    would = await typed(story, "withdraw", "APP/1", "--reason", "found", "--dry-run")
    assert "nothing was changed" in would
    assert len(standing(story)) == 3
    assert "withdrawal 1" in await typed(story, "withdraw", "APP/1", "--reason", "found")
    await story.until(lambda: not standing(story))

    async def printed():
        text = await typed(story, "withdrawals", "APP/1")
        return "being removed" not in text and text

    text = await story.until(printed, passing=1)
    assert "cannot be removed" in text
    assert "APP/1" in text
    task = next(line.split()[0] for line in text.splitlines() if "cannot be removed" in line)
    shown = await typed(story, "trace", task)
    assert f"once the post is gone: appealbridge confirm {task}" in shown
    assert f"to try again: appealbridge release {task}" in shown
    assert "takes back no. " in shown
    assert "(removal)" in await typed(story, "deliveries")
    assert "confirmed" in await typed(story, "confirm", task)
    assert "confirmed" in await typed(story, "withdrawals")
    assert "is lifted" in await typed(story, "lift", "1")


async def test_a_login_that_may_not_delete_goes_on_publishing_and_is_a_task_after_ten_minutes(
    story,
):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    story.sandbox.faults.add("x", FaultName.DELETE_403, 99, None)
    await withdraws(story, "APP-1")

    async def refused():
        removals = [row for row in await story.deliveries() if row["kind"] == "withdraw"]
        return all(each["attempts"] and each["state"] == "ready" for each in removals)

    await story.until(refused)
    await story.receives("M6 closed", subject="INC-1")
    await story.until(lambda: "M6 closed" in standing(story, "x"))

    async def task():
        return (await listed(story, "APP-1")) == {"force_x": "cannot be removed"}

    await story.until(task, passing=30)
    (held,) = await story.deliveries(state="held")
    assert "remove it by hand" in held["reason"]


async def test_a_limit_on_deleting_keeps_back_removals_and_no_posts(story):
    await story.begins({"tweet": staging.TWEET})
    for number in (1, 2):
        await story.receives(f"Missing: {number}", subject=f"APP-{number}")
    await story.state(2, "delivered")
    story.sandbox.faults.add("x", FaultName.HTTP_429, 1, 600.0)
    await withdraws(story, "APP-1")

    async def limited():
        return any(each["attempts"] for each in await removals(story))

    await story.until(limited)
    await withdraws(story, "APP-2")
    await story.receives("M6 closed", subject="INC-1")
    await story.until(lambda: "M6 closed" in standing(story, "x"), passing=5)
    assert [each["attempts"] for each in await removals(story)] == [1, 0]
    begun = story.clock.now()
    await story.until(lambda: standing(story, "x") == ["M6 closed"], passing=30)
    assert story.clock.now() - begun > 500


async def removals(story):
    """Return the removals, oldest first."""
    return [row for row in await story.deliveries() if row["kind"] == "withdraw"]


async def test_a_lift_ends_the_tasks_about_mails_and_says_what_is_still_taken_back(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(4, "delivered")
    story.sandbox.faults.add("x", FaultName.DELETE_LIES, 99, None)
    await withdraws(story, "APP-1")

    async def all_but_one():
        states = await listed(story, "APP-1")
        return states["force_x"] == "being removed" and sorted(states.values()) == [
            "being removed",
            "cannot be removed",
            "removed",
            "removed",
        ]

    await story.until(all_but_one, passing=1)
    output = await typed(story, "lift", "1")
    assert "what is still taken back" in output
    assert "force_x" in output
    assert "press_office" not in output
    assert (await listed(story, "APP-1"))["press_office"] == "given up"
    (mail,) = [each for each in await story.deliveries() if each["content"].get("to")]
    assert mail["state"] == "delivered"


async def test_whoever_lifts_one_of_two_withdrawals_learns_of_the_other(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    await asyncio.gather(withdraws(story, "APP-1"), withdraws(story, "APP-1"))
    await story.until(lambda: not standing(story))
    lifted = await typed(story, "lift", "1")
    assert "withdrawal 2 about APP-1 is still in force" in lifted
    assert "still" not in await typed(story, "lift", "2")


async def test_a_lift_names_a_withdrawal_of_some_channels_that_is_still_in_force(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    await withdraws(story, "APP-1", channels="force_x")
    await withdraws(story, "APP-1")
    status, lifted = await story.asks("POST", "/withdrawals/2/lift")
    assert (status, lifted["still_withdrawn_by"]) == (200, [1])


async def test_a_second_withdrawal_does_not_say_that_nothing_was_published(story):
    """What the first one takes back was."""
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    await typed(story, "withdraw", "APP-1", "--reason", "found")
    again = await typed(story, "withdraw", "APP-1", "--reason", "found")
    assert "withdrawal 2; there was nothing left to take back" in again


async def test_a_trace_says_who_withdrew_what_and_who_lifted_it(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    await typed(story, "withdraw", "APP-1", "--reason", "found safe")
    await typed(story, "lift", "1")
    for of in ("APP-1", "1"):
        text = await typed(story, "trace", of)
        assert "withdrawal 1: everything about APP-1 withdrawn by " in text
        assert ": found safe" in text
        assert "published: no. 1" in text
        assert "withdrawal 1: lifted by " in text


async def test_confirming_a_post_names_its_removal(story):
    """`withdraw` prints the numbers of posts, and `confirm` wants that of the removal."""
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", subject="APP-1")
    posts = await story.state(4, "delivered")
    (mail,) = [each for each in posts if each["channel"] == "press_office"]
    await withdraws(story, "APP-1")

    async def task():
        held = await story.deliveries(state="held")
        return held and held[0]

    removal = await story.until(task)
    status, refusal = await story.asks("POST", f"/deliveries/{mail['number']}/confirm")
    assert status == 409
    assert f"appealbridge confirm {removal['number']}" in refusal["detail"]
    assert (await story.asks("POST", f"/deliveries/{removal['number']}/confirm"))[0] == 200
    status, refusal = await story.asks("POST", f"/deliveries/{removal['number']}/confirm")
    assert status == 409
    assert "removed or confirmed already" in refusal["detail"]


@pytest.mark.parametrize(
    "subject", ["a/b", "../x", "{{ 1 }} <b>", "a%2Fb?c#d;e", "\x1b[31mred", "CAFÉ"]
)
async def test_whatever_a_subject_is_called_it_can_be_withdrawn(story, subject):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject=subject)
    (post,) = await story.state(1, "delivered")
    status, answer = await withdraws(story, post["subject"])
    assert (status, len(answer["posts"])) == (200, 1)
    await story.until(lambda: not standing(story))
    text = await typed(story, "withdrawals")
    assert "\x1b" not in text


async def test_a_subject_that_was_mistyped_is_recognised_and_nothing_else_is_withdrawn(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="RC-77")
    await story.state(1, "delivered")
    status, answer = await story.asks("POST", "/subjects/rc-77/withdraw?reason=found")
    assert status == 404
    assert answer["detail"].endswith("no event in the store is about it; is it 'RC-77'?")
    story.stage.recipe("tweet", staging.TWEET + "enabled: false\n")
    await story.asks("POST", "/reload")
    await story.receives("Found", subject="rc-77")
    status, answer = await story.asks("POST", "/subjects/rc-77/withdraw?reason=found")
    assert (status, answer["posts"], answer["similar_subjects"]) == (200, [], ["RC-77"])
    await story.state(1, "delivered")
    status, answer = await story.asks("POST", "/subjects/RC-77/withdraw?reason=found")
    assert (len(answer["posts"]), answer["similar_subjects"]) == (1, [])


async def test_a_channel_that_is_none_is_an_error_and_withdraws_nothing(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(1, "delivered")
    status, problem = await withdraws(story, "APP-1", channels="force_x,farce_x")
    assert (status, "farce_x" in problem["detail"]) == (422, True)
    assert (await story.asks("GET", "/withdrawals")) == (200, [])
    assert (await withdraws(story, "APP-1", channels="force_x"))[0] == 200


async def test_the_answer_says_at_once_what_cannot_be_removed(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(4, "delivered")
    _, answer = await withdraws(story, "APP-1", dry_run="1")
    states = {post["channel"]: post["state"] for post in answer["posts"]}
    assert (states["force_x"], states["press_office"]) == ("being removed", "cannot be removed")
    would = await typed(story, "withdraw", "APP-1", "--reason", "found", "--dry-run")
    assert "would be removed" in would
    assert "to desk@example-radio.example" in would


async def test_a_withdrawal_says_of_a_post_that_nobody_knows_whether_it_is_published(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    story.sandbox.faults.add("facebook", FaultName.LATE_POST, 1, 30.0)
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.until(lambda: story.deliveries(state="unknown"))
    _, answer = await withdraws(story, "APP-1")
    states = {post["channel"]: post["state"] for post in answer["posts"]}
    assert states["force_facebook"] == "perhaps published: removed if it is found"
    _, (withdrawal,) = await story.asks("GET", "/withdrawals")
    (page,) = [each for each in withdrawal["posts"] if each["channel"] == "force_facebook"]
    assert page["reason"].startswith("nobody knows yet whether its post is published")


async def test_a_task_about_a_mail_says_to_whom_it_went(story):
    """Nobody can look for a mail by its id, but its recipients can be asked to delete it."""
    await story.begins({"everywhere": staging.EVERYWHERE})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(4, "delivered")
    await withdraws(story, "APP-1")
    _, (withdrawal,) = await story.asks("GET", "/withdrawals")
    recipients = {post["channel"]: post.get("to") for post in withdrawal["posts"]}
    assert recipients == {
        "force_x": None,
        "force_facebook": None,
        "force_mastodon": None,
        "press_office": "desk@example-radio.example",
    }
    assert "to desk@example-radio.example" in await typed(story, "withdrawals", "APP-1")


async def test_a_post_sent_while_it_is_asked_who_the_account_is_has_that_in_its_receipt(story):
    """Otherwise its removal would become a task of a person, although the post is gone."""
    tweet = 'action: tweet, channel: force_x, text: "{{ event.data.text }}"'
    trigger = "trigger: webhook, webhook_id: desk"
    recipe = f"alias: P\ntriggers: [{{ {trigger} }}]\nactions: [{{ {tweet} }}]\napproval: none"
    await story.begins({"posts": recipe})
    story.sandbox.faults.add("x", FaultName.SLOW, 1, 3.0)  # the question, which a start begins with
    await story.restarts()
    await story.receives("Missing", subject="WMP-1")

    async def is_published():
        posts = await story.deliveries(channel="force_x")
        return posts and posts[0]["state"] == "delivered" and posts[0]

    post = await story.until(is_published, passing=1)
    assert post["receipt"]["account"] == "@force_x"
