"""Platforms that are down, slow, full or silent: once, in time, or said aloud."""

import asyncio

import pytest

from appealbridge.practice.faults import FaultName
from tests.stories import staging

ALL = {"x": "x", "facebook": "facebook", "mastodon": "mastodon"}

LATE = staging.TWEET + "publish_within: 10m\n"


def fails(story, platform, fault, count=None, seconds=None):
    story.sandbox.faults.add(platform, FaultName(fault), count, seconds)


async def test_a_platform_that_was_down_for_minutes_gets_the_post_once(story):
    await story.begins({"tweet": staging.TWEET})
    fails(story, "x", "http_503", seconds=420)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"), passing=5)
    (delivery,) = await story.state(1, "delivered")
    assert delivery["attempts"] > 2
    assert story.posts("x") == ["M6 closed"]


async def test_what_became_late_while_its_platform_was_down_expires_and_that_is_said(story):
    await story.begins({"tweet": LATE})
    fails(story, "x", "http_503", seconds=3600)
    await story.receives("M6 closed")
    (delivery,) = await story.state(1, "expired", passing=5)
    (line,) = await story.until(lambda: story.logged("expired"))
    assert line["delivery_id"] == delivery["id"]
    due = delivery["publish_by"]
    assert due <= line["ts"]

    await story.clock.passes(hours=2)
    await story.settles()
    assert story.posts("x") == []


async def test_what_expires_is_said_at_its_time_and_not_when_its_lane_next_looks(story):
    """The platform wants to be left alone for long after the message is of no use."""
    await story.begins({"tweet": LATE})
    fails(story, "x", "http_429", count=1, seconds=3000)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    begun = story.clock.now()
    await story.state(1, "expired", passing=1)
    assert story.clock.now() - begun < 660


async def test_what_waits_for_a_person_expires_too(story):
    await story.begins({"tweet": LATE.replace("approval: none\n", "")})
    await story.receives("M6 closed")
    await story.state(1, "held")
    await story.clock.passes(minutes=11)
    await story.state(1, "expired")
    await story.until(lambda: story.logged("expired"))


async def test_a_rate_limit_is_waited_out_until_its_own_reset(story):
    await story.begins({"tweet": staging.TWEET})
    fails(story, "x", "http_429", count=1, seconds=600)
    begun = story.clock.now()
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("deferred"))
    await story.receives("A38 closed")  # the whole account is left alone, not just this post
    await story.clock.passes(seconds=590)
    await story.settles()
    assert story.posts("x") == []
    await story.until(lambda: len(story.posts("x")) == 2, passing=1)
    assert 600 <= story.clock.now() - begun < 800


@pytest.mark.parametrize("dead", ["x", "facebook", "mastodon", "email"])
async def test_one_dead_platform_delays_no_other(story, dead):
    independent = staging.EVERYWHERE.replace(
        "It is on X at {{ results.x.url }}", "{{ event.type }}"
    )
    await story.begins({"everywhere": independent})
    fails(story, dead, "http_503", seconds=3600)
    await story.receives("M6 closed")
    others = {"x", "facebook", "mastodon", "email"} - {dead}
    await story.until(lambda: all(story.posts(platform) for platform in others))
    await story.until(lambda: story.logged("deferred"))
    assert story.posts(dead) == []


async def test_one_platform_that_hangs_delays_no_other(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    fails(story, "x", "post_then_hang", count=8, seconds=50)
    begun = story.clock.now()
    for number in range(8):
        await story.receives(f"Incident {number}")
    await story.until(lambda: len(story.posts("facebook")) == len(story.posts("mastodon")) == 8)
    assert story.clock.now() == begun
    await story.state(32, "delivered", passing=1)
    assert len(set(story.posts("x"))) == len(story.posts("x")) == 8


@pytest.mark.parametrize("platform", ["x", "facebook", "mastodon"])
@pytest.mark.parametrize("fault", ["post_then_reset", "post_then_500", "truncated"])
async def test_a_lost_answer_publishes_nothing_twice(story, platform, fault):
    await story.begins({"everywhere": staging.EVERYWHERE})
    fails(story, platform, fault, count=1)
    await story.receives("M6 closed")
    listed = await story.state(4, "delivered", passing=0.1)
    assert {name: len(story.posts(name)) for name in ALL} == dict.fromkeys(ALL, 1)
    assert all(row["receipt"]["id"] for row in listed)
    assert story.logged("unsure")


ONE_EACH = {
    "x": ("tweet", "force_x"),
    "facebook": ("facebook_post", "force_facebook"),
    "mastodon": ("mastodon_post", "force_mastodon"),
}


def one_post(platform):
    action, channel = ONE_EACH[platform]
    step = f'[{{ action: {action}, channel: {channel}, text: "{{{{ event.data.text }}}}" }}]'
    return f"""
alias: Incident, {platform}
triggers: [{{ trigger: webhook, webhook_id: desk }}]
actions: {step}
approval: none
"""


@pytest.mark.parametrize("platform", list(ONE_EACH))
@pytest.mark.parametrize("late", [4, 25, 55])
async def test_what_a_slow_platform_publishes_after_its_proxy_gave_up_is_not_published_again(
    story, platform, late
):
    await story.begins({"post": one_post(platform)})
    fails(story, platform, "late_post", count=1, seconds=late)
    await story.receives("M6 closed")
    (delivery,) = await story.state(1, "delivered", passing=1)
    assert delivery["attempts"] == 1
    await story.clock.passes(minutes=10)
    await story.settles()
    assert story.posts(platform) == ["M6 closed"]


@pytest.mark.parametrize("platform", list(ONE_EACH))
async def test_what_was_surely_not_published_goes_out_when_no_slow_platform_can_be_at_work(
    story, platform
):
    await story.begins({"post": one_post(platform)})
    fails(story, platform, "html", count=1)
    begun = story.clock.now()
    await story.receives("M6 closed")
    await story.until(lambda: story.posts(platform), passing=0.2)
    assert 60 <= story.clock.now() - begun < 120
    (delivery,) = await story.state(1, "delivered", passing=1)
    assert delivery["attempts"] == 2
    _, answer = await story.asks("GET", f"/deliveries/{delivery['number']}")
    assert answer["history"][-2]["outcome"] == "absent", "looked at once more just before"


async def test_an_account_says_how_slow_its_platform_may_be(story):
    quick = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, repeat_after: 10s }")
    await story.begins({"tweet": staging.TWEET}, quick)
    fails(story, "x", "html", count=1)
    begun = story.clock.now()
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x"), passing=0.2)
    assert 10 <= story.clock.now() - begun < 50


