"""Accounts in trouble: what waits, what is tried, who is told, and how it goes on."""

import pytest

from appealbridge.practice.faults import FaultName
from tests.stories import staging

PEOPLE = """
people:
  dana: { email: dana@example.police.uk }
notices: { to: [dana] }
"""
TOLD = "email"


def fails(story, platform, fault, count=None, seconds=None):
    story.sandbox.faults.add(platform, FaultName(fault), count, seconds)


async def begins(story, recipe=staging.TWEET, channels=staging.CHANNELS):
    await story.begins({"tweet": recipe}, channels)
    story.stage.config.write_text(story.stage.config.read_text() + PEOPLE)
    status, _ = await story.asks("POST", "/reload")
    assert status == 200


async def tweets(story, **which):
    return [row for row in await story.deliveries(**which) if row["channel"] == "force_x"]


def lane(story):
    return story.bridge.engine.lanes["force_x"]


async def test_an_expired_login_stops_its_channel_and_is_told_once_by_another(story):
    await begins(story)
    fails(story, "x", "token_expired", seconds=3600)
    for number in range(5):
        await story.receives(f"Road {number} closed")
    await story.until(lambda: story.posts(TOLD), passing=1)
    await story.clock.passes(minutes=30)
    await story.settles()

    assert {post["state"] for post in await tweets(story)} == {"ready"}
    assert sum(post["attempts"] for post in await tweets(story)) <= 5, "only the login is tried"
    untried = [post for post in await tweets(story) if not post["attempts"]]
    assert {each["reason"] for each in untried} == {
        "the login of its account does not work: appealbridge channels"
    }
    (mail,) = story.posts(TOLD)
    assert "force_x" in mail
    assert len(story.logged("login_expired")) == 1

    await story.until(lambda: len(story.posts("x")) == 5, passing=20)
    assert sorted(story.posts("x")) == [f"Road {number} closed" for number in range(5)]
    await story.until(lambda: len(story.posts(TOLD)) == 2, passing=20)
    assert "it publishes again" in story.posts(TOLD)[1]


async def test_a_restart_neither_forgets_an_expired_login_nor_tells_of_it_again(story):
    await begins(story)
    fails(story, "x", "token_expired", seconds=3600)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts(TOLD), passing=1)
    before = (await tweets(story))[0]["attempts"]
    await story.restarts()
    await story.receives("A38 closed")
    await story.clock.passes(minutes=10)
    await story.settles()
    assert [post["attempts"] for post in await tweets(story)] == [before, 0]
    assert len(story.posts(TOLD)) == 1
    await story.until(lambda: len(story.posts("x")) == 2, passing=20)


async def test_what_waits_for_a_login_expires_at_its_time(story):
    await begins(story, staging.TWEET + "publish_within: 10m\n")
    fails(story, "x", "token_expired", seconds=3600)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("expired"), passing=5)
    assert [post["state"] for post in await tweets(story)] == ["expired"]


async def test_new_credentials_are_tried_at_once(story):
    await begins(story)
    fails(story, "x", "token_expired", seconds=3600)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("login_expired"), passing=1)
    await story.clock.passes(minutes=40)
    await story.settles()
    story.sandbox.faults.clear()
    await story.asks("POST", "/reload")
    begun = story.clock.now()
    await story.until(lambda: story.posts("x"), passing=0.1)
    assert story.clock.now() - begun < 5


@pytest.mark.parametrize("fault", ["http_503", "post_then_500"])
async def test_after_ten_seconds_of_outage_the_last_one_goes_out_within_five(story, fault):
    await begins(story)
    fails(story, "x", fault, seconds=10)
    begun = story.clock.now()
    texts = [f"Road {number} closed" for number in range(20)]
    for text in texts:
        await story.receives(text)
        await story.clock.passes(seconds=0.4)
    await story.until(lambda: len(story.posts("x")) == len(texts), passing=0.1)
    assert story.clock.now() - begun < 15
    await story.state(len(texts), "delivered", passing=0.1)
    assert sorted(story.posts("x")) == sorted(texts)
    assert story.clock.now() - begun < 16


