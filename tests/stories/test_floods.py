"""A flood is held, not published; nobody says the same twice without a look; no recipe answers itself."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.practice.faults import FaultName
from appealbridge.testing.server import ScriptedServer
from tests.stories import staging

BURST = "    burst: { events: 3, within: 10m }\n"

PACED = staging.TWEET + "burst: { deliveries: 3, within: 10m }\n"

FOLLOWER = """
alias: What stands in a feed
triggers: [{{ trigger: feed, url: "{url}", every: 60s }}]
actions:
  - {{ action: {action}, channel: {channel}, text: "{name}: {{{{ event.data.title }}}}" }}
approval: none
"""

ALLOWED = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, same_text: allow }")


async def begins_with_a_bound(story, recipe=staging.TWEET, channels=staging.CHANNELS):
    """Begin with a webhook that may bring three events in ten minutes."""
    await story.begins({"tweet": recipe}, channels)
    settings = story.stage.config.read_text()
    story.stage.config.write_text(settings.replace("    mapping:", BURST + "    mapping:"))
    await story.asks("POST", "/reload")


async def brings(story, *numbers, text="Incident"):
    for number in numbers:
        status, _ = await story.receives(f"{text} {number}")
        assert status == 202


async def holds(story):
    return [row["hold"] for row in await story.deliveries(state="held")]


# -- webhooks -----------------------------------------------------------------------------------


async def test_a_webhook_that_goes_round_in_circles_is_held_and_told_once(story):
    await begins_with_a_bound(story)
    await brings(story, *range(10))
    await story.state(10, "delivered", "held")
    assert len(story.posts("x")) == 3
    assert await holds(story) == ["burst"] * 7
    (entry,) = story.logged("burst_held")
    assert (entry["of"], entry["reason"]) == ("webhook:desk", "more than 3 events within 10m")
    assert [line["kind"] for line in story.logged("alarm")] == ["flood.held"]


async def test_a_flood_is_held_until_it_is_calm_again(story):
    await begins_with_a_bound(story)
    await brings(story, *range(5))
    await story.clock.passes(minutes=8)
    await brings(story, 5)
    await story.clock.passes(minutes=8)  # that makes two in ten minutes, more than half of three
    await brings(story, 6)
    await story.clock.passes(minutes=11)
    await brings(story, 7)
    await story.until(lambda: "Incident 7" in story.posts("x"))
    assert await holds(story) == ["burst"] * 4
    assert len(story.logged("burst_held")) == 1


async def test_repeats_are_no_flood(story):
    await begins_with_a_bound(story)
    for _ in range(5):
        await story.receives("M6 closed", message="msg_same")
    await brings(story, 1, 2)
    await story.state(3, "delivered")
    status, _ = await story.receives("M6 closed", message="msg_same")
    assert status == 200
    assert story.logged("burst_held") == []


async def test_what_had_not_set_out_when_the_flood_was_noticed_is_held_with_it(story):
    narrow = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, concurrency: 1 }")
    await begins_with_a_bound(story, channels=narrow)
    story.sandbox.faults.add("x", FaultName.SLOW, 1, 30)
    await brings(story, *range(4))
    await story.until(lambda: story.logged("burst_held"))
    await story.clock.passes(minutes=1)
    await story.state(4, "delivered", "held")
    assert len(story.posts("x")) == 1
    assert await holds(story) == ["burst"] * 3


async def test_a_flood_goes_on_after_a_restart(story):
    await begins_with_a_bound(story)
    await brings(story, *range(3))
    await story.state(3, "delivered")
    await story.restarts()
    await story.clock.passes(seconds=1)
    await brings(story, 3)
    await story.state(4, "delivered", "held")
    assert await holds(story) == ["burst"]


async def test_senders_who_come_all_at_once_are_counted_too(story):
    await begins_with_a_bound(story)
    await asyncio.gather(*(story.receives(f"Incident {number}") for number in range(20)))
    listed = await story.state(20, "delivered", "held")
    out = [row for row in listed if row["state"] == "delivered"]
    assert (
        len(story.posts("x")) == len(out) <= 3
    )  # fewer where one still waited when the flood was noticed
    assert {*await holds(story)} == {"burst"}


# -- recipes ------------------------------------------------------------------------------------


async def test_a_recipe_that_plans_too_much_is_held(story):
    page = staging.TWEET.replace("tweet", "facebook_post").replace("_x", "_facebook")
    await story.begins({"tweet": PACED, "page": page})
    await brings(story, *range(5))
    await story.state(10, "delivered", "held")
    assert len(story.posts("x")) == 3
    assert len(story.posts("facebook")) == 5
    assert await holds(story) == ["burst", "burst"]
    assert [line["of"] for line in story.logged("burst_held")] == ["recipe:tweet"]


async def test_the_deliveries_of_one_event_go_out_together_or_not_at_all(story):
    recipe = staging.EVERYWHERE.replace("{{ results.x.url }}", "{{ event.type }}")
    await story.begins({"everywhere": recipe + "burst: { deliveries: 6, within: 1h }\n"})
    await brings(story, 1, 2)
    listed = await story.state(8, "delivered", "held")
    assert [row["state"] for row in listed] == ["delivered"] * 4 + ["held"] * 4


async def test_what_a_step_plans_later_is_counted_too(story):
    recipe = staging.EVERYWHERE + "burst: { deliveries: 3, within: 1h }\n"
    await story.begins({"everywhere": recipe})
    await brings(story, 1)
    await story.state(4, "delivered", "held")
    assert [row["channel"] for row in await story.deliveries(state="held")] == ["press_office"]
    assert story.posts("email") == []


# -- the same text ------------------------------------------------------------------------------


async def test_the_same_text_within_a_day_is_held_and_goes_out_when_a_person_says_so(story):
    await story.begins({"tweet": staging.TWEET})
    await brings(story, 1)
    (first,) = await story.state(1, "delivered")
    await story.clock.passes(hours=23, step=1800)
    await brings(story, 1)
    (_, again) = await story.state(2, "delivered", "held")
    assert again["hold"] == "same_text"
    assert f"no. {first['number']}" in again["reason"]
    await story.clock.passes(hours=2)
    await brings(story, 1)  # a day after the first one it may
    await story.state(3, "delivered", "held")
    assert len(story.posts("x")) == 2
    await story.releases(again)
    await story.state(3, "delivered")
    assert len(story.posts("x")) == 3


async def test_the_same_text_is_known_after_a_restart(story):
    await story.begins({"tweet": staging.TWEET})
    await brings(story, 1)
    await story.state(1, "delivered")
    await story.restarts()
    await story.clock.passes(seconds=1)
    await brings(story, 1)
    await story.until(lambda: story.logged("held"))
    assert await holds(story) == ["same_text"]


async def test_what_was_called_off_or_failed_may_be_said_again(story):
    await story.begins({"tweet": staging.TWEET.replace("approval: none\n", "")})
    await brings(story, 1)
    await story.state(1, "held")
    await brings(story, 1)
    (_, second) = await story.state(2, "held")
    assert second["holds"] == ["approval", "same_text"]  # who agrees to it is told
    assert "the same text" in second["reason"]
    for number in (1, 2):
        await story.asks("POST", f"/deliveries/{number}/cancel")
    await brings(story, 1)
    (_, _, third) = await story.state(3, "held", "cancelled")
    assert not third["reason"]


async def test_two_who_say_the_same_at_once_are_one_post(story):
    await story.begins({"tweet": staging.TWEET})
    await asyncio.gather(*(story.receives("M6 closed") for _ in range(5)))
    await story.state(5, "delivered", "held")
    assert story.posts("x") == ["M6 closed"]


async def test_an_account_may_repeat_itself_if_it_says_so(story):
    await story.begins({"tweet": staging.TWEET}, ALLOWED)
    await brings(story, 1, 1)
    await story.state(2, "delivered")


async def test_what_failed_is_not_tried_again_with_all_others_once_its_text_is_out(story):
    mail = staging.TWEET.replace("tweet", "mastodon_post").replace("_x", "_mastodon")
    await story.begins({"toot": mail + "retry: { attempts: 1 }\n"})
    story.sandbox.faults.add("mastodon", FaultName.HTTP_503, 2, None)
    await brings(story, 1, 2)
    await story.state(2, "failed")
    await brings(story, 1)
    await story.until(lambda: story.posts("mastodon"), passing=1)
    status, answer = await story.asks("POST", "/retry")
    assert status == 409
    assert "1 done, 1 left as they were; delivery 1: the same text went out" in answer["detail"]
    await story.until(lambda: len(story.posts("mastodon")) == 2, passing=1)
    status, _ = await story.asks("POST", "/deliveries/1/retry")  # on a person's word, it is
    assert status == 200
    await story.state(3, "delivered", passing=1)


# -- a look at a lot ----------------------------------------------------------------------------


async def test_a_lot_is_let_out_by_one_word(story):
    await begins_with_a_bound(story)
    await brings(story, *range(6))
    await brings(story, 0, text="Incident")
    await story.state(7, "delivered", "held")
    assert sorted(await holds(story)) == ["burst", "burst", "burst", "same_text"]
    status, released = await story.asks("POST", "/release?hold=burst&recipe=tweet")
    assert (status, len(released)) == (200, 3)
    await story.state(7, "delivered", "held", passing=0.1)
    assert len(story.posts("x")) == 6
    assert await story.asks("POST", "/release?hold=burst") == (200, [])


async def test_a_lot_is_called_off_by_one_word(story):
    await begins_with_a_bound(story)
    await brings(story, *range(6))
    await story.state(6, "delivered", "held")
    subject = (await story.deliveries(state="held"))[0]["subject"]
    _, first = await story.asks("POST", f"/cancel?hold=burst&subject={subject}")
    _, rest = await story.asks("POST", "/cancel?hold=burst&reason=nonsense")
    assert (len(first), len(rest)) == (1, 2)
    assert {each["reason"] for each in rest} == {"nonsense"}
    assert len(story.posts("x")) == 3


async def test_what_is_to_be_agreed_to_takes_a_look_at_each(story):
    await story.begins({"tweet": staging.TWEET.replace("approval: none\n", "")})
    await brings(story, 1)
    for hold in ("approval", "unknown", "", "nonsense"):
        status, answer = await story.asks("POST", f"/release?hold={hold}")
        assert status == 422
        assert "burst" in answer["detail"]
    assert (await story.asks("POST", "/cancel?hold=nonsense"))[0] == 422
    assert await holds(story) == ["approval"]


# -- loops --------------------------------------------------------------------------------------


class Feed:
    """An RSS feed to which a story adds items."""

    def __init__(self):
        self._items = []

    def lists(self, title, link):
        item = f"<item><title>{title}</title><link>{link}</link><guid>{link}</guid></item>"
        self._items.insert(0, item)

    def answer(self, request):
        del request
        rss = f"<rss version='2.0'><channel><title>t</title>{''.join(self._items)}</channel></rss>"
        return 200, rss, {"Content-Type": "application/rss+xml"}


def follower(server, action, channel, name):
    return FOLLOWER.format(url=f"{server.url}/{name}", action=action, channel=channel, name=name)


async def runs_that_are(story, state):
    return [run for run in await story.runs() if run["state"] == state]


async def looked(story, count):
    await story.until(lambda: len(story.logged("first_look")) >= count)


async def test_a_recipe_is_not_started_by_its_own_post(story):
    feed = Feed()
    async with ScriptedServer(feed.answer) as server:
        toot = follower(server, "mastodon_post", "force_mastodon", "toot")
        tweet = toot.replace("mastodon_post", "tweet").replace("force_mastodon", "force_x")
        await story.begins({"toot": toot, "tweet": tweet})
        await looked(story, 1)
        feed.lists("Road closed", "https://www.example.police.uk/news/1")
        listed = await story.state(2, "delivered", passing=5)
        ours = next(row["receipt"]["url"] for row in listed if row["channel"] == "force_mastodon")
        feed.lists("toot: Road closed", ours)
        await story.state(3, "delivered", passing=5)
        await story.clock.passes(minutes=10)
        await story.settles()
        assert story.posts("mastodon") == ["toot: Road closed"]
        assert len(story.posts("x")) == 2
        (skipped,) = await runs_that_are(story, "skipped")
        assert skipped["recipe"] == "toot"
        assert "published" in skipped["reason"]


async def test_two_recipes_do_not_answer_each_other_for_ever(story):
    feeds = {"/toot": Feed(), "/tweet": Feed()}
    async with ScriptedServer(lambda request: feeds[request.path].answer(request)) as server:
        await story.begins(
            {
                "toot": follower(server, "mastodon_post", "force_mastodon", "toot"),
                "tweet": follower(server, "tweet", "force_x", "tweet"),
            }
        )
        await looked(story, 2)
        feeds["/toot"].lists("Road closed", "https://www.example.police.uk/news/1")
        (tooted,) = await story.state(1, "delivered", passing=5)
        feeds["/tweet"].lists("toot: Road closed", tooted["receipt"]["url"])
        (_, tweeted) = await story.state(2, "delivered", passing=5)
        feeds["/toot"].lists("tweet: toot: Road closed", tweeted["receipt"]["url"])
        skipped = await story.until(lambda: runs_that_are(story, "skipped"), passing=5)
        assert [run["recipe"] for run in skipped] == ["toot"]
        assert len(story.posts("mastodon")) == len(story.posts("x")) == 1


# -- on the command line ------------------------------------------------------------------------


async def says(story, *arguments):
    config = str(story.stage.config)
    done = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, "--config", config])
    return done.exit_code, done.output


async def test_an_operator_looks_at_a_lot_and_lets_it_out(story):
    await begins_with_a_bound(story)
    await brings(story, *range(5))
    await story.state(5, "delivered", "held")
    _, listed = await says(story, "deliveries", "--hold", "burst", "--recipe", "tweet", "--json")
    numbers = [row["number"] for row in json.loads(listed)]
    assert len(numbers) == 2
    status, output = await says(story, "release", "--all", "--hold", "burst")
    assert status == 0
    released = [line for line in output.splitlines() if "released" in line]
    assert sorted(released) == [f"{n} tweet on force_x: released" for n in sorted(numbers)]
    status, output = await says(story, "cancel", "--all", "--hold", "burst")
    assert (status, output.splitlines()[-1]) == (0, "no delivery is held for burst")
    status, output = await says(story, "release", "--all", "--hold", "unknown")
    assert status == 1
    assert "look at each" in output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("17", "--all", "--hold", "burst"),
        ("--all",),
        ("17", "--hold", "burst"),
        ("--hold", "burst"),
        ("17", "--recipe", "x"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("verb", ["release", "cancel"])
def test_what_is_meant_has_to_be_said(verb, arguments):
    done = CliRunner().invoke(main, [verb, *arguments])
    assert done.exit_code == 2
    assert "--all --hold HOLD" in done.output