@pytest.mark.parametrize(
    "lost", ["post_then_reset", "post_then_500", "post_then_hang", "truncated"]
)
async def test_a_server_that_knows_no_keys_gets_nothing_twice(story, lost):
    """GoToSocial and Pixelfed speak Mastodon's API without its keys."""
    await story.begins({"post": one_post("mastodon")})
    fails(story, "mastodon", "keys_ignored", seconds=3600)
    fails(story, "mastodon", lost, count=1, seconds=5 if lost == "post_then_hang" else None)
    await story.receives("M6 closed")
    await story.state(1, "delivered", passing=1)
    assert story.posts("mastodon") == ["M6 closed"]


async def test_a_server_that_fails_at_every_repeat_is_looked_at_and_not_called_down(story):
    await story.begins({"post": one_post("mastodon")})
    fails(story, "mastodon", "repeat_500", seconds=3600)
    fails(story, "mastodon", "post_then_reset", count=1)
    begun = story.clock.now()
    await story.receives("M6 closed")
    (delivery,) = await story.state(1, "delivered", passing=0.5)
    assert story.clock.now() - begun < 10
    assert (delivery["attempts"], story.posts("mastodon")) == (1, ["M6 closed"])
    assert not story.logged("channel_down")


async def test_one_delivery_that_ends_unclear_again_and_again_is_no_outage(story):
    await story.begins({"post": one_post("mastodon")})
    # Only the attempts are spoiled; the account can be read all the time.
    fails(story, "mastodon", "late_post", count=5, seconds=1_000_000)
    await story.receives("M6 closed")
    (delivery,) = await story.state(1, "delivered", passing=1)
    assert delivery["attempts"] == 6
    assert not story.logged("channel_down")
    assert story.posts("mastodon") == ["M6 closed"]


@pytest.mark.parametrize("platform", ["facebook", "mastodon"])
async def test_the_post_of_an_earlier_delivery_with_the_same_text_is_not_taken_for_a_later_one(
    story, platform
):
    allowed = staging.CHANNELS.replace(
        f"{{ platform: {platform}", f"{{ same_text: allow, platform: {platform}"
    )
    await story.begins({"post": one_post(platform)}, allowed)
    await story.receives("M6 closed")
    await story.state(1, "delivered")
    fails(story, platform, "html", count=1)
    await story.receives("M6 closed")
    held = await story.until(lambda: story.deliveries(state="held"), passing=0.2)
    assert "the post of another delivery with the same text" in held[0]["reason"]


async def test_two_looks_at_once_never_take_the_same_post(story):
    allowed = staging.CHANNELS.replace(
        "{ platform: mastodon", "{ same_text: allow, platform: mastodon"
    )
    await story.begins({"post": one_post("mastodon")}, allowed)
    fails(story, "mastodon", "post_then_reset", count=1)
    fails(story, "mastodon", "refuse", count=1)
    await story.receives("M6 closed")
    await story.receives("M6 closed")
    await story.state(2, "delivered", "held", passing=0.2)
    states = sorted(row["state"] for row in await story.deliveries())
    assert (states, story.posts("mastodon")) == (["delivered", "held"], ["M6 closed"])


TEXTS = [
    "Ask @desk@police.example about #Missing Aisha, 14",
    "#A38 closed. Diversion: https://www.example.police.uk/roads/a38/closures/today?dir=north&lane=2",
    'Smith & Sons <unit 4> "evacuated" – it’s over…',
    "Line one\n\nLine two  \nLine three",
    "cafe\u0301 Zoe\u0308 👩‍👩‍👧‍👦 :police_car: &amp; 100%25",
    "example.police.uk/appeals/ @desk @desk@a.example @desk@b.example",
]