async def test_after_an_outage_only_what_may_be_published_waits_for_the_slow_platform(story):
    """A reset before anything was published looks to us like one after it."""
    await begins(story)
    fails(story, "x", "refuse", seconds=10)
    begun = story.clock.now()
    texts = [f"Road {number} closed" for number in range(20)]
    for text in texts:
        await story.receives(text)
        await story.clock.passes(seconds=0.4)
    await story.clock.passes(seconds=2)
    await story.settles()
    unclear = {post["content"]["text"] for post in await tweets(story, state="unknown")}
    assert len(unclear) <= 12
    await story.until(lambda: len(story.posts("x")) == len(texts) - len(unclear), passing=0.1)
    assert story.clock.now() - begun < 15
    assert not unclear & set(story.posts("x"))
    await story.until(lambda: len(story.posts("x")) == len(texts), passing=0.2)
    assert 60 <= story.clock.now() - begun < 150
    assert sorted(story.posts("x")) == sorted(texts)


async def test_one_at_a_time_finds_out_whether_a_platform_is_back(story):
    await begins(story)
    fails(story, "x", "http_503", seconds=1800)
    for number in range(10):
        await story.receives(f"Road {number} closed")
    await story.until(lambda: story.logged("channel_down"), passing=0.5)
    before = sum(post["attempts"] for post in await tweets(story))
    for _ in range(120):
        await story.clock.passes(seconds=5)
        await story.settles()
        assert lane(story).in_flight <= 1
    requested = sum(post["attempts"] for post in await tweets(story)) - before
    assert 15 <= requested <= 45, (
        "ten minutes, ever more seldom, and never more than twice a minute in the end"
    )


async def test_people_are_told_by_another_channel_of_an_outage_that_lasts(story):
    await begins(story)
    fails(story, "x", "http_503", seconds=300)
    await story.receives("M6 closed")
    await story.receives("A38 closed")
    begun = story.clock.now()
    await story.until(lambda: story.posts(TOLD), passing=1)
    assert 60 <= story.clock.now() - begun < 100
    await story.until(lambda: len(story.posts("x")) == 2, passing=1)
    await story.until(lambda: len(story.posts(TOLD)) == 2, passing=5)
    assert "it publishes again" in story.posts(TOLD)[1]


PLATFORMS = ["x", "facebook", "mastodon"]


def everywhere():
    return staging.EVERYWHERE.replace("It is on X at {{ results.x.url }}", "{{ event.type }}")


async def of(story, platform, **which):
    return [row for row in await story.deliveries(**which) if row["channel"] == f"force_{platform}"]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_comes_while_an_account_may_not_publish_goes_out_when_it_may_again(
    story, platform
):
    """A night's events are not lost one by one, and people are told once, by another account."""
    await begins(story, everywhere())
    fails(story, platform, "read_only", seconds=3600)
    for number in range(5):
        await story.receives(f"Road {number} closed")
    await story.until(
        lambda: "refuses posts from this account" in "".join(account_mails(story)), passing=1
    )
    await story.clock.passes(minutes=30)
    await story.settles()
    waiting = await of(story, platform)
    assert {each["state"] for each in waiting} == {"ready"}
    assert all(each["reason"] for each in waiting)
    assert sum(each["attempts"] for each in waiting) < 40
    assert len(account_mails(story)) == 1
    (lane,) = [each for each in await channels(story) if each["name"] == f"force_{platform}"]
    assert lane["condition"] == "refused"
    assert len(story.logged("account_refused")) == 1

    await story.until(lambda: len(story.posts(platform)) == 5, passing=20)
    assert len(set(story.posts(platform))) == 5
    await story.until(lambda: len(account_mails(story)) == 2, passing=5)
    assert "it publishes again" in account_mails(story)[1]


def account_mails(story):
    return [text for text in story.posts(TOLD) if "force_" in text]


async def channels(story):
    _, listed = await story.asks("GET", "/channels")
    return listed


async def test_a_refused_account_is_refused_after_a_restart_and_nobody_is_told_again(story):
    await begins(story)
    fails(story, "x", "suspended", seconds=600)
    await story.receives("M6 closed")
    await story.until(lambda: account_mails(story), passing=1)
    await story.restarts()
    await story.clock.passes(seconds=60)
    await story.settles()
    assert lane(story).health.condition == "refused"
    assert len(account_mails(story)) == 1
    await story.until(lambda: story.posts("x"), passing=10)


