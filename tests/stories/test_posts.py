"""One `post` on many channels: each goes its own way, cut to its own platform's rules."""

import pytest

from tests.stories.test_outages import fails

HEAD = "triggers: [{ trigger: webhook, webhook_id: desk }]\napproval: none\n"
TO_ALL = "to: [force_x, force_facebook, force_mastodon, press_office]"
MAIL = "press_office: { to: desk@example-radio.example, subject: Roads }"

EVERYWHERE = f"""{HEAD}
actions:
  - action: post
    id: all
    {TO_ALL}
    text: "{{{{ event.data.text }}}}"
    per_channel:
      force_mastodon: {{ text: "{{{{ event.data.text }}}} on Mastodon", language: en }}
      {MAIL}
  - action: tweet
    id: later
    channel: force_x
    after: all
    text: "See {{{{ results.all.url }}}}"
"""
SHORTENED = f"""{HEAD}
actions:
  - action: post
    {TO_ALL}
    text: "{{{{ event.data.text }}}}"
    overflow: shorten
    per_channel: {{ {MAIL} }}
"""
LONG = "The M6 is closed between junctions 6 and 7. " * 12 + "https://www.example.org/m6"


async def test_a_post_goes_to_every_channel_and_each_has_what_is_meant_for_it(story):
    await story.begins({"all": EVERYWHERE})
    await story.receives("M6 closed")
    await story.state(5, "delivered")
    assert story.posts("facebook") == story.posts("email") == ["M6 closed"]
    assert story.posts("mastodon") == ["M6 closed on Mastodon"]
    first, later = story.posts("x")
    assert first == "M6 closed"
    assert later.startswith("See https://x.com/")


async def test_a_channel_that_is_down_stops_none_of_the_others(story):
    await story.begins({"all": EVERYWHERE})
    fails(story, "facebook", "http_503", seconds=86_400)
    await story.receives("M6 closed")
    await story.until(lambda: story.posts("x") and story.posts("mastodon") and story.posts("email"))
    await story.settles()
    (waits,) = await story.deliveries(channel="force_facebook")
    assert waits["step"] == "all.force_facebook"
    assert waits["state"] == "ready"
    assert len(story.posts("x")) == 1

    await called_off(story, waits)
    await story.until(lambda: len(story.posts("x")) == 2)
    assert story.posts("x")[1].startswith("See https://x.com/")
    assert story.posts("facebook") == []


async def called_off(story, delivery):
    status, answer = await story.asks("POST", f"/deliveries/{delivery['number']}/cancel?reason=no")
    assert status == 200, answer


async def test_where_none_is_published_what_stands_after_the_post_is_left_out(story):
    await story.begins({"all": EVERYWHERE.replace("approval: none\n", "")})
    await story.receives("M6 closed")
    for delivery in await story.state(4, "held"):
        await called_off(story, delivery)

    async def over():
        return [run for run in await story.runs() if run["state"] == "planned"]

    (run,) = await story.until(over)
    assert run["trace"][-1]["step"] == "later"
    assert run["trace"][-1]["message"] == "cancelled, since all.force_x is cancelled: no"


async def test_what_is_too_long_for_one_channel_is_whole_on_the_others(story):
    await story.begins({"all": SHORTENED})
    await story.receives(LONG)
    await story.state(4, "delivered")
    assert story.posts("facebook") == story.posts("email") == [LONG]
    (short,) = story.posts("x")
    assert len(short) < 300
    assert short.endswith("… https://www.example.org/m6")
    assert len(story.posts("mastodon")[0]) > len(short)


@pytest.mark.parametrize("mode", ["fail", "thread"])
async def test_what_cannot_be_made_to_fit_publishes_nothing_anywhere(story, mode):
    recipe = SHORTENED.replace("overflow: shorten", f"overflow: {mode}")
    recipe = recipe.replace(TO_ALL, "to: [force_x, force_mastodon]").replace(MAIL, "")
    await story.begins({"all": recipe})
    await story.receives(LONG * 20)

    async def over():
        return await story.runs()

    (run,) = await story.until(over)
    assert run["state"] == "failed"
    assert run["reason"].startswith("actions[0].text: ")
    assert await story.deliveries() == []
