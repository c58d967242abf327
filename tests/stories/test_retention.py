"""Two clocks: what was said about people goes when its time is over, the trail of decisions stays longer."""

from appealbridge.practice.faults import FaultName
from tests.stories import staging

APPEAL = """
alias: New appeal, X
triggers: [{ trigger: appeal, source: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.title }}" }
approval: none
"""

MAIL = """
alias: Incident, mail
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, channel: press_office, to: a@example.org, subject: News, text: "{{ event.data.text }}" }
approval: none
"""

RETENTION = "retention: { personal: 30d after closure, decisions: 7y }\n"
NAME = "Aisha"


async def begins(story, recipes, retention=RETENTION):
    await story.begins(recipes)
    with story.stage.config.open("a") as settings:
        settings.write(retention)
    assert "taken" not in (await story.bridge.reload())["summary"]


async def events(story):
    _, listed = await story.asks("GET", "/events")
    return listed[::-1]


async def pruned(story, count=1):
    await story.until(lambda: len(story.logged("pruned")) >= count, passing=60)


async def test_personal_content_goes_and_the_trail_stays_and_one_day_goes_too(story):
    await begins(story, {"tweet": staging.TWEET})
    await story.receives(f"{NAME} is missing", message="m1")
    (before,) = await story.state(1, "delivered")

    story.clock.jumps(29 * 86_400)
    await story.clock.passes(hours=2, step=600)
    await story.settles()
    assert [event["removed"] for event in await events(story)] == [False]

    story.clock.jumps(2 * 86_400)
    await pruned(story)
    (after,) = await story.deliveries()
    assert (after["content"], after["removed"]) == (None, True)
    assert (after["receipt"], after["content_hash"]) == (before["receipt"], before["content_hash"])
    _, answer = await story.asks("GET", f"/runs/{after['run']}")
    assert (answer["about"]["data"], answer["about"]["removed"], answer["trace"]) == (
        None,
        True,
        [],
    )
    assert answer["deliveries"][0]["history"][0]["outcome"] == "delivered"
    assert NAME not in str(answer)
    assert (await story.receives("again", message="m1"))[0] == 200  # still known as a repeat

    story.clock.jumps(7 * 366 * 86_400)
    await pruned(story, 2)
    assert await events(story) == await story.deliveries() == await story.runs() == []


async def test_an_open_appeal_keeps_its_content_until_it_has_been_closed_for_long(story):
    await begins(story, {"appeal": APPEAL})
    now = story.clock.now
    story.stage.appeal("WMP-1", now(), title=f"Missing: {NAME}", status="open")
    await story.until(lambda: story.posts("x"), passing=5)
    await story.receives("M6 closed", message="road")  # of no appeal, so its own time counts

    story.clock.jumps(200 * 86_400)
    await pruned(story)
    stored = {event["subject"] for event in await events(story) if not event["removed"]}
    assert stored == {"WMP-1"}

    story.stage.appeal("WMP-1", now(), title=f"Found: {NAME}", status="closed")

    async def is_closed():
        return any(event["type"] == "appeal.closed" for event in await events(story))

    await story.until(is_closed, passing=5)
    await story.state(2, "delivered", passing=5)
    story.clock.jumps(31 * 86_400)
    await pruned(story, 2)
    assert all(event["removed"] for event in await events(story))
    assert NAME not in str(await story.deliveries())


async def test_a_failed_delivery_cannot_be_tried_again_once_its_content_is_gone(story):
    await begins(story, {"mail": MAIL}, "retention: { personal: 1d }\n")
    story.sandbox.faults.add("email", FaultName.POST_THEN_500, 1, None)
    await story.receives("M6 closed")
    (failed,) = await story.state(1, "failed")
    story.clock.jumps(2 * 86_400)
    await pruned(story)
    status, answer = await story.asks("POST", f"/deliveries/{failed['number']}/retry")
    assert status == 409
    assert "retention" in answer["detail"]


async def test_without_a_retention_everything_stays(story):
    await story.begins({"tweet": staging.TWEET})
    await story.receives("M6 closed")
    await story.state(1, "delivered")
    story.clock.jumps(20 * 366 * 86_400)
    await story.clock.passes(hours=3, step=600)
    await story.settles()
    assert [event["removed"] for event in await events(story)] == [False]