async def test_a_rate_limit_that_does_not_say_its_end_is_asked_ever_more_seldom(story):
    await begins(story)
    fails(story, "x", "http_429_silent", seconds=3600)
    for number in range(20):
        await story.receives(f"Road {number} closed")
    await story.clock.passes(minutes=1)
    await story.settles()
    assert sum(post["attempts"] for post in await tweets(story)) <= 12, (
        "not a request a second for each"
    )
    for _ in range(58):
        await story.clock.passes(minutes=1)
        await story.settles()
    listed = await tweets(story)
    assert sum(row["attempts"] for row in listed) <= 25
    assert "asked for a pause" in "".join(account_mails(story))
    for row in listed:
        _, shown = await story.asks("GET", f"/deliveries/{row['number']}")
        assert len(shown["history"]) <= 20
    await story.until(lambda: len(story.posts("x")) == 20, passing=20)


async def test_a_rate_of_its_owner_is_kept_through_a_restart(story):
    limited = staging.CHANNELS.replace("platform: x }", "platform: x, rate: 2 per 10m }")
    await begins(story, channels=limited)
    begun = story.clock.now()
    for number in range(5):
        await story.receives(f"Road {number} closed")
    await story.until(lambda: len(story.posts("x")) == 2)
    await story.restarts()
    await story.clock.passes(minutes=9)
    await story.settles()
    assert len(story.posts("x")) == 2
    await story.until(lambda: len(story.posts("x")) == 4, passing=5)
    assert 600 <= story.clock.now() - begun < 720
    await story.until(lambda: len(story.posts("x")) == 5, passing=5)
    assert 1200 <= story.clock.now() - begun < 1440


async def test_a_long_wish_to_be_left_alone_outlives_a_restart_and_is_told(story):
    await begins(story)
    fails(story, "x", "out_of_credits", count=1)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts(TOLD), passing=1)
    await story.restarts()
    await story.receives("A38 closed")
    await story.clock.passes(minutes=50)
    await story.settles()
    assert story.posts("x") == []
    (waits,) = [post for post in await tweets(story) if not post["attempts"]]
    assert waits["reason"] == "its account is paused, as the platform asked: appealbridge channels"
    await story.until(lambda: len(story.posts("x")) == 2, passing=30)


async def test_a_bill_that_was_paid_is_tried_out_by_a_reload(story):
    await begins(story)
    fails(story, "x", "out_of_credits", count=1)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts(TOLD), passing=1)
    begun = story.clock.now()
    await story.asks("POST", "/reload")
    await story.receives("A38 closed")
    await story.until(lambda: "A38 closed" in story.posts("x"), passing=1)
    await story.until(lambda: len(story.posts("x")) == 2, passing=1)
    assert story.clock.now() - begun < 60


async def test_rate_limits_use_up_no_attempts(story):
    await begins(story, staging.TWEET + "retry: { attempts: 1 }\n")
    fails(story, "x", "http_429", count=5, seconds=60)
    await story.receives("M6 closed")
    await story.until(lambda: tweets(story, state="delivered"), passing=10)
    assert story.posts("x") == ["M6 closed"]


async def test_a_recipe_says_how_often_its_messages_are_tried(story):
    await begins(story, staging.TWEET + "retry: { attempts: 2, first: 1s }\n")
    fails(story, "x", "http_503", seconds=3600)
    await story.receives("M6 closed")
    (failed,) = await story.until(lambda: tweets(story, state="failed"), passing=1)
    assert failed["attempts"] == 2
    assert "gave up after 2 attempts" in failed["reason"]


async def test_a_recipe_keeps_its_word_on_retries_after_it_was_replaced(story):
    await begins(story, staging.TWEET + "retry: { attempts: 3 }\n")
    fails(story, "x", "http_503", seconds=3600)
    await story.receives("M6 closed")
    story.stage.recipe("tweet", staging.TWEET + "retry: { attempts: 9 }\n")
    await story.asks("POST", "/reload")
    (failed,) = await story.until(lambda: tweets(story, state="failed"), passing=1)
    assert failed["attempts"] == 3


async def test_a_code_to_stop_at_fails_at_once_in_the_platforms_words(story):
    stopping = staging.CHANNELS.replace("platform: x }", "platform: x, retry: { stop_at: [503] } }")
    await begins(story, channels=stopping)
    fails(story, "x", "http_503", count=1)
    await story.receives("M6 closed")
    (failed,) = await story.until(lambda: tweets(story, state="failed"))
    assert failed["attempts"] == 1
    assert "503" in failed["reason"]
    assert "stop_at" in failed["reason"]