@pytest.mark.parametrize("platform", list(ONE_EACH))
async def test_whatever_a_text_is_made_of_it_is_published_once_when_its_answer_is_lost(
    story, platform
):
    await story.begins({"post": one_post(platform)})
    fails(story, platform, "post_then_reset", count=len(TEXTS))
    for text in TEXTS:
        await story.receives(text)
    await story.state(len(TEXTS), "delivered", passing=0.5)
    assert len(story.posts(platform)) == len(TEXTS)


async def test_a_mail_with_an_unclear_outcome_is_held_and_shown(story):
    await story.begins({"everywhere": staging.EVERYWHERE})
    fails(story, "email", "post_then_reset", count=1)
    await story.receives("M6 closed")
    held = await story.until(lambda: story.deliveries(state="held"), passing=0.1)
    assert [(each["channel"], each["hold"]) for each in held] == [("press_office", "unknown")]
    assert "it may be published" in held[0]["reason"]
    await story.clock.passes(days=1, step=1800)
    await story.settles()
    assert len(story.posts("email")) == 1


async def test_a_mail_is_sent_again_where_its_account_would_rather_send_it_twice(story):
    channels = staging.CHANNELS + "  when_unsure: send_again\n"
    await story.begins({"everywhere": staging.EVERYWHERE}, channels)
    fails(story, "email", "post_then_reset", count=1)
    await story.receives("M6 closed")
    await story.state(4, "delivered", passing=0.1)
    assert len(story.posts("email")) == 2


async def test_words_that_x_takes_for_a_repeat_are_held_with_what_was_seen(story):
    allowed = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, same_text: allow }")
    await story.begins({"tweet": staging.TWEET}, allowed)
    await story.receives("M6 closed")
    await story.state(1, "delivered")
    await story.clock.passes(hours=3)
    fails(story, "x", "duplicate_filter", seconds=3600)
    await story.receives("M6 closed")
    held = await story.until(lambda: story.deliveries(state="held"), passing=0.1)
    assert held[0]["hold"] == "unknown"
    assert "an earlier post has the same text" in held[0]["reason"]
    assert story.posts("x") == ["M6 closed"]


async def test_many_unclear_outcomes_are_all_looked_into_without_a_pause(story):
    await story.begins({"tweet": staging.TWEET})
    fails(story, "x", "post_then_reset", count=50)
    for number in range(50):
        await story.receives(f"Incident {number}")
    begun = story.clock.now()
    await story.state(50, "delivered", passing=0.05)
    assert story.clock.now() - begun < 10
    assert len(story.posts("x")) == 50


async def test_what_comes_due_while_its_lane_is_full_goes_as_soon_as_there_is_room(story):
    narrow = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, concurrency: 1 }")
    await story.begins({"tweet": staging.TWEET}, narrow)
    fails(story, "x", "http_503", count=1)
    await story.receives("First")
    await story.until(lambda: story.logged("deferred"))
    fails(story, "x", "slow", count=1, seconds=10)
    await story.receives("Second, which takes ten seconds")
    await story.until(lambda: len(story.posts("x")) == 1)
    begun = story.clock.now()
    await story.until(lambda: len(story.posts("x")) == 2, passing=0.2)
    assert story.clock.now() - begun < 12


async def test_no_more_attempts_are_under_way_than_the_account_allows(story):
    narrow = staging.CHANNELS.replace("{ platform: x }", "{ platform: x, concurrency: 2 }")
    await story.begins({"tweet": staging.TWEET}, narrow)
    fails(story, "x", "slow", count=20, seconds=5)
    await asyncio.gather(*(story.receives(f"Incident {number}") for number in range(20)))
    most = 0
    while len(story.posts("x")) < 20:
        most = max(most, len(await story.deliveries(state="sending")))
        await story.clock.passes(seconds=0.2)
    assert most == 2
    await story.state(20, "delivered", passing=1)


async def test_what_is_perhaps_published_does_not_expire_but_is_looked_for(
    story,
):
    """Perhaps published is not expired: the public may be reading it."""
    await story.begins({"tweet": LATE})
    fails(story, "x", "post_then_reset", count=1)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("unsure"))
    fails(story, "x", "http_503", seconds=1800)
    (delivery,) = await story.state(1, "delivered", passing=2)
    assert delivery["receipt"]["id"]
    _, answer = await story.asks("GET", f"/deliveries/{delivery['number']}")
    assert len(answer["history"]) < 30  # half an hour of outage is not looked into every second
    assert story.posts("x") == ["M6 closed"]


async def test_what_is_surely_absent_after_its_time_expires(story):
    await story.begins({"tweet": LATE})
    fails(
        story, "x", "refuse", seconds=1200
    )  # a reset before anything was published: unclear to us
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("unsure"))
    await story.clock.passes(minutes=30)
    await story.state(1, "expired", passing=1)
    await story.until(lambda: story.logged("expired"))
    assert story.posts("x") == []
